"""A copy at Google, against a stand-in of its XML API (see `google`).

It shows that our requests and our reading of the answers keep to the API as published.
It does not show what Google itself does about tokens, IAM conditions or retention.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.storage.google import ALL, CREATE, READ, Google, start
from tests.storage.logs import KEY, grow, log_of, off_site, verified

from holdfast.operations.copies import DiffersError, OutOfReachError
from holdfast.storage import targets
from holdfast.storage.folder import Folder
from holdfast.storage.recover import pull
from holdfast.storage.targets import Target, open_target

CHECKPOINT = "log/checkpoint"


@pytest.fixture(name="google")
def _google() -> Iterator[Google]:
    """Start the stand-in with one bucket and three tokens."""
    google = Google({"audit": {}}, {"owner": ALL, "putter": CREATE, "reader": READ})
    google.may_replace.add(("putter", CHECKPOINT))
    server = start(google)
    yield google
    google.hang.set()
    server.shutdown()
    server.server_close()


def at(google: Google, token: str, bucket: str = "audit") -> Target:
    """Open the copy with a token."""
    options = {"bearer_token": token, "base_url": google.address}
    return open_target(f"gs://{bucket}/log", options)


def test_publish_with_the_least_rights_and_recover(
    google: Google, tmp_path: Path
) -> None:
    """Who may only create, and replace `checkpoint` alone, publishes; readers read."""
    store = log_of()
    copy = off_site(store, at(google, "putter"))
    reader = at(google, "reader")
    for size in (0, 1, 255, 256, 257, 1_000):
        grow(store, size)
        assert copy.publish().size == size
        assert verified(reader).checkpoint.size == size
    assert reader.signed_sizes() == [0, 1, 255, 256, 257, 1_000]
    assert reader.names("checkpoints/") == ["0", "1", "1000", "255", "256", "257"]
    pulled = pull(reader, [KEY], Folder(tmp_path))
    assert (pulled.size, len(pulled.notes)) == (1_000, 6)
    assert not at(google, "putter").remove("checkpoints/256")
    assert not reader.remove("checkpoints/256")


@pytest.mark.parametrize("rights_first", [False, True])
def test_what_is_there_is_never_replaced(google: Google, rights_first: bool) -> None:
    """A second file of a name is refused, unless it is the same."""
    google.rights_before_precondition = rights_first
    google.tokens["both"] = CREATE | READ
    target = at(google, "both")
    target.write_once("tile/0/000", b"first")
    target.write_once("tile/0/000", b"first")
    with pytest.raises(DiffersError, match="with other bytes"):
        target.write_once("tile/0/000", b"other")
    assert at(google, "reader").read("tile/0/000") == b"first"


def test_a_bucket_that_replaces_nothing_is_told(google: Google) -> None:
    """Retention on the whole bucket refuses a newer checkpoint, and that is said."""
    store = log_of(3)
    copy = off_site(store, at(google, "putter"))
    copy.publish()
    google.retained = True
    grow(store, 4)
    with pytest.raises(
        OutOfReachError, match="checkpoint may not be replaced"
    ) as caught:
        copy.publish()
    assert "retention" in str(caught.value.hint)
    assert "log/checkpoints/4" in google.buckets["audit"]
    google.retained = False
    assert copy.publish().size == 4


def test_bad_answers(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong token, a vanished bucket, an outage and silence are told."""
    copy = off_site(log_of(3), at(google, "stolen"))
    with pytest.raises(OutOfReachError) as caught:
        copy.publish()
    assert "stolen" not in f"{caught.value}{caught.value.hint}"
    with pytest.raises(OutOfReachError):
        off_site(log_of(3), at(google, "owner", "nowhere")).publish()

    google.unavailable = 1
    assert off_site(log_of(3), at(google, "owner")).publish().size == 3

    monkeypatch.setattr(targets, "TIMEOUT", timedelta(seconds=0.5))
    silent = at(google, "owner")
    google.hanging = True
    with pytest.raises(OutOfReachError):
        silent.write_once("tile/0/000", b"x")
    assert not google.hang.is_set()


def test_nothing_in_the_clear_but_to_this_machine() -> None:
    """A token is sent in the clear to the names of this machine alone."""
    google = Google({"audit": {}}, {"owner": ALL})
    server = start(google, "127.0.0.2")
    try:
        with pytest.raises(OutOfReachError):
            at(google, "owner").write_once("checkpoint", b"x")
        assert not google.buckets["audit"]
    finally:
        server.shutdown()
        server.server_close()
