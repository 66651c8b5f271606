"""Looks at the public status page from outside, to see what customers can see.

Publishing is a claim; the update counts as shown once it was fetched by its public
address. The page names the revision it shows, and the earlier ones that it includes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from holdfast.sources.fetch import Fetcher, Unreached

SUMMARY = "api/v2/summary.json"


@dataclass(frozen=True, slots=True)
class SeenPage:
    """The page as fetched: ``revision`` is what it shows now, ``later`` is whether
    that came after the one asked for.
    """

    revision: str
    later: bool
    indicator: str
    updated_at: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class NotSeen:
    """The update is not visible, and why."""

    detail: str
    seen_at: datetime


def seen(
    url: str, revision: str, timeout: timedelta, *, allow_loopback: bool = False
) -> SeenPage | NotSeen:
    """Fetch the page at its public address; say whether it shows the revision."""
    base = url if url.endswith("/") else f"{url}/"
    fetcher = Fetcher(allow_loopback=allow_loopback)
    answer = fetcher.fetch(base + SUMMARY, timeout)
    now = datetime.now(UTC)
    if isinstance(answer, Unreached):
        return NotSeen(answer.detail, now)
    if answer.status != 200:  # noqa: PLR2004 - HTTP's own number.
        return NotSeen(f"status {answer.status} instead of 200", now)
    return _judge(answer.body, revision, now)


def _judge(body: bytes, revision: str, now: datetime) -> SeenPage | NotSeen:
    try:
        summary = json.loads(body)
        page, status = summary["page"], summary["status"]
        shown, included = page["revision"], page.get("revisions", [])
        updated_at, indicator = page["updated_at"], status["indicator"]
        is_shown = shown == revision or revision in included
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return NotSeen("the page's summary is not one of ours", now)
    if not is_shown:
        return NotSeen(f"the page still shows {shown}", now)
    return SeenPage(
        revision=str(shown),
        later=shown != revision,
        indicator=str(indicator),
        updated_at=str(updated_at),
        seen_at=now,
    )
