"""Signs with every key that the log's own entries have in force, and tells when not.

During a rotation two keys sign, one line each. A key that is configured and that no
entry introduced signs nothing: where a key file was put in another's place, the log
stays unsigned and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from holdfast.domain.events.custody import (
    LedgerCheckpointTaken,
    LedgerKeyIntroduced,
    LedgerSigningFailing,
    LedgerSigningResumed,
)
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import SigningKey, parse_checkpoint, signed_note
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.note import encode64, parse_note
from holdfast.operations.log import Log
from holdfast.operations.ports.signer import SignerError
from holdfast.operations.world import World

DETAIL_MAX = 300


class Ring:
    """The keys that a node holds: the one in use first, then the next.

    ``in_force`` returns, for a size, the verifier keys that may sign; without it, or
    while the log names none, the first one alone does.
    """

    def __init__(
        self,
        holders: Sequence[SigningKey],
        in_force: Callable[[int], Collection[str]] | None = None,
    ) -> None:
        self.holders = tuple(holders)
        self.name = holders[0].key.name
        self.verifier_key = str(holders[0].key)
        self._in_force = in_force

    def sign(self, text: str) -> bytes:
        """Return the signed note of a checkpoint's text."""
        try:
            named = (
                self._in_force(parse_checkpoint(text).size) if self._in_force else ()
            )
            return signed_note(text, self._chosen(named))
        except SignerError:
            raise
        except HoldfastError as fault:
            raise SignerError(fault.message, fault.hint, fault.where) from None

    def _chosen(self, named: Collection[str]) -> Sequence[SigningKey]:
        if not named:
            return self.holders[:1]
        chosen = [holder for holder in self.holders if str(holder.key) in named]
        if not chosen:
            held = ", ".join(str(holder.key) for holder in self.holders)
            raise LedgerError(
                f"the key of the settings signs nothing of this log: {held}",
                f"In force is {', '.join(sorted(named))}. Put it back, or see "
                "rotate-key.md: a key comes into force by an entry.",
            )
        return chosen


def introduce_key(log: Log, verifier_key: str) -> None:
    """Have the log name its first key, if it names none."""
    custody = log.state().custody
    if not custody.changes and custody.carried:
        now = log.now()
        log.record([Fact(LedgerKeyIntroduced(verifier_key, now), now)])


def take_checkpoint(world: World, due_at: datetime) -> Sequence[Fact]:
    """Return the newest signed checkpoint as a fact, to be posted; none if unsigned."""
    note = world.store.checkpoint()
    if note is None:
        return ()
    parsed = parse_note(note)
    signed = parse_checkpoint(parsed.text)
    now = world.clock.now()
    event = LedgerCheckpointTaken(
        origin=signed.origin,
        size=signed.size,
        root=encode64(signed.root),
        key_ids=tuple(
            line.key_id.hex()
            for line in parsed.signatures
            if line.name == signed.origin
        ),
        note=note.decode(),
        due_at=due_at,
        at=now,
    )
    return [Fact(event, now)]


def tell_of_signing(world: World) -> None:
    """Record that the key's holder does not sign, or does again, when it turns."""
    fault, failing = world.notary.fault, world.log.state().custody.failing
    now = world.clock.now()
    if fault is not None and failing is None:
        told = LedgerSigningFailing(str(fault)[:DETAIL_MAX], now)
        world.log.record([Fact(told, now)])
    elif fault is None and failing is not None and world.notary.signs:
        origin, size = world.notary.origin, world.store.size()
        world.log.record([Fact(LedgerSigningResumed(origin, size, now), now)])
