"""Rebuilds a store from its off-site copy, or brings an old one forward, never a fork.

The copy is verified in full before the first entry is written; bundles are kept in a
spool meanwhile, so that what is written is what was verified. A crash leaves a store
that is the beginning of the log: run again, it goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from holdfast.journal import stamp
from holdfast.ledger.checkpoint import parse_checkpoint, verify_checkpoint
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.note import VerifierKey, parse_note
from holdfast.ledger.spans import Share
from holdfast.ledger.tiles import bundles_of, decode_bundle
from holdfast.ledger.verify import (
    CHECKPOINT_PATH,
    Verification,
    checkpoint_path,
    verify_log,
)
from holdfast.operations.keys import custody_of, keys_ever, wrong_signer
from holdfast.operations.notary import ForkError
from holdfast.operations.ports.store import Draft, Mark, Store
from holdfast.storage.errors import StoreError
from holdfast.storage.escrow import Escrow
from holdfast.storage.evidence import (
    Restored,
    Restoring,
    Wanted,
    digests_of,
    joined,
)
from holdfast.storage.folder import Folder
from holdfast.storage.sharing import sharing
from holdfast.storage.targets import FolderTarget, Target

Progress = Callable[[int, int], None]
BUNDLES = "tile/entries/"
# So many entries, or checkpoints, are one write to the database.
AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class Spool:
    """Bundles on this machine, each whole or not there, unless the power failed.

    What an earlier run left may be of another copy: it is tried, and believed no more
    than the copy itself.
    """

    folder: Folder

    @property
    def is_used(self) -> bool:
        """Say whether there is anything in it."""
        return (self.folder.path / BUNDLES).is_dir()

    def read(self, path: str) -> bytes | None:
        """Return a bundle that was kept."""
        return self.folder.read(path)

    def keep(self, path: str, data: bytes) -> None:
        """Keep a bundle. It is not synced: what is lost is fetched again."""
        place = self.folder.path / path
        beside = place.with_name(f".{place.name}.new")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(data)
            beside.replace(place)
        except OSError as fault:
            raise StoreError(
                f"what comes from the copy cannot be kept here: {fault.strerror}",
                "A recovery needs about three times the log's size beside the database."
                " Make room, and run it again: it goes on from there.",
                str(self.folder.path),
            ) from None

    def clear(self) -> None:
        """Begin anew."""
        Folder(self.folder.path / BUNDLES).remove()


@dataclass(slots=True)
class Spooled:
    """A copy read through a spool: each bundle is fetched once.

    ``head`` is the checkpoint to go by, the largest one that the copy has.
    """

    target: Target
    spool: Spool
    head: bytes

    def read(self, path: str) -> bytes | None:
        """Return a file of the copy."""
        if path == CHECKPOINT_PATH:
            return self.head
        if not path.startswith(BUNDLES):
            return self.target.read(path)
        data = self.spool.read(path)
        if data is None:
            data = self.target.read(path)
            if data is not None:
                self.spool.keep(path, data)
        return data


@dataclass(frozen=True, slots=True)
class Pulled:
    """A copy that was verified in full and can be written down."""

    reader: Spooled
    verified: Verification
    notes: tuple[tuple[int, bytes], ...]
    ignored: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many entries it has."""
        return self.verified.checkpoint.size


def pull(
    target: Target,
    keys: Sequence[VerifierKey],
    spool: Folder,
    progress: Progress | None = None,
    *,
    share: Share = map,
) -> Pulled:
    """Fetch the copy and verify all of it under its largest valid checkpoint.

    A copy that a crash left between a checkpoint's copy and `checkpoint` is whole up
    to the larger one; it is the one to go by. A checkpoint that our key does not verify
    is ignored by name: whoever may put there must not be able to prevent a recovery.
    One key of the log is enough: its entries name those before and after it. ``share``
    are the cores that check what lies in a folder.
    """
    kept = Spool(spool)
    if not kept.is_used:
        return _pull(target, tuple(keys), kept, progress, share)
    try:
        return _pull(target, tuple(keys), kept, progress, share)
    except LedgerError:
        # The fault may be in what an earlier run left here.
        kept.clear()
        return _pull(target, tuple(keys), kept, progress, share)


def _pull(
    target: Target,
    keys: tuple[VerifierKey, ...],
    spool: Spool,
    progress: Progress | None,
    near: Share,
) -> Pulled:
    spent = frozenset[bytes]()
    while True:
        notes, ignored = _notes(target, keys, spent)
        if not notes:
            _require_folder(target)
            raise StoreError(
                "the copy shows no checkpoint that this key verifies",
                "Look at the address, at the key, and whether anything was published.",
                target.name,
            )
        size = max(notes)
        reader = Spooled(target, spool, notes[size])
        earlier = [one for one in notes if one < size]
        with sharing(target, near) as share:
            verified = verify_log(
                reader, keys, earlier=earlier, progress=progress, share=share
            )
        custody = custody_of(_entries(reader, size))
        known = keys_ever(custody, keys)
        wrong = [one for one in notes if wrong_signer(notes[one], custody, keys)]
        if set(known) <= set(keys) and not wrong:
            break
        # Entries that a trusted key signed for vouch for the keys that they introduce,
        # and say when a key had its time.
        keys, spent = known, spent | {notes[one] for one in wrong}
    return Pulled(reader, verified, tuple(sorted(notes.items())), ignored)


def bring_forward(
    store: Store, pulled: Pulled, mark: Mark, progress: Progress | None = None
) -> int:
    """Append what the store lacks; return how many entries that were.

    Raises `ForkError` if the store is not the beginning of the copy's log.
    """
    before = store.size()
    _require_mark(mark, max(before, pulled.size))
    _require_prefix(store, pulled, before)
    for start, entries in _batches(_bundles(pulled, before)):
        _append(store, start, entries)
        if progress:
            progress(start + len(entries), pulled.size)
    size, root = store.root()
    head = pulled.verified.checkpoint
    if size == head.size and root != head.root:
        raise StoreError(
            "the rebuilt log has another root than the copy",
            "Keep both, and tell whoever makes Holdfast: this must not happen.",
        )
    held = {signed for signed, _ in store.checkpoints()}
    lacking = [one for one in pulled.notes if one[0] not in held]
    for at in range(0, len(lacking), AT_ONCE):
        store.save_checkpoints(lacking[at : at + AT_ONCE])
    if _size(mark.newest()) < head.size:
        mark.keep(pulled.reader.head)
    return max(0, pulled.size - before)


def restore_evidence(
    store: Store,
    pulled: Pulled,
    escrow: Escrow | None,
    wanted: Wanted,
    progress: Progress | None = None,
) -> Restored:
    """Bring back what entries name by digest, but for what an erasure took away.

    Raises `StoreError` for the first text in force that cannot be brought back.
    """
    restoring = Restoring(store, pulled.reader.target, escrow, wanted)
    parts, seen = [], set[str]()
    for start, entries in _batches(_bundles(pulled, 0)):
        named = dict.fromkeys(digests_of(entries, start))
        parts.append(restoring.restore([one for one in named if one not in seen]))
        seen |= named.keys()
        if progress:
            progress(start + len(entries), pulled.size)
    return joined(parts)


def _require_folder(target: Target) -> None:
    if isinstance(target, FolderTarget) and not target.folder.path.is_dir():
        raise StoreError(
            "the folder of the copy is not there",
            "Look at the address, and whether its disk is mounted.",
            target.name,
        )


def _notes(
    target: Target, keys: Sequence[VerifierKey], spent: frozenset[bytes]
) -> tuple[dict[int, bytes], tuple[str, ...]]:
    """Return the checkpoints that our key verifies by size, and the paths of others.

    Those that are ``spent`` were signed by a key of ours that had not its time.
    """
    notes: dict[int, bytes] = {}
    ignored = []
    paths = [checkpoint_path(size) for size in target.signed_sizes()]
    for path in (*paths, CHECKPOINT_PATH):
        for note in target.versions(path):
            size = _size_of(path, note, keys)
            if size is None or note in spent:
                ignored.append(path)
            else:
                # The first version of a size's copy is ours; later ones are others'.
                notes.setdefault(size, note)
    return notes, tuple(dict.fromkeys(ignored))


def _size_of(path: str, note: bytes, keys: Sequence[VerifierKey]) -> int | None:
    """Return the size that a checkpoint at the path signs, if our key does."""
    try:
        size = verify_checkpoint(note, keys).checkpoint.size
    except LedgerError:
        return None
    return size if path in {CHECKPOINT_PATH, checkpoint_path(size)} else None


def _entries(reader: Spooled, size: int) -> Iterator[bytes]:
    for bundle in bundles_of(size):
        data = reader.read(bundle.path)
        assert data is not None, "it was there when it was verified"
        yield from decode_bundle(data, bundle)


def _bundles(pulled: Pulled, start: int) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the verified entries from ``start`` on, with the index of the first."""
    for bundle in bundles_of(pulled.size):
        if bundle.start + bundle.width > start:
            data = pulled.reader.read(bundle.path)
            assert data is not None, "it was there when it was verified"
            skip = max(0, start - bundle.start)
            yield bundle.start + skip, decode_bundle(data, bundle)[skip:]


def _batches(
    bundles: Iterable[tuple[int, list[bytes]]],
) -> Iterator[tuple[int, list[bytes]]]:
    """Join bundles, so that a disk has to wait for fewer commits."""
    first, held = 0, list[bytes]()
    for start, entries in bundles:
        first = first if held else start
        held += entries
        if len(held) >= AT_ONCE:
            yield first, held
            held = []
    if held:
        yield first, held


def _append(store: Store, start: int, entries: Sequence[bytes]) -> None:
    # In full they are read by the fold; here that would double the time.
    stamps = [stamp(start + at, data) for at, data in enumerate(entries)]
    drafts = [
        Draft(key, lambda _, data=data: data)  # type: ignore[misc]
        for (key, _), data in zip(stamps, entries, strict=True)
    ]
    moment = max(recorded_at for _, recorded_at in stamps)
    done = store.append(drafts, now=moment, expected_size=start)
    if not all(done.fresh):
        raise StoreError(
            f"two entries from {start} on have one key",
            "No Holdfast wrote this log. Nothing of it was appended twice.",
        )


def _require_prefix(store: Store, pulled: Pulled, size: int) -> None:
    """Refuse a database that is not the beginning of the copy's log, or beyond it."""
    for start, entries in _bundles(pulled, 0):
        if start >= size:
            return
        held = store.read(start, start + len(entries))
        for at, (here, there) in enumerate(zip(held, entries, strict=False), start):
            if here != there:
                raise ForkError(
                    f"entry {at} of the database is not entry {at} of the copy",
                    "Two histories of one log. Keep this database as evidence, and "
                    "recover into another place.",
                )


def _require_mark(mark: Mark, size: int) -> None:
    signed = _size(mark.newest())
    if signed > size:
        raise StoreError(
            f"{signed} entries were signed on this machine, and the copy has {size}",
            "Look for a newer copy of the log, or for the database that was lost. To "
            "give up what is missing, recover into an empty home folder.",
        )


def _size(note: bytes | None) -> int:
    return -1 if note is None else parse_checkpoint(parse_note(note).text).size
