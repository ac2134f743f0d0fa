"""What can go wrong: the installation, the recipe, the run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from .run import Run


class SharpsdeError(Exception):
    """Anything that sharpsde says went wrong."""


class InstallError(SharpsdeError):
    """The command, or a Python library that was asked for, is missing or of another version."""


class RecipeError(SharpsdeError, ValueError):
    """The input is wrong. The message is the command's own.

    file and line: where, or None (for an override, or for what stands nowhere).
    key: the key that is to blame, with its path for an override ("sde.substeps"), or None.
    sentence: what is wrong, and what is accepted.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.file: Optional[str] = None
        self.line: Optional[int] = None
        self.key: Optional[str] = None
        self.sentence = message
        place = re.match(r"(?s)(?P<file>[^\n]+?):(?P<line>\d+): (?P<rest>.*)", message)
        override = re.match(r"(?s)--set (?P<key>[^\s:=]+): (?P<rest>.*)", message)
        if place:
            self.file, self.line = place["file"], int(place["line"])
            self.sentence = place["rest"]
            self.key = _key_of(self.sentence)
        elif override:
            self.key, self.sentence = override["key"], override["rest"]


class RunError(SharpsdeError, RuntimeError):
    """The run itself failed; run holds what it left, or is None where it left nothing."""

    def __init__(self, message: str, run: Optional[Run] = None) -> None:
        super().__init__(message)
        self.run = run


class RunWarning(UserWarning):
    """What the command warned of in a run that was done."""


def _key_of(sentence: str) -> Optional[str]:
    """The key that a sentence such as "eta is 0; accepted is ..." or "unknown key 'etta'" names."""
    found = re.match(r"(?:unknown|duplicate) key (?:the quoted text )?'([^']*)'", sentence)
    found = found or re.match(r"([a-z][a-z0-9_]*)(?: is |: )", sentence)
    return found[1] if found else None
