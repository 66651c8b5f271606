"""The customers of the company in a box: they order, and note what was acknowledged.

The notes lie outside the database, one line each, on disk before the next order; so
what a disaster lost can be counted in promises that were made to customers.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import secrets
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from holdfast.demo.process import announce, arguments, follow_parent, run
from holdfast.errors import HoldfastError

NOTES = "acknowledged.jsonl"
CREATED = 201
TIMEOUT_SECONDS = 3.0
PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A write that the shop promised to have; ``at`` is when the customer heard."""

    client_ref: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of the acknowledged writes.

    ``extras`` are in the database though their customer never heard of it: the answer
    was lost on the way, not the order. ``newest_recovered_at`` is when the newest
    write that survived was acknowledged.
    """

    acknowledged: int
    lost: tuple[Acknowledged, ...]
    extras: tuple[str, ...]
    newest_acknowledged_at: datetime | None
    newest_recovered_at: datetime | None

    @property
    def data_loss(self) -> timedelta | None:
        """From the newest surviving write to the newest lost; ``None`` if all is."""
        if not self.lost:
            return timedelta(0)
        if self.newest_recovered_at is None:
            return None
        newest_lost_at = max(one.at for one in self.lost)
        return max(timedelta(0), newest_lost_at - self.newest_recovered_at)


def acknowledged(path: Path) -> tuple[Acknowledged, ...]:
    """Read the notes; what follows the last line end was torn and is no promise."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    notes = (json.loads(line) for line in lines if line)
    return tuple(
        Acknowledged(note["ref"], datetime.fromisoformat(note["at"])) for note in notes
    )


def compare(path: Path, refs_in_database: Iterable[str], until: datetime) -> Comparison:
    """Hold what was acknowledged ``until`` then against the database.

    Later orders, taken by the database that came back, are not the question.
    """
    everything = acknowledged(path)
    notes = tuple(one for one in everything if one.at <= until)
    there = frozenset(refs_in_database)
    promised = frozenset(one.client_ref for one in everything)
    newest: dict[str, int] = {}
    for ref in promised:
        crowd, number = _parts(ref)
        newest[crowd] = max(number, newest.get(crowd, 0))
    return Comparison(
        acknowledged=len(notes),
        lost=tuple(one for one in notes if one.client_ref not in there),
        extras=tuple(sorted(r for r in there - promised if _behind(r, newest))),
        newest_acknowledged_at=max((one.at for one in notes), default=None),
        newest_recovered_at=max(
            (one.at for one in notes if one.client_ref in there), default=None
        ),
    )


class Customers:
    """Order at a steady rate; a failure is a short pause, and on they go."""

    def __init__(self, url: str, notes: BinaryIO, rate: float) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._notes = notes
        self._every = 1 / rate
        self._name = f"crowd{secrets.token_hex(4)}"
        self._number = 0
        self._connection: http.client.HTTPConnection | None = None

    def keep_ordering(self, ended: threading.Event) -> None:
        """Order until told to end."""
        due = time.monotonic()
        while not ended.wait(max(0.0, due - time.monotonic())):
            pause = self._every if self.order() else PAUSE_SECONDS
            # A slow shop loses the turns it missed; there is no rush to make them up.
            due = max(due + pause, time.monotonic())
        self._hang_up()

    def order(self) -> bool:
        """Order once; note it if the shop acknowledged it."""
        self._number += 1
        ref = f"{self._name}-{self._number:08d}"
        try:
            taken = self._post(ref)
        except (OSError, http.client.HTTPException):
            self._hang_up()
            return False
        if taken:
            self._note(ref)
        return taken

    def _post(self, ref: str) -> bool:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                self._host, self._port, timeout=TIMEOUT_SECONDS
            )
        order = {
            "client_ref": ref,
            "amount_cents": 100 + self._number % 900,
            "payload": {"item": f"book {self._number}"},
        }
        self._connection.request("POST", "/orders", json.dumps(order))
        answer = self._connection.getresponse()
        answer.read()
        return answer.status == CREATED

    def _note(self, ref: str) -> None:
        note = {"at": datetime.now(UTC).isoformat(), "ref": ref}
        self._notes.write(json.dumps(note).encode() + b"\n")
        self._notes.flush()
        os.fsync(self._notes.fileno())

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _behind(ref: str, newest: Mapping[str, int]) -> bool:
    """Whether a later order of the same crowd was noted, and this one was not.

    An order that no later one follows may just be on its way to the notes.
    """
    crowd, number = _parts(ref)
    return number < newest.get(crowd, 0)


def _parts(ref: str) -> tuple[str, int]:
    crowd, _, number = ref.rpartition("-")
    return crowd, int(number) if number.isdecimal() else 0


def _cut_torn_line(path: Path) -> None:
    """Cut what a crash left half-written, or the next line would join it."""
    if path.exists():
        whole = path.read_bytes().rpartition(b"\n")
        os.truncate(path, len(whole[0]) + len(whole[1]))


def _given() -> argparse.Namespace:
    parser = arguments("customers who order and note what was acknowledged")
    parser.add_argument("--url", required=True, help="where the shop is")
    parser.add_argument("--rate", type=float, default=20.0, help="orders a second")
    return parser.parse_args()


def main() -> None:
    """Order until SIGTERM."""
    given = _given()
    if given.rate <= 0:
        raise HoldfastError(
            "the rate is not above zero", "Give --rate in orders a second, like 20."
        )
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    if given.with_parent:
        follow_parent()
    given.folder.mkdir(parents=True, exist_ok=True)
    path = given.folder / NOTES
    _cut_torn_line(path)
    with path.open("ab") as notes:
        announce(0)
        Customers(given.url, notes, given.rate).keep_ordering(ended)


if __name__ == "__main__":
    run(main)
