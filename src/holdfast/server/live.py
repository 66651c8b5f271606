"""The live stream: the parts of Standing that changed, as server-sent events.

An event's id is the ledger's size that it was drawn from. A page that comes back with
the id it saw last is sent only what the clock has moved since, until the ledger grows.
The stream ends when its session does or when the server stops, and says so first.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool

from holdfast.evidence.views import StandingView
from holdfast.server.face import Face
from holdfast.server.pages.sentences import Show
from holdfast.server.pages.standing import MOVING, parts, policy

POLL_SECONDS = 1.0
REFRESH_EVERY = 15
"""Looks at the ledger between two refreshes of the clocks."""

_SAME_MOMENT = timedelta(seconds=2)
_ENDED = b"event: ended\ndata: ended\n\n"
_HEARTBEAT = b": still here\n\n"


class Latest:
    """The newest Standing, drawn once for everybody who watches at that moment."""

    def __init__(self, face: Face) -> None:
        self.face = face
        self._lock = threading.Lock()
        self._view: StandingView | None = None

    def at_size(self, size: int, now: datetime) -> StandingView:
        """Return Standing of at least this size, at most two seconds old."""
        with self._lock:
            view = self._view
            if (
                view is None
                or view.as_of_index < size
                or not view.as_of <= now < view.as_of + _SAME_MOMENT
            ):
                view = self._view = self.face.standing(now)
            return view


@dataclass(frozen=True, slots=True)
class Watch:
    """One page that watches: its filter, who looks, and the size that it saw last."""

    show: Show
    user: str
    seen: int | None
    is_signed_in: Callable[[], bool]
    is_stopping: Callable[[], bool]


@dataclass(slots=True)
class _Sent:
    """What the watching page holds by now."""

    policy: str | None = None
    digests: dict[str, str] = field(default_factory=dict)


async def updates(
    latest: Latest, watch: Watch, pause: Callable[[], Awaitable[None]]
) -> AsyncIterator[bytes]:
    """Yield events until the watch is over; ``pause`` waits between two looks."""
    sent, size, looks = _Sent(), -1, 0
    while not watch.is_stopping():
        if not watch.is_signed_in():
            yield _ENDED
            return
        newest = await run_in_threadpool(latest.face.size)
        if newest != size or looks % REFRESH_EVERY == 0:
            view = await run_in_threadpool(latest.at_size, newest, latest.face.now())
            if looks == 0 and watch.seen == view.as_of_index:
                sent = _as_seen(view, watch)
            size = view.as_of_index
            yield _event(size, _changed(view, watch, sent))
        else:
            yield _HEARTBEAT
        looks += 1
        await pause()


def _as_seen(view: StandingView, watch: Watch) -> _Sent:
    """Return what a page of this very size holds: all but what moves with the clock."""
    drawn = parts(view, watch.show, watch.user).items()
    return _Sent(
        view.policy_digest, {k: _digest(str(p)) for k, p in drawn if k not in MOVING}
    )


def _changed(view: StandingView, watch: Watch, sent: _Sent) -> list[str]:
    """Return the parts that the page does not hold yet, and note them as sent.

    Under another policy its sections are others too: then they go as one part.
    """
    shown = parts(view, watch.show, watch.user)
    drawn = {key: str(part) for key, part in shown.items()}
    is_new_policy = sent.policy != view.policy_digest
    changed = [
        _in_place(key, html)
        for key, html in drawn.items()
        if sent.digests.get(key) != _digest(html)
        and not (is_new_policy and key.startswith("section-"))
    ]
    if is_new_policy:
        changed.append(_in_place("policy", str(policy(view, watch.show))))
    sent.policy = view.policy_digest
    sent.digests = {key: _digest(html) for key, html in drawn.items()}
    return changed


def _in_place(key: str, html: str) -> str:
    """Tell htmx to morph the element of that id, which keeps focus and folding."""
    return f'<hx-partial hx-target="#{key}" hx-swap="outerMorph">{html}</hx-partial>'


def _event(size: int, fragments: list[str]) -> bytes:
    lines = "".join(fragments).splitlines() or [""]
    data = "".join(f"data: {line}\n" for line in lines)
    return f"id: {size}\n{data}\n".encode()


def _digest(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()
