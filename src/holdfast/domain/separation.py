"""A catalogue taken apart: what is adopted for good, and what may be forgotten.

What is adopted is kept beside the log under its digest for as long as the log is. So
names and addresses are taken out first; in their place stands a commitment, by which
whoever was given the details, and the salt, can check that they are the adopted ones.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

import tomli_w

from holdfast.domain.catalogue import Catalogue, Contact, Customer, Person
from holdfast.domain.declared_tables import COMMITMENT

DETAILS = ("name", "email", "slack", "phone")
_HEAD = """\
# The catalogue as adopted, without personal data: each contact is a commitment to what
# an erasable table holds. docs/operating/personal-data.md
"""
_TABLES = (("person", "people"), ("customer", "customers"))


def contacts_of(catalogue: Catalogue) -> dict[str, Contact]:
    """Return the details that the text itself gives, by reference."""
    people = {f"person:{one.id}": one.contact for one in catalogue.people}
    customers = {f"customer:{one.id}": one.contact for one in catalogue.customers}
    known = {**people, **customers}
    return {name: contact for name, contact in known.items() if contact is not None}


def references_of(catalogue: Catalogue) -> tuple[str, ...]:
    """Return every reference to somebody that the catalogue names."""
    return (
        *(f"person:{one.id}" for one in catalogue.people),
        *(f"customer:{one.id}" for one in catalogue.customers),
    )


def commitments_of(catalogue: Catalogue) -> dict[str, str]:
    """Return the commitments of an adopted text by reference; none in an old form."""
    people = {f"person:{one.id}": one.commitment for one in catalogue.people}
    customers = {f"customer:{one.id}": one.commitment for one in catalogue.customers}
    known = {**people, **customers}
    return {name: commitment for name, commitment in known.items() if commitment}


def named(catalogue: Catalogue, reference: str) -> Person | Customer | None:
    """Return whom a reference means, if the catalogue names them."""
    kind, _, name = reference.partition(":")
    among: tuple[Person | Customer, ...] = ()
    if kind == "person":
        among = catalogue.people
    elif kind == "customer":
        among = catalogue.customers
    return next((one for one in among if one.id == name), None)


def separate(text: str, commitments: Mapping[str, str]) -> str:
    """Return a sound catalogue's text without details, a commitment for each contact.

    The same text and commitments give the same bytes.
    """
    values = tomllib.loads(text)
    for kind, table in _TABLES:
        for one in values.get(table, ()):
            for key in DETAILS:
                one.pop(key, None)
            one[COMMITMENT] = commitments[f"{kind}:{one['id']}"]
    return _HEAD + tomli_w.dumps(values)
