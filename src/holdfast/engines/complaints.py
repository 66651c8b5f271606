"""What pgBackRest's complaints mean, and the way out, for those that people meet."""

from __future__ import annotations

import re

# From what it says to what that means; the first that fits counts.
_MEANINGS = (
    (
        r"system-id \d+ do(?:es)? not match|do not match the database",
        (
            "the repository belongs to another cluster: name this one's own path and "
            "stanza, or run `stanza-upgrade` after an upgrade of PostgreSQL"
        ),
    ),
    (
        r"No space left on device|Disk quota exceeded|File too large",
        "the repository has no room left: free some, or let retention keep less",
    ),
    (
        r"HTTP request failed with 403|Permission denied",
        (
            "access was refused: compare the credentials' rights with the page on "
            "repositories"
        ),
    ),
    (
        r"unable to load info file[^\n]*\n\s*(?:CryptoError|FormatError)",
        (
            "its listing cannot be opened: the key is another one, or the file is "
            "damaged; compare the key with its copy in escrow"
        ),
    ),
    (
        r"missing stanza path|has a stanza-create been performed",
        "no such stanza lies there: check `stanza` and `path`, or run `stanza-create`",
    ),
)


def meaning(said: str) -> str | None:
    """Return in words what a complaint means and what to do, where it is known."""
    for pattern, words in _MEANINGS:
        if re.search(pattern, said):
            return words
    return None
