"""How a summary is held against a reading written by hand.

Case, articles, plurals and the synonyms of a cadence do not matter; numbers, units,
missing entries and entries too many do. What people word freely (who, what, trigger)
has to share its main words.
"""

from __future__ import annotations

import re

_SYNONYMS = (
    (r"\b(?:at least|no less than)\b|\(at least\)|[,.]", " "),
    (r"\bonce (?:a|an|per|each) (year|quarter|month|week|day|hour)\b", r"every \1"),
    (r"\b(?:annually|annual|yearly)\b", "every year"),
    (r"\b(?:quarterly)\b", "every quarter"),
    (r"\b(?:monthly)\b", "every month"),
    (r"\b(?:weekly)\b", "every week"),
    (r"\b(?:daily)\b", "every day"),
    (r"\b(?:semi-annual(?:ly)?|twice (?:a|per) year)\b", "twice every year"),
    (r"\bmins?\b", "minutes"),
    (r"\b(\w{3,}?)s\b", r"\1"),
    (r"\b(?:a|an|the|any|our|of|for|to|on|in|this|be|is|are)\b", " "),
)
_FREE = re.compile(r"[a-z][a-z-]{2,}|\d+")
# A few words that say the same in what people call things.
_SAME = {
    "statuspage": "status page",
    "evaluated": "review",
    "evaluation": "review",
    "reviewed": "review",
    "returned": "return",
    "sub-processor": "subprocessor",
}
_FIGURE = re.compile(r"\d+(?:\.\d+)?\s*(?:%|[a-z]+)")


def agrees(field: str, wanted: object, found: object) -> bool:
    """Say whether a field's value is right."""
    match field:
        case "notify":
            return _lists_agree(wanted, found, _notices_agree)
        case "other":
            return _lists_agree(wanted, found, _others_agree)
        case "placeholders":
            return wanted == found
        case "activation_thresholds":
            return _lists_agree(wanted, found, _words_agree)
        case "policy_review":
            return _reviews_agree(wanted, found)
        case "patch_deadlines":
            return _plain(wanted) == _plain(found)
        case _:
            return _plain(wanted) == _plain(found)


def _plain(value: object) -> object:
    match value:
        case str():
            text = value.casefold()
            for pattern, replacement in _SYNONYMS:
                text = re.sub(pattern, replacement, text)
            return " ".join(text.split())
        case list():
            return [_plain(each) for each in value]
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case _:
            return value


def _lists_agree(wanted, found, same) -> bool:
    wanted, found = list(wanted or []), list(found or [])
    if len(wanted) != len(found):
        return False
    for each in wanted:
        hit = next((other for other in found if same(each, other)), None)
        if hit is None:
            return False
        found.remove(hit)
    return True


def _notices_agree(wanted, found) -> bool:
    return (
        _plain(wanted["within"]) == _plain(found["within"])
        and _words_agree(wanted["who"], found["who"])
        and _channels_agree(wanted["channel"], found["channel"])
        and (wanted["trigger"] is None) == (found["trigger"] is None)
        and _words_agree(wanted["trigger"], found["trigger"])
    )


def _channels_agree(wanted, found) -> bool:
    return _tokens(wanted or "") == _tokens(found or "")


def _others_agree(wanted, found) -> bool:
    return bool(_tokens(wanted["what"]) & _tokens(found["what"])) and _values_agree(
        wanted["value"], found["value"]
    )


def _values_agree(wanted: str, found: str) -> bool:
    return _figures(wanted) == _figures(found) and _words_agree(wanted, found)


def _reviews_agree(wanted, found) -> bool:
    if wanted is None or found is None:
        return wanted is found
    first = str(_plain(wanted)).split()[:2]
    return first == str(_plain(found)).split()[:2] and _words_agree(wanted, found)


def _words_agree(wanted, found) -> bool:
    """Say whether at least half of the wanted words are there, and no other figure."""
    if wanted is None or found is None:
        return wanted is found
    words, there = _tokens(wanted), _tokens(found)
    if _figures(wanted) != _figures(found):
        return False
    return not words or 2 * len(words & there) >= len(words)


def _tokens(text: str) -> set[str]:
    text = " ".join(_SAME.get(word, word) for word in text.casefold().split())
    return {word[:6] for word in _FREE.findall(str(_plain(text)))}


def _figures(text: str) -> list[str]:
    return _FIGURE.findall(str(_plain(text)))
