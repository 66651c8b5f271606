"""What the runner's own role may do in a PostgreSQL store, held by the server itself.

It reads the log and adds entries of the kinds that a runner records; the server looks
into each entry's bytes. It touches no delivery, and changes nothing that stands. The
sealed rows of names and addresses it reads only if it is the one that backs them up.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from holdfast.storage.errors import StoreError

_ROLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def grants(role: str, kinds: Collection[str], *, personal: bool = False) -> str:
    """Return the statements for the tables' owner to run once, and after an upgrade.

    ``personal`` is whether the runner backs names and addresses up.
    """
    if not _ROLE.fullmatch(role):
        raise StoreError(
            "this is no name for a role",
            "Use small letters, digits and underscores: holdfast_runner.",
        )
    names = ", ".join(f"'{kind}'" for kind in sorted(kinds))
    people = "GRANT SELECT ON" if personal else "REVOKE ALL ON"
    direction = "TO" if personal else "FROM"
    return f"""REVOKE ALL ON head, entry, checkpoint, blob, outbox FROM {role};
GRANT SELECT ON head, entry, checkpoint, blob TO {role};
GRANT INSERT ON entry, blob TO {role};
GRANT UPDATE (size, frontier, recorded_at) ON head TO {role};
{people} person {direction} {role};
ALTER TABLE entry ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS {role}_reads ON entry;
CREATE POLICY {role}_reads ON entry FOR SELECT TO {role} USING (true);
DROP POLICY IF EXISTS {role}_records ON entry;
CREATE POLICY {role}_records ON entry FOR INSERT TO {role} WITH CHECK (
  convert_from(data, 'UTF8')::jsonb ->> 'type' IN ({names})
);
"""
