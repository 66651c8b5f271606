"""Entries of a real mix of types: what a company records, hour by hour, for years.

Twenty services seen from three places, six datastores in two repositories each, two or
three incidents a day, with all that is told in one. Roughly: seven entries in ten are
sealed probes, two are about backups and their jobs, one is about trouble.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, islice

from holdfast.domain.events import drill, incident, job, notice, observation
from holdfast.domain.events.copies import PublishChecked
from holdfast.domain.events.governance import LedgerChecked, NodeStarted
from holdfast.domain.events.kinds import Event
from holdfast.domain.events.notice import ChannelName
from holdfast.domain.events.witness import WitnessCosigned
from holdfast.journal import Fact, seal
from holdfast.operations.ports.store import Draft, Store

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
PLACES = ("north", "south", "west")
DIGEST = "sha256:" + "5e" * 32
ROOT = "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="
BATCH = 2_000
NODE = "node-1"
CHANNELS: tuple[ChannelName, ...] = ("slack", "status_page", "email")
DRILL_WEEKDAY = 2
OFF_SITE = 2


def fill(
    store: Store, size: int, services: Sequence[str], datastores: Sequence[str]
) -> datetime:
    """Append such entries up to a size; return the moment of the last one."""
    events = facts(services, datastores)
    at = START
    while (room := size - store.size()) > 0:
        batch = list(islice(events, min(BATCH, room)))
        at = batch[-1].observed_at
        store.append([_draft(fact) for fact in batch], now=at)
    return at


def _draft(fact: Fact) -> Draft:
    return Draft(fact.event.key, lambda now: seal(fact, NODE, now))


def facts(services: Sequence[str], datastores: Sequence[str]) -> Iterator[Fact]:
    """Yield facts in the order in which they were observed, without an end."""
    numbers = count()
    for hour in count():
        now = START + hour * HOUR
        found: list[tuple[datetime, Event]] = []
        if hour % 24 == 0:
            found += _daily(now, datastores)
        if hour % 6 == 0:
            for at, datastore in enumerate(datastores):
                found += _backup(now + at * MINUTE, datastore, hour)
        if hour % 10 == 0:
            service = services[hour // 10 % len(services)]
            found += _incident(now, service, next(numbers))
        for service in services:
            found += _sealed(now, service)
        for at, event in sorted(found, key=lambda pair: pair[0]):
            yield Fact(event, at, clause="5f2a9c1e77aa")


def _sealed(now: datetime, service: str) -> Iterator[tuple[datetime, Event]]:
    end = now + HOUR
    for place in PLACES:
        yield (
            end,
            observation.ProbesSealed(service, place, now, end, 3600, 0, DIGEST),
        )


def _daily(
    now: datetime, datastores: Sequence[str]
) -> Iterator[tuple[datetime, Event]]:
    checked = (10, ROOT, True)
    yield now, NodeStarted(NODE, "0.1.0", now)
    yield now, LedgerChecked(*checked, "database", "all entries verified", now)
    yield now, PublishChecked("s3://copies/log", *checked, "read back", now)
    yield now, WitnessCosigned("auditor", 10, now)
    if now.weekday() == DRILL_WEEKDAY:
        yield from _drill(now, datastores[now.toordinal() % len(datastores)])


def _drill(now: datetime, datastore: str) -> Iterator[tuple[datetime, Event]]:
    name, end = f"drill-{datastore}-{now:%Y%m%d}", now + 20 * MINUTE
    steps = ("restore", "replay", "verify")
    yield now, drill.DrillOrdered(name, datastore, 2, None, "ana", now)
    yield (
        end,
        drill.DrillMeasured(
            name, now, end, now, None, 0, 3, ("rows",), True, True, (),
            steps, (1, 2, 3), DIGEST, end,
        ),
    )  # fmt: skip
    yield (
        end,
        drill.DrillFinished(
            name, datastore, None, now, 1_200_000_000, 0, 1_200_000_000, 0, 0, True,
            "recovered in 20 minutes", (), DIGEST, end,
        ),
    )  # fmt: skip


def _backup(
    now: datetime, datastore: str, hour: int
) -> Iterator[tuple[datetime, Event]]:
    for number in (1, 2):
        name, end = f"{datastore}-{number}-{hour}", now + 9 * MINUTE
        label = f"{now:%Y%m%d-%H%M%S}F"
        old = f"{now - 30 * DAY:%Y%m%d-%H%M%S}F"
        yield (
            now,
            job.JobRequested(name, datastore, "backup", number, None, None, now),
        )
        yield now, job.JobStarted(name, "host-1", f"/srv/holdfast/jobs/{name}", now)
        yield end, job.JobFinished(name, True, "a full backup", DIGEST, end)
        yield (
            end,
            observation.BackupSeen(
                datastore, number, number == OFF_SITE, label, "full", now, end,
                81_604_378_624, "aes-256-cbc", False,
            ),
        )  # fmt: skip
        yield end, observation.BackupGone(datastore, number, old, end)
        yield (
            end,
            observation.ProtectionSeen(
                datastore, end, True, True, False, end, (1, 2), DIGEST
            ),
        )


def _incident(
    now: datetime, service: str, number: int
) -> Iterator[tuple[datetime, Event]]:
    name = f"incident-{number}-{service}"
    seen, green, end = now + 2 * MINUTE, now + 40 * MINUTE, now + 45 * MINUTE
    for at, ok in ((now, False), (green, True)):
        for place in PLACES:
            yield (
                at,
                observation.VantageChanged(service, place, ok, at, "HTTP status 503"),
            )
    yield (
        seen,
        incident.IncidentOpened(
            name, (service,), now, seen, PLACES, "red from 3 places for 2 minutes"
        ),
    )
    yield seen, incident.IncidentAcknowledged(name, "ana", seen)
    yield from _told(name, "opened", seen)
    for minutes in (15, 30):
        yield from _told(name, f"update-{minutes}", seen + minutes * MINUTE)
    yield end, incident.ServiceRestored(name, service, green, end)
    yield end, incident.IncidentResolved(name, "holdfast", end)
    yield from _told(name, "resolved", end)


def _told(name: str, stage: str, now: datetime) -> Iterator[tuple[datetime, Event]]:
    kind: notice.Stage = "update"
    if stage == "opened":
        kind = "opened"
    elif stage == "resolved":
        kind = "resolved"
    for channel, duty in zip(CHANNELS, ("alert", "status", "customers"), strict=True):
        key, done = f"{name}/{duty}/{stage}", now + MINUTE
        text = f"{name} is {stage}. The response team is at work; next word in 30 min."
        yield (
            now,
            notice.NoticeDue(
                key, name, "alert", kind, channel, ("channel:irt",), 1,
                f"{name}: {stage}", text, now, now + 15 * MINUTE,
            ),
        )  # fmt: skip
        if channel == "email" and stage == "opened":
            yield (
                now,
                notice.DeliveryFailed(
                    key, f"{key}/1", 1, "timed out", False, True, done, now
                ),
            )
            late = now + 16 * MINUTE
            yield (
                late,
                notice.DutyEscalated(
                    key, name, "customer_email", now + 15 * MINUTE, late
                ),
            )
        yield done, notice.NoticeDelivered(key, 1, 0, 0, DIGEST, done)
        if channel == "status_page":
            yield done, notice.StatusPageSeen(key, "https://status.example.com/", done)
