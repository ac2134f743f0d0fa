"""Inputs as Python has them, dicts and arrays, written as the command reads them: YAML and CSV."""

from __future__ import annotations

import csv
import json
import os
import re
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence

import numpy as np

from .errors import RecipeError

DATA_KEY = "data"  # the key under which tables, and not file names only, are accepted


def quadratic(A: Any, b: Any) -> dict[str, Any]:
    """Columns of data for the loss `quadratic`, f_i = x'A_i x / 2 - b_i'x.

    A: samples x d x d, symmetric; b: samples x d.
    """
    matrices, vectors = np.asarray(A, dtype=float), np.asarray(b, dtype=float)
    samples, d = vectors.shape if vectors.ndim == 2 else (-1, -1)
    if matrices.shape != (samples, d, d):
        raise RecipeError(
            f"quadratic: A has the shape {matrices.shape} and b {vectors.shape}; accepted are "
            "(samples, d, d) and (samples, d)"
        )
    columns = {f"A{i + 1}{j + 1}": matrices[:, i, j] for i in range(d) for j in range(d)}
    columns.update({f"b{i + 1}": vectors[:, i] for i in range(d)})
    return columns


def write_recipe(recipe: Mapping[str, Any], folder: Path) -> Path:
    """A recipe as YAML in the folder, with its tables as CSV beside it. Each key, and each key of a
    map in it, has a line, so that messages name the right one."""
    path = folder / "recipe.yaml"
    path.write_text(recipe_text(with_files(recipe, folder, beside=True)), encoding="utf-8")
    return path


def recipe_text(recipe: Mapping[str, Any]) -> str:
    """The YAML of a recipe without tables."""
    lines = []
    for key, value in recipe.items():
        inner = isinstance(value, Mapping) and len(value) > 0
        lines.append(f"{_key(key)}:" + ("" if inner else f" {flow(value)}"))
        if inner:
            lines += [f"  {_key(name)}: {flow(item)}" for name, item in value.items()]
    return "\n".join(lines) + "\n"


def flow(value: Any) -> str:
    """One value as YAML in a line: that of JSON, but for keys that need no quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (np.ndarray, np.generic)):
        return flow(value.tolist())
    if isinstance(value, (list, tuple, range)):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, os.PathLike):
        return flow(os.fspath(value))
    if hasattr(value, "__array__"):
        return flow(_as_array(value))
    if value is None or isinstance(value, (bool, int, float, str)):
        return json.dumps(value, ensure_ascii=False)
    raise RecipeError(
        f"a value has the type {type(value).__name__}; accepted are numbers, texts, booleans, "
        "paths, arrays, and lists and dicts of them"
    )


def with_files(value: Any, folder: Path, beside: bool, path: str = "") -> Any:
    """The value with each table under a key `data` written to the folder as CSV and replaced by the
    name of that file, alone where the recipe stands beside it, else with the folder."""
    if isinstance(value, Mapping) and not is_table(value, path):
        return {
            key: with_files(item, folder, beside, f"{path}.{key}" if path else key)
            for key, item in value.items()
        }
    if not is_table(value, path):
        return value
    file = folder / (path.replace(".", "-") + ".csv")
    _write_table(value, file, path)
    return file.name if beside else str(file)


def is_table(value: Any, path: str) -> bool:
    """Is the value of this key data, and not the name of a file with data?"""
    return path.split(".")[-1] == DATA_KEY and not isinstance(value, (str, os.PathLike))


def _as_array(value: Any) -> np.ndarray[Any, Any]:
    """Anything with an array in it: a series of pandas, or a tensor of torch, which may have a
    gradient and be on another device."""
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def _key(key: Any) -> str:
    text = str(key)
    return text if re.fullmatch(r"[A-Za-z_][\w-]*", text, re.ASCII) else json.dumps(text)


def _write_table(table: Any, file: Path, path: str) -> None:
    columns = _columns(table, path)
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        raise RecipeError(
            f"{path}: columns of the lengths {', '.join(map(str, sorted(lengths)))}; accepted are "
            "columns of one length"
        )
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))


def _columns(table: Any, path: str) -> dict[str, Sequence[Any]]:
    """The columns of a data frame, a dict, a structured array, a pair (X, y) with the target y, or
    an array whose last column is the target."""
    if hasattr(table, "columns") and hasattr(table, "to_numpy"):
        return {str(name): _cells(table[name]) for name in table.columns}
    if isinstance(table, Mapping):
        return {str(name): _cells(column) for name, column in table.items()}
    if isinstance(table, tuple) and len(table) == 2:
        features, target = _as_array(table[0]), _as_array(table[1])
        if features.ndim == 2 and target.ndim == 1:
            return {**_numbered(features.T), "y": _cells(target)}
        raise RecipeError(
            f"{path}: X has the shape {features.shape} and y {target.shape}; accepted are "
            "(samples, features) and (samples,)"
        )
    array = _as_array(table)
    if array.dtype.names:
        return {name: _cells(array[name]) for name in array.dtype.names}
    if array.ndim != 2 or 0 in array.shape:
        raise RecipeError(
            f"{path} is an array of the shape {array.shape}; accepted are a data frame, a dict of "
            "columns, a pair (X, y), or an array with one row per sample, whose last column is the "
            "target"
        )
    return {**_numbered(array.T[:-1]), "y": _cells(array[:, -1])}


def _numbered(columns: Iterable[Any]) -> dict[str, Sequence[Any]]:
    return {f"x{i}": _cells(column) for i, column in enumerate(columns, 1)}


def _cells(column: Any) -> Sequence[Any]:
    """Python's own numbers, which are written so that they are read as they were."""
    array = _as_array(column)
    if array.ndim != 1:
        raise RecipeError(f"a column of the shape {array.shape}; accepted is one dimension")
    if array.dtype.kind == "b":
        array = array.astype(int)
    cells: Sequence[Any] = array.tolist()
    return cells
