"""A copy at Azure, against Azurite, the emulator that Microsoft keeps.

Azurite checks signatures and what a shared access signature permits. It shows nothing
of immutability policies, versions or how long Azure keeps what it took.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from tests.drills.ports import until, unused_port
from tests.storage.logs import KEY, grow, log_of, off_site, verified

from holdfast.operations.copies import DiffersError, OutOfReachError
from holdfast.storage.folder import Folder
from holdfast.storage.recover import pull
from holdfast.storage.targets import Target, open_target

AZURITE = Path("build/azurite/node_modules/.bin/azurite-blob")
ACCOUNT = "auditor"
ACCOUNT_KEY = base64.b64encode(b"not a secret, only of this test!").decode()

pytestmark = pytest.mark.drills


def permitted(what: str) -> str:
    """Sign a shared access signature of the account; ``what`` as in Azure: r, c, l…"""
    fields = {
        "sp": what,
        "ss": "b",
        "srt": "co",
        "st": "",
        "se": "2099-01-01T00:00:00Z",
    }
    fields |= {"sip": "", "spr": "", "sv": "2020-08-04"}
    text = "".join(f"{value}\n" for value in (ACCOUNT, *fields.values()))
    key = base64.b64decode(ACCOUNT_KEY)
    digest = hmac.new(key, text.encode(), hashlib.sha256).digest()
    kept = {name: value for name, value in fields.items() if value}
    return urlencode(
        {**kept, "sig": base64.b64encode(digest).decode()}, quote_via=quote
    )


@pytest.fixture(scope="module", name="endpoint")
def _endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start Azurite with one container; return the account's address."""
    port = unused_port()
    address = f"http://127.0.0.1:{port}/{ACCOUNT}"
    place = tmp_path_factory.mktemp("azurite")
    request = f"{address}/audit?restype=container&{permitted('cw')}"

    def made() -> bool:
        try:
            made = urllib.request.Request(request, data=b"", method="PUT")
            made.add_header("x-ms-version", "2020-08-04")
            urllib.request.urlopen(made, timeout=10).close()
        except urllib.error.HTTPError:
            raise
        except OSError:
            return False
        return True

    options = ["--disableTelemetry", "--skipApiVersionCheck", "--silent"]
    with subprocess.Popen(
        [AZURITE, "--blobHost", "127.0.0.1", "--blobPort", str(port), *options,
         "--location", place],
        env={"AZURITE_ACCOUNTS": f"{ACCOUNT}:{ACCOUNT_KEY}", "PATH": "/usr/bin:/bin"},
        stdout=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        try:
            until(made)
            yield address
        finally:
            server.terminate()


def at(
    endpoint: str, prefix: str, *, sas: str = "", container: str = "audit"
) -> Target:
    """Open a copy with the account's key, or with a signature that permits less."""
    secret = {"sas_token": permitted(sas)} if sas else {"account_key": ACCOUNT_KEY}
    options = {"account_name": ACCOUNT, "endpoint": endpoint, **secret}
    return open_target(f"az://{container}/{prefix}", options)


def test_publish_with_the_least_rights_and_recover(
    endpoint: str, tmp_path: Path
) -> None:
    """Who may create and write publishes, who may read and list reads; none deletes."""
    store = log_of()
    copy = off_site(store, at(endpoint, "whole", sas="cw"))
    reader = at(endpoint, "whole", sas="rl")
    for size in (0, 1, 255, 256, 257, 1_000):
        grow(store, size)
        assert copy.publish().size == size
        assert verified(reader).checkpoint.size == size
    assert reader.signed_sizes() == [0, 1, 255, 256, 257, 1_000]
    pulled = pull(reader, [KEY], Folder(tmp_path))
    assert (pulled.size, len(pulled.notes)) == (1_000, 6)
    with suppress(OutOfReachError):
        at(endpoint, "whole", sas="cw").remove("checkpoints/256")
    assert reader.read("checkpoints/256")


def test_what_is_there_is_never_replaced(endpoint: str) -> None:
    """A second file of a name is refused, unless it is the same."""
    for target in (at(endpoint, "once"), at(endpoint, "once-sas", sas="rc")):
        target.write_once("tile/0/000", b"first")
        target.write_once("tile/0/000", b"first")
        with pytest.raises(DiffersError, match="with other bytes"):
            target.write_once("tile/0/000", b"other")
        assert target.read("tile/0/000") == b"first"


def test_who_may_only_create_is_told(endpoint: str) -> None:
    """The one file that changes needs the right to write."""
    copy = off_site(log_of(3), at(endpoint, "create", sas="c"))
    copy.publish()
    with pytest.raises(OutOfReachError, match="checkpoint may not be replaced"):
        copy.target.replace("checkpoint", b"newer")


def test_bad_answers(endpoint: str) -> None:
    """A wrong key or a vanished container is told without a word of the secret."""
    wrong = base64.b64encode(b"wrong").decode()
    options = {"account_name": ACCOUNT, "endpoint": endpoint, "account_key": wrong}
    for target in (
        open_target("az://audit/x", options),
        at(endpoint, "x", container="no"),
    ):
        with pytest.raises(OutOfReachError) as caught:
            off_site(log_of(3), target).publish()
        assert wrong not in f"{caught.value}{caught.value.hint}"
