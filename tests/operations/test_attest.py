"""The full verification of the log: recomputed from its entries, and recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tests.operations.company import company

from holdfast.domain.controls import audit_log
from holdfast.domain.events.governance import LedgerChecked
from holdfast.operations.attest import check_ledger, record_signing
from holdfast.operations.notary import ForkError
from holdfast.storage.memory import MemoryStore


class Lossy(MemoryStore):
    """A store that does not return what it should."""

    lost: int | None = None
    altered: int | None = None

    def read(self, start: int, stop: int) -> Sequence[bytes]:
        """Return entries up to the first lost one."""
        found = list(super().read(start, stop))
        if self.altered is not None and start <= self.altered < stop:
            found[self.altered - start] += b" "
        return found if self.lost is None else found[: max(0, self.lost - start)]


def test_sound() -> None:
    """A sound log is recorded as verified, with its size and root."""
    made = company()
    told = []
    size = made.world.store.size()
    checked = check_ledger(made.world, lambda done, whole: told.append((done, whole)))
    assert checked.ok
    assert checked.size == size
    assert told == [(size, size)]
    assert made.events(LedgerChecked) == [checked]


def test_altered() -> None:
    """An altered entry is recorded as a failed check."""
    made = company(store := Lossy())
    store.altered = 1
    checked = check_ledger(made.world)
    assert not checked.ok
    assert checked.detail.startswith("entry 1 was changed: expected ")


def test_missing() -> None:
    """A missing entry is recorded as a failed check, and named."""
    made = company(store := Lossy())
    store.lost = 2
    checked = check_ledger(made.world)
    assert not checked.ok
    assert checked.detail == "entry 2 is missing"


def test_refusal_is_recorded() -> None:
    """A log that is not signed any more breaches the promise until it is again."""
    made = company()
    made.beat()
    assert record_signing(made.world) is None
    made.world.notary.refusal = ForkError("the log was rolled back", "Look.")

    refused = record_signing(made.world)

    assert refused is not None
    assert (refused.ok, refused.scope) == (False, "signing")
    situation = made.world.situation()
    assert situation is not None
    assert audit_log.judge(situation).standing == "breached"
    made.world.notary.refusal = None
    made.clock.advance(timedelta(days=1))
    mended = record_signing(made.world)
    assert mended is not None
    assert mended.ok
    assert record_signing(made.world) is None
