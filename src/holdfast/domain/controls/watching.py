"""What the vantage points agree on about a service: down, since when, working again.

Nobody looks while no node runs: what was green before a node's start counts as green
only from that start.
"""

from __future__ import annotations

from datetime import datetime

from holdfast.domain.controls.judging import Situation, quorum_down
from holdfast.domain.memory import services as memory
from holdfast.domain.memory.incidents import Incident, Recovery
from holdfast.domain.memory.services import Service


def vantage_names(situation: Situation) -> tuple[str, ...]:
    """Return the declared vantage points; others do not count."""
    return tuple(v.id for v in situation.rules.catalogue.vantage_points)


def confirmed_red(situation: Situation) -> dict[str, datetime]:
    """Return the customer-facing services confirmed down, with their first failure."""
    names = vantage_names(situation)
    quorum = quorum_down(situation)
    wait = situation.rules.duration("disruption_confirmed_after")
    found: dict[str, datetime] = {}
    for service in situation.rules.catalogue.services:
        known = situation.state.services.get(service.id)
        if not service.customer_facing or known is None:
            continue
        since = memory.red_since(known, names, quorum)
        ended_at = _last_end(situation, service.id)
        began_at = memory.first_failure(known, names, quorum, ended_at)
        if since is None or began_at is None or situation.now - since < wait:
            continue
        found[service.id] = began_at
    return found


def green_from(
    situation: Situation, incident: Incident, service: str
) -> datetime | None:
    """Return from when a failing service works again, as far as is seen now.

    ``None`` while too few see it green, too many see it red, or its restored data are
    not verified. It is certain only once it stayed so; `lifecycle` waits for that.
    """
    part = incident.services[service]
    known = situation.state.services.get(service)
    agreed = _agreed_green(situation, known) if known else None
    verified_at = _verified_at(situation, incident, service)
    if agreed is None or not verified_at:
        return None
    if agreed < part.began_at and len(verified_at) == 1:
        # Declared by a person and never seen red: green probes alone prove nothing.
        return None
    starts = [node.at for node in situation.state.nodes.values()]
    return max([agreed, *verified_at, *starts])


def newest_recoveries(situation: Situation, incident: Incident) -> dict[str, Recovery]:
    """Return the newest recovery of each datastore: it supersedes failed ones.

    One that its preflight refused touched nothing and supersedes nothing.
    """
    ordered = sorted(
        (
            recovery
            for recovery in situation.state.recoveries.values()
            if recovery.ordered.incident == incident.id
            and (recovery.preflight is None or recovery.preflight.ok)
        ),
        key=lambda recovery: recovery.ordered_index,
    )
    return {recovery.ordered.datastore: recovery for recovery in ordered}


def _last_end(situation: Situation, service: str) -> datetime | None:
    parts = (
        incident.services.get(service)
        for incident in situation.state.incidents.values()
    )
    ends = [part.green_since for part in parts if part and part.green_since]
    return max(ends, default=None)


def _agreed_green(situation: Situation, known: Service) -> datetime | None:
    """Return since when enough see it green, and too few see it red to be down."""
    names = vantage_names(situation)
    wanted = min(situation.rules.count("restored_vantage_points"), len(names))
    views = [known.vantages[name].ok for name in names if name in known.vantages]
    reporting = sum(view is not None for view in views)
    needed = max(wanted, reporting - quorum_down(situation) + 1)
    return memory.green_since(known, names, needed)


def _verified_at(
    situation: Situation, incident: Incident, service: str
) -> tuple[datetime, ...]:
    """Return the moments before which the service's data may not be trusted: when it
    failed, and when each recovery was verified. Empty: one is not verified yet.

    A green journey on an unverified restore is no restoration.
    """
    known = {s.id: s for s in situation.rules.catalogue.services}
    datastores = known[service].datastores if service in known else ()
    moments = [incident.services[service].began_at]
    for datastore, recovery in newest_recoveries(situation, incident).items():
        if datastore not in datastores:
            continue
        if recovery.verified is None or not recovery.verified.ok:
            return ()
        moments.append(recovery.verified.at)
    return tuple(moments)
