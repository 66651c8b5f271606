"""The lock of a bucket, asked and tried, against moto's server and a proxy of ours.

What this proves: our requests are well formed, their answers are read rightly, and of
each setting the wrong one is told. That S3 itself keeps what it says it locks, nobody
but AWS can prove; the canary shows it for the bucket in use, each day, in operation.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import obstore
import pytest
from obstore.store import from_url
from tests.storage.locked_s3 import HANG, LockedS3, locked_s3
from tests.storage.logs import KEY, grow, log_of, off_site

from holdfast.operations.copies import OutOfReachError
from holdfast.storage import s3
from holdfast.storage.folder import Folder
from holdfast.storage.recover import pull
from holdfast.storage.s3_lock import BucketLock, NoLock
from holdfast.storage.targets import open_target
from holdfast.storage.versioned import Versioned, through_versions

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[LockedS3]:
    """Run the server for all tests here."""
    with locked_s3() as server:
        yield server


@pytest.fixture(autouse=True)
def _sound(server: LockedS3) -> Iterator[None]:
    """End a test's faults with it."""
    yield
    server.fault, server.lenient = lambda *_: 0, False


def lock_of(server: LockedS3, bucket: str) -> BucketLock:
    """Return the lock of a bucket."""
    return BucketLock(server.s3(bucket), server.s3(bucket))


def publish(server: LockedS3, bucket: str, *sizes: int) -> None:
    """Publish a log to a bucket, size by size."""
    target = open_target(f"s3://{bucket}/log", server.options)
    store = log_of()
    copy = off_site(store, target)
    for size in sizes:
        grow(store, size)
        copy.publish()


def test_locked(server: LockedS3) -> None:
    """Versioning, compliance, a kept object and a refused delete count together."""
    server.make("locked", lock="COMPLIANCE", days=30)
    publish(server, "locked", 3)
    found = lock_of(server, "locked").check(NOW)
    assert (found.state, found.retention_days) == ("locked", 30), found
    assert "deleting a version was refused" in found.checks
    assert "shortening it was refused" in found.checks


@pytest.mark.parametrize(
    ("bucket", "lock", "days", "words"),
    [
        ("plain", "", 0, "versioning is off"),
        ("governed", "GOVERNANCE", 30, "object lock is GOVERNANCE, 30 days"),
        ("short", "COMPLIANCE", 1, "object lock is COMPLIANCE, 1 days"),
    ],
)
def test_open(server: LockedS3, bucket: str, lock: str, days: int, words: str) -> None:
    """What is missing is told first."""
    server.make(bucket, lock=lock, days=days)
    publish(server, bucket, 3)
    found = lock_of(server, bucket).check(NOW)
    assert found.state == "open"
    assert found.checks[0] == words


def test_no_checksum_is_refused(server: LockedS3) -> None:
    """A locked bucket takes nothing without a checksum: so we always send one."""
    server.make("summed", lock="COMPLIANCE", days=30)
    bare = from_url(
        "s3://summed/log", config=server.options, client_options={"allow_http": True}
    )
    with pytest.raises(Exception, match="400 Bad Request"):
        obstore.put(bare, "checkpoint", b"x", use_multipart=False)
    publish(server, "summed", 3)


def test_a_lock_that_gives_way(server: LockedS3) -> None:
    """Where a retention may be shortened after all, the settings do not count."""
    server.make("lenient", lock="COMPLIANCE", days=30)
    publish(server, "lenient", 3)
    server.lenient = True
    found = lock_of(server, "lenient").check(NOW)
    assert (found.state, found.checks[0]) == ("open", "a retention was shortened")


def test_a_version_that_can_be_deleted(
    server: LockedS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a version is gone after the canary's delete, nothing is locked."""
    server.make("deleting", lock="COMPLIANCE", days=30)
    publish(server, "deleting", 3)
    monkeypatch.setattr(s3.S3, "delete_is_refused", lambda *_: False)
    found = lock_of(server, "deleting").check(NOW)
    assert (found.state, found.checks[0]) == ("open", "a version was deleted for good")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, "S3 refuses GetBucketVersioning (AccessDenied)"),
        (301, "GetBucketVersioning: PermanentRedirect"),
        (503, "GetBucketVersioning: SlowDown"),
        (HANG, "ReadTimeoutError"),
    ],
)
def test_faults(
    server: LockedS3, monkeypatch: pytest.MonkeyPatch, status: int, words: str
) -> None:
    """What cannot be asked is unknown, within its own deadline, without a secret."""
    monkeypatch.setattr(s3, "READ_SECONDS", 0.3)
    monkeypatch.setattr(s3, "TRIES", 2 if status == 503 else 1)
    server.fault = lambda method, _: status if method == "GET" else 0
    found = lock_of(server, "locked").check(NOW)
    assert found.state == "unknown"
    assert words in found.checks[0]
    assert "secret" not in str(found)


def test_a_vanished_bucket(server: LockedS3) -> None:
    """A bucket that is gone is unknown, by its name."""
    found = lock_of(server, "nowhere").check(NOW)
    assert (found.state, "NoSuchBucket" in found.checks[0]) == ("unknown", True)


def test_other_places() -> None:
    """A folder has no lock, and of other providers nothing is claimed."""
    assert NoLock("file:///mnt/copy").check(NOW).state == "none"
    assert NoLock("gs://bucket/log").check(NOW).state == "unknown"


def test_recovery_walks_the_versions(server: LockedS3, tmp_path: Path) -> None:
    """Whoever may put, and delete what bears no version, prevents no recovery."""
    server.make("attacked", lock="COMPLIANCE", days=30)
    publish(server, "attacked", 256, 300, 700)
    intruder = server.s3("attacked")
    client = intruder._client
    paths = sorted({version.key for version in intruder.versions()})
    assert len(paths) > 10
    for number, path in enumerate(paths):
        at = {"Bucket": "attacked", "Key": intruder.key(path)}
        if number % 3 == 2:
            client.delete_object(**at)
        for _ in range(1 + number % 2):
            client.put_object(**at, Body=b"ransom")
    client.put_object(Bucket="attacked", Key="log/checkpoints/9999", Body=b"ransom")
    plain = open_target("s3://attacked/log", server.options)
    assert plain.read("checkpoint") == b"ransom"
    target = through_versions(plain, server.options)
    pulled = pull(target, [KEY], Folder(tmp_path))
    assert pulled.size == 700
    assert [size for size, _ in pulled.notes] == [256, 300, 700]
    assert "checkpoints/9999" in pulled.ignored


def test_everything_under_markers(server: LockedS3, tmp_path: Path) -> None:
    """A copy of which everything was deleted without a version comes back whole."""
    server.make("emptied", lock="COMPLIANCE", days=30)
    publish(server, "emptied", 300)
    intruder = server.s3("emptied")
    for version in list(intruder.versions()):
        key = intruder.key(version.key)
        intruder._client.delete_object(Bucket="emptied", Key=key)
    plain = open_target("s3://emptied/log", server.options)
    assert plain.read("checkpoint") is None
    target = through_versions(plain, server.options)
    assert isinstance(target, Versioned)
    assert pull(target, [KEY], Folder(tmp_path)).size == 300


def test_versions_that_may_not_be_listed(server: LockedS3, tmp_path: Path) -> None:
    """Without that right the copy is read as it is now."""
    server.make("unlisted", lock="COMPLIANCE", days=30)
    publish(server, "unlisted", 300)
    server.fault = lambda _, path: 403 if "versions" in path else 0
    plain = open_target("s3://unlisted/log", server.options)
    target = through_versions(plain, server.options)
    assert pull(target, [KEY], Folder(tmp_path)).size == 300


def test_versions_out_of_reach(
    server: LockedS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that fails is not taken for one without versions."""
    monkeypatch.setattr(s3, "TRIES", 1)
    server.fault = lambda _, path: 503 if "versions" in path else 0
    plain = open_target("s3://unlisted/log", server.options)
    with pytest.raises(OutOfReachError, match="SlowDown"):
        through_versions(plain, server.options).signed_sizes()
