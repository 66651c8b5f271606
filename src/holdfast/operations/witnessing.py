"""Offers what the notary signed to witnesses on other hosts, beside the beat.

A cosignature joins the checkpoint that is kept. That a witness falls silent, comes
back, or cosigned another log than ours is recorded when it turns, never per request.
Recording and acting wait for none of it.

A machine that was put back whole, its own mark and all, does not know that it is old;
a witness does. So before a node signs anything each is asked, once, and at any time the
word of one that cosigned what is not here ends the signing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Protocol, TypeAlias

from holdfast.domain.events.witness import (
    QuorumMet,
    QuorumMissed,
    WitnessCosigned,
    WitnessDisagreed,
    WitnessSilent,
)
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Checkpoint, parse_checkpoint
from holdfast.ledger.continuing import continuation
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import Frontier
from holdfast.ledger.note import Signature, VerifierKey, parse_note
from holdfast.ledger.witness import cosigned_at
from holdfast.operations.log import Log
from holdfast.operations.notary import ForkError, Notary
from holdfast.operations.ports.store import Bookmark, Store

# Where nothing grows a witness is still asked: a rollback shows, and that it lives.
ASK_AGAIN = timedelta(minutes=1)
TRY_AGAIN = timedelta(seconds=15)
CLOCKS_DIFFER_MAX = timedelta(minutes=10)
RECORD_EVERY = timedelta(days=1)
READ_AT_ONCE = 4_096
AT_ONCE = 8
# So many of the newest checkpoints tell a node that starts who cosigned when: those of
# half an hour in which the log never rests.
LOOK_BACK = 2_000

Prove: TypeAlias = Callable[[int], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The witness's signature, which holds, and its Unix time."""

    signature: Signature
    time: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """The witness cosigned a larger log already, of this ``size``."""

    size: int


@dataclass(frozen=True, slots=True)
class Disagrees:
    """The witness cosigned a log that this one does not continue."""

    detail: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No cosignature, and why."""

    detail: str


Said: TypeAlias = Cosigned | Ahead | Disagrees | Unanswered


class Witness(Protocol):
    """A witness out of this machine's reach; ``name`` is the settings' word for it."""

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> VerifierKey: ...

    def cosign(self, note: bytes, size: int, old: int, prove: Prove) -> Said:
        """Have a checkpoint of a size cosigned; ``old`` is what it cosigned last.

        Where that is not so, ``prove`` gives the proof from the right size. Returns
        within its own deadline, never raises for the outside world's faults.
        """
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What a witness says; ``detail`` is what it holds against this log, if anything.

    ``fault`` is the same, as a reason to sign no more.
    """

    name: str
    said: Said
    detail: str | None
    fault: ForkError | None


@dataclass(slots=True)
class _Post:
    """A witness, with what this process knows of it."""

    witness: Witness
    front: Frontier
    try_again: timedelta = TRY_AGAIN
    asked_at: datetime | None = None
    good_at: datetime | None = None
    failed: bool = False

    def is_due(self, size: int, now: datetime) -> bool:
        """Say whether to ask: for what is new, again after a fault, or after a rest."""
        if self.asked_at is None:
            return True
        waited = now - self.asked_at
        if self.failed:
            return waited >= self.try_again
        return size != self.front.size or waited >= ASK_AGAIN


class Witnesses:
    """All witnesses of one log; ``quorum`` of them make a checkpoint witnessed."""

    def __init__(
        self,
        log: Log,
        witnesses: Sequence[Witness],
        silent_after: timedelta,
        quorum: int = 0,
        kept: Bookmark | None = None,
    ) -> None:
        self._log = log
        self._kept = kept
        self._store: Store = log.store
        # Whoever waits less for an answer asks more often.
        again = min(TRY_AGAIN, silent_after / 4)
        self._posts = [_Post(witness, Frontier(), again) for witness in witnesses]
        self._silent_after = silent_after
        self._quorum = quorum
        self._quorum_at: datetime | None = None
        self._began: datetime | None = None
        self._turn = threading.Lock()

    def consult(self, note: bytes) -> None:
        """Raise `ForkError` where a witness cosigned what is not here.

        See `hear`.
        """
        for heard in self.hear(note):
            if heard.fault is not None:
                raise heard.fault

    def hear(self, note: bytes) -> Sequence[Heard]:
        """Return what each witness says of a checkpoint that we signed.

        What one held against this log before holds until it cosigns it: that it is out
        of reach now takes nothing back. Records nothing in the log; waits no longer
        than the witnesses' own deadlines, for all of them at once.
        """
        origin = parse_checkpoint(parse_note(note).text).origin
        with self._turn:
            said = self._offer_all(self._posts, note)
            before = self._doubts(origin)
            found = []
            for post, word in zip(self._posts, said, strict=True):
                name, detail = post.witness.name, self._contradicting(word)
                if detail is None and not isinstance(word, Cosigned):
                    detail = before.get(name)
                fault = None if detail is None else _fork(name, detail)
                found.append(Heard(name, word, detail, fault))
            self._keep_doubts(
                origin, {one.name: one.detail for one in found if one.detail}
            )
        return found

    def _doubts(self, origin: str) -> dict[str, str]:
        """Return what witnesses held against this log, in the log or beside it."""
        known = self._log.state().witnesses.items()
        found = {
            name: one.trouble.detail
            for name, one in known
            if isinstance(one.trouble, WitnessDisagreed)
        }
        data = self._kept.read() if self._kept is not None else None
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            values = json.loads(data or b"{}")
            if values.get("origin") == origin:
                found |= {str(k): str(v) for k, v in values["witnesses"].items()}
        return found

    def _keep_doubts(self, origin: str, doubts: Mapping[str, str]) -> None:
        if self._kept is None:
            return
        values = {"origin": origin, "witnesses": dict(doubts)}
        self._kept.keep(json.dumps(values).encode() if doubts else None)

    def ask(self, notary: Notary) -> Sequence[Fact]:
        """Offer the newest checkpoint to every witness that is due, and record.

        The notary signs no more where one cosigned what is not here.
        """
        with self._turn:
            faults = self._ask()
        for fault in faults:
            notary.refuse(fault)
        return ()

    def _ask(self) -> Sequence[ForkError]:
        note, now = self._store.checkpoint(), self._log.now()
        if note is None:
            return ()
        offered = parse_checkpoint(parse_note(note).text)
        if self._began is None:
            self._look_back()
            self._began = now
        due = [post for post in self._posts if post.is_due(offered.size, now)]
        if not due:
            return ()
        for post in due:
            post.asked_at = now
            post.good_at = post.good_at or now
        said = self._offer_all(due, note)
        self._keep(note, offered.size, said)
        found = [
            _fork(post.witness.name, detail)
            for post, word in zip(due, said, strict=True)
            if (detail := self._contradicting(word)) is not None
        ]
        facts: list[Fact] = [
            Fact(event, self._log.now())
            for post, word in zip(due, said, strict=True)
            if (event := self._turned(post, word, offered)) is not None
        ]
        counted = self._counted(offered.size)
        if counted is not None:
            facts.append(Fact(counted, self._log.now()))
        if facts:
            # At once: asked again before it is recorded, it would be told twice.
            self._log.record(facts)
        return found

    def _offer_all(self, posts: Sequence[_Post], note: bytes) -> list[Said]:
        offered = parse_checkpoint(parse_note(note).text)
        with ThreadPoolExecutor(max(1, min(AT_ONCE, len(posts)))) as pool:
            return list(pool.map(lambda post: self._offer(post, note, offered), posts))

    def _look_back(self) -> None:
        """Read off the kept checkpoints who cosigned last when, before this process."""
        posts = {post.witness.key: post for post in self._posts}
        kept = self._store.checkpoints(newest_first=True)
        for _, note in islice(kept, LOOK_BACK):
            try:
                found = cosigned_at(note, list(posts))
            except LedgerError:
                continue  # What is altered is told elsewhere.
            for key, time in found.items():
                posts[key].good_at = posts[key].good_at or self._past(time)
            if self._quorum_at is None and len(found) >= max(self._quorum, 1):
                self._quorum_at = self._past(max(found.values()))
            if self._quorum_at and all(post.good_at for post in self._posts):
                return

    def _past(self, time: int) -> datetime:
        """Return a witness's time as ours, which is never ahead."""
        return min(datetime.fromtimestamp(time, UTC), self._log.now())

    def _is_long(self, since: datetime) -> bool:
        """Say whether that is longer than anybody may be silent.

        A node that starts gives the others half of that to start as well.
        """
        now = self._log.now()
        began = self._began or now
        return (
            now - since >= self._silent_after and now - began >= self._silent_after / 2
        )

    def _offer(self, post: _Post, note: bytes, offered: Checkpoint) -> Said:
        fronts = {post.front.size: post.front}

        def prove(old: int) -> Sequence[bytes]:
            front = fronts[old] = self._forward(post.front, old)
            leaves = self._store.leaf_hashes(old, offered.size) if old else ()
            return continuation(front, leaves)

        # After a rollback ours is smaller than what this process saw cosigned.
        old = min(post.front.size, offered.size)
        said = post.witness.cosign(note, offered.size, old, prove)
        if isinstance(said, Cosigned):
            nearest = max(size for size in fronts if size <= offered.size)
            post.front = self._forward(fronts[nearest], offered.size)
            said = _with_clock(said, self._log.now())
        post.failed = not isinstance(said, Cosigned)
        return said

    def _forward(self, front: Frontier, size: int) -> Frontier:
        front = front if front.size <= size else Frontier()
        while front.size < size:
            stop = min(front.size + READ_AT_ONCE, size)
            leaves = self._store.leaf_hashes(front.size, stop)
            if not leaves:
                break
            front = front.extend(leaves)
        return front

    def _keep(self, note: bytes, size: int, said: Sequence[Said]) -> None:
        """Add the new signatures to the checkpoint that is kept."""
        parsed = parse_note(note)
        there = {(line.name, line.key_id) for line in parsed.signatures}
        new = [
            word.signature
            for word in said
            if isinstance(word, Cosigned)
            and (word.signature.name, word.signature.key_id) not in there
        ]
        if new:
            lines = (*parsed.signatures, *new)
            self._store.save_checkpoint(
                size, replace(parsed, signatures=lines).to_bytes()
            )

    def _counted(self, size: int) -> QuorumMissed | QuorumMet | None:
        """Return what is to be recorded of the quorum, if that turned.

        Each may be silent for less than its limit, and yet no checkpoint have enough.
        """
        now = self._log.now()
        names = tuple(
            sorted(
                post.witness.name
                for post in self._posts
                if not post.failed and post.front.size == size
            )
        )
        missed = self._log.state().quorum_missed
        wanted = self._quorum
        if len(names) >= wanted:
            self._quorum_at = now
            return QuorumMet(wanted, names, size, now) if missed else None
        since = self._quorum_at = self._quorum_at or now
        if missed is not None or not self._is_long(since):
            return None
        return QuorumMissed(wanted, names, size, since, now)

    def _turned(
        self, post: _Post, said: Said, offered: Checkpoint
    ) -> WitnessCosigned | WitnessSilent | WitnessDisagreed | None:
        """Return what is to be recorded, if this changes anything."""
        name, now = post.witness.name, self._log.now()
        known = self._log.state().witnesses.get(name)
        trouble = known.trouble if known else None
        match said:
            case Cosigned():
                post.good_at = now
                last = known.cosigned if known else None
                if trouble or last is None or now - last.at >= RECORD_EVERY:
                    return WitnessCosigned(name, offered.size, now)
            case Ahead() | Disagrees():
                detail = self._contradicting(said)
                if detail is not None and not isinstance(trouble, WitnessDisagreed):
                    return WitnessDisagreed(name, offered.size, detail, now)
            case Unanswered(detail):
                since = post.good_at or now
                if trouble is None and self._is_long(since):
                    return WitnessSilent(name, since, detail, now)
        return None

    def _contradicting(self, said: Said) -> str | None:
        """Say what a witness holds against this log; ``None`` if nothing.

        Whatever it was shown was kept here before, by this node or another. So the
        newest that is kept now decides, whatever has been recorded since.
        """
        if isinstance(said, Disagrees):
            return said.detail
        if not isinstance(said, Ahead):
            return None
        note = self._store.checkpoint()
        kept = parse_checkpoint(parse_note(note).text).size if note else 0
        if kept >= said.size:
            return None
        return f"it cosigned size {said.size:,}, and here {kept:,} is the newest signed"


def _fork(name: str, detail: str) -> ForkError:
    return ForkError(
        f"witness {name} cosigned another log than this one: {detail}",
        "Nothing is signed any more. An older database was put back, or there are two "
        "histories: bring it forward with holdfast ledger recover. Where no copy holds "
        "what was cosigned: holdfast ledger succeed. If copies and other witnesses "
        "agree with this log, it is the witness that is wrong: see witness.md.",
    )


def _with_clock(said: Cosigned, now: datetime) -> Said:
    """Refuse a cosignature of another hour: it says when it was given."""
    apart = timedelta(seconds=abs(said.time - now.timestamp()))
    if apart <= CLOCKS_DIFFER_MAX:
        return said
    return Unanswered("its clock and ours are more than ten minutes apart")
