"""Remote work, key people and their runbooks, third parties."""

from __future__ import annotations

import re

from holdfast.domain.policy.model import Fact, Kind, Obligation
from holdfast.domain.policy.recognisers.phrases import MODAL, I, clean
from holdfast.domain.policy.statement import Reading, Statement

_REMOTE = re.compile(
    r"\bwork(?:ing)?(?: (?:\d+\s?%|fully|entirely))? (?:remotely|from home)\b|"
    r"\bremote(?:ly)? work|\btelework|\bwork remotely\b",
    I,
)
_EVERYBODY = re.compile(
    r"\b(?:staff|employees?|personnel|teams?|workforce|everybody|everyone|"
    r"members?)\b",
    I,
)
_ACCESS = re.compile(r"\b(?:VPN|SSO|single sign-on|MFA|laptops?)\b", I)
_RUNBOOK = re.compile(r"\brunbooks?\b|\bplaybooks?\b|\boperating procedures?\b", I)
_KEY_PEOPLE = re.compile(
    r"\bkey (?:person|people|engineer|staff|employee|personnel)|\bunavailab|"
    r"\bcross[- ]train|\bsingle points? of knowledge|\bcritical tasks?\b|\babsen",
    I,
)
_SUPPLIER = re.compile(
    r"\b(?:sub-?processors?|vendors?|suppliers?|third[- ]part(?:y|ies)|service "
    r"providers?|"
    r"subcontractors?|sub-service organi[sz]ations?)\b",
    I,
)
_REGISTER = re.compile(r"\b(?:registry|register|inventory|list)\b(?: is| of|\b)", I)
_JUDGED = re.compile(
    r"\b(?:review|evaluat|assess|audit|re-?assess|monitor|re-?certif|verif)\w*\b", I
)
_FIRST = re.compile(
    r"\b(?:prior to|before)\s+(?:the )?(?P<what>(?:start|engagement|onboarding|"
    r"contract\w*|commencement)[\w\s]{0,30}?)(?=\s+and\b|[,.;]|$)",
    I,
)
_QUOTED = re.compile(r"[\"'“”‘’]")


def _remote_work(statement: Statement) -> Reading | None:
    if not statement.says(_REMOTE) or not statement.says(_EVERYBODY):
        return None
    if not re.search(
        r"\b(?:must|shall|should|will|equip|able|capab)", statement.text, I
    ):
        return None
    if re.search(r"\bscope|applies\b", statement.text, I):
        return None
    atoms = tuple(dict.fromkeys(m[0].upper() for m in _ACCESS.finditer(statement.text)))
    duty = Obligation("remote_work", "equip staff to work remotely", atoms=atoms)
    share = next((f for f in statement.quantities if not f.is_duration), None)
    note = (
        f'"{share.quantity.text}" is a share of work, not availability'
        if share
        else None
    )
    return Reading("state", (duty,), note=note)


def _key_personnel(statement: Statement) -> Reading | None:
    if not statement.says(_RUNBOOK) or not statement.says(_KEY_PEOPLE):
        return None
    duty = Obligation("key_personnel", "keep a runbook for each critical task")
    return Reading("registry", (duty,))


def _third_parties(statement: Statement) -> Reading | None:
    if statement.announces and not statement.frequencies:
        return None
    subject = statement.says(_SUPPLIER)
    if not subject and not any(_SUPPLIER.search(h) for h in statement.headings):
        return None
    registered = (
        subject
        and statement.says(_REGISTER)
        and re.search(r"\b(?:maintain|keep|kept|document|record)\w*", statement.text, I)
    )
    frequency = statement.frequencies[0] if statement.frequencies else None
    judged = _JUDGED.search(statement.text)
    if frequency is not None and not judged:
        frequency = None
    if not registered and not (frequency and subject):
        return None
    if not (
        MODAL.search(statement.text)
        or registered
        or re.search(r"\b(?:is|are) (?:\w+ly )?\w+ed\b|\bwe\b", statement.text, I)
    ):
        return None
    facts: tuple[Fact, ...] = ()
    if frequency:
        first = _FIRST.search(statement.text)
        value = frequency.at_least
        if first:
            value = f"before {clean(first['what'])} and {value}"
        facts = (Fact("other", value, of=_matter(statement)),)
    ambiguous = bool(frequency and frequency.ambiguous)
    duty = Obligation(
        "third_parties",
        "keep a register of critical suppliers" if registered else "review suppliers",
        every=frequency.every if frequency else None,
        atoms=("reports reviewed",) if registered and frequency else (),
    )
    kind: Kind = "registry" if registered else "review"
    return Reading(kind, (duty,), facts, ambiguous=ambiguous)


def _matter(statement: Statement) -> str:
    """Return what is reviewed, as a summary names it."""
    text = _QUOTED.sub("", re.sub(r"\s*\([^()]*\)", "", statement.text))
    active = re.search(
        r"\b(?:review|assess|evaluat\w*|audit)s?\s+(?:their|its|the|all)?\s*"
        r"(?P<what>[\w/ -]{3,60}?)\s*(?=\bannual|\bevery|\bat least|\byearly|"
        r"\bquarter|\bonce|\bon an?\b|[,.;]|$)",
        text,
        I,
    )
    passive = re.match(
        r"(?P<what>[\w’' /-]{3,90}?) (?:must|shall|should|will|are|is)\b", text, I
    )
    if passive:
        verb = _JUDGED.search(text)
        status = re.search(r"\btheir (\w+) (?=review|assess|evaluat)", text, I)
        extra = f" {status[1]}" if status else ""
        return (
            f"{clean(passive['what']).lower()}{extra} {verb[0] if verb else ''}".strip()
        )
    supplier = re.search(r"(?:\b[Cc]ritical )?" + _SUPPLIER.pattern, text, I)
    who = f"{supplier[0].lower()} " if supplier else ""
    what = clean(active["what"]) if active else "review"
    return f"{who}{what} review" if active else f"{who}review"


RULES = (_remote_work, _key_personnel, _third_parties)
