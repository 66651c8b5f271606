"""When a plan is activated, or what counts as a disruption at all."""

from __future__ import annotations

import re

from holdfast.domain.policy.model import Fact
from holdfast.domain.policy.recognisers.phrases import ASIDE, I, clean
from holdfast.domain.policy.statement import Reading, Statement

_ACTIVATED = re.compile(
    r"\b(?:plan|policy|BC/?DR|BCP|DRP|procedures?|it)\b[^.;]{0,40}?\b"
    r"(?:is|are|be|will be|shall be)(?: automatically| immediately)? "
    r"(?:activated|invoked|initiated|triggered|enacted)(?: automatically)? "
    r"(?:in the event of|in case of|if|when|whenever|upon|after|once)\s+(?P<what>.+)",
    I,
)
_DECLARED = re.compile(
    r"\b(?:disaster|incident|emergency|contingency) (?:is|shall be|will be|must be|"
    r"may be|"
    r"can be) declared (?:if|when|whenever|after|once|upon)\s+(?P<what>.+)",
    I,
)
_MEANS = re.compile(
    r"\b(?:disruption|disaster|incident|outage|emergency|interruption|"
    r"crisis)[\"'”’]?\s+"
    r"(?:to mean|means|is defined as|is considered|refers to|is any)\s+(?P<what>.+)",
    I,
)


def _activation(statement: Statement) -> Reading | None:
    text = statement.text
    match = _ACTIVATED.search(text) or _DECLARED.search(text)
    if match is None and statement.durations:
        # A definition is a threshold only where it has a figure to measure by.
        match = _MEANS.search(text)
    if match is None or statement.announces:
        return None
    what = clean(ASIDE.sub("", match["what"]))
    return Reading("informational", (), (Fact("activation_thresholds", what),))


RULES = (_activation,)
