"""Quarantine: what waits there is delivered only once a person let it go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.operations.ports.store import LeaseLostError, Parcel, Settlement, Store

NOW = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)


def post(store: Store, *keys: str, notice: str = "n1") -> None:
    """Put parcels of a notice in."""
    parcels = [Parcel(key, notice, "slack", "channel:irt", "{}", NOW) for key in keys]
    store.append([], now=NOW, parcels=parcels)


def test_held_parcels_wait_for_their_release(store: Store) -> None:
    """Neither time nor courier takes what is held; a release does, by notice."""
    post(store, "a", "b")
    post(store, "c", notice="n2")
    assert store.hold("n1") == 2
    later = NOW + timedelta(days=3_650)
    assert [c.parcel.key for c in store.claim(now=later, lease=LEASE, limit=9)] == ["c"]
    assert [parcel.key for parcel in store.held()] == ["a", "b"]
    assert store.deliveries("n1") == (2, [])
    assert store.release("n2", later) == 0
    assert store.release("n1", later) == 2
    assert store.held() == []
    taken = store.claim(now=later, lease=LEASE, limit=9)
    assert [claim.parcel.key for claim in taken] == ["a", "b"]


def test_holding_ends_a_claim(store: Store) -> None:
    """Who was about to deliver what is held now can no longer settle it."""
    post(store, "a")
    (claim,) = store.claim(now=NOW, lease=LEASE)
    store.hold("n1")
    with pytest.raises(LeaseLostError):
        store.append([], now=NOW, settlements=[Settlement(claim, "delivered")])


def test_settled_parcels_are_not_held(store: Store) -> None:
    """What is delivered stays so, and no release repeats it."""
    post(store, "a")
    (claim,) = store.claim(now=NOW, lease=LEASE)
    store.append([], now=NOW, settlements=[Settlement(claim, "delivered")])
    assert store.hold("n1") == 0
    assert store.release("n1", NOW) == 0
    assert store.claim(now=NOW, lease=LEASE) == []
