"""A node that is killed in the middle of the response, and what must hold afterwards.

Everything around it is real: the node's process, its store, a mail relay, a
Slack-compatible endpoint, a status page on a web server, a service to probe. Only the
engine follows a script, from a shelf that outlives the node.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import tomli_w
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
from tests.warm import PID_FILE, warm
from typer.testing import CliRunner

from holdfast.assembly.keys import create_key, write_private
from holdfast.assembly.reading import Reader, SystemClock, open_log
from holdfast.channels.status_page import current
from holdfast.cli.main import app
from holdfast.demo import mail_relay, slack_server
from holdfast.demo.northwind import ORIGIN
from holdfast.demo.spawn import Spawned
from holdfast.domain import recovering
from holdfast.domain.events.job import JobFinished, JobStarted
from holdfast.domain.events.notice import NoticeDelivered, NoticeDue
from holdfast.engines.scripted import Script, Scripted
from holdfast.engines.shelf import FolderShelf
from holdfast.journal import Fact, Recorded
from holdfast.operations import respond
from holdfast.operations.approving import approve
from holdfast.operations.deliver import parcels_of
from holdfast.operations.govern import Texts, adopt
from holdfast.operations.ports.engine import Job
from holdfast.operations.ports.store import Parcel
from holdfast.settings import Home
from holdfast.simulation.clock import JumpingClock

TOKEN = "xoxb-kill-test"
GIVE_UP_SECONDS = 240.0
LOOK_SECONDS = 0.05
LIVES = 3
# Every promise of section 7, at the beginning and at the end.
SECTION_7 = ("alert", "status", "customers")


class Service:
    """A service that customers use, red or green as it is told."""

    def __init__(self) -> None:
        self.green = False
        service = self

        class Answer(BaseHTTPRequestHandler):
            """Says how the service is."""

            def do_GET(self) -> None:
                """Answer."""
                body = b"ok" if service.green else b"down"
                self.send_response(200 if service.green else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@dataclass(frozen=True, slots=True)
class Town:
    """The receiving sides, shared by all rounds."""

    folder: Path
    slack: Spawned
    mail: Spawned

    def told(self) -> Counter[str]:
        """Return how often each key arrived at Slack and at the relay."""
        found: Counter[str] = Counter()
        for message in slack_server.messages(self.folder / "slack"):
            found[message["metadata"]["event_payload"]["key"]] += 1  # type: ignore[index]
        # A long header is folded, and keeps a space of that when it is read.
        mails = mail_relay.mails(self.folder / "mail")
        found.update(mail.key.strip() for mail in mails)
        return found


@contextmanager
def town(folder: Path) -> Iterator[Town]:
    """Open the receiving sides."""
    token = {slack_server.TOKEN_VARIABLE: TOKEN}
    slack_at, mail_at = folder / "slack", folder / "mail"
    slack_at.mkdir()
    mail_at.mkdir()
    with (
        Spawned("slack_server", "--folder", slack_at, environment=token) as slack,
        Spawned("mail_relay", "--folder", mail_at) as mail,
    ):
        yield Town(folder, slack, mail)


@dataclass(slots=True)
class Round:
    """One outage, in which node and runner are killed again and again."""

    folder: Path
    town: Town
    store_url: str
    seed: str
    began_at: datetime
    after_green: bool
    service: Service = field(default_factory=Service)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    places: dict[int, Path] = field(default_factory=dict)
    kills: int = 0
    kill_at: float | None = None
    green_at: float | None = None
    ready_at: float = 0.0
    ordered: bool = False

    def run(self) -> None:
        """Live through it, and check what must hold."""
        chance = random.Random(self.seed)  # noqa: S311 - a seed that can be repeated.
        status = self.folder / "status"
        status.mkdir(parents=True)
        with Spawned("static_server", "--folder", status) as web:
            self._prepare(status, web.port)
            reader = open_log(Home(self.home))
            try:
                self._live(reader, chance)
                self._end()
                self._check(reader, status)
            finally:
                self._kill()
                self.service.close()
                reader.store.close()

    @property
    def home(self) -> Path:
        """The node's home."""
        return self.folder / "home"

    # Before.

    def _prepare(self, status: Path, status_port: int) -> None:
        self._write_home(status, status_port)
        given = texts()
        catalogue = given.catalogue.replace("127.0.0.1:9/", self._address())
        assert catalogue != given.catalogue
        catalogue = catalogue.replace('"2 s"', '"1 s"')
        overlay = (given.overlay or "").replace('"3 s"', '"1 s"')
        overlay = overlay.replace('"5 s"', '"1 s"')
        reader = open_log(Home(self.home), create=True)
        folder = Texts(given.policy, catalogue, overlay)
        adopt(reader.log, SystemClock(), folder, COMMITTEE)
        reader.log.record(turns(self.began_at, ok=False))
        reader.store.close()
        self._strike()

    def _address(self) -> str:
        return f"127.0.0.1:{self.service.port}/"

    def _strike(self) -> None:
        clock = JumpingClock(self.began_at - timedelta(hours=1))
        shelf = FolderShelf(self.home / "shelf")
        engine = Scripted(clock, (DATASTORE,), Script(), shelf)
        engine.start(Job("first", DATASTORE, "backup"))
        clock.advance(timedelta(hours=1))
        engine.strike(DATASTORE)

    def _write_home(self, status: Path, status_port: int) -> None:
        self.home.mkdir()
        vkey = create_key(self.home / "ledger.key", ORIGIN)
        (self.home / "ledger.vkey").write_text(f"{vkey}\n", encoding="utf-8")
        write_private(self.home / "session.key", "0" * 64 + "\n")
        write_private(self.home / "slack.token", TOKEN + "\n")
        settings = {
            "store": self.store_url,
            "beat_every": 0.2,
            "delivery_lease": 2,
            "probe_loopback": True,
            "web": {"port": 0},
            "slack": {
                "token": "slack.token",
                "irt_channel": "C0IRT",
                "base_url": f"http://127.0.0.1:{self.town.slack.port}/api/",
                "timeout": 1,
            },
            "mail": {
                "host": "127.0.0.1",
                "port": self.town.mail.port,
                "sender": "status@northwind.example",
                "timeout": 1,
            },
            "status_page": {
                "folders": [str(status)],
                "public_url": f"http://127.0.0.1:{status_port}/",
            },
        }
        text = tomli_w.dumps(settings)
        (self.home / "holdfast.toml").write_text(text, encoding="utf-8")
        runner = {
            "work_every": 0.2,
            "scripted": {
                "folder": "shelf",
                "datastores": [DATASTORE],
                "job_length": 0.6,
            },
        }
        text = tomli_w.dumps(runner)
        (self.home / "runner.toml").write_text(text, encoding="utf-8")

    # During.

    def _live(self, reader: Reader, chance: random.Random) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        self._start(chance)
        while not self._is_over(reader):
            assert time.monotonic() < deadline, f"{self.seed}: {self._log()}"
            self._respond(reader)
            now = time.monotonic()
            if self.kills + 1 == LIVES - 1 and self.after_green:
                due = self.green_at is not None and now - self.green_at >= self.wait
            else:
                due = now - self.ready_at >= self.wait
            if self.kills + 1 < LIVES and due:
                self._kill()
                self.kills += 1
                self._start(chance)
            time.sleep(LOOK_SECONDS)

    wait: float = 0.0

    def _start(self, chance: random.Random) -> None:
        self.processes = [self._spawn("serve"), self._spawn("runner")]
        for process in self.processes:
            assert process.stdout is not None
            assert process.stdout.readline(), f"{self.seed}: {self._log()}"
        self.ready_at = time.monotonic()
        self.wait = chance.uniform(0, 1.8)

    def _spawn(self, what: str) -> subprocess.Popen[bytes]:
        place = self.folder / f"{what}.pid"
        place.unlink(missing_ok=True)
        with (self.folder / "node.log").open("ab") as errors:
            process = subprocess.Popen(
                [warm().folder / "holdfast", what, "--home", str(self.home)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, PID_FILE: str(place)},
            )
        self.places[process.pid] = place
        return process

    def _kill(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                # The node itself; its caller ends the same way, once it is dead.
                os.kill(int(self.places[process.pid].read_text()), signal.SIGKILL)
            assert process.wait(60) in {-signal.SIGKILL, 0}, self._log()
            assert process.stdout is not None
            process.stdout.close()
        self.processes = []

    def _respond(self, reader: Reader) -> None:
        desk = reader.desk(RESPONDER)
        situation = desk.situation()
        running = situation.state.running_incidents()
        if running and not self.ordered:
            respond.acknowledge(desk)
            respond.declare(desk)
            now = datetime.now(UTC)
            first = reader.desk(RESPONDER, signed(RESPONDER, now))
            ordered = respond.order_recovery(first, DATASTORE, repository=2)
            second = reader.desk(LEAD, signed(LEAD, now))
            approve(second, ordered.recovery)
            self.ordered = True
        recoveries = situation.state.recoveries.values()
        steps = {recovering.step(situation, recovery) for recovery in recoveries}
        # The service may come back only when its data may be trusted; and late enough
        # that the kills come before the end.
        if steps == {"done"} and (self.after_green or self.kills + 1 == LIVES):
            self.green_at = self.green_at or time.monotonic()
            self.service.green = True

    def _is_over(self, reader: Reader) -> bool:
        state = reader.log.state()
        notices = state.notices
        over = state.incidents and not state.running
        # The letters at the end follow from the resolution, one beat later.
        return bool(
            over
            and self.kills + 1 == LIVES
            and any(name.endswith("customers/resolved") for name in notices.all)
            and not notices.undelivered
            and not notices.unseen
        )

    def _end(self) -> None:
        for process in self.processes:
            process.terminate()
            assert process.wait(60) == 0, f"{self.seed}: {self._log()}"

    def _log(self) -> str:
        return (self.folder / "node.log").read_text(encoding="utf-8")[-4000:]

    # After.

    def _check(self, reader: Reader, status: Path) -> None:
        known = entries(reader.store)
        assert "Traceback" not in self._log(), f"{self.seed}: {self._log()}"
        assert not [e for e in known if "@" in repr(e)], self.seed
        self._check_duties(reader, known)
        self._check_page(known, status)
        self._check_jobs(known)

    def _check_duties(self, reader: Reader, known: list[Recorded]) -> None:
        rules = reader.desk(RESPONDER).situation().rules
        due = {e.event.notice: e for e in known if isinstance(e.event, NoticeDue)}
        closed = [e.event for e in known if isinstance(e.event, NoticeDelivered)]
        (incident,) = {e.event.incident for e in due.values()}
        for name in SECTION_7:
            assert f"{incident}/{name}" in due, (self.seed, name)
            assert f"{incident}/{name}/resolved" in due, (self.seed, name)
        assert Counter(each.notice for each in closed) == Counter(list(due)), self.seed
        arrived = self.town.told()
        for each in closed:
            entry = due[each.notice]
            fact = Fact(entry.event, entry.observed_at)
            self._check_notice(each, parcels_of([fact], rules), arrived)
        ours = {key for key in arrived if key.startswith(f"{incident}/")}
        assert {key.partition(">")[0] for key in ours} <= set(due), self.seed

    def _check_notice(
        self, closed: NoticeDelivered, parcels: list[Parcel], arrived: Counter[str]
    ) -> None:
        """Check that each recipient was told once, but for repeats on record."""
        assert (closed.delivered, closed.abandoned) == (len(parcels), 0), self.seed
        repeats = 0
        for parcel in parcels:
            if parcel.channel != "status_page":
                assert arrived[parcel.key] >= 1, (self.seed, parcel.key)
                repeats += arrived[parcel.key] - 1
        assert repeats <= closed.possible_repeats, (self.seed, closed)

    def _check_page(self, known: list[Recorded], status: Path) -> None:
        page = current(status)
        assert page is not None
        ids = [u.id for i in page.incidents for u in i.incident_updates]
        wanted = {
            e.event.notice
            for e in known
            if isinstance(e.event, NoticeDue) and e.event.channel == "status_page"
        }
        assert Counter(ids) == Counter(wanted), self.seed

    def _check_jobs(self, known: list[Recorded]) -> None:
        started = Counter(e.event.job for e in known if isinstance(e.event, JobStarted))
        assert set(started.values()) == {1}, (self.seed, started)
        ends = [e.event for e in known if isinstance(e.event, JobFinished)]
        assert len(ends) == len(started), self.seed
        assert all(end.ok for end in ends), self.seed

    def verify(self) -> None:
        """Check the log with the commands that an auditor uses, here and exported."""
        home = ("--home", str(self.home), "--json")
        said = _holdfast("ledger", "verify", *home)
        assert said["size"] > 0, self.seed
        exported = self.folder / "export"
        _holdfast("ledger", "export", str(exported), *home)
        key = (self.home / "ledger.vkey").read_text(encoding="utf-8").strip()
        again = _holdfast("ledger", "verify", str(exported), "--key", key, "--json")
        assert again["size"] == said["size"], self.seed


def _holdfast(*arguments: str) -> dict[str, int]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    said: dict[str, int] = json.loads(result.stdout)
    return said


def rounds(folder: Path, town: Town, urls: list[str], seed: str) -> list[Round]:
    """Return a round for each store, each with an outage of its own second."""
    now = datetime.now(UTC).replace(microsecond=0)
    return [
        Round(
            folder=folder / f"round-{number}",
            town=town,
            store_url=url,
            seed=f"{seed}-{number}",
            began_at=now - timedelta(hours=2, seconds=number),
            after_green=bool(number % 2),
        )
        for number, url in enumerate(urls)
    ]
