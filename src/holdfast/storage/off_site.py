"""Brings an off-site copy forward: what is new, in an order that a crash cannot spoil.

Evidence, bundles, level 0, the levels above, ``checkpoints/<size>``, and ``checkpoint``
last. Where to go on follows from the copy's own checkpoint, or, where that may not be
read, from the note of what was published last. Before anything is written, our log
must hold what the copy shows; so a forked log is never mixed into it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from holdfast.ledger.checkpoint import (
    Checkpoint,
    parse_checkpoint,
    verify_checkpoint,
)
from holdfast.ledger.edge import Edge
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.merkle import leaf_hashes
from holdfast.ledger.note import VerifierKey, parse_note
from holdfast.ledger.spans import Share
from holdfast.ledger.tiles import (
    TILE_WIDTH,
    Tile,
    decode_bundle,
    encode_bundle,
    partials_of,
)
from holdfast.ledger.verify import CHECKPOINT_PATH, checkpoint_path, verify_log
from holdfast.operations.copies import (
    DiffersError,
    Shipped,
    UnreadableError,
)
from holdfast.operations.notary import ForkError
from holdfast.operations.ports.store import Mark, Store
from holdfast.storage.errors import StoreError
from holdfast.storage.escrow import Escrow
from holdfast.storage.evidence import Wanted, digests_of, sealed
from holdfast.storage.folder import KEY_PATH
from holdfast.storage.ripening import Ripening
from holdfast.storage.sharing import sharing
from holdfast.storage.targets import Target

# How many entries one step publishes at most, if a checkpoint was signed in between:
# a long run shows a valid log again and again, and goes on from there.
STEP = 65_536
AT_ONCE = 8
READ_AT_ONCE = 4_096

Progress = Callable[[int, int], None]
File = tuple[str, bytes]


@dataclass(slots=True)
class OffSite:
    """One copy of a store's log. ``record`` keeps what was published last, here.

    ``keys`` returns every key that the log ever had, the first one first.
    Without an escrow no evidence is published; with one, ``wanted`` says of which text
    it would be missed, and ``evidence_mark`` keeps how far it came. ``reader`` is the
    same place by credentials that may get; ``share`` are the cores that read back what
    lies in a folder. Not for several threads at once.
    """

    store: Store
    target: Target
    keys: Callable[[], Sequence[VerifierKey]]
    record: Mark
    escrow: Escrow | None = None
    wanted: Callable[[], Wanted] = Wanted
    evidence_mark: Mark | None = None
    ripening: Ripening = field(default_factory=Ripening)
    edge: Edge | None = None
    files: int = 0
    let_go: frozenset[str] = frozenset()
    reader: Target | None = None
    share: Share = map

    @property
    def name(self) -> str:
        """The copy's address."""
        return self.target.name

    @property
    def _from(self) -> Target:
        return self.reader or self.target

    def publish(self, progress: Progress | None = None) -> Shipped:
        """Bring the copy forward to the latest signed checkpoint."""
        self.files = 0
        note = self._shown()
        shown = self._verified(note) if note is not None else None
        kept = dict(self.store.checkpoints())
        if not kept:
            raise StoreError(
                "nothing is signed yet: there is no checkpoint to publish",
                "Let the node run until it has signed one.",
            )
        edge = self._edge_at(shown, max(kept))
        notes = self.ripening.chosen(kept, shown.size if shown else None)
        if self.edge is None and shown is not None:
            self._bring_evidence(shown.size, progress)
        if shown is None:
            self._write([(KEY_PATH, f"{self.keys()[0]}\n".encode())])
        for step in _steps(notes, edge.size):
            part = {size: notes[size] for size in step}
            self._step(edge, part, progress, max(notes))
        newer = kept.get(shown.size) if shown and not notes else None
        if newer is not None and newer != note:
            self._show(newer)  # Another signature was added to it.
        self.edge = edge
        self._forget()
        return Shipped(edge.size, edge.root(), self.files)

    def look(self) -> None:
        """Look at the checkpoint that the copy shows."""
        last = self.record.newest()
        try:
            note = self._from.read(CHECKPOINT_PATH)
        except UnreadableError:
            return
        if note is None and last is not None:
            raise DiffersError(
                f"checkpoint is gone; it was of size {_size(last)}",
                "Somebody removed it: keep what is left, and look for the rest.",
                self.name,
            )
        if note is None:
            return
        shown = self._verified(note)
        if last is not None and shown.size < _size(last):
            raise DiffersError(
                f"checkpoint is of size {shown.size}, and was of size {_size(last)}",
                "Somebody put an older one in its place.",
                self.name,
            )
        self._edge_at(shown, self.store.size())

    def check(self, progress: Progress | None = None) -> Shipped:
        """Read the whole copy back and hold it against the store."""
        note = self._from.read(CHECKPOINT_PATH)
        if note is None and self.record.newest() is None:
            raise StoreError(
                "nothing was published to the copy yet",
                "Publish once: holdfast ledger publish.",
                self.name,
            )
        shown = -1 if note is None else self._verified(note).size
        sizes = self._from.signed_sizes()
        self._require_listed(sizes, shown)
        earlier = [size for size in sizes if size <= shown]
        try:
            with sharing(self._from, self.share) as share:
                found = verify_log(
                    self._from,
                    self.keys(),
                    earlier=earlier,
                    progress=progress,
                    share=share,
                )
        except LedgerError as fault:
            raise DiffersError(fault.message, fault.hint, fault.where) from None
        self._edge_at(found.checkpoint, self.store.size())
        return Shipped(found.checkpoint.size, found.checkpoint.root, found.tiles)

    def _require_listed(self, sizes: list[int], shown: int) -> None:
        """Refuse a copy that lacks a signed size's checkpoint, if it may be listed."""
        listed = set(sizes)
        for size, _ in self.store.checkpoints():
            if listed and size <= shown and size not in listed:
                raise DiffersError(
                    "the checkpoint's copy is missing",
                    "Somebody removed it: every signed size was published.",
                    checkpoint_path(size),
                )

    def leaves(self, start: int, stop: int) -> list[bytes]:
        """Return the leaf hashes of what the copy holds of the range, unverified."""
        note = self._shown()
        size = 0 if note is None else self._verified(note).size
        found: list[bytes] = []
        for index in range(start // TILE_WIDTH, -(-min(stop, size) // TILE_WIDTH)):
            first = index * TILE_WIDTH
            tile = Tile(None, index, min(TILE_WIDTH, size - first))
            data = self._from.read(tile.path)
            if data is None:
                break
            hashes = leaf_hashes(decode_bundle(data, tile))
            found += hashes[max(0, start - first) : stop - first]
        return found

    def newest(self) -> bytes | None:
        """Return the checkpoint that the copy shows, verified by our own key."""
        note = self._from.read(CHECKPOINT_PATH)
        if note is not None:
            self._verified(note)
        return note

    def _shown(self) -> bytes | None:
        """What the copy shows, or what was published last if it may not be read."""
        try:
            return self._from.read(CHECKPOINT_PATH)
        except UnreadableError:
            return self.record.newest()

    def _verified(self, note: bytes) -> Checkpoint:
        try:
            return verify_checkpoint(note, self.keys()).checkpoint
        except LedgerError as fault:
            raise DiffersError(
                f"the copy's checkpoint is not ours: {fault.message}",
                "Another log, another key, or an altered file: keep it and find out.",
                self.name,
            ) from None

    def _edge_at(self, shown: Checkpoint | None, limit: int) -> Edge:
        """Return our log's edge where the copy ends; it must end in the same root."""
        if shown is None:
            return Edge()
        if shown.size > limit:
            raise ForkError(
                f"the copy {self.name} shows {shown.size} entries, this log is signed "
                f"at {limit}",
                "The database was rolled back: holdfast ledger recover brings it "
                "forward from the copy.",
            )
        known = self.edge
        edge = known.copy() if known and known.size <= shown.size else Edge()
        while edge.size < shown.size:
            stop = min(edge.size + READ_AT_ONCE, shown.size)
            edge.extend(self.store.leaf_hashes(edge.size, stop))
        if edge.root() != shown.root:
            raise ForkError(
                f"the copy {self.name} shows another log at size {shown.size}: root "
                f"{base64.b64encode(shown.root).decode()}",
                "Two histories of one log. Keep both and find out which was changed.",
            )
        return edge

    def _step(
        self,
        edge: Edge,
        notes: dict[int, bytes],
        progress: Progress | None,
        total: int,
    ) -> None:
        """Publish up to the largest of the sizes, whole."""
        stop = max(notes)
        self._require_signed(edge, stop, notes[stop])
        tiles: list[tuple[Tile, bytes]] = []
        there = set(partials_of(edge.size))
        self._write(self._bundles(edge, notes, stop, tiles, progress, total))
        tiles.extend(edge.partials(sorted(notes)))
        for level in range(len(edge.rows)):
            self._write(
                (tile.path, data)
                for tile, data in tiles
                if tile.level == level and tile not in there
            )
        for size in sorted(notes):
            self._write_copy(size, notes[size])
        self.target.settle()
        self._show(notes[stop])
        self._keep_evidence_mark(stop)

    def _bundles(
        self,
        edge: Edge,
        notes: dict[int, bytes],
        stop: int,
        tiles: list[tuple[Tile, bytes]],
        progress: Progress | None,
        total: int,
    ) -> Iterator[File]:
        """Yield evidence and bundles, growing the edge and the tiles by the way."""
        first = edge.size // TILE_WIDTH
        for index in range(first, -(-stop // TILE_WIDTH)):
            start, end = index * TILE_WIDTH, min((index + 1) * TILE_WIDTH, stop)
            fresh = self._read(edge.size, end)
            entries = [*self._published(edge, start), *fresh]
            yield from self._evidence(fresh, edge.size)
            tiles.extend(edge.extend(leaf_hashes(fresh)))
            widths = {end - start}
            if end == stop and end - start < TILE_WIDTH:
                widths |= {size - start for size in notes if start < size < end}
            for width in sorted(widths):
                tile = Tile(None, index, width)
                yield tile.path, encode_bundle(entries[:width])
            if progress:
                progress(end, total)

    def _require_signed(self, edge: Edge, stop: int, note: bytes) -> None:
        """Refuse what was not signed before any of it is written for good."""
        trial = edge.copy()
        while trial.size < stop:
            page = min(trial.size + READ_AT_ONCE, stop)
            trial.extend(leaf_hashes(self._read(trial.size, page)))
        signed = parse_checkpoint(parse_note(note).text)
        if signed.size != stop or signed.root != trial.root():
            raise ForkError(
                f"the log's root at size {stop} is not the one that was signed",
                "Find out what happened before more is published: holdfast ledger "
                "verify.",
            )

    def _read(self, start: int, stop: int) -> Sequence[bytes]:
        entries = self.store.read(start, stop)
        if len(entries) != stop - start:
            raise StoreError(
                f"entries are missing between {start} and {stop}",
                "Find out what happened: holdfast ledger verify.",
            )
        return entries

    def _published(self, edge: Edge, start: int) -> Sequence[bytes]:
        """Return the entries from ``start`` to the edge, as they were published.

        Where the database was altered since, they are taken from the copy: it must not
        be spoiled by what is told already.
        """
        entries = self.store.read(start, edge.size)
        hashes = edge.rows[0]
        if leaf_hashes(entries) == hashes:
            return entries
        tile = Tile(None, start // TILE_WIDTH, len(hashes))
        data = self._from.read(tile.path)
        kept = [] if data is None else decode_bundle(data, tile)
        if leaf_hashes(kept) != hashes:
            raise StoreError(
                f"the entries {start} to {edge.size - 1} are not those that were "
                "published, and the copy's own do not fit",
                "Go by the runbook: the log was tampered with.",
                tile.path,
            )
        return kept

    def _bring_evidence(self, stop: int, progress: Progress | None) -> None:
        """Publish what is not there of the evidence that published entries name.

        The copy may have been begun before there was an escrow key, or by an older
        Holdfast; and a run may have been cut off. Where to go on is kept here.
        """
        if self.escrow is None:
            return
        start = self._evidence_until()
        while start < stop:
            page = min(start + READ_AT_ONCE, stop)
            files = self._evidence(self.store.read(start, page), start)
            self._write(file for file in files if not self._is_there(*file))
            self._keep_evidence_mark(page)
            start = page
            if progress:
                progress(start, stop)

    def _is_there(self, path: str, data: bytes) -> bool:
        try:
            return self.target.read(path) == data
        except UnreadableError:
            return False

    def _evidence(self, entries: Sequence[bytes], start: int) -> Iterator[File]:
        """Yield the sealed evidence that the entries name."""
        if self.escrow is None:
            return iter(())
        digests = digests_of(entries, start)
        return sealed(self.store, self.escrow, self.wanted(), digests)

    def _evidence_until(self) -> int:
        """Return up to which entry all evidence is there, under this escrow key."""
        note = self.evidence_mark.newest() if self.evidence_mark else None
        named, _, size = (note or b"").decode().strip().partition(" ")
        known = self.escrow is not None and named == self.escrow.id
        return int(size) if known and size.isdecimal() else 0

    def _keep_evidence_mark(self, size: int) -> None:
        if self.evidence_mark is not None and self.escrow is not None:
            self.evidence_mark.keep(f"{self.escrow.id} {size}\n".encode())

    def _forget(self) -> None:
        """Remove what an erasure took away, where the place lets it go."""
        for digest in sorted(self.wanted().forgotten - self.let_go):
            if self.escrow is not None:
                self.target.remove(self.escrow.path(digest))
            self.let_go |= {digest}

    def _write(self, files: Iterable[File]) -> None:
        """Write files of one group, some at once; return when all are there."""
        waiting = iter(files)
        with ThreadPoolExecutor(AT_ONCE) as hands:
            while batch := list(islice(waiting, AT_ONCE * 4)):
                for done in [hands.submit(self.target.write_once, *f) for f in batch]:
                    done.result()
                self.files += len(batch)
        self.target.settle()

    def _write_copy(self, size: int, note: bytes) -> None:
        """Write a checkpoint's copy; one of the same text and other signers stays."""
        path = checkpoint_path(size)
        try:
            self.target.write_once(path, note)
            self.files += 1
        except DiffersError:
            held = self.target.read(path)
            if held is None or parse_note(held).text != parse_note(note).text:
                raise

    def _show(self, note: bytes) -> None:
        self.target.replace(CHECKPOINT_PATH, note)
        self.record.keep(note)
        self.files += 1


def _size(note: bytes) -> int:
    return parse_checkpoint(parse_note(note).text).size


def _steps(sizes: Iterable[int], start: int) -> Iterator[list[int]]:
    """Cut the sizes into steps of about `STEP` entries."""
    step: list[int] = []
    for size in sorted(sizes):
        if step and size - start > STEP:
            yield step
            start, step = step[-1], []
        step.append(size)
    if step:
        yield step
