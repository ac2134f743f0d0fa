"""The command is found, or what to install is said; its progress is shown; an interrupt, in a
terminal or in a notebook, leaves no process and no folder; several runs share the processors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

import sharpsde
from conftest import ENDLESS
from sharpsde import InstallError, Recipe, RecipeError, RunError, command, parallel

SCRIPT = f"""
import sharpsde
sharpsde.Recipe({ENDLESS!r}).run()
"""


def children_of(parent: int) -> set[int]:
    """The processes below a process, at any depth."""
    table: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            table[int(entry.name)] = int(stat.rsplit(")", 1)[1].split()[1])
    found = {parent}
    while True:
        more = {child for child, above in table.items() if above in found} - found
        if not more:
            return found - {parent}
        found |= more


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def is_gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def runs_command(process: int) -> bool:
    try:
        return os.readlink(f"/proc/{process}/exe") == str(command.find())
    except OSError:
        return False


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Writes a shell script and takes it for the command."""

    def write(text: str) -> Path:
        path = tmp_path / "sharpsde"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        monkeypatch.setenv("SHARPSDE", str(path))
        return path

    yield write


def test_a_missing_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHARPSDE", str(tmp_path / "none"))
    with pytest.raises(InstallError, match=r"none \(from SHARPSDE\) is no program; .*make install"):
        Recipe("golden")
    monkeypatch.delenv("SHARPSDE")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(command, "__file__", str(tmp_path / "a" / "b" / "c" / "command.py"))
    with pytest.raises(InstallError, match="the command sharpsde is missing; .*make install") as it:
        sharpsde.losses()
    assert "\n" not in str(it.value)


def test_another_version_says_what_to_install(program: Callable[[str], Path]) -> None:
    program("echo sharpsde 9.8.7")
    with pytest.raises(InstallError, match="is sharpsde 9.8.7 and this package is of .*install"):
        sharpsde.explain("sgd")
    time.sleep(0.01)
    program("echo something else")
    with pytest.raises(InstallError, match="does not say its version; .*make install"):
        sharpsde.explain("sgd")


def test_the_version_is_the_programs() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    assert f"\nVERSION := {sharpsde.__version__}\n" in makefile
    assert command.ask("--version").split()[1] == sharpsde.__version__


def test_failures_of_a_run_are_told_apart(
    program: Callable[[str], Path], valley: dict[str, Any], tmp_path: Path
) -> None:
    version = f'[ "$1" = --version ] && echo sharpsde {sharpsde.__version__} && exit\n'
    program(version + "echo 'sharpsde: disk full' >&2; exit 1")
    with pytest.raises(RunError, match="^disk full$") as failed:
        Recipe(valley).run(progress=False)
    assert failed.value.run is None
    program(version + "kill -9 $$")
    with pytest.raises(RunError, match="ended by signal 9$"):
        Recipe(valley).run(progress=False)
    program(version + "exit 3")
    with pytest.raises(RunError, match="status 3"):
        Recipe(valley).run(progress=False)


def test_a_run_of_diverged_paths_keeps_its_results(valley: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="diverged") as failed:
        Recipe({**valley, "start": [30.0, 30.0]}).run(progress=False)
    assert failed.value.run is not None
    assert failed.value.run.columns("series")["diverged"].max() > 0


def test_warnings_are_warned_of(program: Callable[[str], Path], valley: dict[str, Any]) -> None:
    real = command.find()
    program(f'{real} "$@"; status=$?\n[ "$1" != run ] || echo "sharpsde: no pictures: x" >&2\n'
            "exit $status")
    with pytest.warns(sharpsde.RunWarning, match="^sharpsde: no pictures: x$"):
        Recipe(valley).run(progress=False)


def test_a_directory_is_written_once(valley: dict[str, Any], tmp_path: Path) -> None:
    recipe = Recipe(valley).set(paths=50)
    recipe.run(tmp_path / "out", progress=False)
    with pytest.raises(RecipeError, match="out"):
        recipe.run(tmp_path / "out", progress=False)
    again = recipe.set(seed=2).run(tmp_path / "out", progress=False, force=True)
    assert again.summary["seed"] == 2


def test_progress_is_shown_and_no_part_of_what_is_said(valley: dict[str, Any]) -> None:
    shown: list[str] = []
    run = Recipe({**valley, "paths": 2000}).run(progress=shown.append)
    bars = [line for line in shown if line]
    assert bars and all(line.startswith("[") and "%" in line for line in bars)
    assert any("s left" in line for line in bars) and shown[-1] == ""
    assert not any("\r" in line or "\033" in line for line in shown)
    assert run.about["warnings"] == ""


def test_errors_are_the_same_with_progress(valley: dict[str, Any]) -> None:
    messages = []
    for progress in (False, print):
        with pytest.raises(RecipeError) as error:
            Recipe({**valley, "eta": -1}).run(progress=progress)
        messages.append(str(error.value))
    assert messages[0] == messages[1] and messages[0].startswith("recipe.yaml:")


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_leaves_nothing(way: signal.Signals, tmp_path: Path) -> None:
    if way == signal.SIGKILL and not command._bound_to_us():
        pytest.skip("no setpriv; apt-get install util-linux")
    python = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    running = until(lambda: [p for p in children_of(python.pid) if runs_command(p)])
    python.send_signal(way)
    said = python.communicate(timeout=20)[1]
    until(lambda: all(is_gone(process) for process in running))
    if way == signal.SIGINT:
        assert said.splitlines()[-1].startswith("KeyboardInterrupt")
        assert not list(tmp_path.iterdir())


def test_an_interrupted_notebook_leaves_no_process(tmp_path: Path) -> None:
    manager = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipykernel")
    kernel, client = manager.start_new_kernel(kernel_name="python3")
    try:
        root = os.getpid()
        cell = client.execute(SCRIPT, stop_on_error=False)
        running = until(lambda: [p for p in children_of(root) if runs_command(p)])

        def shows_a_bar() -> bool:
            data = client.get_iopub_msg(timeout=20)["content"].get("data", {})
            return "path-steps/s" in data.get("text/plain", "")

        def ends_by_the_interrupt() -> bool:
            reply = client.get_shell_msg(timeout=20)
            return bool(reply["parent_header"]["msg_id"] == cell
                        and reply["content"]["ename"] == "KeyboardInterrupt")

        until(shows_a_bar)
        kernel.interrupt_kernel()
        until(ends_by_the_interrupt)
        assert all(is_gone(process) for process in running)
        client.execute(SCRIPT)  # the kernel lives
        running = until(lambda: [p for p in children_of(root) if runs_command(p)])
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
    until(lambda: all(is_gone(process) for process in running))


def test_several_runs_share_the_processors(
    valley: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    recipes = [Recipe({**valley, "seed": seed, "paths": 50}) for seed in (1, 2)]
    runs = sharpsde.run_all(recipes, tmp_path / "several", progress=False)
    assert [run.directory for run in runs] == [tmp_path / "several" / name for name in "01"]
    assert [run.summary["seed"] for run in runs] == [1, 2]
    assert sorted(run.about["threads"] for run in runs) == [1, 2]
    alone = recipes[1].run(progress=False)
    assert alone.about["threads"] == 3
    assert alone.summary == runs[1].summary


@pytest.mark.parametrize("processors, runs, shares", [
    (8, 3, [2, 3, 3]), (2, 5, [1, 1]), (1, 4, [1]), (4, 1, [4]), (3, 3, [1, 1, 1]),
])
def test_shares_are_equal(
    processors: int, runs: int, shares: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", str(processors))
    shared = parallel._Processors(runs)
    assert [shared.take() for _ in shares] == shares
    assert sum(shares) <= max(processors, 1)
    shared.give_back(shares[0])
    if runs > len(shares):
        assert shared.take() == shares[0]


def test_an_error_stops_all_runs_or_stands_for_its_own(
    valley: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    diverging = Recipe({**valley, "start": [30.0, 30.0]})
    with pytest.raises(RunError, match="diverged"):
        sharpsde.run_all([Recipe(ENDLESS), diverging], progress=False)
    assert not [process for process in children_of(os.getpid()) if runs_command(process)]
    good, bad = sharpsde.run_all([Recipe(valley), diverging], progress=False, return_errors=True)
    assert isinstance(good, sharpsde.Run) and isinstance(bad, RunError)
    with pytest.raises(RecipeError, match="eta"):
        sharpsde.run_all([Recipe(ENDLESS), Recipe({**valley, "eta": 0})], progress=False)


def test_an_interrupt_stops_all_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    seen: list[int] = []

    def interrupt() -> None:
        seen.extend(until(lambda: len(both := running()) == 2 and both))
        os.kill(os.getpid(), signal.SIGINT)

    def running() -> list[int]:
        return [process for process in children_of(os.getpid()) if runs_command(process)]

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        sharpsde.run_all([Recipe(ENDLESS), Recipe(ENDLESS).set(seed=2)], progress=False)
    thread.join()
    assert len(seen) == 2 and all(is_gone(process) for process in seen)
