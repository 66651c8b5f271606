"""The policy's own figures, taken from what the compiler bound to each control.

Where a policy has several figures for one promise, the strictest rules: whoever keeps
that one keeps the others. Months, quarters and years are as long as they ever are on
a calendar without leap years, so that a habit kept by the calendar is never late.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from holdfast.domain.answers import BusinessDuration
from holdfast.domain.calendar import BusinessCalendar
from holdfast.domain.policy.model import (
    CompiledPolicy,
    Obligation,
    Quantity,
    Sentence,
    Unit,
)
from holdfast.domain.promises import ControlName

_MICROSECOND = timedelta(microseconds=1)
_LENGTHS: dict[Unit, timedelta] = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "business_hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=31),
    "quarter": timedelta(days=92),
    "year": timedelta(days=365),
}
_CADENCES = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "nightly": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=31),
    "quarterly": timedelta(days=92),
    "semi-annual": timedelta(days=184),
    "semi-annually": timedelta(days=184),
    "annual": timedelta(days=365),
    "annually": timedelta(days=365),
    "yearly": timedelta(days=365),
}
_EVERY = re.compile(r"(?:every )?([0-9]{1,4}) (minute|hour|day|week|month|year)s?")
_PERCENT = Decimal(100)
# As the compiler words what a sentence says about keeping backups.
_KEPT = re.compile(r"backup (?:retention|kept|keep|stored?|preserv\w*|held|archiv\w+)")
_AT_MOST = r"(?:up to|at most|(?:no|not) (?:more|longer) than)"
_AMOUNT = re.compile(r"([0-9]{1,4}) (day|week|month|year)s?")


@dataclass(frozen=True, slots=True)
class Figure:
    """A length of time that the policy, or a decision, demands.

    ``text`` is in the words of its source; ``anchor`` is the policy's sentence, or
    ``None`` where no sentence has the figure.
    """

    length: timedelta
    business: bool
    text: str
    anchor: str | None

    def due(self, start: datetime, calendar: BusinessCalendar) -> datetime:
        """Return when it ends, on the wall or in business time."""
        return (
            calendar.add(start, self.length) if self.business else start + self.length
        )

    @property
    def value(self) -> timedelta | BusinessDuration:
        """The figure as an answer."""
        return BusinessDuration(self.length) if self.business else self.length


def deadline(
    policy: CompiledPolicy,
    control: ControlName,
    calendar: BusinessCalendar,
    *,
    rank: int | None = None,
) -> Figure | None:
    """Return the strictest deadline of a control, of one rank if that is asked for."""
    found = (
        _figure(obligation.within, sentence, calendar)
        for sentence, obligation in _obligations(policy, control)
        if rank in (None, obligation.rank)
    )
    return _strictest(found)


def threshold(
    policy: CompiledPolicy, control: ControlName, calendar: BusinessCalendar
) -> Figure | None:
    """Return the strictest amount of time inside a control's trigger."""
    found = (
        _figure(obligation.threshold, sentence, calendar)
        for sentence, obligation in _obligations(policy, control)
    )
    return _strictest(found)


def share(policy: CompiledPolicy, control: ControlName) -> Decimal | None:
    """Return the highest level that a control has to hold, 99.9 % as 0.999."""
    levels = [
        quantity.amount / _PERCENT
        for _, obligation in _obligations(policy, control)
        for quantity in (obligation.threshold, obligation.within)
        if quantity is not None and quantity.unit == "percent"
    ]
    return max(levels, default=None)


def cadence(policy: CompiledPolicy, control: ControlName) -> Figure | None:
    """Return the shortest period in which a control has to be repeated."""
    found = (
        _period(obligation.every, sentence)
        for sentence, obligation in _obligations(policy, control)
    )
    return _strictest(found)


def retention_of_backups(policy: CompiledPolicy) -> Figure | None:
    """Return how long backups are to be kept: the longest that the policy asks for."""
    found = [
        Figure(int(match[1]) * _LENGTHS[_unit(match[2])], False, match[0], s.anchor)
        for s in policy.sentences
        for fact in s.facts
        if fact.field == "other" and _KEPT.fullmatch(fact.of or "")
        if (match := _AMOUNT.match(fact.value or "")) is not None
        if not re.search(rf"{_AT_MOST} {re.escape(match[0])}", s.text, re.IGNORECASE)
    ]
    return max(found, key=lambda figure: figure.length, default=None)


def _obligations(
    policy: CompiledPolicy, control: ControlName
) -> Iterator[tuple[Sentence, Obligation]]:
    for sentence in policy.sentences:
        for obligation in sentence.obligations:
            if obligation.control == control:
                yield sentence, obligation


def _figure(
    quantity: Quantity | None, sentence: Sentence, calendar: BusinessCalendar
) -> Figure | None:
    if quantity is None or quantity.unit == "percent":
        return None
    if quantity.unit == "business_day":
        unit = calendar.shift_length
    else:
        unit = _LENGTHS[quantity.unit]
    length = timedelta(microseconds=int(quantity.amount * (unit // _MICROSECOND)))
    business = quantity.unit in ("business_hour", "business_day")
    return Figure(length, business, quantity.text, sentence.anchor)


def _period(every: str | None, sentence: Sentence) -> Figure | None:
    if every is None:
        return None
    length = _CADENCES.get(every.split(" ")[0].casefold().rstrip(","))
    match = _EVERY.match(every.casefold())
    if match is not None:
        length = int(match[1]) * _LENGTHS[_unit(match[2])]
    return None if length is None else Figure(length, False, every, sentence.anchor)


def _unit(word: str) -> Unit:
    return next(unit for unit in _LENGTHS if unit == word)


def _strictest(figures: Iterator[Figure | None]) -> Figure | None:
    # Of two equal lengths the one on the wall ends first.
    found = [figure for figure in figures if figure is not None]
    return min(found, key=lambda figure: (figure.length, figure.business), default=None)
