"""What the command prints for people: shown as it is, and looked up by name."""

from __future__ import annotations

import re
from typing import Iterator, Mapping

from .command import ask


class Text(str):
    """A text that Python and notebooks show as it is, without quotes."""

    def __repr__(self) -> str:
        return str(self)


class Listing(Mapping[str, Text]):
    """A list that the command prints: the text of each entry under its name, which for observables
    may stand for those of several losses."""

    def __init__(self, topic: str) -> None:
        self._text = ask("list", topic)
        texts: dict[str, list[str]] = {}
        for entry in re.finditer(r"(?m)^  (\S+).*\n(?:   .*\n)*", self._text):
            texts.setdefault(entry[1], []).append(entry[0].rstrip())
        self._entries = {name: Text("\n".join(entries)) for name, entries in texts.items()}

    def __getitem__(self, name: str) -> Text:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return self._text.rstrip()


def explain(optimizer: str) -> Text:
    """An optimizer's update, its SDE to each order, its regulariser and the theorem."""
    return Text(ask("explain", optimizer))


def new(study: str) -> Text:
    """A commented starter recipe of a study."""
    return Text(ask("new", study))


def losses() -> Listing:
    """The losses, with their keys."""
    return Listing("losses")


def optimizers() -> Listing:
    """The optimizers."""
    return Listing("optimizers")


def schemes() -> Listing:
    """The schemes, with their orders and the noise that they take."""
    return Listing("schemes")


def studies() -> Listing:
    """The studies."""
    return Listing("studies")


def observables() -> Listing:
    """The observables, those of single losses too."""
    return Listing("observables")


def noise() -> Listing:
    """The keys of noise, and its structures with the keys that each reads."""
    return Listing("noise")
