"""Telling people: the team, the public on the status page, customers, others.

Not every mention of telling is a promise. A step of a procedure ("Notify customers
that the CRM is down") is one only with a deadline, or with a channel and a trigger.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from holdfast.domain.policy.frequencies import Frequency, find_frequencies
from holdfast.domain.policy.lexer import find_quantities
from holdfast.domain.policy.model import Fact, Obligation, Quantity
from holdfast.domain.policy.placeholders import find_placeholders
from holdfast.domain.policy.recognisers.notices import (
    FOLLOWING,
    MODAL,
    STRONG,
    Notice,
    find_notice,
)
from holdfast.domain.policy.recognisers.phrases import (
    I,
    blank_deadline,
    condition,
    deadline_of,
    threshold_of,
    vague_word,
)
from holdfast.domain.policy.statement import Reading, Statement
from holdfast.domain.promises import ControlName

_CHANNELS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("Slack", re.compile(r"\bslack\b", I)),
    ("email", re.compile(r"\be-?mail(?:s|ed)?\b", I)),
    ("status page", re.compile(r"(?<!link to the )(?<!link to )\bstatus ?page\b", I)),
    (
        "phone",
        re.compile(r"\b(?:phone|telephone|call tree|(?<!on )(?<!on-)calls?)\b", I),
    ),
    ("SMS", re.compile(r"\b(?:SMS|text messages?)\b", I)),
    ("PagerDuty", re.compile(r"\bpager\s?duty\b", I)),
    ("Opsgenie", re.compile(r"\bopsgenie\b", I)),
    ("Microsoft Teams", re.compile(r"\b(?:microsoft|MS) teams\b", I)),
)
_MOST_CHANNELS = 2
_VAGUE_WITHIN = re.compile(
    r"\b(?:promptly|immediately|as soon as (?:reasonably )?(?:possible|practicable)|"
    r"without (?:undue|unreasonable) delay|in a timely (?:manner|fashion))\b",
    I,
)
_IF_NEEDED = re.compile(
    r"\b(?:if|as|when|where) (?:needed|necessary|appropriate|required)\b", I
)
_CUSTOMER = re.compile(r"\b(?:customer|client|user|subscriber|tenant)s?\b", I)
_OUTSIDE = re.compile(
    r"\b(?:regulator|authorit|agenc|law enforcement|supervis|vendor|media|partner|"
    r"insurer|"
    r"commissioner|data subject|individual)\w*\b",
    I,
)
_INSIDE = re.compile(
    r"\b(?:team|staff|lead|leader|leadership|manager|management|executive|officer|"
    r"IRT|CTO|"
    r"CEO|CISO|personnel|employee|committee|engineer|on-call|responder|commander|"
    r"director|"
    r"head|board|security|department|IT|internal)s?\b",
    I,
)
_AUDIENCE_HEAD = re.compile(
    r"audience|stakeholder|recipient|who|party|contact|notif", I
)
_CHANNEL_HEAD = re.compile(r"channel|method|medium|means|how|via", I)
_TIME_HEAD = re.compile(r"time|within|when|deadline|frequency|SLA|target", I)
_TRIGGER_HEAD = re.compile(r"trigger|event|condition|severity|scenario", I)


@dataclass(frozen=True, slots=True)
class _Timing:
    """How soon, or how often: as a quantity where it is one, and in words."""

    within: Quantity | None = None
    every: Frequency | None = None
    words: str | None = None

    @property
    def is_vague(self) -> bool:
        return bool(self.words) and self.within is None and self.every is None


def _notices(statement: Statement) -> Reading | None:
    if FOLLOWING.search(statement.text) or _IF_NEEDED.search(statement.text):
        # The list below carries it; and "if needed" promises nothing.
        return None
    notice = find_notice(statement)
    if notice is None or statement.cells:
        return None
    timing = _timing(statement)
    channel = _channel(statement.text, notice)
    trigger = _trigger(statement, notice, timing)
    if not _is_promise(statement, notice, timing, channel, trigger):
        return None
    who = _in_text(statement.acronyms.get(notice.who, notice.who))
    return _reading(statement, who, channel, trigger, timing)


def _reading(
    statement: Statement,
    who: str,
    channel: str | None,
    trigger: str | None,
    timing: _Timing,
) -> Reading:
    blank = blank_deadline(statement.text)
    fact = Fact(
        "notify",
        timing.words,
        who=who,
        channel=channel,
        trigger=trigger,
        placeholder=blank,
    )
    control = _control(who, channel)
    note = f'"{timing.words}" is no deadline that can be measured'
    if control is None:
        outside = "told to somebody outside, which no control keeps"
        vague = timing.is_vague
        return Reading(
            "event", (), (fact,), note=note if vague else outside, ambiguous=vague
        )
    threshold = threshold_of(statement)
    duty = Obligation(
        control,
        "update the status page" if control == "status_page" else f"tell {who}",
        trigger=trigger,
        within=timing.within,
        threshold=threshold.quantity if threshold else None,
        every=timing.every.every if timing.every else None,
        audience=who,
        channel=channel,
    )
    return Reading(
        "event",
        (duty,),
        (fact,),
        note=note if timing.is_vague else None,
        ambiguous=timing.is_vague,
    )


def _is_promise(
    statement: Statement,
    notice: Notice,
    timing: _Timing,
    channel: str | None,
    trigger: str | None,
) -> bool:
    if timing.words or blank_deadline(statement.text):
        return True
    demanded = bool(re.search(rf"\b{MODAL}\b", statement.text, I))
    lead = statement.lead_ins[0] if statement.lead_ins else ""
    below = bool(re.search(STRONG, lead, I) and re.search(rf"\b{MODAL}\b", lead, I))
    if notice.is_strong:
        return demanded or below or bool(channel and trigger)
    if notice.on_status_page or notice.verb in ("email", "e-mail", "emailed"):
        return bool(trigger)
    return bool(trigger and channel and not demanded)


def _timing(statement: Statement) -> _Timing:
    own = deadline_of(statement)
    every = statement.frequencies[0] if statement.frequencies else None
    if own is not None:
        return _Timing(own.quantity, every, own.quantity.text)
    if every is not None:
        return _Timing(None, every, _words(every))
    if match := _VAGUE_WITHIN.search(statement.text):
        return _Timing(words=match[0].casefold())
    for lead in (statement.label or "", *statement.lead_ins):
        if quantity := _deadline_in(lead):
            return _Timing(quantity, None, quantity.text)
        if found := find_frequencies(lead):
            return _Timing(None, found[0], _words(found[0]))
    return _Timing()


def _words(every: Frequency) -> str:
    return f"at least {every.text}" if every.floor else every.text.casefold()


def _deadline_in(lead: str) -> Quantity | None:
    for found in find_quantities(lead):
        if found.is_duration and re.search(
            r"\bwithin\b|no later than", lead[: found.start], I
        ):
            return found.quantity
    return None


def _trigger(statement: Statement, notice: Notice, timing: _Timing) -> str | None:
    """Return what a notice waits for: its own condition, or one from above."""
    if notice.trigger:
        return notice.trigger
    inherited = timing.within is not None and deadline_of(statement) is None
    above = [_after_figures(lead) for lead in statement.lead_ins]
    texts = [_after_deadline(statement), statement.text]
    ordered = [*above, *texts] if inherited else [*texts, *above]
    for text in ordered:
        if text and (found := condition(text)):
            return found
    if timing.every and statement.headings:
        # "At least once an hour" below "Recovery" is while recovery lasts.
        return f"during {statement.headings[-1].casefold()}"
    return None


def _after_deadline(statement: Statement) -> str:
    found = deadline_of(statement)
    return statement.text[found.end :] if found else ""


def _after_figures(lead: str) -> str:
    """Cut "within 15 minutes of X" down to "of X", which is what it waits for."""
    found = [each for each in find_quantities(lead) if each.is_duration]
    return lead[found[0].end :] if found else lead


def _channel(text: str, notice: Notice) -> str | None:
    found = sorted(
        (match.start(), name)
        for name, pattern in _CHANNELS
        if (match := pattern.search(text))
    )
    if notice.on_status_page:
        return "status page"
    names = [name for _, name in found][:_MOST_CHANNELS]
    return " or ".join(names) if names else None


def _control(who: str, channel: str | None) -> ControlName | None:
    if channel and "status page" in channel:
        return "status_page"
    if _CUSTOMER.search(who):
        return "customer_email"
    if _OUTSIDE.search(who):
        return None
    return "alerting" if _INSIDE.search(who) else None


def _in_text(who: str) -> str:
    """Return a group of people without the capital of the sentence's start."""
    words = who.split()
    named = len(words) > 1 and (words[1][0].isupper() or not words[0][1:].islower())
    common = _CUSTOMER.search(words[0]) or (len(words) > 1 and words[0][1:].islower())
    return who if named or not common else who[0].lower() + who[1:]


def _row(statement: Statement) -> Reading | None:
    """Read a row of a table of audiences, with how and how soon each is told."""
    cells = {
        name: next((c for h, c in statement.cells if pattern.search(h)), None)
        for name, pattern in (
            ("who", _AUDIENCE_HEAD),
            ("channel", _CHANNEL_HEAD),
            ("time", _TIME_HEAD),
            ("trigger", _TRIGGER_HEAD),
        )
    }
    who, time = cells["who"], cells["time"]
    if not who or not (cells["channel"] or time) or len(statement.cells) < 2:  # noqa: PLR2004
        return None
    if not (cells["channel"] or re.search(r"communicat|notif", statement.context, I)):
        return None
    quantity = next(
        (f.quantity for f in find_quantities(time or "") if f.is_duration), None
    )
    every = next(iter(find_frequencies(time or "")), None)
    words = (
        quantity.text if quantity and not every else _words(every) if every else None
    )
    if words is None and time and (vague := vague_word(time)):
        words = vague.casefold()
    if words is None and time and find_placeholders(time):
        words = None
    timing = _Timing(None if every else quantity, every, words)
    channel = (
        _channel(cells["channel"] or "", Notice(who, "notify")) or cells["channel"]
    )
    trigger = cells["trigger"] if cells["trigger"] != who else None
    reading = _reading(statement, _in_text(who), channel, trigger, timing)
    return Reading(
        "event",
        reading.obligations,
        reading.facts,
        note=reading.note,
        ambiguous=reading.ambiguous,
        final=True,
    )


RULES = (_row, _notices)
