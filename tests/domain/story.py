"""Stories for tests of the domain: facts are told, state follows by `evolve` alone.

The company is Northwind of the demo with the policy's defaults, every one of them
approved unless a test says otherwise. ``T0`` is a Wednesday, 10:00 in Melbourne.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import tomli_w

from holdfast.demo import northwind
from holdfast.domain.controls.all import CONTROLS
from holdfast.domain.controls.judging import Duty, Situation, Verdict, guarded
from holdfast.domain.decide import Conclusion, decide
from holdfast.domain.events.authority import ActApproved, ActOrdered
from holdfast.domain.events.governance import PolicyAdopted
from holdfast.domain.events.incident import RecoveryOrdered
from holdfast.domain.events.kinds import Event
from holdfast.domain.events.measure import Canaries, DatastoreMeasured
from holdfast.domain.events.notice import (
    NoticeDelivered,
    NoticeDue,
    StatusPageSeen,
)
from holdfast.domain.events.observation import (
    BackupSeen,
    ProbesSealed,
    ProtectionSeen,
    VantageChanged,
)
from holdfast.domain.events.repository import (
    Deletion,
    Escrow,
    RepositoryExamined,
    WindowSeen,
    WrongKey,
)
from holdfast.domain.holiday_table import holiday_table
from holdfast.domain.memory.incidents import Incident
from holdfast.domain.policy.compiler import compile_policy
from holdfast.domain.promises import ControlName
from holdfast.domain.questions import BY_NAME
from holdfast.domain.rules import Rules, resolve
from holdfast.domain.state import State, evolve
from holdfast.operations.govern import Texts, check

T0 = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
SERVICE, DATASTORE = northwind.SERVICE, northwind.DATASTORE
VANTAGES = ("melbourne", "singapore", "frankfurt")

Edit = Callable[[dict[str, Any]], None]


@cache
def _rules(
    decisions: tuple[tuple[str, str], ...],
    unapproved: tuple[str, ...],
    edit: Edit | None,
    cut: str,
    add: str,
) -> Rules:
    policy = "\n".join(
        f"{add}\n{line}" if add and "**Off-site" in line else line
        for line in northwind.policy_text().splitlines()
        if not cut or cut not in line
    )
    catalogue = northwind._catalogue(8080, "scripted")
    if edit is not None:
        edit(catalogue)
    approvers = {
        role: person["id"]
        for person in reversed(catalogue["people"])
        for role in person["roles"]
    }
    decided = []
    for asked in compile_policy(policy).open_questions:
        question = BY_NAME[asked.question]
        if question.name in unapproved:
            continue
        decided.append(
            {
                "question": question.name,
                "anchor": asked.anchor,
                "value": dict(decisions).get(question.name, question.default),
                "approved_by": approvers[question.approver],
                "approved_on": date(2026, 6, 1),
            }
        )
    overlay = tomli_w.dumps({"decision": decided})
    checked = check(Texts(policy, tomli_w.dumps(catalogue), overlay))
    table = holiday_table("AU", "VIC", 2025, 2028)
    return resolve(checked.policy, checked.overlay, checked.catalogue, table)


def rules(
    decisions: Mapping[str, str] | None = None,
    *,
    unapproved: tuple[str, ...] = (),
    edit: Edit | None = None,
    cut: str = "",
    add: str = "",
) -> Rules:
    """Return the company's rules, with some decisions, its catalogue edited, the lines
    of the policy left out that contain a text, or one more before its off-site copies.
    """
    decided = tuple(sorted((decisions or {}).items()))
    return _rules(decided, unapproved, edit, cut, add)


@dataclass(slots=True)
class Story:
    """What happened so far, and the moment at which it is asked about."""

    rules: Rules = field(default_factory=rules)
    now: datetime = T0
    state: State = field(default_factory=State)
    told: list[Event] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def tell(self, *events: Event, recorded_at: datetime | None = None) -> Story:
        """Record events, by default at the story's moment; repeats by key are none."""
        for event in events:
            if event.key in self.known:
                continue
            self.known.add(event.key)
            index = len(self.told)
            self.told.append(event)
            self.state = evolve(self.state, event, index, recorded_at or self.now)
        return self

    def at(self, now: datetime) -> Story:
        """Move on to a moment."""
        assert now >= self.now
        self.now = now
        return self

    def after(self, length: timedelta) -> Story:
        """Move on by a length."""
        return self.at(self.now + length)

    @property
    def situation(self) -> Situation:
        """Return the situation now."""
        return Situation(self.rules, self.state, self.now)

    # --- What Holdfast makes of it ---

    def judge(self, control: ControlName) -> Verdict:
        """Return how the control stands, guarded as people see it."""
        verdict = CONTROLS[control].judge(self.situation)
        return guarded(self.situation, control, verdict)

    def owes(self, control: ControlName) -> dict[str, Duty]:
        """Return the duties of a control by key."""
        return {duty.key: duty for duty in CONTROLS[control].owes(self.situation)}

    def conclude(self) -> list[Event]:
        """Record what follows until nothing new does, as the beat does; return it."""
        found: list[Event] = []
        for _ in range(8):
            conclusions = decide(self.situation).conclusions
            if not conclusions:
                return found
            events = [conclusion.event for conclusion in conclusions]
            found.extend(events)
            before = len(self.told)
            self.tell(*events)
            assert len(self.told) > before, f"concluded again: {events}"
        raise AssertionError(f"no end of conclusions: {decide(self.situation)}")

    def conclusions(self) -> tuple[Conclusion, ...]:
        """Return what follows now, unrecorded."""
        return decide(self.situation).conclusions

    def beat_until(self, end: datetime, every: timedelta = MINUTE) -> list[Event]:
        """Conclude and deliver again and again until a moment, that one included."""
        found = []
        while True:
            found.extend(self.conclude())
            self.deliver()
            if self.now >= end:
                return found
            self.at(min(self.now + every, end))

    @property
    def incident(self) -> Incident:
        """Return the newest incident."""
        return self.state.all_incidents()[-1]

    def notices(self) -> list[NoticeDue]:
        """Return every notice ever owed, in order."""
        return [event for event in self.told if isinstance(event, NoticeDue)]

    # --- What happens in the world ---

    def adopt(self, at: datetime | None = None) -> Story:
        """Adopt the policy."""
        policy = self.rules.policy
        count = len(policy.sentences)
        moment = at or self.now
        return self.tell(
            PolicyAdopted(policy.digest, policy.title, count, "ana", moment)
        )

    def turn(self, ok: bool, *vantages: str, service: str = SERVICE) -> Story:
        """Let vantage points, or all, see a service green or red from now on."""
        word = "green" if ok else "red"
        names = vantages or VANTAGES
        return self.tell(
            *(VantageChanged(service, name, ok, self.now, word) for name in names)
        )

    def seal(
        self,
        start: datetime,
        end: datetime,
        *vantages: str,
        service: str = SERVICE,
    ) -> Story:
        """Say that vantage points, or all, were looking from start to end."""
        return self.tell(
            *(
                ProbesSealed(service, name, start, end, 1, 0, "sha256:00")
                for name in vantages or VANTAGES
            )
        )

    def deliver(self) -> Story:
        """Deliver every notice that is open, and see the page from outside."""
        for name in sorted(self.state.notices.undelivered):
            due = self.state.notices.all[name].due
            self.tell(NoticeDelivered(name, due.count, 0, 0, "sha256:00", self.now))
        for name in sorted(self.state.notices.unseen):
            self.tell(StatusPageSeen(name, "https://status.example/", self.now))
        return self

    def look(
        self,
        *,
        datastore: str = DATASTORE,
        lag: timedelta | None = timedelta(seconds=30),
        running: bool = True,
        archiving: bool = True,
        archive_failing: bool = False,
        repositories: tuple[int, ...] = (1, 2),
    ) -> Story:
        """Look at a datastore's protection, and at what can be restored, now."""
        recoverable = None if lag is None else self.now - lag
        self.tell(
            ProtectionSeen(
                datastore,
                self.now,
                running,
                archiving,
                archive_failing,
                recoverable,
                repositories,
                "sha256:00",
            )
        )
        known = self.state.datastores[datastore]
        for number in repositories:
            held = known.of_repository(number)
            if held:
                self.window(number, held[0].backup.finished_at, datastore=datastore)
        return self

    def window(
        self,
        repository: int,
        since: datetime | None,
        *,
        datastore: str = DATASTORE,
        holes: tuple[str, ...] = (),
    ) -> Story:
        """Look from when on any moment can be restored from a repository."""
        return self.tell(
            WindowSeen(datastore, repository, since, self.now, holes, self.now)
        )

    def examine(
        self,
        repository: int = 2,
        *,
        datastore: str = DATASTORE,
        read_back: bool = True,
        wrong_key: WrongKey = "refused",
        deletion: Deletion = "refused",
        escrow: Escrow = "none",
        owner: str | None = None,
        region: str | None = None,
    ) -> Story:
        """Try a repository now, as a verification does."""
        return self.tell(
            RepositoryExamined(
                job=f"verify-{len(self.told)}",
                datastore=datastore,
                repository=repository,
                read_back=read_back,
                cipher="aes-256-cbc",
                wrong_key=wrong_key,
                deletion=deletion,
                escrow=escrow,
                owner=owner,
                region=region,
                evidence="sha256:00",
                at=self.now,
            )
        )

    def measure(
        self,
        *,
        datastore: str = DATASTORE,
        streaming: tuple[str, ...] = (),
        not_streaming: tuple[str, ...] = (),
        wal_position: int = 0,
        canaries: Canaries | None = "intact",
    ) -> Story:
        """Measure a datastore by its own server now."""
        return self.tell(
            DatastoreMeasured(
                datastore=datastore,
                at=self.now,
                heartbeat_at=self.now,
                recoverable_heartbeat_at=self.now - MINUTE,
                waiting_segments=0,
                wal_position=wal_position,
                streaming=streaming,
                not_streaming=not_streaming,
                canaries=canaries,
                evidence="sha256:00",
            )
        )

    def backup(
        self,
        repository: int = 1,
        *,
        datastore: str = DATASTORE,
        finished_at: datetime | None = None,
        cipher: str | None = "aes-256-cbc",
        error: bool = False,
        off_site: bool | None = None,
    ) -> Story:
        """See a backup that finished now, or at the moment given."""
        at = finished_at or self.now
        return self.tell(
            BackupSeen(
                datastore=datastore,
                repository=repository,
                off_site=repository == 2 if off_site is None else off_site,
                label=f"{at:%Y%m%d-%H%M%S-%f}F",
                kind="full",
                started_at=at - MINUTE,
                finished_at=at,
                size_bytes=1_000,
                cipher=cipher,
                error=error,
            )
        )

    def order(
        self,
        number: int = 1,
        datastore: str = DATASTORE,
        *,
        approved: bool = True,
        holds: tuple[str, ...] = (),
    ) -> str:
        """Order a recovery in the newest incident, and approve it; return its id."""
        name = f"{self.incident.id}-{datastore}-{number}"
        self.tell(
            RecoveryOrdered(name, self.incident.id, datastore, 2, None, "chi", self.now)
        )
        lapses_at = self.now + timedelta(hours=1)
        how = ("chi", "password", holds, None, lapses_at, self.now)
        self.tell(ActOrdered(name, "restore", datastore, *how))
        if approved:
            self.tell(ActApproved(name, "eli", "password", self.now))
        return name


def outage(start: datetime = T0, made: Rules | None = None) -> Story:
    """Begin a story: green since a day before, red from everywhere at ``start``."""
    story = Story(made or rules(), now=start - DAY)
    story.adopt().turn(True)
    return story.at(start).turn(False)


def confirmed(start: datetime = T0, made: Rules | None = None) -> Story:
    """Begin a story with an incident that is just confirmed, its notices recorded."""
    story = outage(start, made).after(timedelta(minutes=5))
    story.conclude()
    return story
