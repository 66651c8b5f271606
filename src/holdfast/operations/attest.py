"""Has the log looked at and read in full, and records what that finds.

A finding is a failed check in the log itself, from which the incident follows. Where
the log takes or shows nothing any more, the response team is told without it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from holdfast.domain.events.governance import LedgerChecked
from holdfast.errors import HoldfastError
from holdfast.journal import BrokenEntryError, Fact
from holdfast.ledger.note import parse_verifier_key
from holdfast.operations.copies import Copy, DiffersError, differing, read_back
from holdfast.operations.inspecting import Inspector
from holdfast.operations.keys import wrong_signer
from holdfast.operations.leaves import AlteredError
from holdfast.operations.log import Log
from holdfast.operations.notary import ForkError
from holdfast.operations.ports.channel import Accepted, Message
from holdfast.operations.world import World

DATABASE = "database"
_DETAIL_MAX = 600


def look(world: World) -> Sequence[Fact]:
    """Look at what is new in the log; a finding is recorded at once, and only once."""
    if world.inspector is None:
        return ()
    try:
        world.store.follow()
        world.inspector.look()
        world.log.state()
    except (AlteredError, BrokenEntryError) as fault:
        _tell(world, str(fault))
    return ()


def check_ledger(
    world: World, progress: Callable[[int, int], None] | None = None
) -> LedgerChecked:
    """Recompute the whole log from its entries, and record the result."""
    inspector = world.inspector or _inspector_of(world)
    event = read_in_full(world.log, inspector, progress)
    try:
        world.log.record([Fact(event, event.at)])
    except HoldfastError:
        _alarm(world, event.detail)
    return event


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check came to; ``ok`` is ``None`` where nothing could be seen."""

    part: str
    ok: bool | None
    size: int
    detail: str


def check_all(
    log: Log,
    inspector: Inspector,
    copies: Sequence[Copy],
    progress: Callable[[int, int], None] | None = None,
) -> Sequence[Checked]:
    """Check the log and every copy in full, and record what was seen."""
    event = read_in_full(log, inspector, progress)
    facts = [Fact(event, event.at)]
    found = [Checked(DATABASE, event.ok, event.size, event.detail)]
    for copy in copies:
        part = f"copy {copy.name}"
        try:
            copy.look()
            read = read_back(copy, log.now(), log.store, progress)
        except (DiffersError, ForkError) as fault:
            read = differing(copy.name, log.store, fault, log.now())
        except HoldfastError as fault:
            found.append(Checked(part, None, 0, f"{fault}. {fault.hint}"))
            continue
        facts.append(Fact(read, read.at))
        found.append(Checked(part, read.ok, read.size, read.detail))
    try:
        log.record(facts)
    except HoldfastError as fault:
        # What was found must be heard of all the same.
        found.append(Checked("record of this check", None, 0, f"{fault}. {fault.hint}"))
    return found


def read_in_full(
    log: Log,
    inspector: Inspector,
    progress: Callable[[int, int], None] | None = None,
) -> LedgerChecked:
    """Recompute the whole log; return what is to be recorded of it."""
    try:
        size, root = inspector.read(progress)
    except AlteredError as fault:
        return _failed(log, str(fault))
    detail = f"{size:,} entries verified"
    return LedgerChecked(size, _text(root), True, DATABASE, detail, log.now())


def record_signing(world: World) -> LedgerChecked | None:
    """Record that the log is not signed any more and why, or that it is again.

    Recorded once for each turn, and again with every verification while it lasts, so
    that a refusal never ages out of the standing.
    """
    refusal = world.notary.refusal
    known = {c.scope: c for c, _ in world.log.state().ledger_checks}.get("signing")
    mended = known is not None and not known.ok and world.notary.signs
    if refusal is None and not mended:
        return None
    size, root = world.store.root()
    event = LedgerChecked(
        size=size,
        root=base64.b64encode(root).decode(),
        ok=refusal is None,
        scope="signing",
        detail="checkpoints are signed again" if refusal is None else str(refusal),
        at=world.clock.now(),
    )
    world.log.record([Fact(event, event.at)])
    return event


def _inspector_of(world: World) -> Inspector:
    trusted = (parse_verifier_key(world.notary.verifier_key),)
    return Inspector(
        world.store, lambda note: wrong_signer(note, world.log.state().custody, trusted)
    )


def _tell(world: World, detail: str) -> None:
    """Record the finding, once while the database is suspect; or tell past the log."""
    event = _failed(world.log, detail)
    try:
        if DATABASE not in world.log.state().tampering.suspects:
            world.log.record([Fact(event, event.at)])
    except HoldfastError:
        _alarm(world, detail)


def _failed(log: Log, detail: str) -> LedgerChecked:
    try:
        size, root = log.store.root()
    except (HoldfastError, ValueError):
        size, root = 0, b""
    detail = detail[:_DETAIL_MAX]
    return LedgerChecked(size, _text(root), False, DATABASE, detail, log.now())


def _text(root: bytes) -> str:
    return base64.b64encode(root).decode()


def _alarm(world: World, detail: str) -> None:
    """Tell the response team by Slack, past a log that is of no use any more.

    Nothing of this can be recorded. It is tried with each look until Slack took it.
    """
    address, slack = world.addresses.get("channel:irt"), world.channels.get("slack")
    inspector = world.inspector
    if address is None or slack is None or inspector is None:
        return
    key = f"tampering/{hashlib.sha256(detail.encode()).hexdigest()[:16]}"
    if key in inspector.alarmed:
        return
    text = (
        f"{DATABASE}: {detail}. The log cannot be read or written, so that this is "
        "told without it. Keep the database and every copy as they are, and go by the "
        "runbook: the log was tampered with."
    )
    said = slack.send(Message(key, "The audit log was tampered with", text), address)
    if isinstance(said, Accepted):
        inspector.alarmed.add(key)
