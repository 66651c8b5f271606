"""Fetches one URL as a stranger would, under one deadline that covers everything.

DNS, connection, TLS and transfer share the deadline. Nothing of the environment leads
the request elsewhere (no proxy, no netrc), no address behind a name is dialled that
`address` refuses, and whatever goes wrong is a value in words, never an exception.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from urllib.parse import urlsplit

import pycurl

from holdfast.sources.address import refusal

BODY_BYTES_MAX = 1_048_576
REDIRECTS_MAX = 3
USER_AGENT = "Holdfast-probe/1"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: its status and (the start of) its body; ``cut`` if there was more.

    ``onward`` is where it redirects to.
    """

    url: str
    status: int
    body: bytes
    cut: bool
    latency_ms: float
    onward: str | None = None


@dataclass(frozen=True, slots=True)
class Unreached:
    """No answer, and why, in a few words."""

    detail: str
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Fetcher:
    """How to fetch: from where, how much, and whether loopback may be asked."""

    source_address: str | None = None
    allow_loopback: bool = False
    body_bytes_max: int = BODY_BYTES_MAX
    ca_file: str | None = None

    def fetch(
        self, url: str, timeout: timedelta, *, follow: bool = True
    ) -> Fetched | Unreached:
        """Fetch the URL; redirects are followed on the same host only."""
        began = time.monotonic()
        deadline = began + timeout.total_seconds()
        for _ in range(REDIRECTS_MAX + 1):
            answer = self._once(url, began, deadline)
            if isinstance(answer, Unreached) or not follow or not answer.onward:
                return answer
            if not _same_host(url, answer.onward):
                return Unreached("redirected to another host", answer.latency_ms)
            url = answer.onward
        return Unreached("redirected too often", answer.latency_ms)

    def _once(self, url: str, began: float, deadline: float) -> Fetched | Unreached:
        transfer = _Transfer(self)
        fault = transfer.run(url, deadline - time.monotonic())
        spent_ms = (time.monotonic() - began) * 1000
        if fault is not None:
            return Unreached(fault, spent_ms)
        onward = transfer.onward if transfer.status in _REDIRECTS else None
        body = bytes(transfer.body)
        return Fetched(url, transfer.status, body, transfer.cut, spent_ms, onward)


class _Transfer:
    """One request on one fresh connection."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._refused: str | None = None
        self._sockets: list[socket.socket] = []
        self.status = 0
        self.onward: str | None = None
        self.body = bytearray()
        self.cut = False

    def run(self, url: str, seconds: float) -> str | None:
        """Do it; return what went wrong, if anything did."""
        if not url.lower().startswith(("http://", "https://")):
            return "not an http or https address"
        if seconds <= 0:
            return "timed out"
        curl = pycurl.Curl()
        try:
            self._prepare(curl, url, seconds)
            return self._perform(curl)
        except (pycurl.error, ValueError) as odd:
            return f"not a usable address: {odd.args[-1]}"
        finally:
            curl.close()
            for one in self._sockets:
                one.close()

    def _perform(self, curl: pycurl.Curl) -> str | None:
        try:
            curl.perform()
        except pycurl.error as fault:
            if not self.cut:
                return self._refused or _words(fault, curl.getinfo(pycurl.OS_ERRNO))
        self.status = curl.getinfo(pycurl.RESPONSE_CODE)
        self.onward = curl.getinfo(pycurl.REDIRECT_URL)
        return None

    def _prepare(self, curl: pycurl.Curl, url: str, seconds: float) -> None:
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, round(seconds * 1000)))
        curl.setopt(pycurl.NOSIGNAL, 1)  # Signals and threads do not mix.
        curl.setopt(pycurl.PROXY, "")  # Not even the environment's.
        curl.setopt(pycurl.NETRC, pycurl.NETRC_IGNORED)
        curl.setopt(pycurl.USERAGENT, USER_AGENT)
        curl.setopt(pycurl.HTTPHEADER, ["Cache-Control: no-cache"])
        curl.setopt(pycurl.WRITEFUNCTION, self._take)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open)
        ca_file = self._fetcher.ca_file or ssl.get_default_verify_paths().cafile
        if ca_file:
            curl.setopt(pycurl.CAINFO, ca_file)
        if self._fetcher.source_address:
            curl.setopt(pycurl.INTERFACE, f"host!{self._fetcher.source_address}")

    def _take(self, part: bytes) -> int:
        room = self._fetcher.body_bytes_max - len(self.body)
        self.body += part[:room]
        self.cut = len(part) > room
        return 0 if self.cut else len(part)  # Less than given ends the transfer.

    def _open(self, _: int, address: _Address) -> socket.socket | int:
        """Open the socket for an address that libcurl is about to dial."""
        why = refusal(address.addr[0], allow_loopback=self._fetcher.allow_loopback)
        if why is not None:
            self._refused = f"refused to dial {why}"
            return int(pycurl.SOCKET_BAD)
        opened = socket.socket(address.family, address.socktype, address.protocol)
        # libcurl works on a duplicate; ours is closed when the transfer ends.
        self._sockets.append(opened)
        return opened


class _Address(Protocol):
    """What pycurl says of an address; the names are pycurl's."""

    family: int
    socktype: int
    protocol: int
    addr: tuple[str, int]


def _same_host(before: str, after: str) -> bool:
    """Whether a redirect stays with the same server, or only adds encryption."""
    try:
        one, two = _origin(before), _origin(after)
    except ValueError:
        return False
    return one == two or (one[0] == two[0] and (one[1], two[1]) == (80, 443))


def _origin(url: str) -> tuple[str | None, int]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _words(fault: pycurl.error, os_error: int) -> str:
    code, said = fault.args
    plain = {
        pycurl.E_OPERATION_TIMEDOUT: "timed out",
        pycurl.E_COULDNT_RESOLVE_HOST: "the name does not resolve",
        pycurl.E_PEER_FAILED_VERIFICATION: "the certificate is not good",
        pycurl.E_GOT_NOTHING: "the connection was closed without an answer",
        pycurl.E_RECV_ERROR: "the connection was lost",
        pycurl.E_SEND_ERROR: "the connection was lost",
        pycurl.E_PARTIAL_FILE: "the answer broke off",
        pycurl.E_INTERFACE_FAILED: "cannot look from the vantage point's address",
        pycurl.E_URL_MALFORMAT: "not a usable address",
    }
    if code == pycurl.E_COULDNT_CONNECT and os_error:
        return os.strerror(os_error).lower()
    return plain.get(code) or re.sub(r"\s+", " ", str(said))[:120]
