"""What is remembered of business services: who sees what, since when, and when
anybody was looking at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from immutables import Map

from holdfast.domain.events.observation import (
    MaintenanceAnnounced,
    ProbesSealed,
    VantageChanged,
)
from holdfast.domain.memory.moments import before

KEPT = timedelta(days=400)
# Vantage points that turn red within this time see one outage; one that was red alone
# for longer sees a trouble of its own and does not date the outage back.
ONE_OUTAGE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Change:
    """A vantage point's view turned at ``since``; ``index`` is the entry."""

    since: datetime
    ok: bool
    index: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Somebody was looking from ``start`` to ``end``."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Vantage:
    """What one vantage point saw of one service; changes and stretches in order."""

    changes: tuple[Change, ...] = ()
    looked: tuple[Stretch, ...] = ()
    sealed_index: int | None = None

    @property
    def ok(self) -> bool | None:
        """Return the newest view, or ``None`` where it never looked."""
        return self.changes[-1].ok if self.changes else None

    @property
    def since(self) -> datetime | None:
        """Return since when the newest view holds."""
        return self.changes[-1].since if self.changes else None


@dataclass(frozen=True, slots=True)
class Service:
    """All vantage points of one service, and maintenance announced for it."""

    vantages: Map[str, Vantage] = Map()
    maintenance: tuple[MaintenanceAnnounced, ...] = ()


Services = Map[str, Service]


def remember(
    services: Services,
    event: VantageChanged | ProbesSealed | MaintenanceAnnounced,
    index: int,
    recorded_at: datetime,
) -> Services:
    """Return the services with the event folded in.

    Maintenance counts as announced when the ledger knew of it: an announcement that
    is dated back must not turn an outage into maintenance.
    """
    service = services.get(event.service, Service())
    match event:
        case VantageChanged():
            changed = _vantage_changed(service, event, index)
        case ProbesSealed():
            changed = _sealed(service, event, index)
        case MaintenanceAnnounced():
            announced_at = max(event.announced_at, recorded_at)
            known = replace(event, announced_at=announced_at)
            changed = replace(service, maintenance=(*service.maintenance, known))
    return services.set(event.service, changed)


def _vantage_changed(service: Service, event: VantageChanged, index: int) -> Service:
    vantage = service.vantages.get(event.vantage, Vantage())
    if vantage.ok is event.ok:
        return service
    since = max(event.since, vantage.since) if vantage.since else event.since
    kept = tuple(
        change
        for change, following in pairwise((*vantage.changes, Change(since, True, 0)))
        if following.since >= before(since, KEPT)
    )
    changes = (*kept, Change(since, event.ok, index))
    return _with(service, event.vantage, replace(vantage, changes=changes))


def _sealed(service: Service, event: ProbesSealed, index: int) -> Service:
    vantage = service.vantages.get(event.vantage, Vantage())
    kept = tuple(s for s in vantage.looked if s.end >= before(event.first_at, KEPT))
    looked = joined(kept, Stretch(event.first_at, event.last_at))
    return _with(
        service, event.vantage, replace(vantage, looked=looked, sealed_index=index)
    )


def joined(looked: tuple[Stretch, ...], new: Stretch) -> tuple[Stretch, ...]:
    """Return the stretches in order with the new one, touching ones made one."""
    before = tuple(s for s in looked if s.end < new.start)
    after = tuple(s for s in looked if s.start > new.end)
    touching = looked[len(before) : len(looked) - len(after)]
    start = min((new.start, *(s.start for s in touching)))
    end = max((new.end, *(s.end for s in touching)))
    return (*before, Stretch(start, end), *after)


def _with(service: Service, name: str, vantage: Vantage) -> Service:
    return replace(service, vantages=service.vantages.set(name, vantage))


def red_since(service: Service, names: tuple[str, ...], quorum: int) -> datetime | None:
    """Return since when at least ``quorum`` of the vantage points see it red.

    That is when the last of the first ``quorum`` to turn red did; ``None`` if too few
    are red.
    """
    return _agreed_since(service, names, quorum, ok=False)


def green_since(
    service: Service, names: tuple[str, ...], quorum: int
) -> datetime | None:
    """Return since when at least ``quorum`` of the vantage points see it green."""
    return _agreed_since(service, names, quorum, ok=True)


def first_failure(
    service: Service,
    names: tuple[str, ...],
    quorum: int,
    last_end: datetime | None = None,
) -> datetime | None:
    """Return when the first of the vantage points saw the outage they agree on.

    One that stayed red through the end of the last outage, at ``last_end``, saw that
    one.
    """
    agreed = red_since(service, names, quorum)
    if agreed is None:
        return None
    moments = _moments(service, names, ok=False)
    earliest = max(before(agreed, ONE_OUTAGE), last_end or before(agreed, ONE_OUTAGE))
    return min((m for m in moments if m >= earliest), default=agreed)


def _agreed_since(
    service: Service, names: tuple[str, ...], quorum: int, *, ok: bool
) -> datetime | None:
    moments = _moments(service, names, ok=ok)
    return moments[quorum - 1] if 0 < quorum <= len(moments) else None


def _moments(service: Service, names: tuple[str, ...], *, ok: bool) -> list[datetime]:
    found = (service.vantages.get(name, Vantage()) for name in names)
    return sorted(v.since for v in found if v.since is not None and v.ok is ok)
