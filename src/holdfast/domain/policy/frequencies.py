"""How often: "annually", "at least once per quarter", "every 6 months", "bi-annual".

Each rule is a pattern and the word of the field that it means; to teach another
phrase, add a line. A word that people use for two different cadences is ambiguous
and says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_N = r"(?:an?|per|each|every|in a|in every)"
_RULES: tuple[tuple[str, str], ...] = (
    (r"bi-?annual(?:ly)?", "?bi-annual"),
    (r"bi-?weekly", "?bi-weekly"),
    (r"bi-?monthly", "?bi-monthly"),
    (
        r"semi-?annual(?:ly)?|half[- ]?yearly|"
        rf"(?:twice|two times|2 times|2x) {_N} (?:calendar )?year|twice[- ]yearly|"
        r"every (?:six|6|six \(6\)) months|(?:six|6)[- ]monthly|every half[- ]year",
        "semi-annual",
    ),
    (
        r"biennial(?:ly)?|every (?:two|2|other) years?|every (?:24|twenty-four) months",
        "every 2 years",
    ),
    (
        rf"annual(?:ly)?|yearly|per annum|once {_N} (?:calendar )?year|"
        r"(?:every|each|per) (?:calendar |one |1 )?year|"
        r"every (?:twelve|12|twelve \(12\)) months|every 365 days|one time per year",
        "annual",
    ),
    (
        rf"quarterly|once {_N} (?:calendar )?quarter|"
        r"(?:every|each|per) (?:calendar )?quarter|"
        r"every (?:three|3|three \(3\)) months|four times (?:a|per) year",
        "quarterly",
    ),
    (
        rf"monthly|once {_N} month|(?:every|each) (?:calendar )?month",
        "monthly",
    ),
    (r"fortnightly|every (?:two|2) weeks|every fortnight", "every 2 weeks"),
    (rf"weekly|once {_N} week|(?:every|each) week", "weekly"),
    (
        rf"daily|nightly|once {_N} (?:day|24 hours)|(?:every|each) (?:day|night)|"
        r"every 24 hours|everyday",
        "daily",
    ),
    (
        rf"hourly|once {_N} hour|(?:every|each) hour|every (?:one hour|1 hour|60 minutes)",
        "hourly",
    ),
    (r"(?:on |at )?(?:every|each) (?:commit|build|release|deployment)", "="),
    (
        r"continuous(?:ly)?(?! (?:\w+ )?(?:archiv|improve|integrat|deliver|deploy|operat|"
        r"availab|learn))|in real[- ]time",
        "continuous",
    ),
    (
        r"every (?:\d{1,3}|two|three|four|five|six|eight|nine|ten|twelve|fifteen|"
        r"eighteen|thirty|ninety)(?: \(\d{1,3}\))?[ -]?"
        r"(?:minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?)",
        "=",
    ),
)
_FLOOR = (
    r"(?:(?P<floor>at least|no less (?:frequently )?than|not less (?:frequently )?than|"
    r"at a minimum|minimum of|at minimum)[ ,]*)?(?:(?:on )?(?:an?|the) )?"
)
_PATTERNS = tuple(
    (re.compile(rf"\b{_FLOOR}(?P<words>{words})\b", re.IGNORECASE), means)
    for words, means in _RULES
)
_HINT = re.compile(
    r"annu|year|quarter|month|week|fortnight|dai|day|night|hour|every|each|contin|"
    r"real|bienn",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Frequency:
    """A cadence in the field's word, and as it is written.

    ``floor`` is set where the text allows more often ("at least annually").
    """

    every: str
    text: str
    start: int
    end: int
    floor: bool = False
    ambiguous: bool = False

    @property
    def at_least(self) -> str:
        """The cadence with its floor, as summaries show it."""
        if self.ambiguous and "(at least)" in self.text:
            return f"{self.every} (at least)"
        return f"at least {self.every}" if self.floor else self.every


def find_frequencies(text: str) -> tuple[Frequency, ...]:
    """Return the cadences of a text in their order."""
    if not _HINT.search(text):
        return ()
    found: list[Frequency] = []
    for pattern, means in _PATTERNS:
        for match in pattern.finditer(text):
            if not any(_overlap(match, other) for other in found):
                found.append(_frequency(text, match, means))
    return tuple(sorted(found, key=lambda each: each.start))


def _overlap(match: re.Match[str], other: Frequency) -> bool:
    start, end = match.span("words")
    return start < other.end and other.start < end


def _frequency(text: str, match: re.Match[str], means: str) -> Frequency:
    words = match["words"]
    every = words.casefold() if means == "=" else means.lstrip("?")
    after = re.match(r"\s*\(at least\)", text[match.end() :])
    return Frequency(
        every=re.sub(r"^(?:on|at) ", "", re.sub(r" \(\d+\)", "", every)),
        text=words + (" (at least)" if after else ""),
        start=match.start(),
        end=match.end() + (after.end() if after else 0),
        floor=bool(match["floor"] or after),
        ambiguous=means.startswith("?"),
    )
