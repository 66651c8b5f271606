"""The status page for machines, in the shapes of Statuspage's version 2 API.

What is not Statuspage's are fields it lacks: in ``page``, the revision, the earlier
revisions it includes, and when the publisher last confirmed all this.
"""

from __future__ import annotations

import json
from datetime import datetime

from holdfast.channels.status_model import (
    Component,
    Incident,
    PageModel,
    Update,
    moment,
)

Json = dict[str, object]


def files(model: PageModel, published_at: datetime) -> dict[str, bytes]:
    """Return the API's files by their path."""
    page = _page(model, published_at)
    status = {
        "indicator": model.status.indicator,
        "description": model.status.description,
    }
    components = [_component(model, i, c) for i, c in enumerate(model.components, 1)]
    incidents = [_incident(model, one) for one in model.incidents]
    unresolved = [_incident(model, one) for one in model.incidents if one.open]
    documents: dict[str, Json] = {
        "summary": {
            "page": page,
            "components": components,
            "incidents": unresolved,
            "scheduled_maintenances": [],
            "status": status,
        },
        "status": {"page": page, "status": status},
        "components": {"page": page, "components": components},
        "incidents": {"page": page, "incidents": incidents},
        "incidents/unresolved": {"page": page, "incidents": unresolved},
    }
    return {
        f"api/v2/{name}.json": json.dumps(document, ensure_ascii=False).encode()
        for name, document in documents.items()
    }


def _page(model: PageModel, published_at: datetime) -> Json:
    return {
        "id": model.page.id,
        "name": model.page.name,
        "url": model.page.url,
        "time_zone": "Etc/UTC",
        "updated_at": moment(model.page.updated_at),
        "published_at": moment(published_at),
        "revision": model.revision,
        "revisions": list(model.revisions),
    }


def _component(model: PageModel, position: int, component: Component) -> Json:
    changed = moment(component.updated_at or model.page.updated_at)
    return {
        "id": component.id,
        "name": component.name,
        "status": component.status,
        "created_at": changed,
        "updated_at": changed,
        "position": position,
        "description": component.description,
        "showcase": True,
        "start_date": None,
        "group_id": None,
        "page_id": model.page.id,
        "group": False,
        "only_show_if_degraded": False,
    }


def _incident(model: PageModel, incident: Incident) -> Json:
    monitored = [
        u.created_at for u in incident.incident_updates if u.status == "monitoring"
    ]
    return {
        "id": incident.id,
        "name": incident.name,
        "status": incident.status,
        "created_at": moment(incident.created_at),
        "updated_at": moment(incident.updated_at),
        "monitoring_at": moment(min(monitored, default=None)),
        "resolved_at": moment(incident.resolved_at),
        "impact": incident.impact,
        "shortlink": incident.link or model.page.url,
        "started_at": moment(incident.created_at),
        "page_id": model.page.id,
        "incident_updates": [_update(incident, u) for u in incident.newest_first],
        "components": [],
    }


def _update(incident: Incident, update: Update) -> Json:
    said = moment(update.created_at)
    return {
        "id": update.id,
        "status": update.status,
        "body": update.body,
        "incident_id": incident.id,
        "created_at": said,
        "updated_at": said,
        "display_at": said,
        "affected_components": [],
        "deliver_notifications": True,
        "custom_tweet": None,
        "tweet_id": None,
    }
