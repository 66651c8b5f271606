"""A replaced key is found by the log's own entries, and named."""

from __future__ import annotations

from datetime import UTC, datetime

from holdfast.domain.events.custody import (
    LedgerKeyIntroduced,
    LedgerKeyRetired,
    LedgerKeyRotated,
)
from holdfast.domain.memory.custody import Custody, remember
from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.operations.keys import keys_at, keys_ever, wrong_signer

NOW = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)
ORIGIN = "example.com/log"
OLD, NEW, STRANGER = (Signer(ORIGIN, bytes([n]) * 32) for n in (1, 2, 3))
EVENTS = (
    (0, LedgerKeyIntroduced(OLD.verifier_key, NOW)),
    (10, LedgerKeyRotated(OLD.verifier_key, NEW.verifier_key, 11, "ana", "", NOW)),
    (20, LedgerKeyRetired(OLD.verifier_key, 21, "ana", "", NOW)),
)


def custody() -> Custody:
    """Return the custody of a log whose key was rotated."""
    kept = Custody()
    for index, event in EVENTS:
        kept = remember(kept, event, index)
    return kept


def note(signer: Signer, size: int, origin: str = ORIGIN) -> bytes:
    """Return a signed checkpoint."""
    return signer.sign(Checkpoint(origin, size, bytes(32)).text())


def test_each_key_is_good_at_its_time() -> None:
    """The old key signs until its end, the new one from its beginning."""
    kept = custody()
    for signer, size in ((OLD, 1), (OLD, 20), (NEW, 11), (NEW, 21)):
        assert wrong_signer(note(signer, size), kept) is None
    assert keys_at(kept, 15) == (OLD.key, NEW.key)
    assert keys_ever(kept) == (OLD.key, NEW.key)


def test_a_key_at_the_wrong_time_is_named() -> None:
    """A new key too early or an old one too late is as wrong as a stranger's."""
    kept = custody()
    for signer, size in ((NEW, 10), (OLD, 21), (STRANGER, 15)):
        said = wrong_signer(note(signer, size), kept)
        assert said is not None
        assert f"size {size}" in said
        assert f"signed by {ORIGIN}+{signer.key.id.hex()}" in said


def test_an_altered_signature_is_told_apart() -> None:
    """A signature of the right key that fails is not called a replaced key."""
    good = note(OLD, 5)
    altered = good.replace(b"\n5\n", b"\n6\n")
    assert "does not hold" in (wrong_signer(altered, custody()) or "")


def test_another_logs_checkpoint_is_named() -> None:
    """A checkpoint of another origin is not ours, whoever signed."""
    other = Signer("other.example/log", bytes(32))
    said = wrong_signer(note(other, 5, "other.example/log"), custody())
    assert said is not None
    assert "other.example/log" in said


def test_an_older_log_is_judged_by_the_key_that_is_trusted() -> None:
    """A log that names no keys has the one that the caller knows."""
    assert wrong_signer(note(OLD, 5), Custody(), [OLD.key]) is None
    assert wrong_signer(note(NEW, 5), Custody(), [OLD.key]) is not None
    assert "none" in (wrong_signer(note(NEW, 5), Custody()) or "")


def test_what_is_no_checkpoint_is_said() -> None:
    """Bytes that are no note are told as such."""
    assert "malformed" in (wrong_signer(b"nonsense", custody()) or "")
