"""Asks a witness (C2SP tlog-witness) over HTTP to cosign a checkpoint.

Nothing that it answers is believed but a signature of its key, which holds. One
deadline covers each request; an answer of any size or form is a value in words.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pycurl

from holdfast.ledger.checkpoint import parse_number
from holdfast.ledger.note import VerifierKey
from holdfast.ledger.witness import Request, cosignature_of
from holdfast.operations.witnessing import (
    Ahead,
    Cosigned,
    Disagrees,
    Prove,
    Said,
    Unanswered,
)

ANSWER_BYTES_MAX = 65_536
# The size that it names may have moved on once more when we come back with it.
TRIES = 3
CONFLICT = 409
_REASONS = {
    400: "it did not accept the form of the request",
    403: "it does not trust the key that this log is signed with",
    404: "it does not know this log, or its address is wrong",
}


@dataclass(frozen=True, slots=True)
class HttpWitness:
    """One witness; ``url`` is its submission prefix."""

    name: str
    url: str
    key: VerifierKey
    timeout: timedelta = timedelta(seconds=5)

    def cosign(self, note: bytes, size: int, old: int, prove: Prove) -> Said:
        """Have a checkpoint cosigned, from whatever size the witness remembers."""
        for _ in range(TRIES):
            answer = self._post(Request(old, tuple(prove(old)), note).to_bytes())
            if isinstance(answer, Unanswered):
                return answer
            recorded = _recorded(answer)
            if recorded is None or recorded == old:
                return self._judged(answer, note, size, old)
            if recorded > size:
                return Ahead(recorded)
            old = recorded
        return Unanswered("it named another size each time")

    def _judged(self, answer: _Answer, note: bytes, size: int, old: int) -> Said:
        match answer.status:
            case 200:
                text = answer.body.decode(errors="replace")
                found = cosignature_of(note, text, self.key)
                if found is None:
                    return Unanswered("its answer has no signature of its key")
                return Cosigned(*found)
            case 409 if 0 < old == size and _recorded(answer) == old:
                return Disagrees(f"it cosigned another log of size {size:,}")
            case 409:
                return Unanswered("it reports a conflict without a size that helps")
            case 422 if old > 0:  # Every log continues one of no entries.
                detail = f"the log does not continue what it cosigned at size {old:,}"
                return Disagrees(detail)
            case status:
                return Unanswered(_REASONS.get(status, f"it answered {status}"))

    def _post(self, body: bytes) -> _Answer | Unanswered:
        if not self.url.lower().startswith(("http://", "https://")):
            return Unanswered("its address is not an http or https one")
        url = f"{self.url.rstrip('/')}/add-checkpoint"
        return _Transfer().run(url, body, self.timeout)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes


class _Transfer:
    """One request on one fresh connection, to nowhere but the given address."""

    def __init__(self) -> None:
        self._body = bytearray()

    def run(self, url: str, body: bytes, timeout: timedelta) -> _Answer | Unanswered:
        curl = pycurl.Curl()
        try:
            self._prepare(curl, url, body, timeout)
            curl.perform()
            return _Answer(curl.getinfo(pycurl.RESPONSE_CODE), bytes(self._body))
        except (pycurl.error, ValueError) as fault:
            return Unanswered(_words(fault.args))
        finally:
            curl.close()

    def _prepare(
        self, curl: pycurl.Curl, url: str, body: bytes, timeout: timedelta
    ) -> None:
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, round(timeout.total_seconds() * 1000)))
        curl.setopt(pycurl.NOSIGNAL, 1)  # Signals and threads do not mix.
        curl.setopt(pycurl.PROXY, "")  # Not even the environment's.
        curl.setopt(pycurl.NETRC, pycurl.NETRC_IGNORED)
        curl.setopt(pycurl.USERAGENT, "Holdfast")
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.POSTFIELDS, body)
        curl.setopt(pycurl.HTTPHEADER, ["Content-Type: text/plain", "Expect:"])
        curl.setopt(pycurl.WRITEFUNCTION, self._take)
        ca_file = ssl.get_default_verify_paths().cafile
        if ca_file:
            curl.setopt(pycurl.CAINFO, ca_file)

    def _take(self, part: bytes) -> int:
        self._body += part
        # Less than given ends the transfer.
        return len(part) if len(self._body) <= ANSWER_BYTES_MAX else 0


def _recorded(answer: _Answer) -> int | None:
    """Return the size that a conflict names."""
    if answer.status != CONFLICT:
        return None
    text = answer.body[:32].decode("ascii", errors="replace")
    return parse_number(text.removesuffix("\n"))


def _words(args: Sequence[object]) -> str:
    plain = {
        pycurl.E_OPERATION_TIMEDOUT: "it did not answer in time",
        pycurl.E_COULDNT_RESOLVE_HOST: "its name does not resolve",
        pycurl.E_COULDNT_CONNECT: "it cannot be reached",
        pycurl.E_PEER_FAILED_VERIFICATION: "its certificate is not good",
        pycurl.E_WRITE_ERROR: "its answer is too long",
    }
    code = args[0] if args else None
    known = plain.get(code) if isinstance(code, int) else None
    return known or "the connection to it was lost"
