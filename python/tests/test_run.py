"""A run's folder, read: every number is that of the files, and what is not there is named."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sharpsde
from conftest import VALLEY


def test_verdicts_are_those_of_the_summary(run: sharpsde.Run) -> None:
    written = json.loads((run.directory / "summary.json").read_text())
    assert run.summary == written and run.study == "compare" and run.title == VALLEY["title"]
    assert [(v.claim, v.holds, v.evidence) for v in run.verdicts] == [
        (v["claim"], v["holds"], v["evidence"]) for v in written["verdicts"]
    ]
    assert len(run.verdicts) >= 4 and {v.holds for v in run.verdicts} <= {True, False, None}
    held = sum(v.holds is True for v in run.verdicts)
    assert f"{held} hold" in repr(run) and str(run.directory) in repr(run)
    word = {True: "holds", False: "fails", None: "undecided"}
    lines = repr(run.verdicts).splitlines()
    assert [line.split(":")[0] for line in lines] == [word[v["holds"]] for v in written["verdicts"]]
    table = sharpsde.Verdicts([sharpsde.Verdict("a < b", False, "c & d", {})])._repr_html_()
    assert table.count("<tr>") == 1 and "fails" in table and "holds" not in table
    assert "a &lt; b" in table and "c &amp; d" in table


def test_columns_are_those_of_the_table(run: sharpsde.Run) -> None:
    assert run.tables == sorted(file.stem for file in run.directory.glob("*.csv"))
    assert {"compare", "differences", "series"} <= set(run.tables)
    header, *rows = (run.directory / "series.csv").read_text().splitlines()
    columns = run.columns("series")
    assert list(columns) == header.split(",")
    assert len(columns["mean"]) == len(rows) == 6 * 2 * 2 * 6
    for number in (0, 7, len(rows) - 1):
        cells = dict(zip(columns, rows[number].split(",")))
        assert columns["mean"][number] == float(cells["mean"])
        assert columns["optimizer"][number] == cells["optimizer"]
        assert (cells["micro_batch"] == "") == np.isnan(columns["micro_batch"][number])
    compare = run.columns()
    assert compare["coupled"].dtype == bool and "exact_sde" in compare
    at_end = {(r["optimizer"], r["micro_batch"], r["eta"], r["observable"]): r["iterates"]["mean"]
              for r in run.summary["rows"]}
    for i, mean in enumerate(compare["iterates_mean"]):
        m = compare["micro_batch"][i]
        key = (compare["optimizer"][i], None if np.isnan(m) else m, compare["eta"][i],
               compare["observable"][i])
        assert at_end.pop(key) == mean
    assert not at_end


def test_the_smaller_m_the_flatter(run: sharpsde.Run) -> None:
    """Of the numbers that arrive: the imbalance decays faster the smaller the micro-batch."""
    rows = {
        (row["optimizer"], row["micro_batch"]): row["iterates"]
        for row in run.summary["rows"] if row["observable"] == "imbalance" and row["eta"] == 0.1
    }
    ordered = [rows["m-usam", 1], rows["m-usam", 2], rows["sgd", None]]
    for small, large in zip(ordered, ordered[1:]):
        error = float(np.hypot(small["se"], large["se"]))
        assert large["mean"] - small["mean"] > 5 * error > 0


def test_tables_with_pandas(run: sharpsde.Run) -> None:
    pytest.importorskip("pandas")
    table = run.table("series")
    assert list(table["mean"]) == list(run.columns("series")["mean"])
    assert table.micro_batch.isna().sum() == np.isnan(run.columns("series")["micro_batch"]).sum()
    assert run.table().equals(run.table("compare"))


def test_single_paths_with_xarray(run: sharpsde.Run) -> None:
    pytest.importorskip("xarray")
    pytest.importorskip("netCDF4")
    cases = run.cases()
    assert len(cases) == 6
    assert [case["optimizer"] for case in cases[:3]] == ["sgd", "m-usam", "m-usam"]
    assert cases[2]["micro_batch"] == 1 and "micro_batch" not in cases[0]
    paths = run.paths(2)
    assert paths.attrs["eta"] == cases[2]["eta"] == 0.1
    assert paths.value.dims == ("process", "path", "time", "observable")
    assert paths.value.shape == (2, 3, 6, 2)
    start = paths.value.sel(observable="imbalance").isel(time=0)
    series = run.columns("series")
    first = (series["time"] == 0) & (series["observable"] == "imbalance")
    assert np.unique(start) == np.unique(series["mean"][first])
    with pytest.raises(ValueError, match="no case 6; accepted is 0 to 5"):
        run.paths(6)


def test_pictures_are_the_programs(run: sharpsde.Run, tmp_path: Path) -> None:
    run = run.save(tmp_path / "copy")
    every = run.plot()
    assert every.files and all(file.suffix == ".svg" for file in every.files)
    some = run.plot("series")
    assert {file.stem.split("-")[0] for file in some.files} == {"series"}
    shown = re.findall(r'<img src="data:image/svg\+xml;base64,([^"]*)">', some._repr_html_() or "")
    assert [base64.b64decode(image) for image in shown] == [p.read_bytes() for p in some.files]
    assert not list(run.directory.glob("*.pdf"))
    pdf = run.plot("series", format="pdf")
    assert all(file.read_bytes().startswith(b"%PDF") for file in pdf.files)
    assert len(pdf.files) == len(some.files) and pdf._repr_html_() is None
    png = run.plot(some.files[0].stem, format="png")
    assert (png._repr_png_() or b"").startswith(b"\x89PNG")
    before = some.files[0].read_text()
    run.plot("series", caption="an own caption")
    assert "an own caption" in some.files[0].read_text() and "own caption" not in before
    with pytest.raises(ValueError, match="no picture 'serie' as svg; there are series"):
        run.plot("serie")
    with pytest.raises(sharpsde.RecipeError, match="format|jpeg"):
        run.plot(format="jpeg")


def test_the_report_shows_in_a_notebook(run: sharpsde.Run) -> None:
    page = run._repr_html_()
    assert page.startswith("<iframe") and page.count("<iframe") == 1 and page.count("<svg") == 0
    assert "&lt;svg" in page and VALLEY["title"] in page
    assert run.report == run.directory / "report.html"


def test_a_folder_is_opened_again(run: sharpsde.Run, tmp_path: Path) -> None:
    assert sharpsde.open(str(run.directory)).summary == run.summary
    with pytest.raises(ValueError, match="accepted is the folder of a run"):
        sharpsde.open(tmp_path)
    copy = run.save(tmp_path / "copy")
    with pytest.raises(FileExistsError):
        run.save(tmp_path / "copy")
    summary = {**copy.summary, "schema": 99}
    (copy.directory / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(ValueError, match="schema 99; accepted is 1"):
        sharpsde.open(copy.directory)
    (copy.directory / "summary.json").write_text("{")
    with pytest.raises(ValueError, match="accepted is the folder of a run"):
        sharpsde.open(copy.directory)


def test_what_is_not_there_is_named(valley: dict[str, Any]) -> None:
    run = sharpsde.Recipe({**valley, "study": "trajectory", "eta": 0.1, "output": {}}).run(
        progress=False
    )
    with pytest.raises(ValueError, match="no table 'compare'; there are .*series"):
        run.columns("compare")
    assert "path" in run.columns() and "mean" in run.columns("series")
    with pytest.raises(ValueError, match="output.paths"):
        run.cases()


def test_a_missing_library_is_named(
    run: sharpsde.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(sharpsde.InstallError, match="pandas is missing.*pip install pandas"):
        run.table()
    assert len(run.columns()["iterates_mean"]) > 0
