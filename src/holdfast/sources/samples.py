"""What becomes of samples: transitions at once, sealed stretches now and then.

A `Stretch` is the unbroken run of looks of one service from one vantage point. It
ends where looking stopped for longer than a few intervals or the clock went back, so
that a seal never covers time in which nobody looked.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from holdfast.operations.ports.source import Sample

SAMPLES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Transition:
    """From one vantage point a service turned green or red.

    ``since`` is the first sample that differed, ``at`` the one that made it certain.
    """

    service: str
    vantage: str
    ok: bool
    at: datetime
    since: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class Seal:
    """A closed stretch. ``lines`` are its samples as JSON lines, of which ``digest``
    is the SHA-256: the name under which they are kept beside the log.
    """

    service: str
    vantage: str
    first_at: datetime
    last_at: datetime
    samples: int
    failures: int
    digest: str
    lines: bytes


@dataclass(slots=True)
class Turning:
    """Detects transitions of one service from one vantage point.

    The first sample is one, since nothing was known before. After that, ``steady``
    samples in a row must differ; the change is dated back to the first of them.
    """

    steady: int = 1
    _ok: bool | None = None
    _differing: list[Sample] = field(default_factory=list)

    def see(self, sample: Sample) -> Transition | None:
        """Take in the next sample."""
        if sample.ok == self._ok:
            self._differing.clear()
            return None
        self._differing.append(sample)
        if self._ok is not None and len(self._differing) < self.steady:
            return None
        first = self._differing[0]
        self._ok = sample.ok
        self._differing.clear()
        return Transition(
            service=sample.service,
            vantage=sample.vantage,
            ok=sample.ok,
            at=sample.at,
            since=first.at,
            detail=first.detail,
        )


@dataclass(slots=True)
class Stretch:
    """Samples since the last seal, none longer than ``pause_max`` after another."""

    pause_max: timedelta
    _first: Sample | None = None
    _last: Sample | None = None
    _samples: int = 0
    _failures: int = 0
    _lines: bytearray = field(default_factory=bytearray)

    def continues(self, sample: Sample) -> bool:
        """Whether the sample belongs to this stretch, or a new one must begin."""
        if self._last is None:
            return True
        pause = sample.at - self._last.at
        return timedelta(0) <= pause <= self.pause_max and self._samples < SAMPLES_MAX

    def add(self, sample: Sample) -> None:
        """Add the next sample."""
        self._first = self._first or sample
        self._last = sample
        self._samples += 1
        self._failures += not sample.ok
        self._lines += _line(sample)

    def seal(self) -> Seal | None:
        """Return the stretch as it is, or ``None`` if it is empty."""
        if self._first is None or self._last is None:
            return None
        lines = bytes(self._lines)
        return Seal(
            service=self._first.service,
            vantage=self._first.vantage,
            first_at=self._first.at,
            last_at=self._last.at,
            samples=self._samples,
            failures=self._failures,
            digest=f"sha256:{hashlib.sha256(lines).hexdigest()}",
            lines=lines,
        )


def _line(sample: Sample) -> bytes:
    values = {
        "at": sample.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "ok": sample.ok,
        "latency_ms": sample.latency_ms,
        "detail": sample.detail,
    }
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"
