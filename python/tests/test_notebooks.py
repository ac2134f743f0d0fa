"""The notebooks run, keep no outputs, and say what docs/tutorial.md and theory say."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"
TUTORIAL = (NOTEBOOKS.parent / "tutorial.md").read_text(encoding="utf-8")

# Run after the cells of a notebook, with its names.
ASSERTIONS = {
    "class": """
assert len(tutorial["flow"]) == 3
x1 = at_end(flow, "x1").set_index("eta")["mean"]
for eta, value in tutorial["flow"].items():
    assert abs(x1[eta] - value) < 1e-6, (eta, x1[eta])
assert abs(x1_of_the_flow - 0.33106) < 1e-4
assert 1.9 < excess[0.1] / excess[0.05] < 2.2
assert 1.95 < gap[0.1] / gap[0.05] < 2.05
means = list(imbalance["mean"])
assert len(means) == len(tutorial["imbalance"]) == 6
for mean, value in zip(means, tutorial["imbalance"]):
    assert abs(mean - value) < 6e-6 * value, (mean, value)
iterates, sde, without = at_end(twin, "imbalance")["mean"]
assert abs(iterates - sde) < 0.1 and without - iterates > 1
""",
    "my-loss": """
assert abs(gap[0, 0.05] / gap[0, 0.1] - 0.5) < 0.1, gap    # the SDE is of order 1 in eta,
assert abs(gap[1, 0.05] / gap[1, 0.1] - 1) < 0.2, gap      # its twin is of none
assert abs(gap[1, 0.05]) > 10 * abs(gap[0, 0.05])
held = [v for v in run.verdicts if v.holds and "variance term" in v.claim]
assert held and not [v for v in run.verdicts if v.holds is False], run.verdicts
fall = list(trace["mean"])
assert fall == sorted(fall, reverse=True) and len(fall) == 5
# rho/(2m) to the error of the extrapolation, whose own order is rho^2; half or twice it would show.
assert ratio.shape == (4, 3) and ((ratio["rho -> 0"] - 1).abs() < 0.06).all(), ratio
assert ((ratio[0.1] - 1).abs() > (ratio[0.05] - 1).abs()).all()
assert "micro" in error_sentence, error_sentence
""",
}

# Other theories, which the same numbers refute.
TWINS = {
    "class": "assert abs(iterates - without) < 0.1, 'the variance term does not matter'",
    "my-loss": "assert ((2 * ratio['rho -> 0'] - 1).abs() < 0.06).any(), 'rho c(m)/4'",
}


def tutorial_numbers() -> dict[str, Any]:
    flow = re.findall(r"(?m)^    eta (\S+) +x1 (\S+) +x2", TUTORIAL)
    imbalance = re.findall(r"(?m)^    (?:sgd|n-usam|m-usam m=\d) +imbalance (\S+)", TUTORIAL)
    return {"flow": {float(eta): float(x1) for eta, x1 in flow},
            "imbalance": [float(value) for value in imbalance]}


@pytest.mark.parametrize("name", sorted(ASSERTIONS))
def test_notebook(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    twin = nbformat.v4.new_code_cell(TWINS[name], metadata={"tags": ["raises-exception"]})
    notebook.cells += [
        nbformat.v4.new_code_cell(f"tutorial = {tutorial_numbers()!r}\n{ASSERTIONS[name]}"), twin
    ]
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert [output.ename for output in twin.outputs] == ["AssertionError"]
    assert not os.listdir(tmp_path)


def test_notebooks_hold_no_outputs() -> None:
    nbformat = pytest.importorskip("nbformat")
    found = list(NOTEBOOKS.glob("*.ipynb"))
    assert {path.stem for path in found} == set(ASSERTIONS)
    for path in found:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        for cell in notebook.cells:
            assert cell.cell_type != "code" or (not cell.outputs and cell.execution_count is None)
