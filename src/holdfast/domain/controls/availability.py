"""Services keep their availability target, measured from outside.

Time is up, down or unknown; unknown counts neither way. The lower bound takes all
unknown time as down, the upper bound as up; between the two the target is not proven.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    quorum_down,
    unproven,
    within,
)
from holdfast.domain.memory.services import Service, Stretch, Vantage

# Seals come hourly; evidence older than two of them is stale.
SEAL_COUNTS_FOR = timedelta(hours=2)
ROLLING = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Measure:
    """A window of a service split into up, down and unknown; maintenance left out."""

    start: datetime
    end: datetime
    up: timedelta
    down: timedelta
    unknown: timedelta

    @property
    def lower(self) -> Decimal:
        """Return the least availability, as a share of one, that the facts allow."""
        return _share(self.up, self.up + self.down + self.unknown)

    @property
    def upper(self) -> Decimal:
        """Return the greatest availability that the facts allow."""
        return _share(self.up + self.unknown, self.up + self.down + self.unknown)


def judge(situation: Situation) -> Verdict:
    """Judge every probed customer-facing service; the worst one decides."""
    target = situation.rules.availability
    if target is None:
        return unproven("the policy names no availability target")
    verdicts = [
        _judge_one(situation, service.id, target)
        for service in situation.rules.catalogue.services
        if service.customer_facing and service.probe is not None
    ]
    if not verdicts:
        return unproven("the catalogue names no customer-facing service with a probe")
    order = ("breached", "stale", "unproven", "met")
    return min(verdicts, key=lambda verdict: order.index(verdict.standing))


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing at a moment: the target holds over the window."""
    del situation
    return ()


def measure(situation: Situation, service_id: str) -> Measure | None:
    """Return the measured window up to the newest seal, or ``None`` without one."""
    known = situation.state.services.get(service_id)
    if known is None:
        return None
    names = tuple(v.id for v in situation.rules.catalogue.vantage_points)
    ends = [v.looked[-1].end for v in known.vantages.values() if v.looked]
    if not ends:
        return None
    end = min(max(ends), situation.now)
    start = window_start(situation, end)
    quorum = quorum_down(situation)
    notice = situation.rules.duration("maintenance_notice")
    return _measured(known, names, quorum, Stretch(start, end), notice)


def window_start(situation: Situation, now: datetime) -> datetime:
    """Return where the window of clause 2, availability, begins (a local midnight)."""
    choice = situation.rules.choice("availability_window")
    if choice == "rolling 30 days":
        return now - ROLLING
    local = now.astimezone(situation.rules.calendar.zone)
    month = 1 if choice == "calendar year" else local.month
    start = local.replace(
        month=month, day=1, hour=0, minute=0, second=0, microsecond=0, fold=0
    )
    return start.astimezone(UTC)


def _judge_one(situation: Situation, service: str, target: Decimal) -> Verdict:
    measured = measure(situation, service)
    if measured is None:
        return unproven(f"{service}: nobody has looked from outside yet")
    text = (
        f"{service}: between {_percent(measured.lower)} and {_percent(measured.upper)}"
        f" since {measured.start:%Y-%m-%d}, {_percent(target)} wanted"
    )
    index = _newest_seal(situation.state.services[service])
    proof = Proof(text, index, measured.end)
    if measured.upper < target:
        return Verdict("breached", text, (proof,))
    if not within(measured.end, situation.now, SEAL_COUNTS_FOR):
        return Verdict("stale", f"{service}: no sealed samples of late", (proof,))
    if measured.lower < target:
        return unproven(f"not proven; {text}", proof)
    return Verdict("met", text, (proof,))


def _newest_seal(service: Service) -> int | None:
    found = [v.sealed_index for v in service.vantages.values()]
    return max((index for index in found if index is not None), default=None)


def _measured(
    service: Service,
    names: tuple[str, ...],
    quorum: int,
    window: Stretch,
    notice: timedelta,
) -> Measure:
    excluded = [
        Stretch(m.starts_at, m.ends_at)
        for m in service.maintenance
        if m.starts_at - m.announced_at >= notice
    ]
    vantages = [service.vantages.get(name, Vantage()) for name in names]
    totals = {"up": timedelta(0), "down": timedelta(0), "unknown": timedelta(0)}
    for piece in _pieces(vantages, excluded, window):
        if any(e.start <= piece.start and piece.end <= e.end for e in excluded):
            continue
        views = [_view(vantage, piece) for vantage in vantages]
        totals[_verdict(views, quorum)] += piece.end - piece.start
    return Measure(
        window.start, window.end, totals["up"], totals["down"], totals["unknown"]
    )


def _pieces(
    vantages: list[Vantage], excluded: list[Stretch], window: Stretch
) -> Iterable[Stretch]:
    """Cut the window wherever anything changes, so that each piece is uniform."""
    cuts = {window.start, window.end}
    for vantage in vantages:
        cuts.update(change.since for change in vantage.changes)
        cuts.update(s.start for s in vantage.looked)
        cuts.update(s.end for s in vantage.looked)
    cuts.update(e.start for e in excluded)
    cuts.update(e.end for e in excluded)
    inside = sorted(c for c in cuts if window.start <= c <= window.end)
    return (Stretch(a, b) for a, b in pairwise(inside))


def _view(vantage: Vantage, piece: Stretch) -> bool | None:
    if not any(s.start <= piece.start and piece.end <= s.end for s in vantage.looked):
        return None
    known = [c.ok for c in vantage.changes if c.since <= piece.start]
    return known[-1] if known else None


def _verdict(views: list[bool | None], quorum: int) -> str:
    if sum(view is False for view in views) >= quorum:
        return "down"
    # Up is certain once the quorum for down can no longer be reached.
    if len(views) - sum(view is True for view in views) < quorum:
        return "up"
    return "unknown"


def _share(part: timedelta, whole: timedelta) -> Decimal:
    if not whole:
        return Decimal(0)
    microsecond = timedelta(microseconds=1)
    return Decimal(part // microsecond) / Decimal(whole // microsecond)


def _percent(share: Decimal) -> str:
    return f"{share * 100:.4f} %"
