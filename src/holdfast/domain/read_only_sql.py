"""Whether a query only reads, judged strictly from its text.

Queries of the catalogue run in a read-only transaction inside a drill's fence; this
check comes before, so that a query that writes is refused when it is declared and not
in the middle of a disaster. It refuses too much rather than too little.
"""

from __future__ import annotations

import re

_BEGINS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_CHANGES = re.compile(
    r"\b(alter|analyze|call|cluster|comment|copy|create|delete|do|drop|execute|grant|"
    r"import|insert|into|listen|lock|merge|notify|prepare|refresh|reindex|reset|revoke|"
    r"set|truncate|update|vacuum)\b",
    re.IGNORECASE,
)
_LONGEST = 4000


def sql_fault(sql: str) -> str | None:
    """Return why this is not one query that only reads, or nothing if it is."""
    if len(sql) > _LONGEST:
        return f"is longer than {_LONGEST} characters"
    if _BEGINS.match(sql) is None:
        return "does not begin with select or with"
    bare = _QUOTED.sub("''", sql)
    if ";" in sql:
        return "holds a semicolon"
    if "'" in bare.replace("''", "") or '"' in bare:
        return "holds a quote that does not close"
    # Comments, dollar quotes and escapes could hide from this check what runs.
    if "--" in bare or "/*" in bare:
        return "holds a comment"
    if "$" in bare or "\\" in sql:
        return "holds a dollar sign or a backslash"
    change = _CHANGES.search(bare)
    return f'holds the word "{change[1]}"' if change else None
