"""Puts policy, overlay, catalogue and holidays in force, by adoption entries only.

Everything is read and checked first, and all faults are reported at once; the texts
are kept beside the log before the entries that name their digests. Names and addresses
are taken out of the catalogue before: they go to the erasable table, in one
transaction with the entries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import tzdata

from holdfast.domain.answers import CalendarAnswer
from holdfast.domain.catalogue import Catalogue
from holdfast.domain.declare import parse_catalogue
from holdfast.domain.events.governance import (
    CatalogueAdopted,
    HolidaysAdopted,
    OverlayAdopted,
    PolicyAdopted,
    RunbookAdopted,
    RunbookWithdrawn,
)
from holdfast.domain.events.kinds import Event
from holdfast.domain.holiday_table import HolidayTable, holiday_table
from holdfast.domain.memory.people import Erasures
from holdfast.domain.overlay import Overlay, parse_overlay
from holdfast.domain.policy.compiler import compile_policy
from holdfast.domain.policy.model import CompiledPolicy
from holdfast.domain.rules import Rules, resolve
from holdfast.domain.runbook import Runbook, parse_runbook
from holdfast.domain.separation import references_of, separate
from holdfast.domain.state import Adopted
from holdfast.errors import FaultsError, HoldfastError
from holdfast.journal import Fact
from holdfast.operations.authority import require
from holdfast.operations.log import Log
from holdfast.operations.ports.clock import Clock
from holdfast.operations.ports.store import Store

HOLIDAYS_BACK, HOLIDAYS_AHEAD = 1, 3


@dataclass(frozen=True, slots=True)
class Texts:
    """A resilience folder's texts, as read."""

    policy: str
    catalogue: str
    overlay: str | None
    # By the name of the file; each leads the recovery of its datastores.
    runbooks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """The texts, read and found consistent."""

    policy: CompiledPolicy
    catalogue: Catalogue
    overlay: Overlay | None
    runbooks: tuple[Runbook, ...] = ()


def check(texts: Texts) -> Checked:
    """Read everything; raises `FaultsError` with every fault of every file."""
    faults: list[HoldfastError] = []
    policy = compile_policy(texts.policy)
    if not policy.sentences:
        faults.append(
            HoldfastError(
                "the policy has no sentence",
                "Write the policy as Markdown text: headings, sentences, lists.",
                "policy.md",
            )
        )
    catalogue = None
    try:
        catalogue = parse_catalogue(texts.catalogue)
    except HoldfastError as error:
        faults.extend(_single(error))
    overlay = None
    if texts.overlay is not None:
        try:
            overlay = parse_overlay(texts.overlay, policy, catalogue)
        except HoldfastError as error:
            faults.extend(_single(error))
    runbooks = _runbooks(texts, catalogue, faults)
    if faults or catalogue is None:
        raise FaultsError("the resilience folder has faults", tuple(faults))
    return Checked(policy, catalogue, overlay, runbooks)


def adopt(log: Log, clock: Clock, texts: Texts, person: str) -> Rules:
    """Put the texts in force under the person's name; return the rules.

    What is in force already is not adopted again. Raises `HoldfastError` where the
    person may not, or a text has faults: then nothing changes.
    """
    checked = check(texts)
    now = clock.now()
    table = _holidays(checked, now.year)
    rules = resolve(checked.policy, checked.overlay, checked.catalogue, table)
    state = log.state()
    adopted = state.adopted
    _refuse_erased(checked.catalogue, state.erasures)
    # What is kept beside the log for good names nobody; the rest can be erased.
    apart = log.people.apart(checked.catalogue)
    written, texts = (
        texts,
        replace(texts, catalogue=separate(texts.catalogue, apart.commitments)),
    )
    _keep_again(log.store, adopted, (written, texts), table)
    require(log.rules(log.state()) or rules, person, "adopt")
    store = log.store
    events: list[Event] = []
    digest = store.put_blob(texts.policy.encode())
    if adopted.policy is None or adopted.policy.digest != digest:
        count = len(checked.policy.sentences)
        title = checked.policy.title
        events.append(PolicyAdopted(digest, title, count, person, now))
    digest = store.put_blob(texts.catalogue.encode())
    if adopted.catalogue is None or adopted.catalogue.digest != digest:
        events.append(CatalogueAdopted(digest, person, now))
    if texts.overlay is not None or adopted.overlay is not None:
        # An overlay that is gone takes its decisions along: an empty one follows it.
        digest = store.put_blob((texts.overlay or "").encode())
        if adopted.overlay is None or adopted.overlay.digest != digest:
            count = len(checked.overlay.decisions) if checked.overlay else 0
            events.append(OverlayAdopted(digest, count, person, now))
    if table is not None:
        digest = store.put_blob(table.text().encode())
        if adopted.holidays is None or adopted.holidays.digest != digest:
            events.append(_holidays_adopted(digest, table, now))
    events += _runbooks_adopted(store, adopted, texts, checked, person, now)
    facts = [Fact(event, now, actor=f"person:{person}") for event in events]
    log.record(facts, personal=apart.change)
    return rules


def _runbooks(
    texts: Texts, catalogue: Catalogue | None, faults: list[HoldfastError]
) -> tuple[Runbook, ...]:
    found, led = [], dict[str, str]()
    for name, text in texts.runbooks:
        try:
            runbook = parse_runbook(name, text, catalogue)
        except HoldfastError as error:
            faults.extend(_single(error))
            continue
        found.append(runbook)
        for datastore in runbook.datastores:
            other = led.setdefault(datastore, name)
            if other != name:
                message = f"{datastore} is led by {other} already"
                hint = "One runbook leads the recovery of a datastore."
                faults.append(HoldfastError(message, hint, name))
    return tuple(found)


def _runbooks_adopted(
    store: Store,
    adopted: Adopted,
    texts: Texts,
    checked: Checked,
    person: str,
    now: datetime,
) -> list[Event]:
    events: list[Event] = []
    for (name, text), runbook in zip(texts.runbooks, checked.runbooks, strict=True):
        digest = store.put_blob(text.encode())
        known = adopted.runbooks.get(name)
        if known is None or known.digest != digest:
            led, owner = runbook.datastores, runbook.owner
            count = len(runbook.steps)
            events.append(RunbookAdopted(name, digest, led, owner, count, person, now))
    there = {name for name, _ in texts.runbooks}
    gone = sorted(set(adopted.runbooks) - there)
    return [*events, *(RunbookWithdrawn(name, person, now) for name in gone)]


def _refuse_erased(catalogue: Catalogue, erasures: Erasures) -> None:
    """Refuse who was erased: entries under the pseudonym shall mean nobody else."""
    faults = tuple(
        HoldfastError(
            f"{reference} was erased on {erasures[reference].event.at:%Y-%m-%d}",
            "Take them out of the catalogue. Somebody else needs another id.",
            f"catalogue.toml: {reference}",
        )
        for reference in references_of(catalogue)
        if reference in erasures
    )
    if faults:
        raise FaultsError("the resilience folder has faults", faults)


def _keep_again(
    store: Store,
    adopted: Adopted,
    forms: Sequence[Texts],
    table: HolidayTable | None,
) -> None:
    """Mend a text in force that is no longer kept: without it nobody is judged.

    An older Holdfast adopted the catalogue as it was written.
    """
    in_force = (adopted.policy, adopted.catalogue, adopted.overlay, adopted.holidays)
    digests = {each.digest for each in in_force if each is not None}
    holidays = table.text() if table is not None else ""
    kept = [
        text
        for texts in forms
        for text in (texts.policy, texts.catalogue, texts.overlay or "")
    ]
    for text in (*kept, holidays):
        data = text.encode()
        if f"sha256:{hashlib.sha256(data).hexdigest()}" in digests:
            store.put_blob(data)


def _holidays(checked: Checked, year: int) -> HolidayTable | None:
    rules = resolve(checked.policy, checked.overlay, checked.catalogue, None)
    answer = rules.terms["business_calendar"].value
    if not isinstance(answer, CalendarAnswer) or answer.region is None:
        return None
    country, _, subdivision = answer.region.partition("-")
    return holiday_table(
        country, subdivision or None, year - HOLIDAYS_BACK, year + HOLIDAYS_AHEAD
    )


def _holidays_adopted(
    digest: str, table: HolidayTable, now: datetime
) -> HolidaysAdopted:
    return HolidaysAdopted(
        digest=digest,
        jurisdiction=table.region,
        first_year=table.first_year,
        last_year=table.last_year,
        time_zone_data=tzdata.IANA_VERSION,
        at=now,
    )


def _single(error: HoldfastError) -> tuple[HoldfastError, ...]:
    return error.faults if isinstance(error, FaultsError) else (error,)
