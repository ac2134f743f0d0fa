"""The command: where it is, whether its version is this package's, and how it is run so that no
process of it is left behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from functools import lru_cache
from pathlib import Path
from typing import Optional, Sequence

from .errors import InstallError, RecipeError, RunError
from .progress import Progress, Terminal
from .version import VERSION

INPUT_IS_WRONG = 2  # its exit status
PATIENCE = 10.0  # seconds between asking the command to stop and killing it
HELP = (
    "install it with `make install PYTHON=1` in the source tree of sharpsde "
    f"{VERSION}, or name it in the environment variable SHARPSDE"
)


class Cancelled(BaseException):
    """Raised in the thread of a run that another thread has called off."""


def find() -> Path:
    """The command: SHARPSDE, the build of the source tree of this package, bin/ of the prefix
    that holds it, or the search path."""
    named = os.environ.get("SHARPSDE")
    if named:
        candidates = [Path(named)]
    else:
        parents = Path(__file__).resolve().parents
        candidates = [parents[2] / "build" / "sharpsde"]
        candidates += [parent / "bin" / "sharpsde" for parent in parents]
        on_path = shutil.which("sharpsde")
        candidates += [Path(on_path)] if on_path else []
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return _of_this_version(candidate.resolve(), candidate.stat().st_mtime_ns)
    where = f"{named} (from SHARPSDE) is no program" if named else "the command sharpsde is missing"
    raise InstallError(f"{where}; {HELP}")


@lru_cache(maxsize=None)
def _of_this_version(program: Path, changed: int) -> Path:
    """The program, after it was asked; again only once the file has changed."""
    try:
        asked = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise InstallError(f"{program} does not run ({error.strerror}); {HELP}") from None
    found = re.match(r"sharpsde (\S+)", asked.stdout)
    if found is None:
        raise InstallError(f"{program} does not say its version; {HELP}")
    if found[1] != VERSION:
        raise InstallError(
            f"{program} is sharpsde {found[1]} and this package is of {VERSION}; {HELP}"
        )
    return program


def recipes_folder() -> Path:
    """Where the recipes that come with the command stand: installed, or in its source tree."""
    root = find().parent.parent
    installed = root / "share" / "sharpsde" / "recipes"
    return installed if installed.is_dir() else root / "experiments" / "recipes"


def ask(*words: str) -> str:
    """What a command that runs nothing prints."""
    command = [str(find()), *words]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise _not_started(error) from None
    _judge(done.returncode, done.stderr)
    return done.stdout


def execute(
    words: Sequence[str], progress: Optional[Progress], cancel: Optional[threading.Event] = None
) -> str:
    """Run a command to its end and return what it says on stderr, its progress left out.

    Its standard error is a terminal of ours, since it shows progress on a terminal only. An
    interrupt, or any other exception, and the cancel event stop the command before they go on; the
    system stops it should Python itself be killed.
    """
    with Terminal(progress) as terminal:
        try:
            process = subprocess.Popen(
                [*_bound_to_us(), str(find()), *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=terminal.end_of_command,
                env={**os.environ, "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "passive")},
            )
        except OSError as error:
            raise _not_started(error) from None
        try:
            while terminal.read(process):
                if cancel is not None and cancel.is_set():
                    raise Cancelled
            said = terminal.said()
            _judge(process.wait(), said)
            return said
        except BaseException:
            stop(process)
            raise


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and end it where it does not, or where we are interrupted again."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(PATIENCE)
    except BaseException:
        process.kill()
        process.wait()


def _bound_to_us() -> list[str]:
    """Words before a command that let it end with its parent, where util-linux has them."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "TERM"] if program else []


def _not_started(error: OSError) -> RecipeError:
    return RecipeError(
        f"the command cannot be started: {error.strerror}; a long list belongs in a recipe given "
        "as a dict, not in set()"
    )


def _judge(status: int, said: str) -> None:
    if status == 0:
        return
    lines = said.strip().splitlines()
    errors = [line[len("sharpsde: ") :] for line in lines if line.startswith("sharpsde: ")]
    message = errors[-1] if errors else said.strip()
    if status == INPUT_IS_WRONG:
        raise RecipeError(message)
    if status < 0:
        raise RunError(f"the command was ended by signal {-status}; {message}".rstrip("; "))
    raise RunError(message or f"the command ended with status {status} and said nothing")
