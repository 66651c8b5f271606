"""All staff can work remotely over VPN or single sign-on.

Not judged yet: no identity provider is connected.
"""

from __future__ import annotations

from holdfast.domain.controls.judging import Duty, Situation, Verdict, unproven


def judge(situation: Situation) -> Verdict:
    """Say what is declared and what evidence is missing."""
    count = len(situation.rules.catalogue.people)
    return unproven(
        f"{count} people are declared, but no sign-in with a second factor and no "
        "VPN handshake has been seen: no identity provider is connected"
    )


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe nothing yet: it needs an identity provider first."""
    del situation
    return ()
