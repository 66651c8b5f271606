"""The runner's role, held by a real PostgreSQL: it records its kinds, and no others."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from tests.contracts.conftest import Server

from holdfast.assembly.reading import SystemClock
from holdfast.domain.events.authority import ActApproved
from holdfast.domain.events.governance import CatalogueAdopted
from holdfast.domain.events.kinds import Event
from holdfast.domain.events.runner import RunnerSeen
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.authority import RUNNER_RECORDS
from holdfast.operations.log import Log
from holdfast.storage.errors import StoreError
from holdfast.storage.opening import open_store
from holdfast.storage.runner_role import grants

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_the_server_holds_what_a_runner_may(postgresql: Server) -> None:
    """Its own kinds are taken; an order, an approval or an adopted text is refused by
    the server even where the code would let it pass, and so are people and letters.
    """
    url = postgresql.new_database()
    owner = open_store(url)
    role = "holdfast_runner_test"
    kinds = [kind.TYPE for kind in RUNNER_RECORDS]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")  # type: ignore[arg-type]
        for _ in range(2):  # Run again after an upgrade, it does the same.
            connection.execute(grants(role, kinds))  # type: ignore[arg-type]
    theirs = url.replace("holdfast@", f"{role}@")
    store = open_store(theirs, create=False)
    log = Log(store, "runner-1", SystemClock())
    seen = RunnerSeen("runner-1", "here", "1", (), NOW)
    assert log.record([Fact(seen, NOW)]).fresh == (True,)
    assert store.blob(store.put_blob(b"evidence")) == b"evidence"
    assert log.state().runners["runner-1"] == seen
    forged: tuple[Event, ...] = (
        CatalogueAdopted("sha256:00", "mallory", NOW),
        ActApproved("inc-1-orders-1", "mallory", "password", NOW),
    )
    for event in forged:
        with pytest.raises(HoldfastError, match="refused"):
            log.record([Fact(event, NOW)])
    assert store.size() == owner.size() == 1
    with psycopg.connect(theirs, autocommit=True) as connection:
        for statement in (
            "SELECT * FROM person",
            "SELECT * FROM outbox",
            "UPDATE entry SET data = data",
            "DELETE FROM entry",
            "INSERT INTO checkpoint VALUES (9, '')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)  # type: ignore[arg-type]
    # The owner, as the node, is not held by the policy.
    Log(owner, "node-1", SystemClock()).record([Fact(forged[0], NOW)])
    store.close()
    owner.close()


def test_a_role_is_a_plain_name() -> None:
    """What is no name is refused before it stands in a statement."""
    with pytest.raises(StoreError, match="no name for a role"):
        grants("x; DROP TABLE entry", ["runner.seen"])
