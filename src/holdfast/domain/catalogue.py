"""What the company declares: people, services, datastores, customers, suppliers.

Values only; `domain.declare` reads them from `catalogue.toml`. Identifiers are short
slugs, and the only names that ever reach a ledger entry.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from holdfast.domain.questions import Role


@dataclass(frozen=True, slots=True)
class Contact:
    """Who somebody is and how to reach them; ``slack`` is a member id.

    Never in the ledger, and not in what is adopted for good: it can be erased.
    """

    email: str
    name: str | None = None
    slack: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in scope. ``affiliation`` says on what terms they work.

    What people write holds the ``contact``; what is adopted a ``commitment`` to it.
    """

    id: str
    contact: Contact | None = None
    roles: tuple[Role, ...] = ()
    affiliation: Literal["employee", "contractor", "vendor"] = "employee"
    commitment: str | None = None


@dataclass(frozen=True, slots=True)
class BusinessFunction:
    """A critical business function and its rank in the order of recovery."""

    id: str
    rank: int
    name: str


@dataclass(frozen=True, slots=True)
class Environment:
    """A site, or a cloud account in a region; ``zone`` is its availability zone."""

    id: str
    kind: Literal["site", "cloud"]
    provider: str
    account: str
    region: str
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """How a business service is measured from outside, as a customer would use it.

    ``url`` is fetched every ``every`` with ``timeout``; the answer is good when its
    status is ``expect_status`` and its body holds ``expect_text`` (if given).
    """

    url: str
    every: timedelta
    timeout: timedelta
    expect_status: int = 200
    expect_text: str | None = None


@dataclass(frozen=True, slots=True)
class BusinessService:
    """What customers use: it serves a function and stands on datastores."""

    id: str
    name: str
    function: str
    customer_facing: bool
    datastores: tuple[str, ...]
    probe: Probe | None


@dataclass(frozen=True, slots=True)
class Invariant:
    """A read-only query that must yield one row whose only column is true."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Replica:
    """A standby, by the name under which it connects, and where it stands."""

    name: str
    environment: str


@dataclass(frozen=True, slots=True)
class SmokeTest:
    """A command that tries the application on restored data in a drill's fence.

    It finds the database by ``PGHOST`` and its like; exit status 0 is good.
    """

    name: str
    command: tuple[str, ...]
    timeout: timedelta


@dataclass(frozen=True, slots=True)
class Datastore:
    """A place where data live; ``engine`` names how it is backed up and restored."""

    id: str
    name: str
    engine: str
    environment: str
    backup_environment: str | None
    production: bool
    customer_data: bool
    invariants: tuple[Invariant, ...] = ()
    replicas: tuple[Replica, ...] = ()
    smoke_tests: tuple[SmokeTest, ...] = ()


@dataclass(frozen=True, slots=True)
class Customer:
    """Someone to write to when the services they use are out for long."""

    id: str
    contact: Contact | None
    services: tuple[str, ...]
    commitment: str | None = None


@dataclass(frozen=True, slots=True)
class Supplier:
    """A sub-processor. Critical: holds customer data or stops function 1 or 2."""

    id: str
    name: str
    purpose: str
    critical: bool


@dataclass(frozen=True, slots=True)
class VantagePoint:
    """A place to look from. ``node`` means the Holdfast node itself looks."""

    id: str
    region: str
    source_address: str | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything declared, internally consistent (checked when it was read).

    ``erased`` are customers of whom nothing is kept any more: they are told nothing.
    """

    company: str
    origin: str
    digest: str
    people: tuple[Person, ...]
    functions: tuple[BusinessFunction, ...]
    environments: tuple[Environment, ...]
    services: tuple[BusinessService, ...]
    datastores: tuple[Datastore, ...]
    customers: tuple[Customer, ...]
    suppliers: tuple[Supplier, ...]
    vantage_points: tuple[VantagePoint, ...]
    erased: tuple[Customer, ...] = ()

    def without(self, references: Collection[str]) -> Catalogue:
        """Return the catalogue without those who were erased, roles and all."""
        gone = [c for c in self.customers if f"customer:{c.id}" in references]
        return replace(
            self,
            people=tuple(p for p in self.people if f"person:{p.id}" not in references),
            customers=tuple(c for c in self.customers if c not in gone),
            erased=(*self.erased, *gone),
        )

    def service(self, service_id: str) -> BusinessService:
        """Return the service of that id; an unknown id is an impossibility."""
        return next(s for s in self.services if s.id == service_id)

    def datastore(self, datastore_id: str) -> Datastore:
        """Return the datastore of that id; an unknown id is an impossibility."""
        return next(d for d in self.datastores if d.id == datastore_id)

    def rank(self, service_id: str) -> int:
        """Return the rank of the function that the service serves; 1 comes first."""
        wanted = self.service(service_id).function
        return next(f.rank for f in self.functions if f.id == wanted)

    def holders(self, role: Role) -> tuple[Person, ...]:
        """Return who holds the role."""
        return tuple(p for p in self.people if role in p.roles)

    def affected_customers(
        self, services: frozenset[str], *, erased: bool = False
    ) -> tuple[Customer, ...]:
        """Return the customers of these services, or all where none says it uses one.

        Default of clause 7, direct: "customers of the failing services, else all". One
        who was erased still counts as using a service: others are not told instead.
        Only with ``erased`` is such a one among them.
        """
        declared = (*self.customers, *self.erased)
        using = [c for c in declared if services & set(c.services)]
        among = declared if erased else self.customers
        return tuple(c for c in among if c in using or not using)
