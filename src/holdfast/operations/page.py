"""What the public status page says, from the state: components, incidents, updates.

The shapes are those of the Statuspage v2 API, so that existing clients read it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from holdfast.domain.controls.judging import Situation
from holdfast.domain.memory.incidents import Incident
from holdfast.domain.memory.notices import Notice

# Resolved incidents stay on the page this long.
SHOWN_FOR = timedelta(days=14)

STAGE_STATUS = {
    "opened": "investigating",
    "update": "identified",
    "resolved": "resolved",
}


def page_model(situation: Situation, url: str) -> dict[str, Any]:
    """Return the page as plain values, with every update that was owed of late.

    Its ``revisions`` name those updates, so that an outside look finds each.
    """
    catalogue = situation.rules.catalogue
    failing = {
        service
        for incident in situation.state.running_incidents()
        for service in incident.failing
    }
    recent = [
        incident
        for incident in situation.state.incidents.values()
        if incident.resolved is None or situation.now - incident.resolved.at < SHOWN_FOR
    ]
    recent.sort(key=lambda incident: incident.opened.began_at, reverse=True)
    incidents = [_incident(situation, incident) for incident in recent]
    return {
        "page": {
            "id": catalogue.origin,
            "name": catalogue.company,
            "url": url,
            "updated_at": _text(situation.now),
        },
        "status": _status(bool(failing)),
        "components": [
            {
                "id": service.id,
                "name": service.name,
                "status": "major_outage" if service.id in failing else "operational",
                "updated_at": _text(situation.now),
            }
            for service in catalogue.services
            if service.customer_facing
        ],
        "incidents": incidents,
        "revisions": [
            update["id"]
            for incident in incidents
            for update in incident["incident_updates"]
        ],
    }


def _status(disrupted: bool) -> dict[str, str]:  # noqa: FBT001 - Said by its name.
    if disrupted:
        return {"indicator": "major", "description": "Partial outage"}
    return {"indicator": "none", "description": "All systems operational"}


def _incident(situation: Situation, incident: Incident) -> dict[str, Any]:
    updates = _updates(situation, incident)
    resolved = incident.resolved.at if incident.resolved else None
    newest = updates[0] if updates else None
    return {
        "id": incident.id,
        "name": newest["title"] if newest else incident.id,
        "status": newest["status"] if newest else "investigating",
        "impact": "major",
        "created_at": _text(incident.opened.began_at),
        "updated_at": newest["created_at"] if newest else _text(situation.now),
        "resolved_at": _text(resolved) if resolved else None,
        "incident_updates": updates,
    }


def _updates(situation: Situation, incident: Incident) -> list[dict[str, Any]]:
    """Return the incident's updates, newest first, as Statuspage has them."""
    first = situation.state.notices.get(f"{incident.id}/status")
    found: list[Notice] = [first] if first else []
    number = 1
    while update := situation.state.notices.get(
        f"{incident.id}/status/update-{number}"
    ):
        found.append(update)
        number += 1
    if end := situation.state.notices.get(f"{incident.id}/status/resolved"):
        found.append(end)
    return [
        {
            "id": notice.due.notice,
            "title": f"{notice.due.subject} is disrupted",
            "status": STAGE_STATUS[notice.due.stage],
            "body": notice.due.text,
            "created_at": _text(notice.due.at),
        }
        for notice in reversed(found)
    ]


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
