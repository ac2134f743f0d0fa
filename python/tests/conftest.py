"""What tests share: a small recipe as a dict, and a run of it."""

from __future__ import annotations

from typing import Any

import pytest

import sharpsde

VALLEY: dict[str, Any] = {
    "title": "m-USAM in the valley",
    "study": "compare",
    "loss": {"name": "valley"},
    "batch": 4,
    "eta": [0.1, 0.05],
    "rho": 0.05,
    "time": 1,
    "optimizers": [{"name": "sgd"}, {"name": "m-usam", "micro_batch": [2, 1]}],
    "sde": {"scheme": "euler-maruyama", "substeps": 2},
    "paths": 200,
    "records": 5,
    "observables": ["loss", "imbalance"],
    "output": {"paths": 3},
}

# Without an end that anybody waits for.
ENDLESS: dict[str, Any] = {**VALLEY, "paths": 10**11, "output": {"paths": 0}}


@pytest.fixture
def valley() -> dict[str, Any]:
    return dict(VALLEY)


@pytest.fixture(scope="session")
def run() -> sharpsde.Run:
    return sharpsde.Recipe(VALLEY).run(progress=False)
