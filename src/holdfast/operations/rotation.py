"""Puts another key in the place of the log's key, with a time in which both sign.

What counts is an entry: from it on the new key signs beside the old one, and from the
next one on alone. Each step is refused while it would leave somebody unable to verify.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from holdfast.domain.controls.judging import Situation
from holdfast.domain.events.custody import LedgerKeyRetired, LedgerKeyRotated
from holdfast.domain.events.witness import WitnessRetired
from holdfast.domain.memory.custody import all_keys, keys_in_force
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import SigningKey
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.note import (
    Note,
    Signature,
    VerifierKey,
    parse_note,
    parse_verifier_key,
    verify,
)
from holdfast.operations.key_acts import Warrant, warrant
from holdfast.operations.ports.store import MovedOnError
from holdfast.operations.respond import Desk
from holdfast.operations.witnessing import Unanswered, Witness

# Not the form of a checkpoint: what is signed here commits to nothing.
TRIAL = b"holdfast: does this key sign?\n"

Change = TypeVar("Change", LedgerKeyRotated, LedgerKeyRetired)


class KeyChangeError(HoldfastError):
    """The step would leave the log unsigned, or somebody unable to verify it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a copy off-site shows: its name, and its newest checkpoint."""

    name: str
    note: bytes | None


def rotate(desk: Desk, holders: Sequence[SigningKey]) -> LedgerKeyRotated:
    """Record that the second holder's key signs beside the first one's from now on."""
    subject = str(holders[-1].key)
    known = warrant(desk, desk.situation(), "rotate_key", subject)
    if len(holders) < 2:  # noqa: PLR2004
        raise KeyChangeError(
            "the settings name no next key",
            'Make one with `holdfast ledger key create`, and set next_key = "FILE".',
        )
    old, new = holders[0].key, holders[1].key
    if new.name != old.name:
        raise KeyChangeError(
            f"the next key is of {new.name}, the log is {old.name}",
            "A key is made for one log: create it with the log's own origin.",
        )
    for holder in holders[:2]:
        try_out(holder)
    return _record_rotation(desk, known, old, new)


def retire(
    desk: Desk,
    holders: Sequence[SigningKey],
    shown: Sequence[Shown],
    witnesses: Sequence[Witness] = (),
) -> LedgerKeyRetired:
    """Record that the older of two keys signs no more.

    First both must have signed what every copy shows, and each witness must be ready to
    go on with the new key alone.
    """
    situation = desk.situation()
    known = warrant(desk, situation, "rotate_key", str(holders[0].key))
    in_force = _in_force(situation, holders[0].key)
    if len(in_force) < 2:  # noqa: PLR2004
        raise KeyChangeError(
            f"{in_force[0]} is the log's only key and cannot be retired",
            "Put another beside it first: holdfast ledger key rotate.",
        )
    old, *rest = map(parse_verifier_key, in_force)
    ready = [holder for holder in holders if holder.key in rest]
    if not ready:
        raise KeyChangeError(
            f"the settings have no key that stays: {', '.join(map(str, rest))}",
            "Name it as next_key, or as key, before the old one goes.",
        )
    try_out(ready[0])
    note = desk.log.store.checkpoint()
    _require_overlap("this log", note, in_force)
    for copy in shown:
        _require_overlap(f"the copy {copy.name}", copy.note, in_force)
    assert note is not None
    for witness in witnesses:
        _require_ready(witness, note, ready[0].key)
    return _record(
        desk,
        known,
        lambda now_in: LedgerKeyRetired(
            str(old), now_in.state.size + 1, desk.person, known.signed_in, now_in.now
        ),
    )


def retire_witness(desk: Desk, name: str, reason: str) -> WitnessRetired:
    """Record that a witness is asked no more, and why; its trouble is ended with it."""
    situation = desk.situation()
    known = warrant(desk, situation, "retire_witness", name)
    if name not in situation.state.witnesses:
        names = ", ".join(sorted(situation.state.witnesses)) or "none"
        raise KeyChangeError(
            f"the log knows no witness {name}", f"It knows of: {names}."
        )
    if not reason.strip():
        raise KeyChangeError("no reason is given", "Say why: it stands in the log.")
    signed, now = known.signed_in, situation.now
    event = WitnessRetired(name, reason, desk.person, signed, now)
    desk.record([*known.beside, Fact(event, now, actor=f"person:{desk.person}")])
    return event


def try_out(holder: SigningKey) -> None:
    """Return if the holder signs with the key that it is said to have."""
    line = Signature(holder.key.name, holder.key.id, holder.sign_bytes(TRIAL))
    try:
        verify(Note(TRIAL.decode(), (line,)), (holder.key,))
    except LedgerError:
        raise KeyChangeError(
            f"the signature does not fit the key {holder.key}",
            "Another key signs there: give the public key that belongs to it.",
        ) from None


def _record_rotation(
    desk: Desk, known: Warrant, old: VerifierKey, new: VerifierKey
) -> LedgerKeyRotated:
    def rotated(situation: Situation) -> LedgerKeyRotated:
        in_force = _in_force(situation, old)
        if str(new) in in_force and len(in_force) > 1:
            raise KeyChangeError(
                f"the rotation to {new} is under way already",
                "End it with `holdfast ledger key retire`, once everybody knows it.",
            )
        if str(new) in in_force:
            raise KeyChangeError(
                f"{new} is the log's key already",
                "Create another key to rotate to.",
            )
        if len(in_force) > 1:
            raise KeyChangeError(
                f"a rotation is under way: {' and '.join(in_force)} both sign",
                "End it with `holdfast ledger key retire` before you begin another.",
            )
        if str(new) in all_keys(situation.state.custody):
            raise KeyChangeError(
                f"{new} was retired before", "A key never comes back: create another."
            )
        if str(old) not in in_force:
            raise KeyChangeError(
                f"the key of the settings, {old}, is not the log's: {in_force[0]}",
                "Put the log's own key back into the settings.",
            )
        size = situation.state.size + 1
        by, signed = desk.person, known.signed_in
        return LedgerKeyRotated(str(old), str(new), size, by, signed, situation.now)

    return _record(desk, known, rotated)


def _in_force(situation: Situation, first: VerifierKey) -> tuple[str, ...]:
    custody, size = situation.state.custody, situation.state.size
    return keys_in_force(custody, size) or (str(first),)


def _record(desk: Desk, known: Warrant, make: Callable[[Situation], Change]) -> Change:
    """Record an event at the very size that it names, what goes with it after it."""
    while True:
        situation = desk.situation()
        event = make(situation)
        fact = Fact(event, situation.now, actor=f"person:{desk.person}")
        try:
            desk.log.record([fact, *known.beside], expected_size=situation.state.size)
        except MovedOnError:
            continue
        return event


def _require_overlap(who: str, note: bytes | None, keys: Sequence[str]) -> None:
    lines = parse_note(note).signatures if note is not None else ()
    there = {(line.name, line.key_id) for line in lines}
    wanted = [parse_verifier_key(key) for key in keys]
    missing = [key for key in wanted if (key.name, key.id) not in there]
    if missing:
        raise KeyChangeError(
            f"{who} shows no checkpoint that both keys signed: "
            f"{', '.join(map(str, missing))} is missing",
            "Let the node run with both keys until one is signed and published.",
        )


def _require_ready(witness: Witness, note: bytes, key: VerifierKey) -> None:
    """Refuse unless the witness takes a checkpoint with the new key's signature alone.

    It is the very text that it was offered before, so that nothing new is shown.
    """
    parsed = parse_note(note)
    own = (key.name, key.id)
    lines = tuple(one for one in parsed.signatures if (one.name, one.key_id) == own)
    size = int(parsed.text.split("\n")[1])
    offered = Note(parsed.text, lines).to_bytes()
    said = witness.cosign(offered, size, size, lambda _: ())
    if isinstance(said, Unanswered):
        raise KeyChangeError(
            f"the witness {witness.name} would not go on with the new key: "
            f"{said.detail}",
            f"Have its operator run: holdfast witness trust '{key}'. Or retire the "
            "witness first.",
        )
