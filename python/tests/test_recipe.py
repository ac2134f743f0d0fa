"""Recipes from names, files, dicts and arrays mean what they say, and mistakes are named."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sharpsde
from sharpsde import Recipe, RecipeError, command, inputs


def numbers(run: sharpsde.Run, table: str = "series") -> bytes:
    return (run.directory / f"{table}.csv").read_bytes()


def test_name_file_and_dict_are_one_recipe(tmp_path: Path) -> None:
    few = {"paths": 100, "eta": 0.1, "optimizers": [{"name": "m-usam", "micro_batch": 1}]}
    assert "golden" in sharpsde.recipes()
    copy = tmp_path / "copy.yaml"
    copy.write_text((command.recipes_folder() / "golden.yaml").read_text())
    as_dict = {
        "study": "compare", "seed": 1, "loss": {"name": "quadratic", "data": "quadratic4.csv"},
        "start": [1.5, -1.0], "batch": 4, "eta": 1, "rho": 0.1, "time": 2,
        "optimizers": [{"name": "sgd"}],
        "sde": {"rho_order": "exact", "scheme": "euler-maruyama", "substeps": 16}, "records": 20,
        "observables": ["loss", "noise-trace", "x1", "x2"],
    }
    sources: list[Any] = ["golden", copy, as_dict]
    runs = [Recipe(source).set(few).run(progress=False) for source in sources]
    assert numbers(runs[0]) == numbers(runs[1]) == numbers(runs[2])
    assert numbers(runs[0]) != numbers(Recipe(as_dict).set(few, rho=0.2).run(progress=False))


def test_set_returns_another_recipe(valley: dict[str, Any]) -> None:
    recipe = Recipe(valley)
    changed = recipe.set({"sde.substeps": 3}, eta=np.float32(0.125), paths=np.int64(50))
    assert "substeps: 2" in recipe.check().recipe
    assert "substeps: 3" in changed.check().recipe
    assert "eta: 0.125" in changed.check().recipe and "paths: 50" in changed.check().recipe
    assert "path-steps" in changed.check().notes[-1]
    assert "path-steps" not in changed.check().recipe


def test_texts_and_numbers_arrive_as_they_are(valley: dict[str, Any]) -> None:
    title = 'a "b" \\ ${c} `d`: {e} # ü ∇\u2028'
    eta = 0.1 + 2**-50
    valley.update(title=title, eta=np.array([eta]), time=float(20 * eta))
    run = Recipe(valley).run(progress=False)
    assert run.title == title
    assert set(run.columns("series")["eta"]) == {eta}
    assert Recipe(valley).set(title=title[::-1]).run(progress=False).title == title[::-1]


@pytest.mark.parametrize("kind", ["pair", "columns", "array", "frame", "structured"])
def test_data_as_arrays(kind: str) -> None:
    random = np.random.default_rng(1)
    X = random.normal(size=(12, 2))
    y = X @ [1, -2] + random.normal(size=12)
    table: Any = {
        "pair": (X, y),
        "columns": {"x1": X[:, 0], "x2": X[:, 1], "y": y},
        "array": np.column_stack([X, y]),
        "structured": np.rec.fromarrays([*X.T, y], names="x1,x2,y"),
    }.get(kind)
    if kind == "frame":
        pandas = pytest.importorskip("pandas")
        table = pandas.DataFrame({"x1": X[:, 0], "x2": X[:, 1], "y": y}, index=range(5, 17))
    recipe = Recipe({
        "study": "compare", "start": np.array([0.5, 0.25]),
        "loss": {"name": "linear-regression", "data": table, "standardize": False,
                 "intercept": False, "standardize_target": False},
        "eta": 0.125, "time": 0.125, "optimizers": [{"name": "sgd"}], "paths": 100,
        "observables": ["loss", "x1", "x2"],
    })
    run = recipe.run(progress=False)
    residual = X @ [0.5, 0.25] - y
    rows = run.columns("series")
    at_start = {name: mean for name, mean, time in
                zip(rows["observable"], rows["mean"], rows["time"]) if time == 0}
    assert at_start["loss"] == pytest.approx(np.mean(residual**2) / 2, rel=1e-14)
    gradient = X.T @ residual / 12
    exact = {name: value for name, value in
             zip(run.columns()["observable"], run.columns()["exact_iterates"])}
    assert exact["x1"] == pytest.approx(0.5 - 0.125 * gradient[0], rel=1e-13)
    assert exact["x2"] == pytest.approx(0.25 - 0.125 * gradient[1], rel=1e-13)
    assert (run.directory / "loss-data.csv").is_file()


def test_a_folder_with_its_data_runs_again_elsewhere(tmp_path: Path) -> None:
    table = {"a": [0.1, 2.5, -1.0, 1 / 3], "y": [1.0, 2.0, 0.25, -0.5]}
    recipe = Recipe({
        "study": "trajectory", "loss": {"name": "linear-regression", "data": table},
        "eta": 0.25, "time": 1, "optimizers": [{"name": "sgd"}], "sde": [], "paths": 50,
    })
    recipe.run(tmp_path / "here", progress=False)
    (tmp_path / "here").rename(tmp_path / "there")
    run = sharpsde.open(tmp_path / "there")
    again = Recipe(run.directory / "recipe.yaml").run(progress=False)
    assert again.summary == run.summary and numbers(again) == numbers(run)
    assert recipe.run(progress=False).summary == run.summary
    (run.directory / "loss-data.csv").write_text("a,y\n1,2\n2,3\n")
    with pytest.raises(RecipeError, match="loss-data.csv|changed"):
        Recipe(run.directory / "recipe.yaml").check()


class Tensor:
    """As torch's: an array only once it is detached from its gradient and on the processor."""

    def __init__(self, array: np.ndarray[Any, Any], ready: int = 0) -> None:
        self.array, self.ready = array, ready

    def __array__(self, *_: Any) -> np.ndarray[Any, Any]:
        if self.ready < 2:
            raise RuntimeError("the tensor requires grad, or is not on the processor")
        return self.array

    def detach(self) -> Tensor:
        return Tensor(self.array, 1)

    def cpu(self) -> Tensor:
        return Tensor(self.array, self.ready + 1)


def test_arrays_of_any_layout_are_the_same_numbers(valley: dict[str, Any]) -> None:
    V = np.array([[2.0, 0.5], [0.5, 1 / 3]])
    noise = {"sampling": "gaussian", "structure": "dense", "covariance": V.tolist()}
    expected = Recipe({**valley, "start": [1.5, 0.1], "noise": noise}).check().recipe
    assert "start: [1.5, 0.1]" in expected and str(1 / 3)[:12] in expected
    for start, covariance in [
        (np.array([1.5, 0.1], dtype=">f8"), np.asfortranarray(V)),
        (np.array([1.5, 9, 0.1, 9])[::2], V.T.astype("<f8")),
        (Tensor(np.array([1.5, 0.1])), Tensor(V)),
    ]:
        given = {**valley, "start": start, "noise": {**noise, "covariance": covariance}}
        assert Recipe(given).check().recipe == expected
    single = Recipe({**valley, "start": np.array([1.5, 0.1], dtype=np.float32)}).check().recipe
    assert f"start: [1.5, {float(np.float32(0.1))!r}" [:24] in single
    for bad, key in [(np.array([1.5, np.nan]), "start"), (np.array([np.inf, 1]), "start"),
                     (np.ones((2, 2)), "start"), (np.array([1j, 0]), None)]:
        with pytest.raises(RecipeError) as error:
            Recipe({**valley, "start": bad}).check()
        assert error.value.key == key and "\n" not in str(error.value)


def test_quadratic_and_covariance_as_arrays() -> None:
    A = np.array([[[2.0, 0.5], [0.5, 1.0]], [[1.0, -0.5], [-0.5, 3.0]]])
    b = np.array([[1.0, 0.25], [0.0, -0.75]])
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    recipe = Recipe({
        "study": "compare", "start": [1.0, 2.0], "eta": 0.25, "time": 0.25, "paths": 100,
        "loss": {"name": "quadratic", "data": sharpsde.quadratic(A, b)},
        "noise": {"sampling": "gaussian", "structure": "dense", "covariance": covariance},
        "optimizers": [{"name": "sgd"}], "observables": ["x1", "x2", "loss", "noise-trace"],
    })
    columns = recipe.run(progress=False).columns()
    exact = dict(zip(columns["observable"], columns["exact_iterates"]))
    mean = np.array([1.0, 2.0]) - 0.25 * (A.mean(0) @ [1.0, 2.0] - b.mean(0))
    assert [exact["x1"], exact["x2"]] == pytest.approx(list(mean), rel=1e-14)
    assert exact["noise-trace"] == pytest.approx(3, rel=1e-14)
    # E f = f(mean) + eta^2 tr(A V) / 2, to which the off-diagonal entries contribute, too.
    value = mean @ A.mean(0) @ mean / 2 - b.mean(0) @ mean
    curvature = 0.25**2 * np.trace(A.mean(0) @ covariance) / 2
    assert exact["loss"] == pytest.approx(value + curvature, rel=1e-13)


def test_mistakes_have_file_line_key_and_sentence(valley: dict[str, Any], tmp_path: Path) -> None:
    def error_of(recipe: Recipe) -> RecipeError:
        with pytest.raises(RecipeError) as said:
            recipe.run(progress=False)
        with pytest.raises(RecipeError) as checked:
            recipe.check()
        assert str(checked.value) == str(said.value)
        return said.value

    error = error_of(Recipe(valley).set(paths=0))
    assert (error.file, error.line, error.key) == (None, None, "paths")
    assert error.sentence.startswith("paths is '0'; accepted is a whole number")
    error = error_of(Recipe(valley).set({"sde.substeps": 2.5}))
    assert error.key == "sde.substeps" and "2.5" in error.sentence

    misspelt = {"etta" if key == "eta" else key: value for key, value in valley.items()}
    error = error_of(Recipe(misspelt))
    assert (error.file, error.key) == ("recipe.yaml", "etta") and "eta" in error.sentence
    assert error.line is not None
    assert inputs.recipe_text(misspelt).splitlines()[error.line - 1].startswith("etta:")

    file = tmp_path / "mine.yaml"
    file.write_text("study: compare\nloss: {name: valley}\nrho: -1\neta: 0.1\ntime: 1\n"
                    "optimizers: [{name: sgd}]\n")
    error = error_of(Recipe(file))
    assert (error.file, error.line, error.key) == (str(file), 3, "rho")
    valley["loss"] = {"name": "linear-regression", "data": ([[1.0], [np.nan]], [1.0, 2.0])}
    error = error_of(Recipe(valley))
    assert (error.file, error.line) == ("loss-data.csv", 3) and "x1" in error.sentence
    assert isinstance(error, ValueError) and isinstance(error, sharpsde.SharpsdeError)


@pytest.mark.parametrize("value, words", [
    (([[1.0, 2.0]], [[1.0]]), "shape"),
    ({"a": [1, 2], "b": [1]}, "lengths 1, 2"),
    (np.zeros(3), "shape (3,)"),
    (np.zeros((2, 0)), "shape (2, 0)"),
    ({"a": [[1, 2]]}, "one dimension"),
])
def test_tables_of_no_shape_are_refused(valley: dict[str, Any], value: Any, words: str) -> None:
    with pytest.raises(RecipeError) as error:
        Recipe({**valley, "loss": {"name": "linear-regression", "data": value}}).check()
    assert words in str(error.value) and "\n" not in str(error.value)


def test_what_cannot_be_written_is_refused(valley: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="type object"):
        Recipe(valley).set(eta=object()).check()
    with pytest.raises(RecipeError, match="no recipe 'goldn'.*golden"):
        Recipe("goldn")
    with pytest.raises(RecipeError, match="no such file|not found"):
        Recipe(tmp_path / "none.yaml").check()
    with pytest.raises(RecipeError, match="shape"):
        sharpsde.quadratic(np.eye(2), [1, 2])
    with pytest.raises(RecipeError, match="dict"):
        Recipe(valley).set(start=np.zeros(100000)).check()


def test_inputs_leave_nothing_behind(
    valley: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    valley["loss"] = {"name": "linear-regression", "data": ([[1.0], [2.0]], [1.0, 3.0])}
    valley["observables"] = ["loss"]
    run = Recipe(valley).run(progress=False)
    with pytest.raises(RecipeError):
        Recipe(valley).set(eta=-1).run(progress=False)
    assert len(list(tmp_path.iterdir())) == 1  # that of the run
    run.save(tmp_path / "kept")
    del run
    gc.collect()
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert sharpsde.open(tmp_path / "kept").columns()["iterates_n"][0] == 200
