"""What a sound catalogue still makes hard to keep: told early, refused never."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.domain.answers import Quorum, parse_quorum
from holdfast.domain.catalogue import Catalogue, Datastore
from holdfast.domain.questions import BY_NAME, ROLE_NAMES

_HOLDERS = 2
_CRITICAL_RANK = 2


def findings(catalogue: Catalogue, quorum: Quorum | None = None) -> tuple[str, ...]:
    """Return what a person should look at, one sentence each, in a steady order.

    ``quorum`` is the one in force; without it, the default.
    """
    agreed = quorum or parse_quorum(BY_NAME["vantage_quorum"].default)
    return (
        *_people(catalogue),
        *_services(catalogue),
        *_datastores(catalogue),
        *_vantage_points(catalogue, agreed),
    )


def _people(catalogue: Catalogue) -> Iterator[str]:
    for role, name in ROLE_NAMES.items():
        count = len(catalogue.holders(role))
        if count < _HOLDERS:
            held = "nobody holds" if count == 0 else "only one person holds"
            yield f"{held} the role {role} ({name})"


def _services(catalogue: Catalogue) -> Iterator[str]:
    for service in catalogue.services:
        rank = catalogue.rank(service.id)
        if rank <= _CRITICAL_RANK and service.probe is None:
            yield f"service {service.id} of function {rank} has no probe"
    if not any(service.customer_facing for service in catalogue.services):
        yield "no service faces customers, so that no disruption will be seen"


def _datastores(catalogue: Catalogue) -> Iterator[str]:
    for store in catalogue.datastores:
        if not store.production:
            continue
        if store.backup_environment is None:
            yield f"production datastore {store.id} has no backup environment"
        elif not _is_off_site(catalogue, store):
            yield f"backups of {store.id} stay in production's own account and region"
        if not store.invariants:
            yield f"nothing tells whether a restored {store.id} is right: no invariant"


def _is_off_site(catalogue: Catalogue, store: Datastore) -> bool:
    places = {e.id: e for e in catalogue.environments}
    here, there = places[store.environment], places[store.backup_environment or ""]
    home = (here.provider, here.account, here.region)
    return home != (there.provider, there.account, there.region)


def _vantage_points(catalogue: Catalogue, quorum: Quorum) -> Iterator[str]:
    count = len(catalogue.vantage_points)
    if count < quorum.of:
        yield (
            f"{count} of the {quorum.of} vantage points are declared from which "
            f"{quorum.needed} must agree that a service is down"
        )
    if count > 1 and len({point.region for point in catalogue.vantage_points}) == 1:
        yield "all vantage points look from one region and can fail together"
