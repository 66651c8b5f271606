"""Who a sentence says is told: "X must be notified", "e-mail X", "report Y to X".

Each form of words is one pattern in `FORMS`; its groups are ``who``, ``verb`` and,
where the form has it, ``what``: the matter, which is what the notice waits for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from holdfast.domain.policy.recognisers.phrases import ASIDE, I, clean
from holdfast.domain.policy.statement import Statement

MODAL = (
    r"(?:must|shall|should|will|(?:is|are) (?:required )?to|has to|have to|needs? to)"
)
STRONG = r"(?:notif(?:y|ies|ied)|alert(?:ed|s)?|paged?)"
_WEAK = (
    r"(?:inform(?:ed|s)?|contact(?:ed|s)?|e-?mail(?:ed|s)?|advise[ds]?|"
    r"told|updated)"
)
_PAGE = re.compile(r"\bstatus ?page\b", I)
_PAGE_VERB = re.compile(r"\b(?:updat|post|publish|announc|communicat|reflect)\w*\b", I)
_FOR_WHOM = re.compile(
    r"\bfor (?:the |our |all )?(?P<who>(?:[^.;,]|\.(?=\w)){0,60}?(?:users|customers|"
    r"clients))\b",
    I,
)

FORMS: tuple[re.Pattern[str], ...] = (
    re.compile(
        rf"\b{MODAL} (?:provide|give) (?P<who>[^.;]{{2,60}}?) (?:with )?(?:an? |"
        rf"written |"
        r"prompt |prior |advance )*(?P<verb>notification|notice)s? of "
        r"(?P<what>[^.;]{3,100})",
        I,
    ),
    re.compile(
        rf"(?P<what>[^.;:]{{2,140}}?) {MODAL} (?:\w+ly )?be (?:\w+ly )?"
        r"(?P<verb>reported|communicated|escalated|disclosed)\b[^.;]{0,60}?\bto "
        r"(?P<who>[^.;]{3,120})",
        I,
    ),
    re.compile(
        rf"(?:^|\s)(?P<verb>notification|notice|alert|update)s? {MODAL} be "
        r"(?:sent|made|provided|issued|given) to (?P<who>[^.;]{3,120})",
        I,
    ),
    re.compile(
        rf"(?:^|\s)(?P<verb>notification|notice)s? (?:to|of) (?P<who>[^.;]{{3,80}}?) "
        rf"(?:{MODAL} be|is|are) (?:sent|made|provided|issued|given)",
        I,
    ),
    re.compile(
        rf"(?P<who>[^.;:]{{2,140}}?) (?:{MODAL} (?:also )?(?:\w+ly )?be|are|is) "
        rf"(?:\w+ly )?"
        rf"(?P<verb>{STRONG}|{_WEAK})\b(?! to\b)(?:\s*(?:of|"
        rf"about)\s+(?P<what>[^.;]{{3,120}}))?",
        I,
    ),
    re.compile(
        rf"(?:^|\b{MODAL} (?:also |promptly |immediately |then )?|^[\w ,]{{0,60}}[,:] )"
        r"(?P<verb>notify|alert|page|inform|e-?mail|contact|advise|report(?= "
        r"to))\s+(?:to )?"
        r"(?P<who>[^.;:]{2,120})",
        I,
    ),
    re.compile(
        # "Report anything that points to a breach to the Security Manager": the last.
        rf"\b(?:{MODAL} |^)(?P<verb>report|escalate|communicate|disclose)\b"
        r"(?P<what>[^.;]{0,140})\bto (?=(?:the |our |your )?(?-i:[A-Z]))"
        r"(?P<who>[^.;]{3,120})",
        I,
    ),
    re.compile(
        rf"\b(?:{MODAL} |^)(?P<verb>report|escalate|communicate|disclose)\b"
        r"(?P<what>[^.;]{0,100}?)\bto (?P<who>[^.;]{3,120})",
        I,
    ),
    re.compile(
        rf"(?:^|\b{MODAL} )(?P<verb>send|issue|distribute)s?\b[^.;]{{0,50}}?\bto "
        r"(?P<who>[^.;]{2,100})",
        I,
    ),
)
FOLLOWING = re.compile(
    r"\bthe following\b|\bnotif\w+:?\s*$|\b(?:people|persons|parties) (?:listed "
    r")?below",
    I,
)
_NOTIFYING = re.compile(r"\bnotif|\bcommunicat", I)
_TAIL = re.compile(
    r"\s*(?:,|--|–|—|\b(?:within|via|by|through|using|over|if|when|whenever|upon|after|"
    r"in the event|in case|as (?:soon|quickly)|but|immediately|promptly|no later|"
    r"about|regarding|that|"
    r"of any|of the|of an?|following|once|at least|every|on|before|with|who|to|without|"
    r"in a timely|in writing|and (?:direct|inform|ask|request|instruct|"
    r"advise)s?)\b(?!-)).*$",
    I | re.DOTALL,
)
_WHAT_TAIL = re.compile(
    r"\s+(?:that|which|within|by|via|through|promptly|immediately)\b.*|,.*", I
)
_CONDITION_FIRST = re.compile(r"(?:in|if|when|upon|after|within|once|for|as)\b", I)
_PRONOUN = re.compile(
    r"(?:it|they|them|this|that|he|she|you|us|we|anyone|(?:the |all )?following.*|the|"
    r"(?:all |the )?(?:relevant|appropriate) (?:people|parties|stakeholders)|)$",
    I,
)


@dataclass(frozen=True, slots=True)
class Notice:
    """Somebody is told: who, by which verb, and what for if the form says so."""

    who: str
    verb: str
    trigger: str | None = None

    @property
    def is_strong(self) -> bool:
        """Say whether the verb means telling and nothing else."""
        return bool(re.match(rf"{STRONG}|notif|notice", self.verb, I))

    @property
    def on_status_page(self) -> bool:
        """Say whether it is told to whoever looks."""
        return self.verb == "status page"


def find_notice(statement: Statement) -> Notice | None:
    """Return whom a sentence tells, or the lead-in of which it is an item."""
    found = _item(statement) or _on_page(statement) or _spoken(statement)
    if found is None or _PRONOUN.match(found.who):
        return None
    return found


def _on_page(statement: Statement) -> Notice | None:
    text = statement.text
    if not _PAGE.search(text) or not _PAGE_VERB.search(text):
        return None
    if re.match(rf"\W*{STRONG}", text, I):
        return None
    users = _FOR_WHOM.search(text)
    return Notice(clean(users["who"]) if users else "public", "status page")


def _spoken(statement: Statement) -> Notice | None:
    text = ASIDE.sub("", statement.text)
    for form in FORMS:
        match = form.search(text)
        if match is None:
            continue
        groups = match.groupdict()
        what = _WHAT_TAIL.sub("", groups.get("what") or "").strip()
        return Notice(_who(match["who"]), match["verb"].casefold(), clean(what) or None)
    return None


def _who(text: str) -> str:
    if _CONDITION_FIRST.match(text) and "," in text:
        text = text.rpartition(",")[2]
    text = re.sub(r"^and (?:inform|alert|update)\s+", "", text.strip(), flags=I)
    return clean(_TAIL.sub("", text))


def _item(statement: Statement) -> Notice | None:
    """Read an item of "The following people must be notified within 1 hour:"."""
    heading = statement.headings[-1] if statement.headings else ""
    timed = re.match(r"within\b|no later than\b", statement.text, I)
    if timed and statement.label and _NOTIFYING.search(heading):
        return Notice(statement.label, "notify")
    lead = statement.lead_ins[0] if statement.lead_ins else ""
    telling = re.search(rf"\b(?:{STRONG}|inform(?:ed)?)\b", lead, I)
    if not telling or not re.search(MODAL, lead, I) or not FOLLOWING.search(lead):
        return None
    if statement.label:
        return Notice(statement.label, "notify")
    if statement.placeholders and statement.text.startswith(statement.placeholders[0]):
        return Notice(statement.placeholders[0], "notify")
    who = re.split(r"\s+(?:--|–|—|-)\s+|\s*\(|\s*[,;:]\s", statement.text)[0]
    return Notice(clean(who), "notify")
