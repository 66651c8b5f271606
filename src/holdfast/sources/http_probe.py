"""Looks at a business service from a vantage point, the way a customer would.

A look is a value whatever happens: an outage is what a probe is for.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime

from holdfast.domain.catalogue import Probe, VantagePoint
from holdfast.operations.ports.source import Sample
from holdfast.sources.fetch import Fetched, Fetcher, Unreached


class HttpProbe:
    """Judges answers over HTTP(S). ``allow_loopback`` is for a company in a box."""

    def __init__(
        self, *, allow_loopback: bool = False, ca_file: str | None = None
    ) -> None:
        self._fetcher = Fetcher(allow_loopback=allow_loopback, ca_file=ca_file)

    def look(
        self, service_id: str, vantage: VantagePoint, probe: Probe, now: datetime
    ) -> Sample:
        """Look once; the sample is dated to the moment the look began."""
        here = dataclasses.replace(self._fetcher, source_address=vantage.source_address)
        # Where a redirect is what is expected, following it would hide it.
        follow = not 300 <= probe.expect_status < 400  # noqa: PLR2004 - HTTP's own numbers.
        answer = here.fetch(probe.url, probe.timeout, follow=follow)
        fault = _fault(answer, probe)
        return Sample(
            service=service_id,
            vantage=vantage.id,
            at=now,
            ok=fault is None,
            latency_ms=round(answer.latency_ms, 3),
            detail=fault or "ok",
        )


def _fault(answer: Fetched | Unreached, probe: Probe) -> str | None:
    if isinstance(answer, Unreached):
        return answer.detail
    if answer.status != probe.expect_status:
        return f"status {answer.status} instead of {probe.expect_status}"
    if probe.expect_text and probe.expect_text.encode() not in answer.body:
        where = "the start of the body" if answer.cut else "the body"
        return f"{where} lacks the expected text"
    return None
