"""A copy off-site waits a little for cosignatures, and never for long."""

from __future__ import annotations

from datetime import timedelta

from tests.storage.logs import SIGNER, FakeTarget, grow, log_of, off_site, verified

from holdfast.ledger.note import parse_note
from holdfast.ledger.verify import CHECKPOINT_PATH, checkpoint_path, verify_log
from holdfast.ledger.witness import Cosigner, cosigners
from holdfast.operations.ports.store import Store
from holdfast.storage.ripening import Ripening

WITNESS = Cosigner("auditor.example/w", bytes([7]) * 32)
OTHER = Cosigner("bank.example/w", bytes([8]) * 32)
LONG, NONE = timedelta(hours=1), timedelta(0)


def cosign(store: Store, size: int, *who: Cosigner) -> None:
    """Add cosignatures to a kept checkpoint."""
    note = dict(store.checkpoints())[size]
    lines = (one.cosign(parse_note(note).text, 1).line() for one in who)
    store.save_checkpoint(size, note + "".join(lines).encode())


def shown(target: FakeTarget) -> int:
    """Return the size that the copy shows."""
    return verify_log(target, [SIGNER.key]).checkpoint.size


def witnessed(target: FakeTarget, path: str = CHECKPOINT_PATH) -> bool:
    """Say whether a checkpoint in the copy is cosigned."""
    return bool(cosigners(target.files[path], [WITNESS.key]))


def test_a_new_checkpoint_waits_for_its_witness() -> None:
    """It is published with its cosignature in both places, and not before."""
    store, target = log_of(5), FakeTarget()
    copy = off_site(store, target)
    copy.ripening = Ripening([WITNESS.key], 1, LONG)
    cosign(store, 5, WITNESS)
    assert copy.publish().size == 5
    grow(store, 9)
    assert copy.publish().size == 5
    assert shown(target) == 5
    cosign(store, 9, WITNESS)
    assert copy.publish().size == 9
    assert witnessed(target)
    assert witnessed(target, checkpoint_path(9))
    assert verified(target).entries == 9


def test_what_is_cosigned_goes_while_more_is_signed() -> None:
    """A log that grows all the time is published up to what was cosigned."""
    store, target = log_of(5), FakeTarget()
    copy = off_site(store, target)
    copy.ripening = Ripening([WITNESS.key], 1, LONG)
    cosign(store, 5, WITNESS)
    for size in (9, 300, 700):
        grow(store, size)
    cosign(store, 300, WITNESS)
    copy.publish()
    assert shown(target) == 300
    assert witnessed(target)
    verify_log(target, [SIGNER.key], earlier=[5, 9])


def test_a_silent_witness_keeps_nothing_out_for_long() -> None:
    """After the patience it goes without; late cosignatures reach `checkpoint`."""
    store, target = log_of(5), FakeTarget()
    copy = off_site(store, target)
    copy.ripening = Ripening([WITNESS.key], 1, NONE)
    copy.publish()
    grow(store, 9)
    copy.publish()
    assert shown(target) == 9
    assert not witnessed(target)
    cosign(store, 9, WITNESS)
    copy.publish()
    assert witnessed(target)
    assert not witnessed(target, checkpoint_path(9))


def test_a_quorum_is_counted() -> None:
    """One of two is not enough while there is patience."""
    store, target = log_of(5, 9), FakeTarget()
    copy = off_site(store, target)
    copy.ripening = Ripening([WITNESS.key, OTHER.key], 2, LONG)
    cosign(store, 5, WITNESS, OTHER)
    cosign(store, 9, WITNESS)
    copy.publish()
    assert shown(target) == 5
    cosign(store, 9, OTHER)
    copy.publish()
    assert shown(target) == 9


def test_an_empty_copy_does_not_wait() -> None:
    """The first publication shows something at once."""
    store, target = log_of(5), FakeTarget()
    copy = off_site(store, target)
    copy.ripening = Ripening([WITNESS.key], 1, LONG)
    assert copy.publish().size == 5


def test_what_is_shown_may_be_gone_from_the_store() -> None:
    """A checkpoint that made room for its successor is still the log's own."""
    store, target = log_of(5), FakeTarget()
    copy = off_site(store, target)
    copy.publish()
    bare = log_of(9)
    copy.store = bare
    copy.ripening = Ripening([WITNESS.key], 1, LONG)
    assert copy.publish().size == 5
    cosign(bare, 9, WITNESS)
    assert copy.publish().size == 9
