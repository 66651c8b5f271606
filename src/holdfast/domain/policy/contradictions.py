"""Promises that cannot both be kept, or only at a price: from the figures alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from holdfast.domain.policy.model import (
    Contradiction,
    Obligation,
    Quantity,
    Sentence,
    Unit,
)
from holdfast.domain.promises import ControlName

_MINUTES: dict[Unit, int] = {
    "second": 0,
    "minute": 1,
    "hour": 60,
    "business_hour": 60,
    "day": 24 * 60,
    "business_day": 24 * 60,
    "week": 7 * 24 * 60,
    "month": 30 * 24 * 60,
    "quarter": 91 * 24 * 60,
    "year": 365 * 24 * 60,
}
_CADENCES = {
    "continuous": 0,
    "hourly": 60,
    "daily": 24 * 60,
    "weekly": 7 * 24 * 60,
    "every 2 weeks": 14 * 24 * 60,
    "monthly": 30 * 24 * 60,
    "quarterly": 91 * 24 * 60,
    "semi-annual": 182 * 24 * 60,
    "annual": 365 * 24 * 60,
}
_WINDOW_SECONDS = 30 * 24 * 3600
_NIGHT_SECONDS = 16 * 3600
_BUSINESS: tuple[Unit, ...] = ("business_hour", "business_day")
_COMMUNICATION: tuple[ControlName, ...] = ("alerting", "status_page", "customer_email")


@dataclass(frozen=True, slots=True)
class _Bound:
    sentence: Sentence
    obligation: Obligation


def find_contradictions(sentences: tuple[Sentence, ...]) -> tuple[Contradiction, ...]:
    """Return what the promises of a policy do to each other, each kind once."""
    found = (
        next(_recovery_and_availability(sentences), None),
        next(_backups_and_recovery_point(sentences), None),
        _communication_and_business_hours(sentences),
    )
    return tuple(each for each in found if each is not None)


def _bound(sentences: tuple[Sentence, ...], *controls: ControlName) -> list[_Bound]:
    return [
        _Bound(sentence, obligation)
        for sentence in sentences
        for obligation in sentence.obligations
        if obligation.control in controls
    ]


def _same_tier(one: Obligation, other: Obligation) -> bool:
    return one.tier == other.tier or None in (one.tier, other.tier)


def _recovery_and_availability(
    sentences: tuple[Sentence, ...],
) -> Iterator[Contradiction]:
    for level in _bound(sentences, "availability"):
        for recovery in _bound(sentences, "recovery_time"):
            share, rto = level.obligation.threshold, recovery.obligation.within
            if share is None or rto is None:
                continue
            allowed = _allowed_seconds(share)
            if _same_tier(level.obligation, recovery.obligation) and (
                _at_worst_seconds(rto) > allowed
            ):
                yield _outage_over_budget(level, recovery, share, rto)


def _allowed_seconds(share: Quantity) -> Decimal:
    return (Decimal(100) - share.amount) / Decimal(100) * _WINDOW_SECONDS


def _at_worst_seconds(rto: Quantity) -> Decimal:
    seconds = _seconds(rto)
    # A business hour may begin in the evening and end on the next morning.
    return seconds + _NIGHT_SECONDS if rto.unit in _BUSINESS else seconds


def _seconds(quantity: Quantity) -> Decimal:
    if quantity.unit == "second":
        return quantity.amount
    return quantity.amount * _MINUTES[quantity.unit] * 60


def _outage_over_budget(
    level: _Bound, recovery: _Bound, share: Quantity, rto: Quantity
) -> Contradiction:
    budget = _clock(_allowed_seconds(share))
    wall = (
        f"{rto.text} can be days on the wall (a night, a weekend, a holiday)"
        if rto.unit in _BUSINESS
        else f"{rto.text} is {_clock(_seconds(rto))}"
    )
    return Contradiction(
        name="rto_availability",
        anchors=(recovery.sentence.anchor, level.sentence.anchor),
        message=f"{share.text} of 30 days leaves {budget}, and a recovery in {wall}",
        suggestion="Keep both in force; give the first function a clock that runs "
        "around the clock.",
    )


def _backups_and_recovery_point(
    sentences: tuple[Sentence, ...],
) -> Iterator[Contradiction]:
    backups = [
        (backup, minutes)
        for backup in _bound(sentences, "backups")
        if (minutes := _cadence_minutes(backup.obligation.every)) is not None
    ]
    if not backups:
        return
    best, gap = min(backups, key=lambda pair: pair[1])
    continuous = any(
        "point-in-time recovery" in bound.obligation.atoms
        for bound in _bound(sentences, "backups")
    )
    for point in _bound(sentences, "recovery_point"):
        rpo = point.obligation.threshold
        if rpo is not None and _seconds(rpo) < gap * 60:
            yield _loss_over_gap(best, point, rpo, continuous=continuous)


def _cadence_minutes(every: str | None) -> int | None:
    if every is None:
        return None
    if every in _CADENCES:
        return _CADENCES[every]
    words = every.removeprefix("every ").split()
    units = {unit: minutes for unit, minutes in _MINUTES.items() if "_" not in unit}
    if len(words) == 2 and words[0].isdecimal() and words[1].rstrip("s") in units:  # noqa: PLR2004 - number and unit.
        unit = next(unit for unit in units if unit == words[1].rstrip("s"))
        return int(words[0]) * units[unit]
    return None


def _loss_over_gap(
    backup: _Bound, point: _Bound, rpo: Quantity, *, continuous: bool
) -> Contradiction:
    every = backup.obligation.every
    carried = (
        "only the point-in-time recovery can carry it, so that the objective fails as "
        "soon as archiving stops, though backups are fine"
        if continuous
        else "nothing that the policy names can carry it"
    )
    return Contradiction(
        name="backup_rpo",
        anchors=(backup.sentence.anchor, point.sentence.anchor),
        message=f"a backup taken {every} cannot keep the loss to {rpo.text}: {carried}",
        suggestion="Watch the archive's lag and not only the backups."
        if continuous
        else "Archive continuously, or take backups as often as the objective says.",
    )


def _communication_and_business_hours(
    sentences: tuple[Sentence, ...],
) -> Contradiction | None:
    in_business = [
        bound
        for bound in _bound(sentences, "recovery_time")
        if bound.obligation.within and bound.obligation.within.unit in _BUSINESS
    ]
    on_the_wall = [
        (bound, quantity)
        for bound in _bound(sentences, *_COMMUNICATION)
        for quantity in (bound.obligation.within, bound.obligation.threshold)
        if quantity is not None and quantity.unit not in (*_BUSINESS, "percent")
    ]
    if not in_business or not on_the_wall:
        return None
    figures = " and ".join(dict.fromkeys(q.text for _, q in on_the_wall))
    rto = in_business[0].obligation.within
    return Contradiction(
        name="communication_business_hours",
        anchors=tuple(
            dict.fromkeys(
                bound.sentence.anchor
                for bound in (*in_business[:1], *(b for b, _ in on_the_wall))
            )
        ),
        message=f"{figures} run on the wall clock, while recovery is counted in "
        f"business time ({rto.text if rto else ''}): who tells people at night?",
        suggestion="Keep a roster around the clock for communication.",
    )


def _clock(seconds: Decimal) -> str:
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "nothing"
