"""What the three communication controls share: the incident in a few plain words, and
a duty made from a notice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from holdfast.domain.catalogue import Catalogue
from holdfast.domain.controls.judging import Duty, Situation
from holdfast.domain.events.notice import NoticeDue
from holdfast.domain.memory.incidents import Failing, Incident
from holdfast.domain.promises import ControlName
from holdfast.domain.questions import Role


def names(services: Iterable[str], catalogue: Catalogue) -> str:
    """Return the names of the services, for people to read."""
    known = {service.id: service.name for service in catalogue.services}
    return ", ".join(known.get(s, s) for s in sorted(services))


def joined(incident: Incident) -> tuple[tuple[str, Failing], ...]:
    """Return the services that failed while the incident was running already."""
    at = incident.opened.detected_at
    found = [
        (s, part) for s, part in incident.services.items() if part.detected_at > at
    ]
    return tuple(sorted(found, key=lambda each: (each[1].detected_at, each[0])))


def clock(moment: datetime) -> str:
    """Return the moment as customers read it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def duty_of(
    situation: Situation,
    notice: NoticeDue,
    *,
    control: ControlName,
    owner: Role,
    what: str,
) -> Duty:
    """Return the duty that the notice settles: to be recorded, under way, or done."""
    known = situation.state.notices.get(notice.notice)
    if known is None:
        return Duty(
            notice.notice,
            control,
            what,
            owner,
            notice.due_at,
            incident=notice.incident,
            conclusions=(notice,),
        )
    entries = (known.seen_index, known.delivered_index, known.index)
    return Duty(
        notice.notice,
        control,
        what,
        owner,
        known.due.due_at,
        known.done_at,
        incident=notice.incident,
        index=next(index for index in entries if index is not None),
        unreached=known.delivered.abandoned if known.delivered else 0,
    )
