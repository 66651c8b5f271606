"""Redundancy, backups and their off-site copies, retention."""

from __future__ import annotations

import re

from holdfast.domain.policy.frequencies import Frequency
from holdfast.domain.policy.lexer import Found
from holdfast.domain.policy.model import Fact, Obligation
from holdfast.domain.policy.recognisers.phrases import MODAL, I, clean, lower_first
from holdfast.domain.policy.statement import Reading, Statement

BACKUP = re.compile(r"\bback(?:ed|s|ing)?[- ]?ups?\b|\bsnapshots?\b", I)
_TESTING = re.compile(
    r"\b(?:test|restor(?:e|ation|ing)|verif|validat|drill|exercis|rehears|review|audit|"
    r"monitor)\w*",
    I,
)
_COPYING = re.compile(
    r"\bback(?:ed|s|ing)?[- ]?up|\bsnapshots?\b|\b(?:taken|performed|run|executed|"
    r"created|"
    r"made|captured|occur|scheduled)\b",
    I,
)
_TYPE = re.compile(
    r"\b(?P<type>full|incremental|differential|transaction(?:al)? log|log|database|"
    r"file|"
    r"configuration|system|image)[- ](?:level )?(?:back-?ups?|snapshots?)"
    r"(?:\s+(?:of|for)\s+(?P<what>[\w\s/-]{3,50}?))?"
    r"(?=\s+(?:are|is|must|shall|will|should|every|at|on|once|dai|week|month|hour)|"
    r"[,:;]|$)",
    I,
)
_ATOMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("automated", re.compile(r"\bautomat(?:ed|ic|ically)\b", I)),
    ("encrypted", re.compile(r"\bencrypt(?:ed|ion|s)?\b", I)),
    (
        "point-in-time recovery",
        re.compile(
            r"\bpoint[- ]in[- ]time\b|\bPITR\b|\bcontinuous (?:WAL )?archiving\b|"
            r"\bWAL[- ]archiv",
            I,
        ),
    ),
)
_NOT_SO = re.compile(r"\b(?:not|never|unencrypted|without|neither|no)\b", I)
# "Restoring encrypted backups" tells how to read them and not how to keep them.
_TAKEN_BACK = re.compile(r"\b(?:restor|recover|decrypt)\w* (?:the |from )?$", I)
_KEPT = re.compile(
    r"\b(?:stored?|kept|keep|hold|held|replicat\w+|cop(?:y|ies|ied)|maintain(?:ed|s)?|"
    r"transfer\w*|sent|moved|located|reside|ship(?:ped)?|saved|placed|housed|mirrored|"
    r"vaulted|written)\b",
    I,
)
_ELSEWHERE = re.compile(
    r"\boff[- ]?site\b|\b(?:separate|different|another|second(?:ary)?|alternate|"
    r"remote|other)"
    r" (?:\w+[ -]){0,2}?(?:account|region|location|site|data ?cent\w+|zone|provider|"
    r"facility|cloud|subscription|project|continent|country)s?\b|"
    r"\bcross[- ]region\b|\b(?:multiple|two or more|several) (?:\w+ )?"
    r"(?:regions|locations|sites)\b|\bgeographically\b|\bgeo-?redundan",
    I,
)
_REDUNDANT = re.compile(
    r"\bmulti[- ]?(?:AZ|availability[- ]zone|region|zone)\b|\bredundan(?:t|cy)\b|"
    r"\b(?:multiple|several|more than one|(?:at least )?two) (?:\w+ )?"
    r"(?:availability zones?|regions?|data ?cent\w+)\b|"
    r"\bhot[- ]standby\b|\bstandby (?:database|replica)|\bread replicas?\b|"
    r"\bautomatic failover\b|\bactive[-/ ]active\b|\bclustered\b",
    I,
)
_BUILT = re.compile(
    r"\b(?:production|database|server|infrastructure|service|system|network|deploy|"
    r"host|"
    r"application|storage|workload|architecture|component|platform|data)",
    I,
)
_RETAINED = re.compile(
    r"\b(?P<verb>retain\w*|maintain\w*|kept|keep|stored?|preserv\w*|held|archiv\w+|"
    r"retention(?: period)?(?: is| of|:)?)\s+(?:\w+\s+){0,4}?"
    r"(?:for|of|is|at|up to)?\s*(?P<floor>(?:a )?minimum of|at least|no less than|"
    r"not less than)?\s*(?:a period of\s+)?$",
    I,
)
_CLAUSES = re.compile(
    r";|, (?:and|with|while|but) |, (?=(?:tested|restored|verified|retained|stored|"
    r"kept)\b)|"
    r" and (?=(?:\w+ ){0,4}?(?:tested|restored|verified|validated|retained|reviewed|"
    r"test|verify|validate|restore)\b)|\. "
)


def clause_around(text: str, place: int) -> str:
    """Return the part of a sentence that a cadence belongs to."""
    start = 0
    for match in _CLAUSES.finditer(text):
        if match.start() >= place:
            return text[start : match.start()]
        start = match.end()
    return text[start:]


def _backups(statement: Statement) -> Reading | None:
    if not _speaks_of_backups(statement):
        return None
    cadence = _cadence(statement)
    atoms = [
        name
        for name, pattern in _ATOMS
        if (match := pattern.search(statement.full))
        and not _TAKEN_BACK.search(statement.full[: match.start()])
        and not _NOT_SO.search(
            statement.full[max(0, match.start() - 25) : match.start()]
        )
    ]
    if cadence is None and not atoms:
        return None
    facts = [Fact("encrypted", "true")] if "encrypted" in atoms else []
    facts += [Fact("pitr", "true")] if "point-in-time recovery" in atoms else []
    note = None
    if cadence is not None:
        facts.insert(0, Fact("backup_frequency", cadence.every, _tier(statement)))
        atoms.append(cadence.every)
        note = _ambiguity(cadence)
    return Reading(
        "state",
        (
            Obligation(
                "backups",
                "back up",
                every=cadence.every if cadence else None,
                atoms=tuple(atoms),
            ),
        ),
        tuple(facts),
        note=note,
        ambiguous=note is not None,
    )


def _ambiguity(cadence: Frequency) -> str | None:
    if not cadence.ambiguous:
        return None
    return f'"{cadence.every}" may mean twice in one period or once in two'


def _speaks_of_backups(statement: Statement) -> bool:
    if statement.announces and not statement.frequencies:
        return False
    if statement.says(BACKUP):
        return True
    under = [*statement.lead_ins[:1], *statement.headings[-1:]]
    return any(BACKUP.search(text) for text in under) and bool(
        _COPYING.search(statement.text)
        or re.search(r"encrypt|point[- ]in[- ]time|PITR", statement.text, I)
        or statement.in_list
    )


def _cadence(statement: Statement) -> Frequency | None:
    for found in statement.frequencies:
        clause = clause_around(statement.text, found.start)
        says = _COPYING.search(clause) or (
            statement.label and BACKUP.search(statement.label)
        )
        inherited = clause.strip(" .") == statement.text.strip(" .")
        under = statement.in_list and inherited
        if (says or under) and not _is_test(clause, found, statement):
            return found
    return None


def _is_test(clause: str, found: Frequency, statement: Statement) -> bool:
    label = statement.label or ""
    if re.search(r"\btest|restor|verif|review", label, I):
        return True
    # "Daily backups are verified" tells how often they are taken.
    near = clause.casefold().find(found.text.casefold() + " back")
    return near < 0 and bool(_TESTING.search(clause))


def _tier(statement: Statement) -> str | None:
    match = _TYPE.search(statement.full)
    if match is None:
        return None
    if (
        match["type"].casefold() in ("full", "incremental", "differential", "log")
        or (match["what"])
    ):
        kind = match["type"].casefold()
        return f"{kind}, {clean(match['what'])}" if match["what"] else kind
    return match[0].casefold()


def _off_site(statement: Statement) -> Reading | None:
    label = statement.label or ""
    spoken = statement.says(BACKUP) or bool(
        BACKUP.search(statement.before)
        or BACKUP.search(" ".join(statement.headings[-1:]))
    )
    if not spoken or not statement.says(_ELSEWHERE):
        return None
    if not _KEPT.search(statement.text) and not _ELSEWHERE.search(label):
        return None
    if re.match(r"(?:retrieve|restore|recover)\b", statement.text, I):
        return None
    place = _ELSEWHERE.search(statement.text) or _ELSEWHERE.search(label)
    atoms = (place[0].casefold(),) if place else ()
    return Reading(
        "state",
        (Obligation("off_site", "keep a copy off-site", atoms=atoms),),
        (Fact("offsite", "true"),),
    )


def _redundancy(statement: Statement) -> Reading | None:
    match = _REDUNDANT.search(statement.text)
    labelled = statement.label and re.search(
        r"redundan|high availab", statement.label, I
    )
    if not (match or labelled) or not statement.says(_BUILT):
        return None
    demanded = MODAL.search(statement.text) or re.match(
        r"(?:use|utili[sz]e|deploy|maintain|run|implement|provide|host|operate|keep|"
        r"ensure)",
        statement.text,
        I,
    )
    deployed = re.search(
        r"\b(?:is|are) (?:\w+ly )?(?:deployed|hosted|replicated|run|"
        r"distributed|configured|clustered)\b",
        statement.text,
        I,
    )
    if not (demanded or deployed or labelled) or BACKUP.search(statement.text):
        return None
    atoms = (match[0].casefold(),) if match else ()
    duty = Obligation("redundancy", "keep production redundant", atoms=atoms)
    return Reading("state", (duty,))


def _retention(statement: Statement) -> Reading | None:
    if statement.cells or not statement.durations:
        return None
    facts = [
        fact
        for found in statement.durations
        if (fact := _retained(statement, found)) is not None
    ]
    return Reading("state", (), tuple(facts)) if facts else None


def _retained(statement: Statement, found: Found) -> Fact | None:
    match = _RETAINED.search(statement.text[: found.start])
    if match is None and not (
        statement.label and re.search(r"\bretention\b", statement.label, I)
    ):
        return None
    floor = " minimum" if match and match["floor"] else ""
    verb = match["verb"].casefold() if match else ""
    what = "retention" if verb.startswith(("reten", "retain")) or not verb else verb
    about = "backup" if statement.about(BACKUP) else lower_first(_about(statement))
    return Fact("other", f"{found.quantity.text}{floor}", of=f"{about} {what}".strip())


def _about(statement: Statement) -> str:
    words = re.split(r"\b(?:must|shall|should|will|is|are)\b", statement.text)[
        0
    ].split()
    return clean(" ".join(words[:6]))


RULES = (_backups, _off_site, _redundancy, _retention)
