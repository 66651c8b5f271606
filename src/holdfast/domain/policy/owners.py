"""Who answers for an obligation, as the policy itself names its roles.

A policy gives roles duties in its own words; a control needs one of four: oversight,
response, engineering, communication. Where the policy names no such role, nobody is
named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from holdfast.domain.policy.model import Obligation
from holdfast.domain.questions import OWNERS, Role

# In the order of judging: a role that answers for clients is not oversight as well.
_DUTIES: tuple[tuple[Role, re.Pattern[str]], ...] = (
    ("CS", re.compile(r"\b(?:clients?|customers?|communicat)", re.IGNORECASE)),
    ("IRT", re.compile(r"\b(?:respon(?:se|d)|incident|threat)", re.IGNORECASE)),
    (
        "PL",
        re.compile(
            r"\b(?:architect|engineer|infrastructure|software|technical|restor|"
            r"platform)",
            re.IGNORECASE,
        ),
    ),
    ("RC", re.compile(r"\b(?:oversight|approv|budget|governance)", re.IGNORECASE)),
)
_OVERSIGHT = re.compile(r"\b(?:oversight|oversee|approv|budget)", re.IGNORECASE)


def role_of(owner: str, duty: str) -> Role | None:
    """Return which of the four a role's own duty makes it."""
    if _OVERSIGHT.search(duty):
        return "RC"
    scores = {
        role: 2 * len(pattern.findall(duty)) + len(pattern.findall(owner))
        for role, pattern in _DUTIES
    }
    best = max(scores, key=lambda role: scores[role])
    return best if scores[best] else None


def named_roles(obligations: Iterable[Obligation]) -> dict[Role, str]:
    """Return the policy's own names for the roles that it defines."""
    found: dict[Role, str] = {}
    for obligation in obligations:
        if obligation.control == "roles" and obligation.owner:
            role = role_of(obligation.owner, obligation.duty)
            if role is not None:
                found.setdefault(role, obligation.owner)
    return found


def owner_of(obligation: Obligation, names: dict[Role, str]) -> str | None:
    """Return who answers for an obligation that names nobody itself."""
    if obligation.control == "scope" and "environment" in obligation.duty:
        return names.get("PL")
    if obligation.control == "roles":
        return None
    return names.get(OWNERS[obligation.control])
