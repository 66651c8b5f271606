"""Services keep their availability target, measured from outside.

Time is up, down or unknown; unknown counts neither way. The lower bound takes all
unknown time as down, the upper bound as up; between the two the target is not proven.
What is left of a month is a budget: it is breached once no good rest can save it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
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
from holdfast.domain.controls.watching import vantage_names
from holdfast.domain.memory.services import (
    Service,
    Stretch,
    Vantage,
    joined,
    red_since,
)

# Seals come hourly; evidence older than two of them is stale.
SEAL_COUNTS_FOR = timedelta(hours=2)
WORST_FIRST = ("breached", "at_risk", "stale", "unproven", "met")
ROLLING = timedelta(days=30)
LAST_MONTH = 12


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
        return _share(self.up, self.whole)

    @property
    def upper(self) -> Decimal:
        """Return the greatest availability that the facts allow."""
        return _share(self.whole - self.down, self.whole, Decimal(1))

    @property
    def whole(self) -> timedelta:
        """Return the time that counts, known or not."""
        return self.up + self.down + self.unknown


def judge(situation: Situation) -> Verdict:
    """Judge every customer-facing service; the worst one decides."""
    target = situation.rules.availability
    if target is None:
        return unproven("the policy names no availability target")
    verdicts = [
        _judge_one(situation, service.id, target)
        for service in situation.rules.catalogue.services
        if service.customer_facing
    ]
    if not verdicts:
        return unproven("the catalogue names no customer-facing service")
    return min(verdicts, key=lambda verdict: WORST_FIRST.index(verdict.standing))


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing at a moment: the target holds over the window."""
    del situation
    return ()


def measure(situation: Situation, service_id: str) -> Measure | None:
    """Return the measured window up to the newest seal, or ``None`` without one.

    While enough vantage points see it down the window runs on to now: an outage shows
    at once, not with the next seal.
    """
    known = situation.state.services.get(service_id)
    if known is None:
        return None
    names = vantage_names(situation)
    vantages = [known.vantages.get(name, Vantage()) for name in names]
    quorum = quorum_down(situation)
    if red_since(known, names, quorum) is not None:
        vantages = [_still_red(situation, vantage) for vantage in vantages]
    ends = [vantage.looked[-1].end for vantage in vantages if vantage.looked]
    if not ends:
        return None
    end = min(max(ends), situation.now)
    window = Stretch(window_start(situation, end), end)
    return _measured(vantages, quorum, window, _excluded(situation, known))


def window_start(situation: Situation, now: datetime) -> datetime:
    """Return where the window of clause 2, availability, begins (a local midnight)."""
    choice = situation.rules.choice("availability_window")
    if choice == "rolling 30 days":
        return now - ROLLING
    local = now.astimezone(situation.rules.calendar.zone)
    return _midnight(local.replace(month=1) if choice == "calendar year" else local)


def window_end(situation: Situation, now: datetime) -> datetime:
    """Return where that window ends: what is still to come of it may yet go well."""
    choice = situation.rules.choice("availability_window")
    if choice == "rolling 30 days":
        return now
    local = now.astimezone(situation.rules.calendar.zone).replace(day=1)
    if choice == "calendar year" or local.month == LAST_MONTH:
        return _midnight(local.replace(year=local.year + 1, month=1))
    return _midnight(local.replace(month=local.month + 1))


def _midnight(local: datetime) -> datetime:
    """Return the midnight that begins the month of a local moment."""
    return local.replace(
        day=1, hour=0, minute=0, second=0, microsecond=0, fold=0
    ).astimezone(UTC)


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
    ahead = window_end(situation, measured.end) - measured.end
    left = measured.whole + ahead
    if _share(left - measured.down, left, Decimal(1)) < target:
        return Verdict("breached", text, (proof,))
    if measured.upper < target:
        return Verdict("at_risk", f"more down than the target so far; {text}", (proof,))
    if not within(measured.end, situation.now, SEAL_COUNTS_FOR):
        return Verdict("stale", f"{service}: no sealed samples of late", (proof,))
    if measured.lower < target:
        return unproven(f"not proven; {text}", proof)
    return Verdict("met", text, (proof,))


def _newest_seal(service: Service) -> int | None:
    found = [v.sealed_index for v in service.vantages.values()]
    return max((index for index in found if index is not None), default=None)


def _excluded(situation: Situation, service: Service) -> list[Stretch]:
    """Return the maintenance that was announced long enough before."""
    notice = situation.rules.duration("maintenance_notice")
    return [
        Stretch(m.starts_at, m.ends_at)
        for m in service.maintenance
        if m.starts_at - m.announced_at >= notice
    ]


def _still_red(situation: Situation, vantage: Vantage) -> Vantage:
    """Let a red view count as looked at until now: a change would be known at once.

    Only since the newest start of a node; before it nobody may have looked.
    """
    if vantage.ok is not False or vantage.since is None:
        return vantage
    starts = [node.at for node in situation.state.nodes.values()]
    since = max([vantage.since, *starts])
    if since >= situation.now:
        return vantage
    looked = joined(vantage.looked, Stretch(since, situation.now))
    return replace(vantage, looked=looked)


def _measured(
    vantages: list[Vantage], quorum: int, window: Stretch, excluded: list[Stretch]
) -> Measure:
    totals = {"up": timedelta(0), "down": timedelta(0), "unknown": timedelta(0)}
    views = [_View(vantage) for vantage in vantages]
    for piece in _pieces(vantages, excluded, window):
        if any(e.start <= piece.start and piece.end <= e.end for e in excluded):
            continue
        seen = [view.at(piece) for view in views]
        totals[_verdict(seen, quorum)] += piece.end - piece.start
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


class _View:
    """What one vantage point saw, found by halving: there may be years of it."""

    def __init__(self, vantage: Vantage) -> None:
        self._changes = vantage.changes
        self._turns = [change.since for change in vantage.changes]
        self._looked = vantage.looked
        self._begins = [stretch.start for stretch in vantage.looked]

    def at(self, piece: Stretch) -> bool | None:
        """Return what it saw through the piece; ``None`` where it did not look."""
        looked = bisect_right(self._begins, piece.start) - 1
        if looked < 0 or self._looked[looked].end < piece.end:
            return None
        turned = bisect_right(self._turns, piece.start) - 1
        return self._changes[turned].ok if turned >= 0 else None


def _verdict(views: list[bool | None], quorum: int) -> str:
    if sum(view is False for view in views) >= quorum:
        return "down"
    # Up is certain once the quorum for down can no longer be reached.
    if len(views) - sum(view is True for view in views) < quorum:
        return "up"
    return "unknown"


def _share(
    part: timedelta, whole: timedelta, of_nothing: Decimal = Decimal(0)
) -> Decimal:
    if not whole:
        return of_nothing
    microsecond = timedelta(microseconds=1)
    return Decimal(part // microsecond) / Decimal(whole // microsecond)


def _percent(share: Decimal) -> str:
    return f"{share * 100:.4f} %"
