"""A company whose datastore is real: PostgreSQL, pgBackRest, and a bucket off-site.

Holdfast's own beat drives it all, in this process: it decides, the real engine works,
and the verdicts are those that people are shown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from tests.drills.bucket import REGION, Bucket, a_bucket
from tests.drills.ports import until
from tests.drills.rig import DATASTORE, Rig, a_rig
from tests.operations.company import (
    COMMITTEE,
    LEAD,
    SERVICE,
    edited,
    keyring,
    texts,
)

from holdfast.assembly.reading import SystemClock
from holdfast.domain.controls.all import judge_all
from holdfast.domain.controls.judging import Situation, Verdict
from holdfast.domain.events.drill import DrillFinished, Sabotage
from holdfast.domain.events.job import JobRequested, JobVerb
from holdfast.domain.events.notice import ChannelName
from holdfast.domain.memory.protection import Job
from holdfast.domain.promises import ControlName
from holdfast.domain.rules import Rules
from holdfast.engines.protected import Cluster, Protected
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Signer
from holdfast.operations.beat import beat
from holdfast.operations.govern import Texts, adopt
from holdfast.operations.log import Log
from holdfast.operations.notary import Notary
from holdfast.operations.ports.engine import Engine
from holdfast.operations.rehearse import order_drill
from holdfast.operations.respond import Desk
from holdfast.operations.watch import _look
from holdfast.operations.world import Inbox, World
from holdfast.simulation.parts import KeepingChannel, KeptPage, PromptHands
from holdfast.storage.memory import MemoryStore

# Real work on a busy machine.
PATIENCE = 300
STANDBY = "orders-b"


@dataclass
class Watched:
    """The company, and the real things that a test may break."""

    rig: Rig
    bucket: Bucket | None
    world: World
    texts: Texts
    standby: Cluster | None = None

    @property
    def situation(self) -> Situation:
        """Return what is known now."""
        found = self.world.situation()
        assert found is not None
        return found

    def verdict(
        self,
        control: ControlName,
        *,
        after: timedelta = timedelta(0),
        rules: Callable[[Rules], Rules] = lambda held: held,
    ) -> Verdict:
        """Judge as people are shown it: now, or later if nothing happened, and by the
        rules in force, or by others.
        """
        held = self.situation
        asked = Situation(rules(held.rules), held.state, held.now + after)
        return judge_all(asked)[control]

    def standing(self, *controls: ControlName) -> set[str]:
        """Return how these controls stand now."""
        verdicts = judge_all(self.situation)
        return {verdicts[control].standing for control in controls}

    def beat_until(self, holds: Callable[[], bool]) -> None:
        """Beat until it holds."""
        pause = threading.Event()

        def done() -> bool:
            beat(self.world)
            # The engine works in processes of its own, beside this one.
            return holds() or pause.wait(0.1)

        until(done, seconds=PATIENCE)

    def look(self) -> None:
        """Look at the datastore now, not only when the next look is due."""
        world = self.world
        self.idle()
        [declared] = self.situation.rules.catalogue.datastores
        world.log.record(list(_look(world, self.engine, declared)))

    @property
    def engine(self) -> Engine:
        """Return the engine that the company drives."""
        return self.world.engines["pgbackrest"]

    def run(self, verb: JobVerb, repository: int) -> Job:
        """Have a job done that the day would bring, and return how it went."""
        world, now = self.world, datetime.now(UTC)
        name = f"{verb}-{repository}-{now:%H%M%S%f}"
        asked = JobRequested(name, DATASTORE, verb, repository, None, None, now)
        self.idle()
        world.log.record([Fact(asked, now)])
        self.beat_until(lambda: self.situation.state.jobs.all[name].ended is not None)
        self.idle()
        return self.situation.state.jobs.all[name]

    def drill(self, sabotage: Sabotage | None = None) -> DrillFinished:
        """Order a drill from off-site, and see it to its end."""
        self.idle()
        world = self.world
        # The newest drill's name has its second in it.
        until(self._no_drill_this_second)
        desk = Desk(world.log, world.clock, LEAD)
        ordered = order_drill(desk, DATASTORE, repository=2, sabotage=sabotage)

        def over() -> bool:
            return any(d.drill == ordered.drill for d in self._drills())

        self.beat_until(over)
        self.idle()
        if sabotage is None:
            # The fresh backup is read back when the last reading is ten minutes ago.
            self.run("verify", 2)
        return self._drills()[-1]

    def idle(self) -> None:
        """Beat until nothing is under way and nothing more is asked for."""
        quiet = 0

        def settled() -> bool:
            nonlocal quiet
            quiet = 0 if self.situation.state.jobs.open else quiet + 1
            return quiet > 2

        self.beat_until(settled)

    def adopt(self, edit: Callable[[str], str] = lambda policy: policy) -> None:
        """Adopt the company's policy with its text changed, or as it was."""
        texts = replace(self.texts, policy=edit(self.texts.policy))
        adopt(self.world.log, self.world.clock, texts, COMMITTEE)

    @contextmanager
    def settings(self, change: Callable[[Protected], Protected]) -> Iterator[None]:
        """Let the runner have other settings for a while."""
        engine = self.rig.engine
        changed = replace(engine, datastores=(change(self.rig.protected),))
        engines = self.world.engines
        assert isinstance(engines, dict)
        engines["pgbackrest"] = changed
        try:
            yield
        finally:
            engines["pgbackrest"] = engine

    def _drills(self) -> list[DrillFinished]:
        known = self.situation.state.datastores[DATASTORE]
        return [drill for drill, _ in known.drills]

    def _no_drill_this_second(self) -> bool:
        now = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        return not any(name.endswith(now) for name in self.situation.state.drills)


def declared(catalogue: dict[str, Any]) -> None:
    """Name the rig's datastore, a standby in another zone, the bucket's region."""
    production, vault = catalogue["environments"]
    production["zone"], vault["region"] = "a", REGION
    catalogue["environments"].append({**production, "id": "across", "zone": "b"})
    store = catalogue["datastores"][0]
    store["id"], store["invariants"] = DATASTORE, []
    store["replicas"] = [{"name": STANDBY, "environment": "across"}]
    for service in catalogue["services"]:
        if service["id"] == SERVICE:
            service["datastores"] = [DATASTORE]
            del service["probe"]


def sql(rig: Rig, *statements: str) -> None:
    """Do something on the real server."""
    with rig.connect() as session:
        for statement in statements:
            session.execute(statement)  # type: ignore[arg-type] # Of our own writing.


def reset(rig: Rig, setting: str, value: str | None) -> None:
    """Set something on the real server, or let it be as it was."""
    what = f"reset {setting}" if value is None else f"set {setting} = '{value}'"
    sql(rig, f"alter system {what}", "select pg_reload_conf()")
    shown = psycopg.sql.Literal(setting)
    with rig.connect() as session:
        asked = psycopg.sql.SQL("select current_setting({})").format(shown)

        def is_set() -> bool:
            row = session.execute(asked).fetchone()
            return row is not None and (
                row[0] == value
                if value is not None
                else row[0] not in {"", "false", "true", "0", "1h"}
            )

        until(is_set)


@contextmanager
def watched(
    change: Callable[[Protected, Path], Protected] | None = None,
) -> Iterator[Watched]:
    """Make it all; off-site lies in a bucket, or where ``change`` puts it."""
    with ExitStack() as stack:
        made: list[Bucket] = []

        def in_bucket(protected: Protected, base: Path) -> Protected:
            made.append(stack.enter_context(a_bucket(base / "bucket")))
            on_site, off_site = protected.repositories
            off_site = replace(off_site, path=Path("/orders"), s3=made[0].place)
            return replace(protected, repositories=(on_site, off_site))

        rig = stack.enter_context(a_rig(change or in_bucket))
        given = edited(texts("pgbackrest"), declared)
        ours = Watched(rig, made[0] if made else None, _world(rig), given)
        ours.adopt()
        yield ours


def _world(rig: Rig) -> World:
    """Join a node that is its own runner, at the real time."""
    store, clock, inbox = MemoryStore(), SystemClock(), Inbox()
    log = Log(store, "node-1", clock, keyring)
    names: tuple[ChannelName, ...] = ("slack", "email", "status_page")
    kept = {name: KeepingChannel(name, clock) for name in names}
    return World(
        log=log,
        store=store,
        clock=clock,
        inbox=inbox,
        hands=PromptHands(inbox),
        channels=dict(kept),
        engines={"pgbackrest": rig.engine},
        notary=Notary(store, Signer("northwind.example/log", bytes(32))),
        lookout=KeptPage(kept["status_page"]),
        addresses={"channel:irt": "C0IRT", "page:status": "page"},
        host="here",
    )
