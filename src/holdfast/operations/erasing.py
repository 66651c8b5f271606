"""Who is kept, what is kept of them, and how they are erased on their request.

An erasure destroys the row with its key, and the adopted texts that hold the person, in
one transaction with the one entry that says so. The pseudonym stays in the log: it is
what other entries refer to, and leads to nobody any more.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from holdfast.domain.catalogue import Catalogue, Contact
from holdfast.domain.declare import parse_catalogue
from holdfast.domain.events.governance import CatalogueAdopted
from holdfast.domain.events.people import PersonErased, Reason
from holdfast.domain.questions import ROLE_NAMES, Role
from holdfast.domain.separation import commitments_of, contacts_of, references_of
from holdfast.domain.state import State
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.journal import read as read_entry
from holdfast.operations.authority import require
from holdfast.operations.log import Log
from holdfast.operations.ports.people import PersonalChange
from holdfast.operations.ports.store import MovedOnError, Store

READ_AT_ONCE = 4_096
_ADOPTED = b'"catalogue.adopted"'
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody that the catalogue in force or an erasure names, by pseudonym."""

    reference: str
    roles: tuple[str, ...]
    kept: bool
    erased_at: str | None = None


@dataclass(frozen=True, slots=True)
class Mentioned:
    """The entries of one type that name a pseudonym."""

    type: str
    count: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is known of somebody: what to answer a person who asks.

    ``matches`` says whether the contact is the one that the adopted text commits to.
    """

    reference: str
    roles: tuple[str, ...]
    affiliation: str | None
    contact: Contact | None
    salt: str | None
    commitment: str | None
    matches: bool | None
    erased_at: str | None
    mentioned: tuple[Mentioned, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did, and what stays. ``index`` is that of its entry."""

    reference: str
    index: int
    already: bool
    texts: tuple[str, ...]
    last_of: tuple[Role, ...]
    mentioned: tuple[Mentioned, ...]


def listed(log: Log) -> tuple[Listed, ...]:
    """Return whom the log knows, without what is kept of them."""
    state = log.state()
    rules = log.rules(state)
    kept = {row.reference for row in log.store.people()}
    found = {}
    if rules is not None:
        catalogue = rules.catalogue
        kept |= contacts_of(catalogue).keys()
        for name in references_of(catalogue):
            found[name] = Listed(name, _roles(catalogue, name), name in kept)
    for name, erasure in state.erasures.items():
        at = erasure.event.at.isoformat(timespec="seconds")
        found[name] = Listed(name, (), False, at)
    return tuple(found[name] for name in sorted(found))


def find(log: Log, name: str) -> str:
    """Return the reference that a person means.

    Raises `HoldfastError` where nobody is called so, or two are.
    """
    known = [one.reference for one in listed(log)]
    found = _called(name, known)
    if not found:
        # Who left long ago may still stand in a catalogue that was adopted then.
        known = [*known, *_named_before(log.store, log.state().size)]
        found = _called(name, known)
    if len(found) == 1:
        return found[0]
    if found:
        raise HoldfastError(
            f'"{name}" is a person and a customer', f"Write {' or '.join(found)}."
        )
    ids = [one.partition(":")[2] for one in known]
    near = difflib.get_close_matches(name.partition(":")[2] or name, ids, n=1)
    mean = f'; did you mean "{near[0]}"?' if near else ""
    hint = "See who is known: holdfast people list."
    raise HoldfastError(f'nobody is called "{name[:80]}"{mean}', hint)


def _called(name: str, known: Sequence[str]) -> list[str]:
    return [one for one in known if name in {one, one.partition(":")[2]}]


def _named_before(store: Store, size: int) -> list[str]:
    """Return whom any adopted catalogue that is still kept names."""
    scan = _Scan(store, "person:").forward(size, None)
    read = (_read(store, digest) for digest in dict.fromkeys(scan.catalogues))
    named = {name for one in read if one is not None for name in references_of(one)}
    return sorted(named)


def show(
    log: Log, person: str, reference: str, progress: Progress | None = None
) -> Shown:
    """Return all that is known of somebody, to a person whose role may see it."""
    state = log.state()
    rules = log.rules(state)
    if rules is None:
        raise _nothing_adopted()
    require(rules, person, "see_person")
    catalogue, erasure = rules.catalogue, state.erasures.get(reference)
    kept = None if erasure else log.people.kept(reference)
    commitment = commitments_of(catalogue).get(reference)
    people = {f"person:{one.id}": one for one in catalogue.people}
    named = people.get(reference)
    return Shown(
        reference=reference,
        roles=_roles(catalogue, reference),
        affiliation=named.affiliation if named else None,
        contact=kept.contact if kept else contacts_of(catalogue).get(reference),
        salt=kept.salt if kept else None,
        commitment=commitment,
        matches=kept.commitment(reference) == commitment if kept else None,
        erased_at=erasure.event.at.isoformat(timespec="seconds") if erasure else None,
        mentioned=_Scan(log.store, reference).forward(state.size, progress).result(),
    )


def erase(
    log: Log,
    person: str,
    reference: str,
    reason: Reason,
    *,
    sure: bool = False,
    progress: Progress | None = None,
) -> Erased:
    """Destroy what is kept of somebody, under the name of who orders it.

    A repeat changes nothing, unless something came back meanwhile. Raises
    `HoldfastError` where the person may not, where a role would be held by nobody and
    that was not said to be ``sure``, or where the catalogue in force holds the person
    itself.
    """
    scan = _Scan(log.store, reference)
    while True:
        state = log.state()
        rules = log.rules(state)
        if rules is None:
            raise _nothing_adopted()
        require(rules, person, "erase_person")
        last = _last_seats(rules.catalogue, reference)
        if last and not sure:
            raise _last_seat(reference, last)
        scan.forward(state.size, progress)
        texts = _texts_with(log.store, scan.catalogues, state, reference)
        known = state.erasures.get(reference)
        if known and not texts and log.store.person(reference) is None:
            return Erased(reference, known.index, True, (), last, scan.result())
        now = log.now()
        digest = _digest(_commitments(log.store, scan.catalogues, reference))
        event = PersonErased(reference, reason, digest, texts, person, now)
        gone = PersonalChange(erase=(reference,), texts=texts)
        try:
            done = log.record(
                [Fact(event, now, actor=f"person:{person}")],
                personal=gone,
                expected_size=state.size,
            )
        except MovedOnError:
            continue  # Somebody may have been adopted anew: look again.
        return Erased(reference, done.indices[0], False, texts, last, scan.result())


@dataclass(slots=True)
class _Scan:
    """Reads the log once for what names a pseudonym, and which catalogues it had."""

    store: Store
    reference: str
    size: int = 0
    catalogues: list[str] = field(default_factory=list)
    found: dict[str, list[int]] = field(default_factory=dict)

    def forward(self, stop: int, progress: Progress | None) -> _Scan:
        """Read on to ``stop``."""
        pattern = _mention(self.reference)
        while self.size < stop:
            entries = self.store.read(self.size, min(self.size + READ_AT_ONCE, stop))
            for index, data in enumerate(entries, self.size):
                if _ADOPTED in data:
                    event = read_entry(index, data).event
                    if isinstance(event, CatalogueAdopted):
                        self.catalogues.append(event.digest)
                if pattern.search(data):
                    self.found.setdefault(json.loads(data)["type"], []).append(index)
            self.size += len(entries)
            if progress:
                progress(self.size, stop)
        return self

    def result(self) -> tuple[Mentioned, ...]:
        """Return what was found, by type."""
        return tuple(
            Mentioned(kind, len(indices), indices[0], indices[-1])
            for kind, indices in sorted(self.found.items())
        )


def _mention(reference: str) -> re.Pattern[bytes]:
    """Return what finds a pseudonym: as a reference, or as the id of who did it."""
    kind, _, name = reference.partition(":")
    whole = rf"(?<![\w-]){re.escape(reference)}(?![\w-])"
    by = rf'"(?:by|approved_by)":"{re.escape(name)}"'
    return re.compile((f"{whole}|{by}" if kind == "person" else whole).encode())


def _texts_with(
    store: Store, catalogues: Sequence[str], state: State, reference: str
) -> tuple[str, ...]:
    """Return the adopted catalogues that hold the person, as older Holdfasts kept them.

    Raises `HoldfastError` for the one in force: without it nobody would be judged.
    """
    texts = []
    for digest in dict.fromkeys(catalogues):
        catalogue = _read(store, digest)
        if catalogue is not None and reference in contacts_of(catalogue):
            texts.append(digest)
    in_force = state.adopted.catalogue
    if in_force is not None and in_force.digest in texts:
        raise HoldfastError(
            "the catalogue in force was adopted with names and addresses in it",
            "Adopt the same folder anew, which takes them out; then erase: holdfast "
            "policy adopt FOLDER.",
            in_force.digest,
        )
    return tuple(texts)


def _commitments(store: Store, catalogues: Sequence[str], reference: str) -> list[str]:
    found = []
    for digest in dict.fromkeys(catalogues):
        catalogue = _read(store, digest)
        if catalogue is not None:
            found.append(commitments_of(catalogue).get(reference))
    return sorted({one for one in found if one})


def _read(store: Store, digest: str) -> Catalogue | None:
    data = store.blob(digest)
    try:
        return None if data is None else parse_catalogue(data.decode(), adopted=True)
    except HoldfastError:
        return None  # Of another Holdfast; it is not what is in force.


def _digest(commitments: Sequence[str]) -> str:
    """Return a digest over the commitments, one a line, in order."""
    data = "".join(f"{one}\n" for one in commitments)
    return hashlib.sha256(data.encode()).hexdigest()


def _roles(catalogue: Catalogue, reference: str) -> tuple[str, ...]:
    people = {f"person:{one.id}": tuple(one.roles) for one in catalogue.people}
    customers = {f"customer:{one.id}": one.services for one in catalogue.customers}
    return people.get(reference, customers.get(reference, ()))


def _last_seats(catalogue: Catalogue, reference: str) -> tuple[Role, ...]:
    def alone(role: Role) -> bool:
        return [f"person:{one.id}" for one in catalogue.holders(role)] == [reference]

    return tuple(role for role in ROLE_NAMES if alone(role))


def _last_seat(reference: str, roles: Sequence[Role]) -> HoldfastError:
    names = " and ".join(ROLE_NAMES[role] for role in roles)
    return HoldfastError(
        f"{reference} is the last one in the {names}",
        "Adopt a catalogue first in which somebody else is; or say --yes, and nobody "
        "holds it until you do.",
    )


def _nothing_adopted() -> HoldfastError:
    return HoldfastError(
        "no policy is adopted yet", "Adopt one: holdfast policy adopt FOLDER."
    )
