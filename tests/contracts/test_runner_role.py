"""The runner's role, held by a real PostgreSQL: it records its kinds, and no others."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import tomli_w
from tests.contracts.conftest import Server
from tests.operations.company import (
    COMMITTEE,
    DATASTORE,
    LEAD,
    RESPONDER,
    entries,
    signed,
    texts,
    turns,
)

from holdfast.assembly.keys import create_escrow_key, create_key
from holdfast.assembly.node import join
from holdfast.assembly.reading import SystemClock
from holdfast.assembly.runner import join_runner
from holdfast.demo import northwind
from holdfast.domain.events.authority import ActApproved
from holdfast.domain.events.copies import PublishFailing
from holdfast.domain.events.governance import CatalogueAdopted
from holdfast.domain.events.kinds import Event
from holdfast.domain.events.runner import RunnerSeen
from holdfast.engines.scripted import Script, Scripted
from holdfast.engines.shelf import FolderShelf
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.approving import approve
from holdfast.operations.authority import RUNNER_RECORDS
from holdfast.operations.beat import beat
from holdfast.operations.govern import adopt
from holdfast.operations.log import Log
from holdfast.operations.ports.engine import Job
from holdfast.operations.recover import ask
from holdfast.operations.rehearse import order_drill
from holdfast.operations.respond import Desk, order_recovery
from holdfast.operations.world import Inbox, World
from holdfast.runner.runner import Runner
from holdfast.settings import Home, RunnerHome
from holdfast.simulation.clock import JumpingClock
from holdfast.simulation.parts import PromptHands
from holdfast.storage.errors import StoreError
from holdfast.storage.opening import open_store
from holdfast.storage.runner_role import grants

NOW = datetime(2026, 11, 25, tzinfo=UTC)
PATIENCE_SECONDS = 120.0


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


# All that a runner does by itself or is ordered to do, as it stands in the log.
ITS_WORK = {
    "runner.seen",
    "job.taken",
    "job.started",
    "job.finished",
    "backup.seen",
    "protection.seen",
    "datastore.measured",
    "check.answered",
    "drill.measured",
    "recovery.preflight_checked",
    "recovery.verified",
    "publish.checked",
    "ledger.rebuilt",
    "personal.saved",
}


def test_a_runner_with_its_role_does_all_its_work(
    postgresql: Server, tmp_path: Path
) -> None:
    """Backup, drill, recovery, copy, rebuild and personal data: nothing is refused."""
    url, role = postgresql.new_database(), "holdfast_runner_at_work"
    node = _node(tmp_path / "node", url)
    given(url, role, personal=True)
    runner, hands = _runner(tmp_path, url.replace("holdfast@", f"{role}@"))
    limit = time.monotonic() + PATIENCE_SECONDS
    ordered: set[str] = set()
    while not _recorded(node, by="runner-1") >= ITS_WORK:
        assert time.monotonic() < limit, (
            ITS_WORK - _recorded(node, by="runner-1"),
            hands.faults,
            runner.faults.known,
        )
        beat(node)
        runner.once()
        _order(node, ordered)
    assert not runner.faults.known
    assert not {name: str(fault) for name, fault in hands.faults.items()}
    assert (tmp_path / "off-site" / "checkpoint").exists()
    node.store.close()
    runner.shop.store.close()


def test_a_runner_that_backs_nobody_up_reads_nobody(
    postgresql: Server, tmp_path: Path
) -> None:
    """Without that right its backup of people fails by name, and all else goes on."""
    url, role = postgresql.new_database(), "holdfast_runner_without"
    node = _node(tmp_path / "node", url)
    given(url, role, personal=False)
    runner, _ = _runner(tmp_path, url.replace("holdfast@", f"{role}@"))
    limit = time.monotonic() + PATIENCE_SECONDS
    while "publish.failing" not in _recorded(node, by="runner-1"):
        assert time.monotonic() < limit, runner.faults.known
        beat(node)
        runner.once()
    failing = [
        entry.event
        for entry in entries(node.store)
        if isinstance(entry.event, PublishFailing)
    ]
    assert "permission denied for table person" in failing[0].reason
    assert (tmp_path / "off-site" / "checkpoint").exists()
    node.store.close()
    runner.shop.store.close()


def given(url: str, role: str, *, personal: bool) -> None:
    """Make the role, with the rights that we print for it."""
    kinds = [kind.TYPE for kind in RUNNER_RECORDS]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")  # type: ignore[arg-type]
        connection.execute(grants(role, kinds, personal=personal))  # type: ignore[arg-type]


def _node(folder: Path, url: str) -> World:
    """Return a node that owns the tables, its company adopted, in an outage."""
    folder.mkdir(mode=0o700)
    key = create_key(folder / "ledger.key", northwind.ORIGIN)
    (folder / "ledger.vkey").write_text(f"{key}\n", "utf-8")
    (folder / "holdfast.toml").write_text(f'store = "{url}"\n', "utf-8")
    inbox = Inbox()
    node = join(Home(folder), PromptHands(inbox), inbox)
    adopt(node.log, SystemClock(), texts(), COMMITTEE)
    inbox.put(turns(SystemClock().now() - timedelta(hours=1), ok=False))
    return node


def _runner(folder: Path, url: str) -> tuple[Runner, PromptHands]:
    """Return a runner with a scripted engine and a copy in a folder."""
    home = folder / "runner"
    home.mkdir(mode=0o700)
    (folder / "off-site").mkdir()
    for name in ("ledger.vkey", "people.key"):
        shutil.copy(folder / "node" / name, home / name)
    create_escrow_key(home / "escrow.key")
    scripted = {"folder": "shelf", "datastores": [DATASTORE], "job_length": 0.001}
    settings = {
        "store": url,
        "scripted": scripted,
        "publish": [{"url": (folder / "off-site").as_uri()}],
    }
    (home / "runner.toml").write_text(tomli_w.dumps(settings), "utf-8")
    clock = JumpingClock(SystemClock().now() - timedelta(hours=3))
    engine = Scripted(clock, (DATASTORE,), Script(), FolderShelf(home / "shelf"))
    engine.start(Job("first", DATASTORE, "backup"))
    clock.advance(timedelta(hours=1))
    engine.strike(DATASTORE)
    inbox = Inbox()
    hands = PromptHands(inbox)
    shop = join_runner(RunnerHome(home), hands, inbox)
    return Runner(shop, "1", timedelta(seconds=1)), hands


def _recorded(node: World, *, by: str) -> set[str]:
    return {e.event.TYPE for e in entries(node.store) if e.node == by}


def _order(node: World, ordered: set[str]) -> None:
    """Order whatever the datastore is free for, each thing once."""
    clock = SystemClock()

    def desk(person: str) -> Desk:
        return Desk(node.log, clock, person, signed(person, clock.now()))

    def recover() -> None:
        name = order_recovery(desk(RESPONDER), DATASTORE, repository=2).recovery
        approve(desk(LEAD), name)

    for name, order in (
        ("check", lambda: ask(desk(RESPONDER), DATASTORE, 2)),
        ("drill", lambda: order_drill(desk(RESPONDER), DATASTORE)),
        ("recovery", recover),
    ):
        if name not in ordered:
            with suppress(HoldfastError):
                order()
                ordered.add(name)
            return


def test_a_role_is_a_plain_name() -> None:
    """What is no name is refused before it stands in a statement."""
    with pytest.raises(StoreError, match="no name for a role"):
        grants("x; DROP TABLE entry", ["runner.seen"])
