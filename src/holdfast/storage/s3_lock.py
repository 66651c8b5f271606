"""Whether a bucket's versions can be deleted: asked, and tried on a canary.

Asked alone proves nothing, since settings are changed; tried alone neither, since a
delete may be refused for lack of rights. So both: versioning, object lock in compliance
mode with a retention, a published object under it, and a version of a canary written
for the purpose that can be neither deleted nor freed earlier.

A delete without a version only lays a marker over the object. S3 allows it, and nothing
is lost by it: a recovery walks the versions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from holdfast.errors import HoldfastError
from holdfast.ledger.verify import CHECKPOINT_PATH
from holdfast.operations.locks import Locked
from holdfast.storage.s3 import S3

CANARY = "lock-canary"
COMPLIANCE = "COMPLIANCE"
# Less would be over before anybody looked.
DAYS_LEAST = 7
_TEXT = b"Holdfast writes this to see that it cannot be deleted.\n"


@dataclass(slots=True)
class BucketLock:
    """The lock of a bucket. ``asks`` may get settings, ``tries`` are whose rights an
    intruder on this machine would have.
    """

    asks: S3
    tries: S3

    @property
    def name(self) -> str:
        """The copy's address."""
        return self.asks.name

    def check(self, now: datetime) -> Locked:
        """Ask and try."""
        found = _Findings()
        days = _asked(found, self.asks, now)
        if not found.wrong:
            _tried(found, self.tries, now)
        return found.result(days)


@dataclass(frozen=True, slots=True)
class NoLock:
    """A place whose lock cannot be asked for: a folder, or another provider."""

    name: str

    def check(self, now: datetime) -> Locked:
        """Say plainly what is not known."""
        del now
        if self.name.startswith("file:"):
            words = "a folder has no lock: who may write to its disk may delete it"
            return Locked("none", (words,))
        words = "the locks of this provider are not asked yet"
        return Locked("unknown", (words,))


@dataclass(slots=True)
class _Findings:
    good: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def take(self, words: str, *, ok: bool) -> None:
        """Note what was found."""
        (self.good if ok else self.wrong).append(words)

    def result(self, days: int | None) -> Locked:
        """Return the worst, what is wrong first."""
        checks = (*self.wrong, *self.unknown, *self.good)
        if self.wrong:
            return Locked("open", checks, days)
        return Locked("unknown" if self.unknown else "locked", checks, days)


def _asked(found: _Findings, s3: S3, now: datetime) -> int | None:
    """Ask for the settings; return the retention's days."""
    days = None
    try:
        status = s3.versioning()
        found.take(f"versioning is {status}", ok=status == "Enabled")
        rule = s3.default_retention()
        mode, days = rule or ("off", 0)
        words = f"object lock is {mode}, {days} days"
        found.take(words, ok=mode == COMPLIANCE and days >= DAYS_LEAST)
        kept = s3.retention(CHECKPOINT_PATH) if rule else None
        until = kept.until if kept else None
        locked = kept is not None and kept.mode == COMPLIANCE
        shown = f"{kept.mode} until {until:%Y-%m-%d}" if kept and until else "not kept"
        ok = locked and until is not None and until > now
        found.take(f"{CHECKPOINT_PATH} is {shown}", ok=ok)
    except HoldfastError as fault:
        found.unknown.append(str(fault))
    return days


def _tried(found: _Findings, s3: S3, now: datetime) -> None:
    """Try to delete a version of the canary, and to free it earlier."""
    try:
        version = s3.put(CANARY, _TEXT)
        if version is None:
            found.wrong.append("what is put has no version")
            return
        soon = now + timedelta(minutes=10)
        freed = not s3.shortening_is_refused(CANARY, version, soon, COMPLIANCE)
        found.take(
            "a retention was shortened" if freed else "shortening it was refused",
            ok=not freed,
        )
        refused = s3.delete_is_refused(CANARY, version)
        found.take(
            "deleting a version was refused"
            if refused
            else "a version was deleted for good",
            ok=refused,
        )
    except HoldfastError as fault:
        found.unknown.append(str(fault))
