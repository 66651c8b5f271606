"""The tables of `catalogue.toml`, each read into its value, faults noted as found.

What is left out takes the stricter meaning: a datastore is productive and holds
customers' data, a service faces customers, unless the file says that it does not.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import cast

from holdfast.domain.addresses import email_is_sound, url_fault
from holdfast.domain.answers import parse_duration
from holdfast.domain.catalogue import (
    BusinessFunction,
    BusinessService,
    Contact,
    Customer,
    Datastore,
    Environment,
    Invariant,
    Person,
    Probe,
    Replica,
    SmokeTest,
    Supplier,
    VantagePoint,
)
from holdfast.domain.questions import ROLE_NAMES, Role
from holdfast.domain.read_only_sql import sql_fault
from holdfast.domain.toml_table import Table, did_you_mean
from holdfast.errors import HoldfastError

_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_LONGEST_SLUG = 63
COMMITMENT = "contact"
_ORIGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._~:/-]{0,253}[A-Za-z0-9])?")
_SLACK = re.compile(r"[UW][A-Z0-9]{1,20}")
_STATUSES = range(100, 600)


def read_origin(table: Table) -> str:
    """Read the name of the ledger."""
    origin = table.text("origin")
    if origin and ("://" in origin or not _ORIGIN.fullmatch(origin)):
        hint = 'Name the ledger like a URL without scheme: "log.acme.example/holdfast".'
        table.fault("origin", f'"{origin}" cannot name a ledger', hint)
    return origin


def read_person(table: Table, *, adopted: bool = False) -> Person:
    """Read somebody in scope; in an adopted text a commitment may be the contact."""
    apart = adopted and COMMITMENT in table
    name = _slug(table)
    contact = None
    if not apart:
        contact = Contact(
            name=table.text("name"),
            email=_email(table),
            slack=_slack(table),
            phone=table.optional_text("phone"),
        )
    person = Person(
        id=name,
        contact=contact,
        roles=_roles(table),
        affiliation=table.choice(
            "affiliation", ("employee", "contractor", "vendor"), "employee"
        ),
        commitment=table.text(COMMITMENT) if apart else None,
    )
    table.finish()
    return person


def read_function(table: Table) -> BusinessFunction:
    """Read a business function."""
    function = BusinessFunction(
        id=_slug(table), rank=table.number("rank"), name=table.text("name")
    )
    table.finish()
    return function


def read_environment(table: Table) -> Environment:
    """Read a site or cloud account."""
    environment = Environment(
        id=_slug(table),
        kind=table.choice("kind", ("site", "cloud"), None),
        provider=table.text("provider"),
        account=table.text("account"),
        region=table.text("region"),
        zone=table.optional_text("zone"),
    )
    table.finish()
    return environment


def read_service(table: Table) -> BusinessService:
    """Read a business service and its probe."""
    probe = table.table("probe")
    service = BusinessService(
        id=_slug(table),
        name=table.text("name"),
        function=table.text("function"),
        customer_facing=table.flag("customer_facing", default=True),
        datastores=table.texts("datastores"),
        probe=_probe(probe) if probe else None,
    )
    table.finish()
    return service


def read_datastore(table: Table) -> Datastore:
    """Read a datastore and its invariants."""
    datastore = Datastore(
        id=_slug(table),
        name=table.text("name"),
        engine=_slug(table, "engine"),
        environment=table.text("environment"),
        backup_environment=table.optional_text("backup_environment"),
        production=table.flag("production", default=True),
        customer_data=table.flag("customer_data", default=True),
        invariants=tuple(_invariant(t) for t in table.tables("invariants")),
        replicas=tuple(_replica(t) for t in table.tables("replicas")),
        smoke_tests=tuple(_smoke_test(t) for t in table.tables("smoke_tests")),
    )
    table.finish()
    return datastore


def read_customer(table: Table, *, adopted: bool = False) -> Customer:
    """Read a customer; in an adopted text a commitment may be the contact."""
    apart = adopted and COMMITMENT in table
    customer = Customer(
        id=_slug(table),
        contact=None if apart else Contact(_email(table)),
        services=table.texts("services"),
        commitment=table.text(COMMITMENT) if apart else None,
    )
    table.finish()
    return customer


def read_supplier(table: Table) -> Supplier:
    """Read a supplier."""
    supplier = Supplier(
        id=_slug(table),
        name=table.text("name"),
        purpose=table.text("purpose"),
        critical=table.flag("critical"),
    )
    table.finish()
    return supplier


def read_vantage_point(table: Table) -> VantagePoint:
    """Read a place to look from."""
    point = VantagePoint(
        id=_slug(table),
        region=table.text("region"),
        source_address=table.optional_text("source_address"),
    )
    if point.source_address is not None:
        try:
            ipaddress.ip_address(point.source_address)
        except ValueError:
            message = f'"{point.source_address}" is no IP address'
            table.fault("source_address", message, "Give the address to probe from.")
    table.finish()
    return point


def _probe(table: Table) -> Probe:
    url = table.text("url")
    if url and (fault := url_fault(url)):
        hint = "Give the http or https address that customers use."
        table.fault("url", f'"{_without_user(url)}" {fault}', hint)
    probe = Probe(
        url=url,
        every=_duration(table, "every", "30 s"),
        timeout=_duration(table, "timeout", "5 s"),
        expect_status=table.number("expect_status", 200),
        expect_text=table.optional_text("expect_text"),
    )
    if probe.timeout > probe.every:
        hint = "Shorten timeout or lengthen every, so that probes do not pile up."
        table.fault("timeout", "timeout is longer than every", hint)
    if probe.expect_status not in _STATUSES:
        hint = "Give an HTTP status, such as 200."
        table.fault("expect_status", f"{probe.expect_status} is no HTTP status", hint)
    table.finish()
    return probe


def _invariant(table: Table) -> Invariant:
    sql = table.long_text("sql").strip().removesuffix(";").rstrip()
    invariant = Invariant(name=table.text("name"), sql=sql)
    if invariant.sql and (fault := sql_fault(invariant.sql)):
        hint = "Write one select that yields one row with one column, true or false."
        table.fault("sql", f"the query {fault}", hint)
    table.finish()
    return invariant


def _replica(table: Table) -> Replica:
    replica = Replica(name=table.text("name"), environment=table.text("environment"))
    table.finish()
    return replica


def _smoke_test(table: Table) -> SmokeTest:
    test = SmokeTest(
        name=table.text("name"),
        command=table.texts("command"),
        timeout=_duration(table, "timeout", "60 s"),
    )
    if not test.command or not test.command[0].startswith("/"):
        hint = 'Write program and arguments apart: ["/opt/shop/bin/smoke", "--quick"].'
        table.fault("command", "the command names no program by its full path", hint)
    table.finish()
    return test


def _slug(table: Table, key: str = "id") -> str:
    slug = table.text(key)
    if slug and (len(slug) > _LONGEST_SLUG or not _SLUG.fullmatch(slug)):
        hint = 'Use small letters, digits and single hyphens, such as "orders-db".'
        table.fault(key, f'"{slug}" is no {key} to refer by', hint)
    return slug


def _email(table: Table) -> str:
    email = table.text("email")
    if email and not email_is_sound(email):
        hint = 'Write it plainly, such as "kim@acme.example".'
        table.fault("email", "this is no e-mail address", hint)
    return email


def _slack(table: Table) -> str | None:
    slack = table.optional_text("slack")
    if slack is not None and not _SLACK.fullmatch(slack):
        hint = 'Copy the member id from the Slack profile, such as "U024BE7LH".'
        table.fault("slack", "this is no Slack member id", hint)
    return slack


def _roles(table: Table) -> tuple[Role, ...]:
    roles = table.texts("roles")
    known = ", ".join(f"{role} ({name})" for role, name in ROLE_NAMES.items())
    for role in roles:
        if role not in ROLE_NAMES:
            near = did_you_mean(role, ROLE_NAMES)
            table.fault("roles", f'"{role}" is no role{near}', f"Roles are {known}.")
    return cast("tuple[Role, ...]", roles)


def _duration(table: Table, key: str, default: str) -> timedelta:
    try:
        return parse_duration(table.optional_text(key) or default)
    except HoldfastError as error:
        table.fault(key, error.message, error.hint)
        return parse_duration(default)


def _without_user(url: str) -> str:
    """Return a URL fit to be shown: what stands before an @ may be a password."""
    return re.sub(r"//.*@", "//…@", url)
