"""How often: "annually", "at least once per quarter", "every 6 months", "bi-annual".

Each rule is a word of the field and the phrases that mean it; to teach another phrase,
add a line. A word that people use for two different cadences is ambiguous
and says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_N = r"(?:an?|per|each|every|in a|in every)"
_NUMBERS = (
    r"(?:\d{1,3}|two|three|four|five|six|eight|nine|ten|twelve|fifteen|eighteen|thirty|"
    r"ninety)(?: \(\d{1,3}\))?"
)
_HABITS = r"archiv|improve|integrat|deliver|deploy|operat|availab|learn"
_UNITS = r"(?:minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?)"
# The field's word, and the phrases that mean it; the first that fits counts. "?" marks
# a word with two meanings, "=" a phrase that is its own word.
_RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("?bi-annual", (r"bi-?annual(?:ly)?",)),
    ("?bi-weekly", (r"bi-?weekly",)),
    ("?bi-monthly", (r"bi-?monthly",)),
    (
        "semi-annual",
        (
            r"semi-?annual(?:ly)?",
            r"half[- ]?yearly|every half[- ]year",
            rf"(?:twice|two times|2 times|2x) {_N} (?:calendar )?year",
            r"twice[- ](?:yearly|annually)",
            r"every (?:six \(6\)|six|6) months|(?:six|6)[- ]monthly",
        ),
    ),
    (
        "every 2 years",
        (
            r"biennial(?:ly)?",
            r"every (?:two|2|other) years?",
            r"every (?:24|twenty-four) months",
        ),
    ),
    (
        "annual",
        (
            r"annual(?:ly)?|yearly|per annum|one time per year",
            rf"once {_N} (?:calendar )?year",
            r"(?:every|each|per) (?:calendar |one |1 )?year",
            r"every (?:twelve \(12\)|twelve|12) months|every 365 days",
        ),
    ),
    (
        "quarterly",
        (
            rf"quarterly|once {_N} (?:calendar )?quarter",
            r"(?:every|each|per) (?:calendar )?quarter",
            r"every (?:three \(3\)|three|3) months",
            r"four times (?:a|per) year",
        ),
    ),
    ("monthly", (rf"monthly|once {_N} month", r"(?:every|each) (?:calendar )?month")),
    ("every 2 weeks", (r"fortnightly|every (?:two|2) weeks|every fortnight",)),
    ("weekly", (rf"weekly|once {_N} week|(?:every|each) week",)),
    (
        "daily",
        (
            rf"daily|nightly|once {_N} (?:day|24 hours)",
            r"(?:every|each) (?:day|night)|every 24 hours|everyday",
        ),
    ),
    (
        "hourly",
        (
            rf"hourly|once {_N} hour|(?:every|each) hour",
            r"every (?:one hour|1 hour|60 minutes)",
        ),
    ),
    ("=", (r"(?:on |at )?(?:every|each) (?:commit|build|release|deployment)",)),
    (
        "continuous",
        (
            # Continuous improvement and its like are habits and no cadence.
            rf"continuous(?:ly)?(?! (?:\w+ )?(?:{_HABITS}))",
            r"in real[- ]time",
        ),
    ),
    ("=", (rf"every {_NUMBERS}[ -]?{_UNITS}",)),
)
_FLOOR = (
    r"(?:(?P<floor>at least|no less (?:frequently )?than|not less (?:frequently )?than|"
    r"at a minimum|minimum of|at minimum)[ ,]*)?(?:(?:on )?(?:an?|the) )?"
)
_PATTERNS = tuple(
    (re.compile(rf"\b{_FLOOR}(?P<words>{'|'.join(phrases)})\b", re.IGNORECASE), means)
    for means, phrases in _RULES
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
