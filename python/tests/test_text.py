"""What the command lists and explains arrives whole, by name."""

from __future__ import annotations

from typing import Callable

import pytest

import sharpsde
from sharpsde import Listing, command


@pytest.mark.parametrize("topic, some", [
    (sharpsde.losses, {"quadratic", "valley", "formula", "mlp"}),
    (sharpsde.optimizers, {"sgd", "usam", "m-usam", "m-sam"}),
    (sharpsde.schemes, {"euler-maruyama", "milstein", "weak-second-order"}),
    (sharpsde.studies, {"compare", "order", "regularizer"}),
    (sharpsde.observables, {"loss", "noise-trace"}),
    (sharpsde.noise, {"sampling", "dense", "isotropic", "covariance"}),
])
def test_lists(topic: Callable[[], Listing], some: set[str]) -> None:
    listing = topic()
    text = command.ask("list", topic.__name__)
    assert repr(listing) == text.rstrip()
    assert some <= set(listing)
    # Every line but headings belongs to one entry.
    pieces = "\n".join(listing.values()).splitlines()
    assert sorted(pieces) == sorted(line for line in text.splitlines() if line.startswith("  "))
    assert all(line.startswith("   ") or line.split()[0] == name
               for name, entry in listing.items() for line in entry.splitlines())


def test_entries_and_texts() -> None:
    valley = sharpsde.losses()["valley"]
    assert "standard_deviation" in valley and "saddle" not in valley
    imbalance = sharpsde.observables()["imbalance"]
    assert "loss valley" in imbalance and "matrix-factorization" in imbalance
    assert repr(valley) == str(valley)
    assert "1/2 c(m) tr V" in " ".join(sharpsde.explain("m-usam").split())
    assert "tr V" not in sharpsde.explain("sgd").split("SDE")[0]
    assert sharpsde.explain("m-sam") == command.ask("explain", "m-sam")
    starter = sharpsde.new("order")
    assert "study: order" in starter and starter.startswith("#")
    with pytest.raises(sharpsde.RecipeError, match="unknown optimizer 'x'"):
        sharpsde.explain("x")
    with pytest.raises(KeyError):
        sharpsde.losses()["none"]
