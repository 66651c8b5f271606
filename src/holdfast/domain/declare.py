"""`catalogue.toml` read into a `Catalogue`, or refused with every fault at once.

A sound catalogue may still make the policy hard to keep: `findings` tells what a
person should look at, and refuses nothing. The file: docs/formats/catalogue.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from holdfast.domain.answers import Quorum, parse_quorum
from holdfast.domain.catalogue import Catalogue, Datastore
from holdfast.domain.consistency import check_consistency
from holdfast.domain.declared_tables import (
    read_customer,
    read_datastore,
    read_environment,
    read_function,
    read_origin,
    read_person,
    read_service,
    read_supplier,
    read_vantage_point,
)
from holdfast.domain.questions import BY_NAME, ROLE_NAMES
from holdfast.domain.toml_table import Faults, read_toml

_HOLDERS = 2
_CRITICAL_RANK = 2


def parse_catalogue(
    text: str, file: str = "catalogue.toml", *, adopted: bool = False
) -> Catalogue:
    """Read the catalogue as people write it, or as it was ``adopted``.

    Raises `FaultsError` with every fault, each naming its place, and `HoldfastError`
    if the text is no TOML at all.
    """
    faults = Faults(file)
    table = read_toml(text, faults)
    catalogue = Catalogue(
        company=table.text("company"),
        origin=read_origin(table),
        digest=f"sha256:{hashlib.sha256(text.encode()).hexdigest()}",
        people=tuple(read_person(t, adopted=adopted) for t in table.tables("people")),
        functions=tuple(read_function(t) for t in table.tables("functions")),
        environments=tuple(read_environment(t) for t in table.tables("environments")),
        services=tuple(read_service(t) for t in table.tables("services")),
        datastores=tuple(read_datastore(t) for t in table.tables("datastores")),
        customers=tuple(
            read_customer(t, adopted=adopted) for t in table.tables("customers")
        ),
        suppliers=tuple(read_supplier(t) for t in table.tables("suppliers")),
        vantage_points=tuple(
            read_vantage_point(t) for t in table.tables("vantage_points")
        ),
    )
    table.finish()
    check_consistency(catalogue, faults)
    faults.raise_any()
    return catalogue


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
