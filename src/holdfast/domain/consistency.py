"""Whether the parts of a catalogue fit together: names are unique, references hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from holdfast.domain.catalogue import Catalogue
from holdfast.domain.toml_table import Faults, did_you_mean


class _Named(Protocol):
    @property
    def id(self) -> str: ...


def check_consistency(catalogue: Catalogue, faults: Faults) -> None:
    """Note every name that is used twice and every reference that leads nowhere."""
    lists: dict[str, Sequence[_Named]] = {
        "people": catalogue.people,
        "functions": catalogue.functions,
        "environments": catalogue.environments,
        "services": catalogue.services,
        "datastores": catalogue.datastores,
        "customers": catalogue.customers,
        "suppliers": catalogue.suppliers,
        "vantage_points": catalogue.vantage_points,
    }
    for name, items in lists.items():
        _check_unique(name, items, faults)
    _check_ranks(catalogue, faults)
    _check_services(catalogue, faults)
    _check_datastores(catalogue, faults)
    for number, customer in enumerate(catalogue.customers, 1):
        where = f"customers[{number}].services"
        _check_known(where, customer.services, catalogue.services, faults)
    if not catalogue.vantage_points:
        hint = "Add [[vantage_points]] with an id and a region; three see better."
        faults.note("vantage_points", "there is no place to look from", hint)


def _check_unique(name: str, items: Sequence[_Named], faults: Faults) -> None:
    first: dict[str, int] = {}
    for number, item in enumerate(items, 1):
        if item.id and (earlier := first.setdefault(item.id, number)) != number:
            message = f'the id "{item.id}" is taken by {name}[{earlier}]'
            faults.note(f"{name}[{number}].id", message, "Give each its own id.")


def _check_ranks(catalogue: Catalogue, faults: Faults) -> None:
    ranks = sorted(function.rank for function in catalogue.functions)
    if ranks != list(range(1, len(ranks) + 1)):
        found = ", ".join(str(rank) for rank in ranks)
        faults.note(
            "functions",
            f"the ranks are {found}",
            f"Rank them 1 to {len(ranks)}, each once, in the order of recovery.",
        )


def _check_services(catalogue: Catalogue, faults: Faults) -> None:
    for number, service in enumerate(catalogue.services, 1):
        where = f"services[{number}]"
        function = (service.function,)
        _check_known(f"{where}.function", function, catalogue.functions, faults)
        stores = service.datastores
        _check_known(f"{where}.datastores", stores, catalogue.datastores, faults)


def _check_datastores(catalogue: Catalogue, faults: Faults) -> None:
    places = catalogue.environments
    for number, store in enumerate(catalogue.datastores, 1):
        where = f"datastores[{number}]"
        _check_known(f"{where}.environment", (store.environment,), places, faults)
        backup = (store.backup_environment or "",)
        _check_known(f"{where}.backup_environment", backup, places, faults)
        for count, replica in enumerate(store.replicas, 1):
            place = f"{where}.replicas[{count}]"
            _check_known(f"{place}.environment", (replica.environment,), places, faults)
            if [r.name for r in store.replicas].index(replica.name) != count - 1:
                message = f'the replica "{replica.name}" is declared twice'
                hint = "Give each standby an application_name of its own."
                faults.note(f"{place}.name", message, hint)


def _check_known(
    where: str, wanted: Iterable[str], items: Sequence[_Named], faults: Faults
) -> None:
    known = [item.id for item in items]
    for name in wanted:
        # An empty name is a fault that was noted when it was read.
        if name and name not in known:
            kind = where.rpartition(".")[2].rstrip("s").replace("_", " ")
            near = did_you_mean(name, known)
            listed = ", ".join(known) or "none so far"
            message = f'there is no {kind} "{name}"{near}'
            faults.note(where, message, f"Declared are: {listed}.")
