"""The ring signs with what is in force; a holder that fails stops nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from tests.operations.company import company

from holdfast.domain.events.custody import (
    LedgerKeyIntroduced,
    LedgerKeyRetired,
    LedgerKeyRotated,
    LedgerSigningFailing,
    LedgerSigningResumed,
)
from holdfast.domain.events.kinds import Event
from holdfast.domain.memory.custody import keys_in_force
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.ledger.note import VerifierKey, parse_note
from holdfast.operations.keys import wrong_signer
from holdfast.operations.notary import Notary
from holdfast.operations.ports.signer import SignerError
from holdfast.operations.signing import Ring, introduce_key

ORIGIN = "northwind.example/log"
OLD, NEW = Signer(ORIGIN, bytes(32)), Signer(ORIGIN, bytes([1]) * 32)
TEXT = Checkpoint(ORIGIN, 5, bytes(32)).text()


@dataclass
class Moody:
    """A holder that signs while it is well."""

    signer: Signer
    well: bool = True

    @property
    def key(self) -> VerifierKey:
        """The public key."""
        return self.signer.key

    def sign_bytes(self, message: bytes) -> bytes:
        """Sign, or fail."""
        if not self.well:
            raise SignerError("the module is locked", "Unlock it.")
        return self.signer.sign_bytes(message)


def ids(note: bytes) -> list[bytes]:
    """Return by which keys a note is signed."""
    return [line.key_id for line in parse_note(note).signatures]


def test_without_entries_the_first_key_signs() -> None:
    """A next key in the settings signs nothing until an entry introduces it."""
    assert ids(Ring([OLD, NEW]).sign(TEXT)) == [OLD.key.id]
    assert ids(Ring([OLD, NEW], lambda _: ()).sign(TEXT)) == [OLD.key.id]


def test_both_sign_while_both_are_in_force() -> None:
    """Two lines during the overlap; one after it, whichever the settings name first."""
    both = (OLD.verifier_key, NEW.verifier_key)
    assert ids(Ring([OLD, NEW], lambda _: both).sign(TEXT)) == [OLD.key.id, NEW.key.id]
    assert ids(Ring([OLD, NEW], lambda _: both[1:]).sign(TEXT)) == [NEW.key.id]
    assert ids(Ring([OLD], lambda _: both).sign(TEXT)) == [OLD.key.id]


def test_a_key_that_no_entry_introduced_signs_nothing() -> None:
    """Where the key file was replaced, that is told instead of signed."""
    with pytest.raises(SignerError, match="signs nothing of this log"):
        Ring([NEW], lambda _: (OLD.verifier_key,)).sign(TEXT)


def test_one_that_fails_of_two_is_a_fault() -> None:
    """A checkpoint with half of its signatures is not handed out."""
    both = (OLD.verifier_key, NEW.verifier_key)
    with pytest.raises(SignerError, match="locked"):
        Ring([OLD, Moody(NEW, well=False)], lambda _: both).sign(TEXT)


def test_recording_goes_on_while_nobody_signs() -> None:
    """The log says that it is unsigned, grows, and is signed again when mended."""
    made = company()
    holder = Moody(OLD)
    made.world = replace(made.world, notary=Notary(made.world.store, Ring([holder])))
    made.beat()
    signed = made.world.store.checkpoint()
    holder.well = False
    made.turn(ok=False)
    made.beat(20)
    assert made.world.store.checkpoint() == signed
    assert made.kept["slack"].sent
    (failing,) = made.events(LedgerSigningFailing)
    assert failing.reason.startswith("the module is locked")  # type: ignore[union-attr]
    assert "locked" in str(made.world.notary.fault)
    holder.well = True
    made.beat(2)
    assert len(made.events(LedgerSigningResumed)) == 1
    assert made.world.notary.fault is None
    assert ids(made.world.store.checkpoint() or b"") == [OLD.key.id]


def test_a_rotation_from_end_to_end() -> None:
    """Every checkpoint of it is signed by exactly the keys that the log has there."""
    made = company()
    log, store = made.world.log, made.world.store

    def in_force(size: int) -> tuple[str, ...]:
        return keys_in_force(log.state().custody, size)

    introduce_key(log, OLD.verifier_key)
    introduce_key(log, NEW.verifier_key)
    assert len(made.events(LedgerKeyIntroduced)) == 1
    made.world = replace(made.world, notary=Notary(store, Ring([OLD, NEW], in_force)))
    made.beat()
    now = made.clock.now()
    changes: list[Event] = [
        LedgerKeyRotated(OLD.verifier_key, NEW.verifier_key, 0, "ana", "", now),
        LedgerKeyRetired(OLD.verifier_key, 0, "ana", "", now),
    ]
    for change in changes:
        log.record([Fact(change, now)])
        made.beat()
    found = [ids(note) for _, note in store.checkpoints()]
    assert [len(each) for each in found] == [1, 2, 1]
    assert found[0] == [OLD.key.id]
    assert found[2] == [NEW.key.id]
    custody = log.state().custody
    for _, note in store.checkpoints():
        assert wrong_signer(note, custody) is None
