"""Progress of a run: what the command draws on the terminal that it is given, shown where the user
looks, in a terminal or in a notebook."""

from __future__ import annotations

import codecs
import os
import re
import select
import subprocess
import sys
import tty
from types import TracebackType
from typing import Any, Callable, Optional, Type

CLEAR = "\r\x1b[K"
BAR = re.compile(r"\[[#.]+\] +\d+ %[^\r\n]*")
TICK = 0.1  # seconds between two looks at a process

Progress = Callable[[str], None]  # takes a line to show in place of the last one; "" at the end


def default_progress() -> Optional[Progress]:
    """Shows lines in the notebook or terminal that Python runs in; None where there is neither."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None and hasattr(shell, "kernel"):
        return _Notebook()
    if sys.stderr is not None and sys.stderr.isatty():
        return _on_terminal
    return None


def _on_terminal(line: str) -> None:
    sys.stderr.write(CLEAR + line)
    sys.stderr.flush()


class _Notebook:
    """One output of the cell, replaced with each line; made with the first one."""

    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, line: str) -> None:
        from IPython.display import display

        if self._handle is not None:
            self._handle.update({"text/plain": line}, raw=True)
        elif line:
            self._handle = display({"text/plain": line}, raw=True, display_id=True)


class Terminal:
    """The standard error of a command: a terminal where progress is wanted, else a pipe."""

    def __init__(self, progress: Optional[Progress]) -> None:
        self._progress = progress
        self._said, self._line = "", ""  # all up to the last bar, and from it on
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._shown = False
        try:
            if progress is None:
                raise OSError
            self._ours, self.end_of_command = os.openpty()
            tty.setraw(self.end_of_command)  # line ends stay as they are
        except OSError:
            self._ours, self.end_of_command = os.pipe()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        where: Optional[TracebackType],
    ) -> None:
        if self._progress and self._shown:
            self._progress("")
        os.close(self._ours)
        os.close(self.end_of_command)

    def read(self, process: subprocess.Popen[bytes]) -> bool:
        """Take what has come within a tick; False once the process has ended and all is read."""
        running = process.poll() is None
        ready = select.select([self._ours], [], [], TICK if running else 0)[0]
        if ready:
            self._take(os.read(self._ours, 65536))
        return running or bool(ready)

    def said(self) -> str:
        """All that was said, without progress."""
        return self._said + BAR.sub("", self._line)

    def _take(self, read: bytes) -> None:
        self._line += self._decoder.decode(read)
        bars = BAR.findall(self._line)
        if bars and self._progress:
            self._shown = True
            self._progress(bars[-1])
        *done, self._line = self._line.split(CLEAR)
        self._said += BAR.sub("", "".join(done))
