"""An attacker with SQL in a real database: what he does shows in real backups."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from holdfast.domain.events.measure import BackupWeighed, DatastoreMeasured
from holdfast.domain.memory.protection import Datastore, Datastores, remember
from holdfast.domain.ransomware import WAL_BYTES, signs

from .rig import DATASTORE, Rig, a_rig

pytestmark = [pytest.mark.engine, pytest.mark.drills]

TEXT = "Dear customer, thank you for the order that you placed with us on Monday. "
MIB = 1 << 20


@pytest.fixture
def rig() -> Iterator[Rig]:
    """Provide a server with 64 MiB of letters that compress as letters do."""
    with a_rig() as made:
        with made.connect() as session:
            session.execute("create extension pgcrypto")
            session.execute("create table letters (id int primary key, body bytea)")
            session.execute("alter table letters alter body set storage external")
            session.execute(
                "insert into letters select n, convert_to(repeat(%s || n, 100), 'UTF8')"
                " from generate_series(1, 8000) n",
                (TEXT,),
            )
        yield made


def look(rig: Rig, known: Datastores, number: int) -> Datastores:
    """Look as the watch does, and fold what was seen."""
    points = rig.engine.points(DATASTORE)
    for repository in points.repositories:
        for backup in repository.backups:
            event = BackupWeighed(
                datastore=DATASTORE,
                repository=repository.number,
                label=backup.label,
                kind=backup.kind,
                finished_at=backup.finished_at,
                size_bytes=backup.size_bytes,
                copied_bytes=backup.copied_bytes,
                stored_bytes=backup.stored_bytes,
            )
            weights = known.get(DATASTORE, Datastore()).weights
            if backup.label not in {each.label for each, _ in weights}:
                known = remember(known, event, number)
    found = rig.engine.measure(DATASTORE, points)
    assert found is not None
    measured = DatastoreMeasured(
        datastore=DATASTORE,
        at=found.at,
        heartbeat_at=found.heartbeat_at,
        recoverable_heartbeat_at=found.recoverable_heartbeat_at,
        waiting_segments=found.waiting_segments,
        wal_position=found.wal_position,
        streaming=found.streaming,
        not_streaming=found.not_streaming,
        canaries=found.canaries,
        evidence="sha256:00",
    )
    return remember(known, measured, number)


def test_encrypting_every_row_shows_in_canaries_wal_and_backups(rig: Rig) -> None:
    """What is encrypted in place no longer compresses; each sign stands by itself."""
    known = Datastores()
    for number in range(4):
        assert rig.run("backup", f"usual-{number}", 1).ok
        known = look(rig, known, number)
    for number in range(12):
        known = look(rig, known, 10 + number)
    assert signs(known[DATASTORE]) == ()

    with rig.connect() as session:
        for _ in range(1 + WAL_BYTES // (64 * MIB)):
            session.execute(
                "update letters set body = encrypt(body, 'his key', 'aes-cbc')"
            )
        session.execute(
            "update holdfast.canary"
            " set note = encode(encrypt(convert_to(note, 'UTF8'), 'k', 'aes'), 'hex')"
        )
        session.execute("vacuum full letters")
    known = look(rig, known, 30)
    assert {s.name for s in signs(known[DATASTORE])} == {"canaries", "wal_rate"}

    for _ in range(5):
        # So much WAL takes its time to be archived; a backup waits for the last of it.
        if known[DATASTORE].measures[-1][0].waiting_segments == 0:
            break
        known = look(rig, known, 31)
        rig.archive()
    assert rig.run("backup", "after", 1).ok
    known = look(rig, known, 31)
    assert "backup_entropy" in {s.name for s in signs(known[DATASTORE])}
