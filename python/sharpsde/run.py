"""A run's folder, read: verdicts, tables, single paths, pictures and the report."""

from __future__ import annotations

import base64
import csv
import html
import importlib
import json
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, List, Mapping, Optional, Sequence, Union

import numpy as np

from .command import ask
from .errors import InstallError
from .version import SCHEMA

REPORT_HEIGHT = 640  # pixels, in a notebook


@dataclass(frozen=True)
class Verdict:
    """One claim, whether it holds (None where the evidence does not decide), and the evidence.

    details: all that summary.json says of it.
    """

    claim: str
    holds: Optional[bool]
    evidence: str
    details: Mapping[str, Any]

    @property
    def word(self) -> str:
        """holds, fails or undecided."""
        return {True: "holds", False: "fails", None: "undecided"}[self.holds]

    def __repr__(self) -> str:
        return f"{self.word}: {self.claim} ({self.evidence})"


class Verdicts(List[Verdict]):
    """All verdicts of a run: a list, a line each, and in a notebook a table."""

    def __repr__(self) -> str:
        return "\n".join(map(repr, self))

    def _repr_html_(self) -> str:
        rows = (
            f"<tr><th>{each.word}</th>"
            f'<td style="text-align: left">{html.escape(each.claim)}</td>'
            f'<td style="text-align: left">{html.escape(each.evidence)}</td></tr>'
            for each in self
        )
        return "<table>" + "\n".join(rows) + "</table>"


class Picture:
    """Pictures that the command drew, files of one format; shown in a notebook."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = list(files)

    def __repr__(self) -> str:
        return "\n".join(map(str, self.files))

    def _repr_html_(self) -> Optional[str]:
        if any(file.suffix != ".svg" for file in self.files):
            return None
        # As images: names within one picture are then no names of another's.
        images = (base64.b64encode(file.read_bytes()).decode() for file in self.files)
        return "\n".join(f'<img src="data:image/svg+xml;base64,{image}">' for image in images)

    def _repr_png_(self) -> Optional[bytes]:
        return self.files[0].read_bytes() if self.files[0].suffix == ".png" else None


class Run:
    """What a run left in its folder."""

    def __init__(self, directory: Path, owner: object = None) -> None:
        self.directory = directory
        self._owner = owner  # keeps a temporary folder
        path = directory / "summary.json"
        try:
            self.summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{path} cannot be read ({error}); accepted is the folder of a run"
            ) from None
        if self.summary.get("schema") != SCHEMA:
            raise ValueError(
                f"{path} has the schema {self.summary.get('schema')}; accepted is {SCHEMA}, which "
                "this version writes"
            )

    @property
    def study(self) -> str:
        return str(self.summary["study"])

    @property
    def title(self) -> str:
        return str(self.summary["title"])

    @property
    def verdicts(self) -> Verdicts:
        """The claims, and what became of them."""
        return Verdicts(
            Verdict(each["claim"], each["holds"], each["evidence"], each)
            for each in self.summary["verdicts"]
        )

    @cached_property
    def about(self) -> dict[str, Any]:
        """run.json: time, host, threads, version, and what was said (`notes`, `warnings`)."""
        about: dict[str, Any] = json.loads(
            (self.directory / "run.json").read_text(encoding="utf-8")
        )
        return about

    @property
    def tables(self) -> list[str]:
        """The names of the tables."""
        return sorted(file.stem for file in self._written(".csv"))

    def table(self, name: Optional[str] = None) -> Any:
        """A table as a pandas data frame; without a name, that of the study."""
        pandas = _library("pandas", "tables as data frames")
        return pandas.read_csv(self._table_file(name), float_precision="round_trip")

    def columns(self, name: Optional[str] = None) -> dict[str, np.ndarray[Any, Any]]:
        """A table as arrays, without pandas: numbers, NaN for empty cells; booleans; or texts."""
        with self._table_file(name).open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
        return {key: _array([row[i] for row in rows]) for i, key in enumerate(header)}

    def cases(self) -> list[dict[str, Any]]:
        """The cases of which single paths are kept: optimizer, micro_batch, batch, eta, rho, ..."""
        netcdf = _library("netCDF4", "single paths")
        with netcdf.Dataset(self._paths_file()) as file:
            return [
                {key: group.getncattr(key) for key in group.ncattrs()}
                for group in (file.groups[f"case_{i}"] for i in range(len(file.groups)))
            ]

    def paths(self, case: int = 0) -> Any:
        """The single paths of a case, numbered as in cases(), as an xarray data set. The dimensions
        of its `value` are process, path, time, observable."""
        xarray = _library("xarray", "single paths")
        _library("netCDF4", "single paths")
        cases = self.cases()
        if not 0 <= case < len(cases):
            raise ValueError(f"there is no case {case}; accepted is 0 to {len(cases) - 1}")
        with xarray.open_dataset(self._paths_file(), group=f"case_{case}") as paths:
            return paths.load()

    def plot(
        self, name: Optional[str] = None, *, format: str = "svg", caption: str = ""
    ) -> Picture:
        """The command's own pictures: all, or those of a name ("series" names series-1, too).

        format: svg, png, pdf or gif. What is not there yet is drawn; so is all, with a caption.
        """
        if caption or not self._pictures(name, format):
            words = ["--caption", caption] if caption else []
            ask("plot", str(self.directory), "--format", format, *words)
        found = self._pictures(name, format)
        if not found:
            names = sorted({file.stem for file in self._pictures(None, format)})
            raise ValueError(
                f"there is no picture '{name}' as {format}; there are {', '.join(names) or 'none'}"
            )
        return Picture(found)

    @property
    def report(self) -> Path:
        """The page for any browser."""
        return self.directory / "report.html"

    def save(self, directory: Union[str, "os.PathLike[str]"]) -> Run:
        """Copy the folder, which may be temporary, to a directory that is not there yet."""
        return Run(Path(shutil.copytree(self.directory, directory)))

    def _repr_html_(self) -> str:
        page = html.escape(self.report.read_text(encoding="utf-8"))
        return (
            f'<iframe title="report" srcdoc="{page}" width="100%" height="{REPORT_HEIGHT}" '
            'style="border: 0"></iframe>'
        )

    def __repr__(self) -> str:
        counts = [(True, "hold"), (False, "fail"), (None, "undecided")]
        said = [
            f"{sum(verdict.holds is holds for verdict in self.verdicts)} {word}"
            for holds, word in counts
        ]
        claims = ", ".join(said)
        return f"<Run {self.title!r}, {self.study}, in {self.directory}; claims: {claims}>"

    def _written(self, suffix: str) -> list[Path]:
        """The files of the run itself, whatever else stands in its folder."""
        return [self.directory / name for name in self.about["files"] if name.endswith(suffix)]

    def _table_file(self, name: Optional[str]) -> Path:
        if name is None:
            name = self.study if self.study in self.tables else "series"
        if name not in self.tables:
            raise ValueError(f"there is no table '{name}'; there are {', '.join(self.tables)}")
        return self.directory / f"{name}.csv"

    def _paths_file(self) -> Path:
        file = self.directory / "paths.nc"
        if not file.is_file():
            raise ValueError(
                "no single paths were kept; set({'output.paths': 100}) keeps them in `compare` "
                "and `trajectory`"
            )
        return file

    def _pictures(self, name: Optional[str], format: str) -> list[Path]:
        files = sorted(self.directory.glob(f"*.{format}"))
        if name is None:
            return files
        exact = [file for file in files if file.stem == name]
        return exact or [
            file
            for file in files
            if file.stem.startswith(f"{name}-") and file.stem[len(name) + 1 :].isdigit()
        ]


def open(directory: Union[str, "os.PathLike[str]"]) -> Run:
    """The run in a folder."""
    return Run(Path(directory))


def _array(cells: Sequence[str]) -> np.ndarray[Any, Any]:
    if cells and set(cells) <= {"true", "false"}:
        return np.array([cell == "true" for cell in cells])
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return np.array(cells, dtype=object)


def _library(name: str, what: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InstallError(
            f"{name} is missing, which {what} need; `pip install {name}` or Debian's "
            f"python3-{name.lower()} installs it"
        ) from None
