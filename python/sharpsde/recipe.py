"""Recipes: a shipped one by its name, a file, or a dict, with overrides; checked or run by the
command."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import warnings
import weakref
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Union

from . import inputs
from .command import ask, execute, recipes_folder
from .errors import RecipeError, RunError, RunWarning
from .progress import Progress, default_progress
from .run import Run
from .text import Text

Source = Union[str, "os.PathLike[str]", Mapping[str, Any]]


class Check:
    """What `sharpsde check` says of a recipe.

    recipe: the recipe with every default, as YAML.
    notes: what would be run, and its cost, a line each.
    """

    def __init__(self, said: str) -> None:
        lines = said.splitlines()
        self.notes = [line[2:] for line in lines if line.startswith("# ")]
        self.recipe = Text("\n".join(line for line in lines if not line.startswith("# ")))

    def __repr__(self) -> str:
        return "\n".join([self.recipe, *self.notes])


class Recipe:
    """What to run. It does not change: set() returns another one.

    source: the name of a shipped recipe (sharpsde.recipes() lists them), the path of a file, or a
    dict of the keys that a file would have. In a dict, numbers may be numpy's, `start`,
    `covariance` and other lists arrays, and `data` a table: a pandas data frame, a dict of columns,
    a pair (X, y), or an array with one row per sample, whose last column is the target.
    """

    def __init__(self, source: Source) -> None:
        self._source: Union[Path, Mapping[str, Any]]
        self._overrides: dict[str, Any] = {}
        if isinstance(source, Mapping):
            self._source, self.name = dict(source), "recipe"
        else:
            self._source = _recipe_file(source)
            self.name = self._source.stem

    def set(self, overrides: Optional[Mapping[str, Any]] = None, /, **keys: Any) -> Recipe:
        """The recipe with other values: set(eta=0.1, paths=2000), or set({"sde.substeps": 4}) for a
        key within a key; items of lists are numbered from 0."""
        other = Recipe.__new__(Recipe)
        other._source, other.name = self._source, self.name
        other._overrides = {**self._overrides, **(overrides or {}), **keys}
        return other

    def check(self) -> Check:
        """Read the recipe, fill in every default and estimate its cost; nothing is run."""
        with _Inputs(self._source, self._overrides) as given:
            return Check(given.asked("check"))

    def run(
        self,
        directory: Union[None, str, "os.PathLike[str]"] = None,
        *,
        threads: Optional[int] = None,
        force: bool = False,
        progress: Union[bool, Progress] = True,
    ) -> Run:
        """Run the recipe.

        directory: where results go; without it, a temporary folder that is removed with the Run.
        threads: without it, one per processor. force: write over an earlier run in the directory.
        progress: False for none, or a function that takes a line to show.

        Raises RecipeError where the input is wrong, RunError where the run fails.
        """
        shown = default_progress() if progress is True else progress or None
        return self._run(directory, threads, force, shown, None)

    def _run(
        self,
        directory: Union[None, str, "os.PathLike[str]"],
        threads: Optional[int],
        force: bool,
        progress: Optional[Progress],
        cancel: Optional[threading.Event],
    ) -> Run:
        with _Inputs(self._source, self._overrides) as given:
            results = Results(directory)
            options = ["-o", str(results.path)]
            options += [] if threads is None else ["-j", str(threads)]
            options += ["--force"] if force else []
            try:
                said = given.executed(options, progress, cancel)
            except RunError as error:
                if (results.path / "summary.json").is_file():
                    given.leave_files(results.path)
                    error.run = Run(results.path, results)
                raise
            given.leave_files(results.path)
        if said.strip():
            warnings.warn(said.strip(), RunWarning, stacklevel=3)
        return Run(results.path, results)

    def __repr__(self) -> str:
        what = repr(str(self._source)) if isinstance(self._source, Path) else "dict"
        changed = "".join(f", {key}={value!r}" for key, value in self._overrides.items())
        return f"<Recipe {what}{changed}>"


class Results:
    """Where a run leaves its results: a folder of the user's, or a temporary one that lives as long
    as this."""

    def __init__(self, directory: Union[None, str, "os.PathLike[str]"]) -> None:
        if directory is None:
            folder = tempfile.mkdtemp(prefix="sharpsde-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self.path = Path(folder) / "run"
        else:
            self.path = Path(directory)


class _Inputs:
    """A recipe as the command takes it: a file, with overrides; tables are in a folder that is
    removed at the end."""

    def __init__(
        self, source: Union[Path, Mapping[str, Any]], overrides: Mapping[str, Any]
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sharpsde-"))
        try:
            self._words = self._written(source, overrides)
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def _written(
        self, source: Union[Path, Mapping[str, Any]], overrides: Mapping[str, Any]
    ) -> list[str]:
        if isinstance(source, Path):
            words = [str(source)]
        else:
            words = [str(inputs.write_recipe(source, self._folder))]
        for key, value in overrides.items():
            given = inputs.with_files(value, self._folder, beside=False, path=key)
            words += ["--set", f"{key}={inputs.flow(given)}"]
        return words

    def __enter__(self) -> _Inputs:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)

    def asked(self, command: str) -> str:
        try:
            return ask(command, *self._words)
        except RecipeError as error:
            raise self._without_folder(error) from None

    def executed(
        self,
        options: list[str],
        progress: Optional[Progress],
        cancel: Optional[threading.Event],
    ) -> str:
        try:
            return execute(["run", *self._words, *options], progress, cancel)
        except RecipeError as error:
            raise self._without_folder(error) from None

    def leave_files(self, directory: Path) -> None:
        """Copy the tables beside the resolved recipe, which finds them there by their names."""
        for table in self._folder.glob("*.csv"):
            shutil.copy(table, directory)

    def _without_folder(self, error: RecipeError) -> RecipeError:
        """The folder of a dict's recipe and tables is no place that the user knows."""
        return RecipeError(str(error).replace(f"{self._folder}/", ""))


def recipes() -> list[str]:
    """The names of the shipped recipes."""
    return sorted(_shipped())


def _shipped() -> Iterator[str]:
    return (path.stem for path in recipes_folder().glob("*.yaml"))


def _recipe_file(source: Union[str, "os.PathLike[str]"]) -> Path:
    """The file itself, or that of the shipped recipe of this name."""
    path = Path(source)
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return path
    if str(source) in _shipped():
        return recipes_folder() / f"{source}.yaml"
    raise RecipeError(
        f"there is no recipe '{source}'; accepted are a file, a dict, and the shipped ones: "
        + ", ".join(recipes())
    )
