"""The live stream: what changed, once, under the ledger's size as its id."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from tests.server.house import FakeFace
from tests.server.sample import NOT_ADOPTED, STANDING

from holdfast.server.live import REFRESH_EVERY, Latest, Watch, updates


@dataclass
class Night:
    """A watch that ends after so many looks; ``between`` acts after each of them."""

    face: FakeFace
    looks: int
    seen: int | None = None
    between: Callable[[int], None] = lambda _: None
    signed_out_at: int = 10_000
    look: int = 0

    def events(self) -> list[bytes]:
        """Return everything that the stream said."""
        return asyncio.run(self._listen())

    async def _listen(self) -> list[bytes]:
        watch = Watch(
            show="all",
            user="mara",
            seen=self.seen,
            is_signed_in=lambda: self.look < self.signed_out_at,
            is_stopping=lambda: self.look >= self.looks,
        )
        return [event async for event in updates(Latest(self.face), watch, self._pause)]

    async def _pause(self) -> None:
        self.between(self.look)
        self.look += 1


def targets(event: bytes) -> list[str]:
    """Return the ids of the elements that an event replaces."""
    return re.findall(r'<hx-partial hx-target="#([\w-]+)"', event.decode())


def test_a_page_of_unknown_age_is_sent_everything():
    """Without a size seen before, every part comes, the policy as one."""
    first = Night(FakeFace(), looks=1).events()[0]
    assert targets(first) == [
        "moment",
        "waiting",
        "incidents",
        "owed",
        "counts",
        "findings",
        "ledger",
        "policy",
    ]
    assert first.startswith(b"id: 1852\n")


def test_a_page_of_this_size_is_sent_only_what_moves():
    """A page that holds this very size already is sent the clocks, not the policy."""
    first = Night(FakeFace(), looks=1, seen=1852).events()[0]
    assert targets(first) == ["moment", "incidents", "owed"]


def test_a_page_of_an_older_size_is_sent_everything():
    """Whoever comes back to a grown ledger misses nothing."""
    first = Night(FakeFace(), looks=1, seen=1851).events()[0]
    assert "policy" in targets(first)


def test_growth_sends_the_parts_that_changed():
    """A new entry sends what it changed, under its new size, and nothing else."""
    face = FakeFace()

    def grow(look: int) -> None:
        if look == 1:
            face.grow(findings=("A new finding.",))

    events = Night(face, looks=3, seen=1852, between=grow).events()
    assert events[1] == b": still here\n\n"
    assert events[2].startswith(b"id: 1853\n")
    assert targets(events[2]) == ["findings", "ledger"]


def test_clocks_move_while_the_ledger_rests():
    """Every so many looks the words that depend on the time are sent afresh."""
    face = FakeFace()

    def tick(_: int) -> None:
        face.wait(timedelta(seconds=1))

    events = Night(face, looks=REFRESH_EVERY + 1, seen=1852, between=tick).events()
    assert events[1:-1] == [b": still here\n\n"] * (REFRESH_EVERY - 1)
    assert {"moment", "incidents"} <= set(targets(events[-1]))
    assert "policy" not in targets(events[-1])


def test_a_policy_adopted_meanwhile_comes_whole():
    """Sections that the page does not have yet come with the whole policy."""
    face = FakeFace(NOT_ADOPTED)

    def adopt(look: int) -> None:
        if look == 0:
            face.view = replace(STANDING)

    events = Night(face, looks=2, seen=0, between=adopt).events()
    assert "policy" in targets(events[1])
    assert not any(t.startswith("section-") for t in targets(events[1]))


def test_the_end_of_a_session_is_said():
    """When the session is over the stream says so and ends."""
    events = Night(FakeFace(), looks=9, seen=1852, signed_out_at=2).events()
    assert events[-1] == b"event: ended\ndata: ended\n\n"
    assert len(events) == 3


def test_a_stopping_server_ends_the_stream_without_a_word():
    """At a restart the page is not told that it ended, so that it comes back."""
    assert b"ended" not in b"".join(Night(FakeFace(), looks=2).events())


def test_many_who_watch_share_one_drawing():
    """At one moment Standing is drawn once, however many watch."""
    face = FakeFace()
    latest = Latest(face)
    for _ in range(50):
        latest.at_size(1852, face.now())
    assert face.drawn == 1
    face.wait(timedelta(seconds=2))
    latest.at_size(1852, face.now())
    assert face.drawn == 2


def test_text_with_line_breaks_stays_one_event():
    """Whatever line breaks a text holds, every line of the event is data."""
    evil = "one\ntwo\r\nthree\rfour\u2028five\n\nevent: ended\nid: 9\n\n"
    face = FakeFace(replace(STANDING, findings=(evil,)))
    event = Night(face, looks=1).events()[0].decode()
    lines = re.split(r"\r\n|\r|\n", event.removesuffix("\n\n"))
    assert lines[0] == "id: 1852"
    assert all(line.startswith("data: ") for line in lines[1:])
