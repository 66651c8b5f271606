"""Reads a published log (C2SP tlog-tiles) over HTTP, as any stranger may.

Each file has one deadline, for all tries, and the greatest size that its kind can have.
The fetch rules of `fetch` hold: redirects stay on the host, and no metadata address is
ever dialled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from urllib.parse import urlsplit

from holdfast.ledger.merkle import HASH_SIZE
from holdfast.ledger.note import NOTE_MAX
from holdfast.ledger.tiles import ENTRY_MAX, TILE_WIDTH
from holdfast.operations.copies import OutOfReachError, UnreadableError
from holdfast.sources.fetch import Fetched, Fetcher, Unreached

SCHEMES = ("http", "https")
TIMEOUT = timedelta(seconds=30)
TRIES = 3
# With less left another try is not worth beginning.
LEAST_TIMEOUT = timedelta(seconds=1)
_BUNDLE_MAX = TILE_WIDTH * (2 + ENTRY_MAX)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_OK, _REFUSED, _GONE = 200, (401, 403), (404, 410)


@dataclass(frozen=True, slots=True)
class HttpLog:
    """A log at an address; each file lies under it by its path.

    Loopback is dialled only where the address itself names it.
    """

    url: str
    timeout: timedelta = TIMEOUT
    ca_file: str | None = None

    @property
    def name(self) -> str:
        """Its address, without what may be secret in one."""
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"

    def read(self, path: str) -> bytes | None:
        """Return the file, ``None`` if there is none.

        Raises `OutOfReachError` where no good answer came, after some tries.
        """
        answer = self._fetched(path)
        if isinstance(answer, Unreached):
            raise self._out_of_reach(path, answer.detail)
        if answer.status in _GONE:
            return None
        if answer.status in _REFUSED:
            raise UnreadableError(
                f"{path} may not be read (HTTP status {answer.status})",
                "Some servers answer so for what is not there: look at the address.",
                self.name,
            )
        if answer.status != _OK:
            raise self._out_of_reach(path, f"HTTP status {answer.status}")
        if answer.cut:
            raise self._out_of_reach(path, "it is larger than such a file can be")
        return answer.body

    def _fetched(self, path: str) -> Fetched | Unreached:
        host = urlsplit(self.url).hostname
        fetcher = Fetcher(
            allow_loopback=host in _LOOPBACK,
            body_bytes_max=_limit(path),
            ca_file=self.ca_file,
        )
        address = f"{self.url.rstrip('/')}/{path}"
        end = monotonic() + self.timeout.total_seconds()
        answer = fetcher.fetch(address, self.timeout)
        for _ in range(TRIES - 1):
            left = timedelta(seconds=end - monotonic())
            good = isinstance(answer, Fetched) and answer.status < 500  # noqa: PLR2004
            if good or left < LEAST_TIMEOUT:
                break
            answer = fetcher.fetch(address, left)
        return answer

    def _out_of_reach(self, path: str, why: str) -> OutOfReachError:
        return OutOfReachError(
            f"cannot read {path}: {why}",
            "Look at the address and the network, and try again.",
            self.name,
        )


def _limit(path: str) -> int:
    if path.startswith("tile/entries/"):
        return _BUNDLE_MAX
    return TILE_WIDTH * HASH_SIZE if path.startswith("tile/") else NOTE_MAX
