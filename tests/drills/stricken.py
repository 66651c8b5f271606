"""A company that is about to lose its databases: every part a process, each to be
killed, and two people at terminals.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import tomli_w
from tests.drills.ports import until, unused_port
from tests.drills.rig import DATASTORE as DESK
from tests.drills.rig import Rig, a_rig
from tests.drills.terminal import Terminal

from holdfast.assembly.keys import write_private
from holdfast.assembly.reading import SystemClock
from holdfast.demo import northwind, shop_schema
from holdfast.demo.box import Box
from holdfast.domain.state import State
from holdfast.engines.protected import Protected
from holdfast.engines.provision import password
from holdfast.journal import read
from holdfast.operations.govern import adopt

ORDERS = northwind.DATASTORE
PROTECTED_SECONDS = 240.0


@dataclass
class Company:
    """The box, and the second datastore with a shop of its own where there is one."""

    box: Box
    rig: Rig | None = None
    desk_port: int = 0
    good: datetime = field(default_factory=lambda: datetime.now(UTC))
    _terminals: list[Terminal] = field(default_factory=list)

    @property
    def datastores(self) -> tuple[str, ...]:
        """Return their names, by rank."""
        return (ORDERS, DESK) if self.rig else (ORDERS,)

    @property
    def protected(self) -> Protected:
        """Return the wiring of the orders."""
        assert self.box.protected is not None
        return self.box.protected

    def start(self) -> None:
        """Start everything, and wait until it is protected off-site."""
        self.box.prepare()
        write_private(self.box.folder / "word", self.box.password + "\n")
        if self.rig is not None:
            self._declare_desk(self.rig)
        self.box.start_database()
        self.box.start_company()
        if self.rig is not None:
            dsn = desk_dsn(self.rig)
            shop_schema.create(dsn)
            place = self.box.folder / "desk-shop"
            self.box._part("shop", self.desk_port, folder=place, HOLDFAST_SHOP_DSN=dsn)
        self.box.start_node()
        self.box.start_runner()
        until(self._is_protected, seconds=PROTECTED_SECONDS)

    def state(self) -> State:
        """Return what is known now."""
        reader = self.box.reader()
        try:
            return reader.log.state()
        finally:
            reader.store.close()

    def events(self, kind: type[Any]) -> list[Any]:
        """Return every event of a kind, in their order."""
        reader = self.box.reader()
        stored = reader.store.read(0, reader.store.size())
        found = [read(index, data).event for index, data in enumerate(stored)]
        reader.store.close()
        return [event for event in found if isinstance(event, kind)]

    def at_terminal(self, person: str, *words: str, columns: int = 80) -> Terminal:
        """Have a person type a command at a terminal."""
        typed = Terminal(*words, environment=self._environment(person), columns=columns)
        self._terminals.append(typed)
        return typed

    def run(self, person: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Have a command run without a terminal."""
        return subprocess.run(
            [sys.executable, "-m", "holdfast", *words],
            stdin=subprocess.DEVNULL,
            env={**os.environ, **self._environment(person), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def refused(self, person: str, *words: str) -> str:
        """Return what a refused command said: message and hint, and no traceback."""
        ran = self.run(person, *words)
        assert ran.returncode == 1, (words, ran.stdout, ran.stderr)
        assert "error:" in ran.stderr, (words, ran.stderr)
        assert "hint:" in ran.stderr, (words, ran.stderr)
        assert "Traceback" not in ran.stderr
        return ran.stderr

    def sign_in(self, person: str) -> None:
        """Sign in."""
        word = str(self.box.folder / "word")
        ran = self.run(person, "sign-in", "--password-file", word)
        assert ran.returncode == 0, ran.stderr

    def waiting(self) -> str:
        """Return the order that waits for a second person, once there is one."""
        until(lambda: bool(self._approvals()))
        [order] = self._approvals()
        return str(order)

    def approve(self, person: str = "eli") -> str:
        """Have a second person agree to the order that waits; return its name."""
        order = self.waiting()
        self.sign_in(person)
        ran = self.run(person, "approve", order)
        assert ran.returncode == 0, ran.stderr
        return order

    def kill(self, what: str) -> None:
        """End the node or the runner as a power cut does."""
        process = self.box.node if what == "node" else self.box.runner
        assert process is not None
        process.kill()
        process.wait()

    def close(self) -> None:
        """Leave no terminal open."""
        for terminal in self._terminals:
            terminal.close()

    def _approvals(self) -> Sequence[object]:
        ran = self.run("chi", "approvals", "--json")
        rows = json.loads(ran.stdout)
        return [row["order"] for row in rows if row["waits_for"] == "approval"]

    def _environment(self, person: str) -> dict[str, str]:
        return {
            "HOLDFAST_HOME": str(self.box.home),
            "HOLDFAST_PERSON": person,
            "HOLDFAST_SESSIONS": str(self.box.folder / "sessions"),
        }

    def _is_protected(self) -> bool:
        known = self.state().datastores
        return all(
            name in known and any(seen.backup.off_site for seen in known[name].backups)
            for name in self.datastores
        )

    def _declare_desk(self, rig: Rig) -> None:
        file = self.box.resilience / "catalogue.toml"
        catalogue = tomllib.loads(file.read_text())
        store, service = catalogue["datastores"][0], catalogue["services"][0]
        second = next(f["id"] for f in catalogue["functions"] if f["rank"] == 2)
        url = f"http://127.0.0.1:{self.desk_port}/health"
        catalogue["datastores"].insert(0, {**store, "id": DESK, "name": "Desk"})
        catalogue["services"].insert(
            0,
            {
                **service,
                "id": "desk",
                "name": "Desk",
                "function": second,
                "datastores": [DESK],
                "probe": {**service["probe"], "url": url},
            },
        )
        file.write_text(tomli_w.dumps(catalogue))
        self.adopt()
        settings_file = self.box.runner_home / "runner.toml"
        settings = tomllib.loads(settings_file.read_text())
        settings["pgbackrest"].append(northwind._plain(rig.protected))
        settings_file.write_text(tomli_w.dumps(settings))

    def adopt(self) -> None:
        """Put the resilience folder in force as it is now."""
        reader = self.box.reader()
        adopt(reader.log, SystemClock(), self.box.texts(), "ana")
        reader.store.close()


def desk_dsn(rig: Rig) -> str:
    """Return where the desk's shop finds its database."""
    cluster = rig.protected.cluster
    word = password(cluster)
    return f"postgresql://postgres:{word}@127.0.0.1:{cluster.port}/postgres"


def rows(dsn: str, sql: str) -> list[tuple[Any, ...]]:
    """Ask a database as its application would."""
    with psycopg.connect(dsn, connect_timeout=5, autocommit=True) as session:
        return session.execute(sql).fetchall()  # type: ignore[call-overload]


def change(dsn: str, *statements: str) -> None:
    """Change a database as its application would."""
    with psycopg.connect(dsn, connect_timeout=5, autocommit=True) as session:
        for statement in statements:
            session.execute(statement)  # type: ignore[call-overload]


def aside(protected: Protected) -> list[Path]:
    """Return the data directories that were put aside."""
    data = protected.cluster.data
    return sorted(data.parent.glob(f"{data.name}.before-*"))


@contextmanager
def stricken(*, two: bool = False) -> Iterator[Company]:
    """Make the company, and leave nothing of it."""
    box = Box.make()
    try:
        if two:
            with a_rig() as rig:
                company = Company(box, rig, unused_port())
                yield from _led(company)
        else:
            yield from _led(Company(box))
    finally:
        box.close()


def _led(company: Company) -> Iterator[Company]:
    try:
        company.start()
        yield company
    finally:
        company.close()
