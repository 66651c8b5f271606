"""List and fetch what lies in a repository's archive, with its own credentials."""

from __future__ import annotations

import gzip
import json
import re
import zlib

from holdfast.engines.evidence import Ran
from holdfast.engines.pgbackrest_command import call
from holdfast.engines.protected import Protected
from holdfast.operations.ports.engine import Evidence

SEGMENTS_PER_LOG = 256
_SEGMENT = re.compile(r"([0-9A-F]{24})-[0-9a-f]{40}")
_HISTORY = re.compile(r"([0-9A-F]{8})\.history")


def list_archive(
    protected: Protected, repository: int, archive_id: str
) -> tuple[tuple[str, ...], tuple[int, ...], Ran]:
    """List the archived segments in order and the timelines that left a history."""
    ran = call(
        protected,
        "repo-ls",
        f"--repo={repository}",
        *("--recurse", "--output=json", "--log-level-console=off"),
        config=protected.recovery_config(repository),
        arguments=(f"archive/{protected.stanza}/{archive_id}",),
    )
    try:
        names = list(json.loads(ran.output))
    except ValueError:
        return (), (), ran
    segments = {m.group(1) for name in names if (m := _SEGMENT.search(name))}
    histories = {int(m.group(1), 16) for name in names if (m := _HISTORY.search(name))}
    return tuple(sorted(segments)), tuple(sorted(histories)), ran


def fetch_segment(
    protected: Protected, repository: int, archive_id: str, name: str
) -> tuple[bytes | None, tuple[Evidence, ...]]:
    """Return one segment, decrypted and whole, with no need of a data directory.

    `archive-get` would want the server's control file, which a disaster takes.
    """
    config = protected.recovery_config(repository)
    place = f"archive/{protected.stanza}/{archive_id}/{name[:16]}"
    option = (f"--repo={repository}", "--log-level-console=off")
    listing = (*option, "--output=text", f"--filter=^{name}-")
    listed = call(protected, "repo-ls", *listing, config=config, arguments=(place,))
    found = _SEGMENT.search(listed.output)
    if found is None:
        return None, (listed.evidence,)
    file = f"{place}/{listed.output.strip()}"
    got = call(protected, "repo-get", *option, config=config, arguments=(file,))
    return _expand(got.data), (listed.evidence, got.evidence)


def _expand(data: bytes) -> bytes | None:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return None
