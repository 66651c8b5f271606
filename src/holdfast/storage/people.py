"""The erasable table in a database: sealed rows kept, replaced and destroyed.

No trigger holds them, unlike entries: to be destroyed is what they are here for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, select, text

from holdfast.operations.ports.people import PersonalChange, SealedRow
from holdfast.storage.tables import blob, person

_KEEP = text(
    "INSERT INTO person (reference, wrapped, sealed)"
    " VALUES (:reference, :wrapped, :sealed)"
    " ON CONFLICT (reference) DO UPDATE"
    " SET wrapped = excluded.wrapped, sealed = excluded.sealed"
)
_ERASE = delete(person).where(person.c.reference == bindparam("gone"))
_FORGET = delete(blob).where(blob.c.digest == bindparam("gone"))


def change(connection: Connection, wanted: PersonalChange) -> None:
    """Write the change; what is gone already stays gone."""
    if wanted.keep:
        connection.execute(_KEEP, [_values(row) for row in wanted.keep])
    for statement, names in ((_ERASE, wanted.erase), (_FORGET, wanted.texts)):
        if names:
            connection.execute(statement, _each(names))


def rows(connection: Connection) -> Sequence[SealedRow]:
    """Return every row by its reference."""
    found = connection.execute(select(person)).all()
    # Sorted here, since databases disagree about the order of texts.
    return sorted(
        (SealedRow(*one) for one in found),
        key=lambda row: row.reference,
    )


def row(connection: Connection, reference: str) -> SealedRow | None:
    """Return the row of a reference, if there is one."""
    wanted = select(person).where(person.c.reference == reference)
    one = connection.execute(wanted).one_or_none()
    return None if one is None else SealedRow(*one)


def _values(one: SealedRow) -> dict[str, object]:
    return {"reference": one.reference, "wrapped": one.key, "sealed": one.data}


def _each(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"gone": name} for name in names]
