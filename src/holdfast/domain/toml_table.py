"""TOML that people write, read with every fault collected instead of only the first.

A `Table` hands out values of the asked kind and notes a fault, with its place, for each
that is missing or wrong; it returns a harmless stand-in so that reading goes on. What
was built from stand-ins must not be used: call `Faults.raise_any` before.
"""

from __future__ import annotations

import difflib
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

from holdfast.errors import FaultsError, HoldfastError

_Kind = TypeVar("_Kind")
_Word = TypeVar("_Word", bound=str)
_LARGEST = 1 << 20
_LONGEST_TEXT = 2000


@dataclass(slots=True)
class Faults:
    """What is wrong with one file, in the order in which it was found."""

    file: str
    found: list[HoldfastError] = field(default_factory=list)

    def note(self, where: str, message: str, hint: str) -> None:
        """Note a fault at a place in the file."""
        self.found.append(HoldfastError(message, hint, f"{self.file}: {where}"))

    def raise_any(self) -> None:
        """Raise all faults together, if there are any."""
        if self.found:
            count = len(self.found)
            what = "a fault" if count == 1 else f"{count} faults"
            raise FaultsError(f"{self.file} has {what}", tuple(self.found))


class Table:
    """One table of the file; `finish` reports the keys that nobody asked for."""

    def __init__(self, values: dict[str, object], where: str, faults: Faults) -> None:
        self._values = values
        self._faults = faults
        self._asked: list[str] = []
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def text(self, key: str) -> str:
        """Return a text that must be there."""
        found = self.optional_text(key)
        if found is None and key not in self:
            self.fault(key, f"{key} is missing", f'Add {key} = "…".')
        return found or ""

    def optional_text(self, key: str) -> str | None:
        """Return a text of one line, if it is there."""
        found = self._take(key, str, 'a text, such as "…"')
        if found is None:
            return None
        if not found.strip() or len(found) > _LONGEST_TEXT or _controls(found):
            message = f"{key} is empty, too long or holds control characters"
            self.fault(key, message, f"Use 1 to {_LONGEST_TEXT} plain characters.")
            return None
        return found

    def long_text(self, key: str, default: str | None = None) -> str:
        """Return a text of any lines, which must be there unless it has a default."""
        found = self._take(key, str, 'a text, such as "…"')
        if found is None and key not in self and default is None:
            self.fault(key, f"{key} is missing", f'Add {key} = "…".')
        return found or default or ""

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty if it is not there."""
        found = self._take(key, list, 'a list of texts, such as ["…"]')
        if not all(isinstance(item, str) and item for item in found or ()):
            self.fault(key, f"{key} holds what is no text", 'Write it as ["…", "…"].')
            return ()
        for item in sorted({i for i in found or () if (found or []).count(i) > 1}):
            self.fault(key, f'"{item}" stands here twice', "Remove one of them.")
        return tuple(found or ())

    def number(self, key: str, default: int | None = None) -> int:
        """Return a whole number, which must be there unless it has a default."""
        found = self._take(key, int, "a whole number, such as 1")
        if isinstance(found, bool):
            # To Python true is a 1; to whoever wrote it, it is not.
            self.fault(key, f"{key} is no number", "Write a whole number, such as 1.")
        elif found is None and key not in self and default is None:
            self.fault(key, f"{key} is missing", f"Add {key} = 1.")
        return found if found is not None else default or 0

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """Return true or false, which must be there unless it has a default."""
        found = self._take(key, bool, "true or false, without quotes")
        if found is None and key not in self and default is None:
            self.fault(key, f"{key} is missing", f"Add {key} = true or {key} = false.")
        return bool(default if found is None else found)

    def day(self, key: str) -> date | None:
        """Return a day, if it is there."""
        found = self._take(key, date, "a day without quotes, such as 2026-11-23")
        return found.date() if isinstance(found, datetime) else found

    def choice(
        self, key: str, choices: tuple[_Word, ...], default: _Word | None
    ) -> _Word:
        """Return one of several words."""
        found = self.optional_text(key)
        if found is None and key not in self and default is None:
            self.fault(key, f"{key} is missing", f"Add one of {_list(choices)}.")
        elif found is not None and found not in choices:
            near = did_you_mean(found, choices)
            hint = f"Use one of {_list(choices)}."
            self.fault(key, f'"{found}" is no {key}{near}', hint)
        return next((word for word in choices if word == found), default or choices[0])

    def table(self, key: str) -> Table | None:
        """Return a table inside this one, if it is there."""
        found = self._take(key, dict, f"a table, [{key}]")
        return None if found is None else Table(found, self._at(key), self._faults)

    def tables(self, key: str) -> Iterator[Table]:
        """Yield the tables of a list, counted from 1 as people do."""
        found = self._take(key, list, f"a list of tables, [[{key}]]")
        for number, item in enumerate(found or (), 1):
            where = f"{self._at(key)}[{number}]"
            if isinstance(item, dict):
                yield Table(item, where, self._faults)
            else:
                hint = f"Write each under a heading [[{key}]]."
                self._faults.note(where, "this is no table", hint)

    def fault(self, key: str, message: str, hint: str) -> None:
        """Note a fault at one of the table's keys."""
        self._faults.note(self._at(key), message, hint)

    def finish(self) -> None:
        """Report the keys that have no meaning here: they would be lost unseen."""
        known = sorted(set(self._asked))
        for key in sorted(self._values.keys() - set(known)):
            near = did_you_mean(key, known)
            hint = f"Known here: {', '.join(known)}."
            self.fault(key, f'the key "{key}" means nothing here{near}', hint)

    def _at(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def _take(self, key: str, kind: type[_Kind], what: str) -> _Kind | None:
        self._asked.append(key)
        found = self._values.get(key)
        if found is None or isinstance(found, kind):
            return found
        self.fault(key, f"{key} is of the wrong kind", f"Write it as {what}.")
        return None


def read_toml(text: str, faults: Faults) -> Table:
    """Read a file's text; TOML that is broken is the one fault, as the rest is lost."""
    if len(text) > _LARGEST:
        raise HoldfastError(
            f"this is longer than {_LARGEST} characters",
            "Is it the file that you meant? Otherwise shorten it.",
            faults.file,
        )
    try:
        return Table(tomllib.loads(text), "", faults)
    except (ValueError, RecursionError) as reason:
        said = str(reason) or "nested too deep"
        raise HoldfastError(
            f"this is no TOML that can be read: {said[:1].lower()}{said[1:]}",
            "Mend that place; docs/formats shows how the file is written.",
            faults.file,
        ) from None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def _controls(text: str) -> bool:
    return any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in text)


def _list(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
