"""A process that appends until it has done its share, or is killed.

Each acknowledged key is printed, and flushed, after the append returned: what stands
on standard output is what the store promised to keep.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from holdfast.operations.ports.store import Draft
from holdfast.storage.opening import open_store


def main(url: str, name: str, share: int) -> None:
    """Append ``share`` entries under this name."""
    store = open_store(url)
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    for number in range(share):
        key = f"{name}:{number}"
        draft = Draft(key, lambda at, key=key: f"{key} {at.isoformat()}".encode())
        store.append([draft], now=datetime.now(UTC))
        print(key, flush=True)  # noqa: T201
    store.close()


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
