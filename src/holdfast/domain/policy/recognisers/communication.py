"""Who is told what, how and how soon; and when a plan is activated."""

from __future__ import annotations

import re
from dataclasses import dataclass

from holdfast.domain.policy.lexer import find_quantities
from holdfast.domain.policy.model import ControlName, Fact, Obligation, Quantity
from holdfast.domain.policy.recognisers.phrases import (
    I,
    clean,
    condition,
    deadline_of,
    threshold_of,
)
from holdfast.domain.policy.statement import Reading, Statement

_MODAL = r"(?:must|shall|should|will|(?:is|are) to|has to|have to|needs? to)"
_STRONG = r"(?:notif(?:y|ies|ied)|alert(?:ed|s)?|paged?)"
_WEAK = r"(?:inform(?:ed|s)?|report(?:ed|s)?|contact(?:ed|s)?|e-?mail(?:ed|s)?|advise[ds]?|told)"
_TOLD = re.compile(
    rf"(?P<who>[^.;:]{{2,140}}?) (?:{_MODAL} (?:also )?(?:\w+ly )?be|are|is) (?:\w+ly )?"
    rf"(?P<verb>{_STRONG}|{_WEAK})\b(?! to\b)(?P<rest>.*)",
    I,
)
_REPORTED = re.compile(
    rf"(?P<what>[^.;:]{{2,140}}?) {_MODAL} (?:\w+ly )?be (?:\w+ly )?"
    r"(?P<verb>reported|communicated|escalated|disclosed)\b(?P<rest>.*?)\bto (?P<who>[^.;]{3,120})",
    I,
)
_TELLS = re.compile(
    rf"(?:^|\b{_MODAL} (?:also |promptly |immediately )?|^[\w ,]{{0,40}}[,:] )"
    rf"(?P<verb>notify|alert|page|inform|e-?mail|contact|advise|report(?= to))\s+(?:to )?"
    r"(?P<who>[^.;:]{2,120})",
    I,
)
_REPORTS = re.compile(
    rf"\b(?:{_MODAL} |^)(?P<verb>report|escalate|communicate|disclose)\b(?P<what>[^.;]{{0,100}}?)"
    r"\bto (?P<who>[^.;]{3,120})",
    I,
)
_PROVIDES = re.compile(
    rf"\b(?:{_MODAL}) (?:provide|give|send) (?P<who>[^.;]{{2,60}}?) (?:with )?(?:a |an |written |"
    r"prompt |prior )*(?:notification|notice)s? of (?P<what>[^.;]{3,100})",
    I,
)
_SENDS = re.compile(
    r"\b(?:send|issue|provide|distribute)s?\b[^.;]{0,50}?\b(?:to) (?P<who>[^.;]{2,100})",
    I,
)
_PAGE = re.compile(r"\bstatus ?page\b", I)
_PAGE_VERB = re.compile(r"\b(?:updat|post|publish|announc|communicat)\w*\b", I)
_CHANNELS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("Slack", re.compile(r"\bslack\b", I)),
    ("email", re.compile(r"\be-?mail(?:s|ed)?\b", I)),
    ("status page", _PAGE),
    ("phone", re.compile(r"\b(?:phone|telephone|call tree|calls?)\b", I)),
    ("SMS", re.compile(r"\b(?:SMS|text messages?)\b", I)),
    ("PagerDuty", re.compile(r"\bpager\s?duty\b", I)),
    ("Opsgenie", re.compile(r"\bopsgenie\b", I)),
    ("Microsoft Teams", re.compile(r"\b(?:microsoft|MS) teams\b", I)),
)
_FOLLOWING = re.compile(
    r"\bthe following (?:people|personnel|part|persons|individual|"
    r"stakeholder|group|team|contact|authorit|entit|recipient)|"
    r"\bnotif\w+:?\s*$|\bthe following\b",
    I,
)
_NOTIFIES = re.compile(rf"\b(?:{_STRONG}|notification|notices?|inform(?:ed)?)\b", I)
_VAGUE_WITHIN = re.compile(
    r"\b(?:promptly|immediately|as soon as (?:reasonably )?(?:possible|practicable)|"
    r"without (?:undue|unreasonable) delay|in a timely (?:manner|fashion))\b",
    I,
)
_IF_NEEDED = re.compile(
    r"\b(?:if|as|when|where) (?:needed|necessary|appropriate|required)\b", I
)
_TAIL = re.compile(
    r"\s*(?:,|\(|--|–|—|\b(?:within|via|by|through|using|over|if|when|whenever|upon|after|in the "
    r"event|in case|as soon|immediately|promptly|no later|about|regarding|that|of any|"
    r"of the|of an?|following|once|at least|every|on|before|with|who|to|without)\b).*$",
    I | re.DOTALL,
)
_PRONOUN = re.compile(r"^(?:it|they|them|this|that|he|she|you|us|we|anyone)$", I)
_CUSTOMER = re.compile(r"\b(?:customer|client|user|subscriber|tenant)s?\b", I)
_INSIDE = re.compile(
    r"\b(?:team|staff|lead|leader|leadership|manager|management|executive|officer|IRT|CTO|CEO|"
    r"CISO|personnel|employee|committee|engineer|on-call|responder|commander|director|head|"
    r"board|security|department|IT|internal)s?\b",
    I,
)
_OUTSIDE = re.compile(
    r"\b(?:regulator|authorit|agenc|law enforcement|supervis|vendor|media|"
    r"partner|insurer|commissioner|data subject|individual)\w*\b",
    I,
)


@dataclass(frozen=True, slots=True)
class _Notice:
    who: str
    verb: str
    trigger: str | None = None


def _notices(statement: Statement) -> Reading | None:
    if statement.announces and _FOLLOWING.search(statement.text):
        return None
    notice = _inherited(statement) or _own(statement)
    if notice is None or _PRONOUN.match(notice.who):
        return None
    within, value = _within(statement)
    threshold = threshold_of(statement)
    channel = _channel(statement, notice)
    trigger = notice.trigger or _trigger(statement)
    every = _every(statement)
    weak = not re.match(_STRONG, notice.verb, I) and notice.verb != "status page"
    if _IF_NEEDED.search(statement.text):
        return None
    if not _counts(statement, notice, value or every, channel, trigger, weak=weak):
        return None
    who = statement.acronyms.get(notice.who, notice.who)
    control = _control(who, channel)
    vague = value is not None and within is None and every is None
    fact = Fact("notify", every or value, who=who, channel=channel, trigger=trigger)
    if control is None:
        note = "told to somebody outside, which no control keeps"
        return Reading("event", (), (fact,), note=note, ambiguous=vague)
    duty = Obligation(
        control,
        _duty(who, control),
        trigger=trigger,
        within=within,
        threshold=threshold.quantity if threshold else None,
        every=statement.frequency.every if every and statement.frequency else None,
        audience=who,
        channel=channel,
    )
    note = f'"{value}" is no deadline that can be measured' if vague else None
    return Reading("event", (duty,), (fact,), note=note, ambiguous=vague)


def _counts(
    statement: Statement,
    notice: _Notice,
    value: str | None,
    channel: str | None,
    trigger: str | None,
    *,
    weak: bool,
) -> bool:
    """Tell a promise to notify from a step of a procedure that mentions it."""
    demanded = bool(re.search(rf"\b{_MODAL}\b", statement.text, I))
    inherited = any(_NOTIFIES.search(lead) for lead in statement.lead_ins[:1])
    if value:
        return True
    timed = bool(statement.lead_ins and _inherited_trigger(statement))
    if weak:
        return bool(trigger and (channel or timed) and not demanded) or (
            demanded and trigger is not None and notice.verb == "email"
        )
    if notice.verb == "status page":
        return bool(trigger)
    return (demanded or inherited) or bool(channel and trigger)


def _own(statement: Statement) -> _Notice | None:
    text = statement.text
    if match := _PROVIDES.search(text):
        return _Notice(
            clean(match["who"]), "notify", clean(_TAIL.sub("", match["what"]))
        )
    if match := _REPORTED.match(text):
        return _Notice(_who(match["who"]), match["verb"], clean(match["what"]))
    if (
        _PAGE.search(text)
        and _PAGE_VERB.search(text)
        and not re.search(rf"^\W*{_STRONG}", text, I)
    ):
        users = re.search(
            r"\bfor (?:the |our |all )?([^.;,]*?(?:users|customers|clients))\b", text, I
        )
        return _Notice(clean(users[1]) if users else "public", "status page")
    if match := _TOLD.match(text):
        of = re.match(r"\s*(?:of|about)\s+([^.;]{3,120})", match["rest"])
        trigger = (
            clean(
                re.sub(
                    r"\s*\(.*|\s+(?:that|which|within|by|via|through)\b.*", "", of[1]
                )
            )
            if of
            else None
        )
        return _Notice(clean(_last_subject(match["who"])), match["verb"], trigger)
    if match := _TELLS.search(text):
        return _Notice(_who(match["who"]), match["verb"].casefold().replace("-", ""))
    if match := _REPORTS.search(text):
        return _Notice(_who(match["who"]), match["verb"], clean(match["what"]) or None)
    if match := _SENDS.search(text):
        return _Notice(_who(match["who"]), "send")
    return None


def _last_subject(text: str) -> str:
    return (
        re.sub(r"^.*?\b(?:,|then)\s+", "", text)
        if re.match(r"(?:in|if|when|upon|after|within|once)\b", text, I)
        else text
    )


def _inherited(statement: Statement) -> _Notice | None:
    """Read an item of "The following people must be notified within 1 hour:"."""
    if not statement.lead_ins:
        return None
    lead = statement.lead_ins[0]
    if not re.search(rf"\b(?:{_STRONG}|inform(?:ed)?)\b", lead, I):
        return None
    if not re.search(rf"\b{_MODAL}\b", lead, I) or not _FOLLOWING.search(lead):
        return None
    if statement.label:
        return _Notice(statement.label, "notify", condition(_after_deadline(lead)))
    if statement.placeholders and statement.text.startswith(statement.placeholders[0]):
        return _Notice(statement.placeholders[0], "notify", condition(lead))
    who = re.split(r"\s+(?:--|–|—|-)\s+|\s*\(|\s*[,;:]\s", statement.text)[0]
    return _Notice(clean(who), "notify", condition(_after_deadline(lead)))


def _after_deadline(lead: str) -> str:
    """Cut "within 15 minutes of X" down to "of X", which is what it waits for."""
    found = [f for f in find_quantities(lead) if f.is_duration]
    return lead[found[0].end :] if found else lead


def _who(text: str) -> str:
    return clean(_TAIL.sub("", text))


def _within(statement: Statement) -> tuple[Quantity | None, str | None]:
    found = deadline_of(statement)
    if found is None and re.search(r"\bno later than|\bwithin\b", statement.text, I):
        return None, None
    if found is not None:
        return found.quantity, found.quantity.text
    for lead in statement.lead_ins:
        inherited = [f for f in find_quantities(lead) if f.is_duration]
        if inherited and re.search(
            r"\bwithin\b|no later than", lead[: inherited[0].start], I
        ):
            return inherited[0].quantity, inherited[0].quantity.text
    match = _VAGUE_WITHIN.search(statement.text)
    return None, match[0].casefold() if match else None


def _every(statement: Statement) -> str | None:
    frequency = statement.frequency
    if frequency is None:
        return None
    words = frequency.text.casefold()
    return f"at least {words}" if frequency.floor else words


def _inherited_trigger(statement: Statement) -> str | None:
    for lead in statement.lead_ins:
        if found := condition(lead):
            return found
    return None


def _trigger(statement: Statement) -> str | None:
    text = statement.text
    found = deadline_of(statement)
    own = condition(text[found.end :]) if found else None
    return own or condition(text) or _inherited_trigger(statement) or _phase(statement)


def _phase(statement: Statement) -> str | None:
    # "At least once an hour" below "Recovery" is while recovery lasts.
    if _every(statement) and statement.headings:
        return f"during {statement.headings[-1].casefold()}"
    return None


def _channel(statement: Statement, notice: _Notice) -> str | None:
    found = [
        (match.start(), name)
        for name, pattern in _CHANNELS
        if (match := pattern.search(statement.text))
    ]
    if notice.verb in ("status page",):
        return "status page"
    names = [name for _, name in sorted(found)][:2]
    return " or ".join(names) if names else None


def _control(who: str, channel: str | None) -> ControlName | None:
    if channel and "status page" in channel:
        return "status_page"
    if _CUSTOMER.search(who):
        return "customer_email"
    if _OUTSIDE.search(who):
        return None
    return "alerting" if _INSIDE.search(who) else None


def _duty(who: str, control: ControlName) -> str:
    if control == "status_page":
        return "update the status page"
    return f"tell {who}"


_ACTIVATED = re.compile(
    r"\b(?:plan|policy|BC/?DR|BCP|DRP|procedures?|it)\b[^.;]{0,40}?\b(?:is|are|be|will be|shall be)"
    r"(?: automatically| immediately)? (?:activated|invoked|initiated|triggered|enacted)"
    r"(?: automatically)? (?P<word>in the event of|in case of|if|when|whenever|upon|after|once)\s+"
    r"(?P<what>.+)",
    I,
)
_DECLARED = re.compile(
    r"\b(?:disaster|incident|emergency|contingency) (?:is|shall be|will be|must be|may be|can be) "
    r"declared (?:if|when|whenever|after|once|upon)\s+(?P<what>.+)",
    I,
)
_MEANS = re.compile(
    r"\b(?:disruption|disaster|incident|outage|emergency|interruption|crisis)[\"'”’]?\s+"
    r"(?:to mean|means|is defined as|is considered|refers to|is any)\s+(?P<what>.+)",
    I,
)


def _activation(statement: Statement) -> Reading | None:
    text = statement.text
    match = _ACTIVATED.search(text) or _DECLARED.search(text)
    if match is None:
        match = _MEANS.search(text) if statement.durations else None
    if match is None or statement.announces:
        return None
    what = re.sub(r"\s*\([^()]*\)", "", match["what"]).strip(" .;")
    what = re.sub(r"^(?:a|an|the)\s+", "", what)
    return Reading("informational", (), (Fact("activation_thresholds", what),))


RULES = (_notices, _activation)
