"""The bucket target against a server that speaks S3 (moto's, on loopback).

It shows that our requests are well formed: put, conditional put, get, list, errors. It
does not show what a real S3 does about durability, credentials, versioning or object
lock; moto checks no credentials unless told to, and its locks are known to be lenient.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from moto.server import ThreadedMotoServer
from tests.storage.logs import KEY, grow, log_of, off_site, verified

from holdfast.operations.copies import (
    DiffersError,
    OutOfReachError,
)
from holdfast.storage.errors import StoreError
from holdfast.storage.folder import Folder
from holdfast.storage.recover import pull
from holdfast.storage.targets import BucketTarget, credentials_of, open_target

CREDENTIALS = """
access_key_id = "key"
secret_access_key = "very secret"
region = "us-east-1"
endpoint = "{endpoint}"
"""


@pytest.fixture(scope="module", name="endpoint")
def _endpoint() -> Iterator[str]:
    """Start a server of S3 with one bucket; return its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    address = f"http://127.0.0.1:{port}"
    request = urllib.request.Request(f"{address}/off-site", method="PUT")
    urllib.request.urlopen(request).close()
    yield address
    server.stop()


@pytest.fixture(name="options")
def _options(endpoint: str) -> dict[str, str]:
    """Return the options of a credentials file."""
    return credentials_of(CREDENTIALS.format(endpoint=endpoint))


def test_publish_and_recover(options: dict[str, str], tmp_path: Path) -> None:
    """A log goes to a bucket step by step, verifies there, and comes back whole."""
    target = open_target("s3://off-site/whole", options)
    store = log_of()
    copy = off_site(store, target)
    for size in (0, 1, 255, 256, 257, 1_000):
        grow(store, size)
        assert copy.publish().size == size
        assert verified(target).checkpoint.size == size
    assert copy.check().root == store.root()[1]
    assert target.signed_sizes() == [0, 1, 255, 256, 257, 1_000]
    pulled = pull(target, [KEY], Folder(tmp_path))
    assert pulled.size == 1_000
    assert len(pulled.notes) == 6


def test_what_is_there_is_never_replaced(options: dict[str, str]) -> None:
    """The bucket itself refuses a second file of a name, unless it is the same."""
    target = open_target("s3://off-site/once", options)
    target.write_once("tile/0/000", b"first")
    target.write_once("tile/0/000", b"first")
    with pytest.raises(DiffersError, match="with other bytes"):
        target.write_once("tile/0/000", b"other")
    assert target.read("tile/0/000") == b"first"
    assert target.read("tile/0/001") is None


def test_the_checkpoint_is_plain_text(options: dict[str, str]) -> None:
    """The one file that changes is served as the text that it is."""
    target = open_target("s3://off-site/text", options)
    target.replace("checkpoint", b"one")
    target.replace("checkpoint", b"two")
    assert target.read("checkpoint") == b"two"
    assert isinstance(target, BucketTarget)
    told = obstore.get(target.bucket, "checkpoint").attributes
    assert told["Content-Type"] == "text/plain; charset=utf-8"


def test_a_vanished_bucket(options: dict[str, str]) -> None:
    """A bucket that is gone is said to be out of reach, without a word of secrets."""
    copy = off_site(log_of(3), open_target("s3://nowhere/log", options))
    with pytest.raises(OutOfReachError) as caught:
        copy.publish()
    assert "very secret" not in f"{caught.value}{caught.value.hint}"
    assert copy.target.name == "s3://nowhere/log"


def test_a_server_that_is_down(options: dict[str, str]) -> None:
    """Nobody there is a fault of the outside world, told in a few words."""
    dead = {**options, "endpoint": "http://127.0.0.1:9"}
    copy = off_site(log_of(3), open_target("s3://off-site/log", dead))
    with pytest.raises(OutOfReachError, match="cannot"):
        copy.publish()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host/log", "not the address of a copy"),
        ("file://host/log", "not the address of a copy"),
        ("s3:///log", "not the address of a copy"),
        ("s3://[bucket/log", "not the address of a copy"),
        ("s3://key:secret@bucket/log", "not the address of a copy"),
        ("s3://bucket/log?token=secret", "not the address of a copy"),
    ],
)
def test_addresses(url: str, words: str) -> None:
    """What is no address of a copy, or holds a secret, is refused unquoted."""
    with pytest.raises(StoreError, match=words) as caught:
        open_target(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["region =", "region = 3", "[s3]\nregion = 'x'"])
def test_bad_credentials(text: str) -> None:
    """A credentials file that is not understood is refused unquoted."""
    with pytest.raises(StoreError, match="are not understood"):
        credentials_of(text)


def test_unknown_options() -> None:
    """An option that nobody knows is refused by name of the kind, not of the value."""
    with pytest.raises(StoreError, match="settings are not understood") as caught:
        open_target("s3://bucket/log", {"no_such_option": "secret"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("s3://bucket/log", "access_key_id"),
        ("gs://bucket/log", "service_account_key"),
        ("az://container/log", "account_name"),
    ],
)
def test_the_keys_of_each_place_are_named(url: str, key: str) -> None:
    """Settings that are not understood are answered with those that are."""
    with pytest.raises(StoreError, match="settings are not understood") as caught:
        open_target(url, {"service_account_key": "{", "no_such_option": "x"})
    assert key in str(caught.value.hint)


def test_a_container_without_its_account() -> None:
    """A container is named without its account: that stands in the credentials."""
    with pytest.raises(StoreError, match="settings are not understood") as caught:
        open_target("az://container/log")
    assert "account_name" in str(caught.value.hint)


def test_only_loopback_in_the_clear(options: dict[str, str]) -> None:
    """To any other machine nothing is sent without encryption."""
    far = {**options, "endpoint": "http://192.0.2.1:80"}
    with pytest.raises((OutOfReachError, StoreError)):
        open_target("s3://off-site/log", far).read("checkpoint")


def test_a_folder_that_is_not_mounted(tmp_path: Path) -> None:
    """A missing folder is never made: its disk may just not be there."""
    target = open_target((tmp_path / "disk").as_uri())
    with pytest.raises(OutOfReachError, match="is not there"):
        off_site(log_of(3), target).publish()
    assert not (tmp_path / "disk").exists()
