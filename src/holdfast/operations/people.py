"""Names and addresses: sealed in the erasable table, read when they are needed.

The table mirrors the catalogue in force, but for those who were erased. Who was erased
is an entry, and it is asked before any row is opened: what a restored database or
backup brings back is read by nobody.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from holdfast.domain.catalogue import Catalogue, Contact
from holdfast.domain.memory.people import Erasures, forgotten
from holdfast.domain.separation import contacts_of, references_of
from holdfast.errors import HoldfastError
from holdfast.operations.ports.people import Keyring, PersonalChange
from holdfast.operations.ports.store import Store

SETTINGS = "settings:"
# No entry is written with it, so that any moment does.
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of somebody: the contact, and the salt of its commitment."""

    contact: Contact
    salt: str

    def commitment(self, reference: str) -> str:
        """Return what the adopted catalogue says instead of the contact."""
        data = f"{self.salt}\n{reference}\n{_plain(self.contact)}"
        return hashlib.sha256(data.encode()).hexdigest()

    def as_json(self) -> str:
        """Return it as it is sealed."""
        return json.dumps({"salt": self.salt, **asdict(self.contact)}, sort_keys=True)

    @staticmethod
    def from_json(text: str | bytes) -> Kept:
        """Read what `as_json` wrote.

        Raises `HoldfastError` for anything else.
        """
        try:
            values = json.loads(text)
            salt = values.pop("salt")
            contact = Contact(**values)
        except (ValueError, TypeError, LookupError, AttributeError) as fault:
            raise _unlike() from fault
        texts = (salt, contact.email, contact.name, contact.slack, contact.phone)
        if not all(one is None or isinstance(one, str) for one in texts):
            raise _unlike()
        return Kept(contact, salt)


@dataclass(frozen=True, slots=True)
class Apart:
    """A catalogue's details, taken out: the commitments, and the change of the table.

    ``kept`` are all of them, those that changed and those that did not.
    """

    kept: Mapping[str, Kept]
    change: PersonalChange

    @property
    def commitments(self) -> dict[str, str]:
        """What stands in the adopted text, by reference."""
        return {name: kept.commitment(name) for name, kept in self.kept.items()}


class People:
    """The erasable table of a store. The keys are not asked for until they are needed.

    ``make_keyring`` is ``None`` where nothing personal is to be read or written.
    """

    def __init__(
        self, store: Store, make_keyring: Callable[[], Keyring] | None = None
    ) -> None:
        self._store = store
        self._make = make_keyring
        self._ring: Keyring | None = None

    @property
    def keyring(self) -> Keyring:
        """The keys; raises `HoldfastError` where there are none."""
        if self._ring is None:
            if self._make is None:
                raise HoldfastError(
                    "there is no key for personal data here",
                    "Open the log with its home's settings.",
                )
            self._ring = self._make()
        return self._ring

    def kept(self, reference: str) -> Kept | None:
        """Return what is kept of somebody, ``None`` if nothing is.

        Raises `HoldfastError` where it does not open with this home's key.
        """
        row = self._store.person(reference)
        return None if row is None else Kept.from_json(self.keyring.open(row))

    def opened(self) -> dict[str, str]:
        """Return every row as it was sealed, by reference: for a backup."""
        rows = self._store.people()
        return {one.reference: self.keyring.open(one).decode() for one in rows}

    def all(self) -> dict[str, Kept]:
        """Return what is kept of everybody, by reference."""
        rows = [one for one in self._store.people() if _is_somebody(one.reference)]
        return {one.reference: Kept.from_json(self.keyring.open(one)) for one in rows}

    def keep_settings(self, node: str, text: str) -> None:
        """Keep a node's settings among what is backed up: they name people, too."""
        reference = settings_reference("holdfast.toml", node)
        row = self._store.person(reference)
        with suppress(HoldfastError):
            if row is not None and self.keyring.open(row).decode() == text:
                return
        kept = PersonalChange(keep=(self.keyring.seal(reference, text.encode()),))
        self._store.append([], now=_LONG_AGO, personal=kept)

    def apart(self, catalogue: Catalogue) -> Apart:
        """Take a catalogue's details apart from it.

        A contact that did not change keeps its salt, so that the same catalogue leads
        to the same adopted text; of whom the catalogue does not name, nothing is kept.
        """
        before = {row.reference: row for row in self._store.people()}
        kept: dict[str, Kept] = {}
        fresh: list[tuple[str, Kept]] = []
        for reference, contact in contacts_of(catalogue).items():
            row = before.get(reference)
            known = None if row is None else Kept.from_json(self.keyring.open(row))
            if known is None or known.contact != contact:
                known = Kept(contact, self.keyring.salt().hex())
                fresh.append((reference, known))
            kept[reference] = known
        gone = [name for name in before if _is_somebody(name) and name not in kept]
        rows = [(name, one.as_json()) for name, one in fresh]
        return Apart(kept, self.change_to(rows, gone))

    def change_to(
        self, kept: Collection[tuple[str, str]], gone: Collection[str]
    ) -> PersonalChange:
        """Return the change that keeps these and erases those."""
        rows = tuple(self.keyring.seal(name, text.encode()) for name, text in kept)
        return PersonalChange(keep=rows, erase=tuple(sorted(gone)))

    def missing(self, catalogue: Catalogue) -> tuple[str, ...]:
        """Return of whom the catalogue names nothing can be found."""
        held = {row.reference for row in self._store.people()}
        held |= contacts_of(catalogue).keys()
        return tuple(one for one in references_of(catalogue) if one not in held)

    def replay(self, erasures: Erasures) -> int:
        """Destroy again what erasures destroyed, where a restored store has it.

        Returns how many rows and texts that were.
        """
        back = [one.reference for one in self._store.people()]
        gone = tuple(name for name in back if name in erasures)
        held = [one for one in forgotten(erasures) if self._store.blob(one) is not None]
        if gone or held:
            change = PersonalChange(erase=gone, texts=tuple(sorted(held)))
            self._store.append([], now=_LONG_AGO, personal=change)
        return len(gone) + len(held)


def settings_reference(file: str, name: str) -> str:
    """Return under which reference the settings of a node or runner are kept."""
    return f"{SETTINGS}{file}:{name}"


def _is_somebody(reference: str) -> bool:
    return not reference.startswith(SETTINGS)


def _plain(contact: Contact) -> str:
    return json.dumps(asdict(contact), sort_keys=True, ensure_ascii=True)


def _unlike() -> HoldfastError:
    return HoldfastError(
        "what is kept of somebody is not as Holdfast writes it",
        "Bring the personal data back from a backup, or adopt the catalogue anew.",
    )
