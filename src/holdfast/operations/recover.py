"""What somebody must know and decide to recover a datastore, and what they order.

Every question is answered from the ledger, so that it can be asked again by anybody,
whatever died meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.domain import recovering
from holdfast.domain.controls.judging import Situation
from holdfast.domain.controls.running import SILENT_AFTER
from holdfast.domain.events.authority import CheckOrdered
from holdfast.domain.events.observation import BackupSeen
from holdfast.domain.events.ransomware import RansomwareSuspected
from holdfast.domain.memory.incidents import Incident, Recovery
from holdfast.domain.runbook import OWN_STEPS, Runbook, parse_runbook
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.authority import require
from holdfast.operations.log import Log
from holdfast.operations.respond import Desk, Led, order_recovery, running_incident

# Of so many drills the longest says how long a recovery takes.
DRILLS_LOOKED_AT = 4
# What waits for a person's word besides the second person's approval.
HELD = ("restore", "failover")


@dataclass(frozen=True, slots=True)
class Source:
    """A repository that a restore could come from, as the ledger knows it.

    ``since`` to ``until``: any moment in it can be restored. ``reachable`` is how the
    last look found it.
    """

    repository: int
    off_site: bool
    reachable: bool
    backup: BackupSeen
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recovery would do, before anybody orders it."""

    datastore: str
    source: Source
    backup: BackupSeen
    target: datetime | None
    loss: timedelta | None
    takes: timedelta | None
    runbook: Runbook


def in_order(situation: Situation, datastore: str | None) -> tuple[str, ...]:
    """Return the datastores to recover: the one named, or those of the services that
    fail, in the order of the functions' ranks (clause 4).
    """
    catalogue = situation.rules.catalogue
    known = {d.id for d in catalogue.datastores}
    if datastore is not None:
        if datastore not in known:
            raise HoldfastError(
                f"no datastore {datastore} is declared",
                f"Declared are: {', '.join(sorted(known)) or 'none'}.",
            )
        return (datastore,)
    failing = {
        name
        for incident in situation.state.running_incidents()
        for name in incident.services
    }
    ranks: dict[str, int] = {}
    for service in catalogue.services:
        if service.id in failing:
            for each in service.datastores:
                rank = catalogue.rank(service.id)
                ranks[each] = min(rank, ranks.get(each, rank))
    if not ranks:
        raise HoldfastError(
            "no service that stands on a datastore is failing",
            "Name the datastore to recover, or declare what fails: "
            "holdfast incident declare --service SERVICE.",
        )
    return tuple(sorted(ranks, key=lambda name: (ranks[name], name)))


def runbook_of(log: Log, situation: Situation, datastore: str) -> Runbook:
    """Return the runbook that leads: the adopted one, or Holdfast's own steps.

    Raises `HoldfastError` where the adopted one is not as it was adopted.
    """
    adopted = situation.state.adopted.runbook_of(datastore)
    if adopted is None:
        return OWN_STEPS
    text = log.store.blob(adopted.digest)
    if text is None:
        raise HoldfastError(
            f"the adopted runbook {adopted.runbook} is not kept any more",
            "Adopt the resilience folder again: holdfast policy adopt FOLDER.",
        )
    return parse_runbook(adopted.runbook, text.decode(), None)


def sources(situation: Situation, datastore: str) -> tuple[Source, ...]:
    """Return what could be restored from, on-site before off-site."""
    known = situation.state.datastores.get(datastore)
    if known is None:
        return ()
    seen = known.seen
    found = []
    for number in sorted({b.backup.repository for b in known.backups}):
        good = [b.backup for b in known.of_repository(number) if not b.backup.error]
        if not good:
            continue
        window = known.windows.get(number)
        since = good[0].finished_at
        until = seen.recoverable_to if seen else None
        if window is not None:
            since = window.event.since or since
            until = window.event.until or until
        found.append(
            Source(
                repository=number,
                off_site=good[-1].off_site,
                reachable=seen is None or number in seen.repositories,
                backup=good[-1],
                since=since,
                until=until,
            )
        )
    return tuple(sorted(found, key=lambda s: (not s.reachable, s.off_site)))


def plan(
    log: Log,
    situation: Situation,
    datastore: str,
    repository: int | None,
    target: datetime | None,
) -> Plan:
    """Return what would be restored, to when, what is lost by it, how long it takes.

    Raises `HoldfastError` for a repository that holds no backup, and for a moment that
    cannot be restored.
    """
    there = sources(situation, datastore)
    if not there:
        raise HoldfastError(
            f"no backup of {datastore} has been seen",
            "Without one there is nothing to restore. Look at the repositories by "
            "hand: docs/operating/protect-postgresql.md.",
        )
    fitting = [s for s in there if repository in {None, s.repository}]
    if not fitting:
        numbers = ", ".join(str(s.repository) for s in there)
        raise HoldfastError(
            f"no backup of {datastore} has been seen in repository {repository}",
            f"There are backups in: {numbers}.",
        )
    source = fitting[0]
    if target is not None:
        _require_within(situation, source, target)
        _require_on_the_way(situation, datastore, target)
    return Plan(
        datastore=datastore,
        source=source,
        backup=_backup(situation, datastore, source, target),
        target=target,
        loss=_loss(situation, datastore, source, target),
        takes=_takes(situation, datastore),
        runbook=runbook_of(log, situation, datastore),
    )


def under_way(situation: Situation, datastore: str) -> Recovery | None:
    """Return the recovery of the datastore that is not over, or the one that brought
    it back in the running incident, or last of all: its runbook may go on after it.
    """
    running = situation.state.running
    known = [
        recovery
        for recovery in situation.state.recoveries.values()
        if recovery.ordered.datastore == datastore
        and (recovery.ordered.incident in running or not running)
    ]
    known.sort(key=lambda recovery: recovery.ordered_index)
    for recovery in reversed(known):
        step = recovering.step(situation, recovery)
        if step not in recovering.OVER or step == "done":
            return recovery
    return None


def to_follow(
    situation: Situation,
    datastore: str,
    repository: int | None,
    target: datetime | None,
) -> Recovery | None:
    """Return the recovery to go on with; ``None`` where a new one is to be ordered.

    Raises `HoldfastError` where another one than was asked for is under way: it would
    be followed in the belief that it does what was asked.
    """
    found = under_way(situation, datastore)
    if found is None:
        return None
    ordered = found.ordered
    wished = (repository or ordered.repository, target or ordered.target)
    if wished == (ordered.repository, ordered.target):
        return found
    if recovering.step(situation, found) in recovering.OVER:
        return None
    to = f"{ordered.target:%Y-%m-%d %H:%M:%S} UTC" if ordered.target else "the end"
    raise HoldfastError(
        f"{ordered.recovery} is under way: from repository {ordered.repository}, "
        f"to {to}",
        "Follow it by naming neither moment nor repository; before it has begun it "
        f"can be cancelled: holdfast cancel {ordered.recovery} --reason TEXT.",
    )


def suspicion_of(situation: Situation, datastore: str) -> RansomwareSuspected | None:
    """Return the first sign of the suspicion that runs against the datastore."""
    known = situation.state.suspicions
    name = known.running.get(datastore)
    return known.all[name].opened if name is not None else None


def size_of(situation: Situation, recovery: Recovery) -> int | None:
    """Return how many bytes the restore brings back, as the backup's listing has it."""
    ordered = recovery.ordered
    for source in sources(situation, ordered.datastore):
        if source.repository == ordered.repository:
            found = _backup(situation, ordered.datastore, source, ordered.target)
            return found.size_bytes
    return None


def services_on(situation: Situation, datastore: str) -> tuple[str, ...]:
    """Return the business services that stand on the datastore."""
    services = situation.rules.catalogue.services
    return tuple(sorted(s.id for s in services if datastore in s.datastores))


def require_runner(situation: Situation) -> None:
    """Raise `HoldfastError` where nobody would carry the recovery out."""
    seen = [each.at for each in situation.state.runners.values()]
    hint = (
        "Start one on the database's host: holdfast runner --home FOLDER; on one "
        "machine: holdfast serve --with-runner."
    )
    if not seen:
        raise HoldfastError("no runner has ever been seen", hint)
    if situation.now - max(seen) >= SILENT_AFTER:
        at = f"{max(seen):%Y-%m-%d %H:%M:%S} UTC"
        raise HoldfastError(f"no runner has been seen since {at}", hint)


def order(desk: Desk, wanted: Plan, incident: Incident) -> Recovery:
    """Order it, led by its runbook; what destroys waits for a person's word."""
    adopted = desk.situation().state.adopted.runbook_of(wanted.datastore)
    led = Led(adopted.digest if adopted else None, HELD)
    ordered = order_recovery(
        desk,
        wanted.datastore,
        repository=wanted.source.repository,
        target=wanted.target,
        incident=incident.id,
        led=led,
    )
    return desk.situation().state.recoveries[ordered.recovery]


def led_by(log: Log, situation: Situation, recovery: Recovery) -> Runbook:
    """Return the runbook by which it was ordered: a new one does not move its steps."""
    order = situation.state.orders.get(recovery.ordered.recovery)
    digest = order.ordered.runbook if order else None
    text = log.store.blob(digest) if digest else None
    if text is None:
        return OWN_STEPS
    return parse_runbook("runbook", text.decode(), None)


def ask(
    desk: Desk, datastore: str, repository: int, target: datetime | None = None
) -> str:
    """Ask the engine whether a restore could work; return the question's name."""
    situation = desk.situation()
    require(situation.rules, desk.person, "order_recovery")
    name = f"check-{datastore}-{situation.now:%Y%m%dT%H%M%S%f}"
    event = CheckOrdered(
        name, datastore, repository, target, desk.person, situation.now
    )
    desk.record([Fact(event, situation.now, actor=f"person:{desk.person}")])
    return name


def incident_of(situation: Situation, wanted: str | None) -> Incident:
    """Return the running incident; raises `HoldfastError` with the way to one."""
    try:
        return running_incident(situation, wanted)
    except HoldfastError as error:
        if situation.state.running:
            raise
        raise HoldfastError(
            error.message,
            "Declare what fails first: holdfast incident declare --service SERVICE.",
        ) from None


def _require_within(situation: Situation, source: Source, target: datetime) -> None:
    """Refuse a moment before the window, and one that has not come.

    Its end was true at the last look, minutes ago; the preflight looks at the archive
    itself, and says of a moment after the last commit that it is one.
    """
    if source.since <= target < situation.now:
        return
    until = source.until
    end = f"{until:%Y-%m-%d %H:%M:%S}" if until else "the last commit"
    raise HoldfastError(
        f"{target:%Y-%m-%d %H:%M:%S} UTC is outside of what repository "
        f"{source.repository} can restore",
        f"Its window is {source.since:%Y-%m-%d %H:%M:%S} to {end} UTC.",
    )


def _require_on_the_way(situation: Situation, datastore: str, target: datetime) -> None:
    """Refuse a moment that an earlier recovery left behind.

    Replay follows the newest timeline: it would end where that one began, and look as
    if it had worked.
    """
    for recovery in situation.state.recoveries.values():
        ordered, verified = recovery.ordered, recovery.verified
        if ordered.datastore != datastore or ordered.target is None:
            continue
        if verified is None or not verified.ready or verified.timeline is None:
            continue
        if ordered.target < target <= verified.at:
            raise HoldfastError(
                f"{target:%Y-%m-%d %H:%M:%S} UTC was left behind by "
                f"{ordered.recovery}, which went back to "
                f"{ordered.target:%Y-%m-%d %H:%M:%S} UTC",
                "Its WAL is on an older timeline. Take it by hand, with "
                "--target-timeline: docs/operating/protect-postgresql.md.",
            )


def _backup(
    situation: Situation, datastore: str, source: Source, target: datetime | None
) -> BackupSeen:
    known = situation.state.datastores[datastore].of_repository(source.repository)
    good = [seen.backup for seen in known if not seen.backup.error]
    fitting = [b for b in good if target is None or b.finished_at <= target]
    return (fitting or good)[-1]


def _loss(
    situation: Situation, datastore: str, source: Source, target: datetime | None
) -> timedelta | None:
    """Return what is lost by it: from the restored moment to the fault, or to now."""
    services = {
        s.id for s in situation.rules.catalogue.services if datastore in s.datastores
    }
    begun = [
        incident.opened.began_at
        for incident in situation.state.running_incidents()
        if services & set(incident.services)
    ]
    end = min(begun, default=situation.now)
    moment = target or source.until
    return None if moment is None else max(end - moment, timedelta(0))


def _takes(situation: Situation, datastore: str) -> timedelta | None:
    """Return the longest of the last drills that brought data back."""
    known = situation.state.datastores.get(datastore)
    spent = [
        timedelta(microseconds=drill.recovery_time_us)
        for drill, _ in (known.drills if known else ())[-DRILLS_LOOKED_AT:]
        if drill.recovery_time_us is not None and drill.sabotage is None
    ]
    return max(spent, default=None)
