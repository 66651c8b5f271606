"""`holdfast ledger`: the commands as an operator and an auditor run them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import (
    BaseHTTPRequestHandler,
    SimpleHTTPRequestHandler,
    ThreadingHTTPServer,
)
from pathlib import Path
from time import monotonic

import pytest
from typer.testing import CliRunner

from holdfast.cli.ledger import app
from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.operations.copies import OutOfReachError
from holdfast.operations.ports.store import Draft
from holdfast.sources.tile_log import HttpLog
from holdfast.storage.opening import open_store
from holdfast.storage.targets import open_target

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(name="home")
def _home(tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder with a signed log of 300 entries and its public key."""
    monkeypatch.delenv("HOLDFAST_DATABASE", raising=False)
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    store = open_store(f"sqlite://{tmp_path / 'holdfast.sqlite'}")
    for size in (7, 300):
        drafts = [
            Draft(f"k{at}", lambda _, at=at: b"entry %d" % at)
            for at in range(store.size(), size)
        ]
        store.append(drafts, now=NOW)
        _, root = store.root()
        note = signer.sign(Checkpoint(signer.name, size, root).text())
        store.save_checkpoint(size, note)
    store.close()
    (tmp_path / "ledger.vkey").write_text(f"{signer.verifier_key}\n", "utf-8")
    return tmp_path


def _run(*argv: object, entry: bytes | None = None) -> str:
    result = CliRunner().invoke(app, [str(one) for one in argv], input=entry)
    if result.exception:
        raise result.exception
    return result.stdout


def test_the_database_of_the_home_is_verified(home: Path, signer: Signer) -> None:
    """Without a target the home's own log is checked, against the home's key."""
    text = _run("verify")
    assert "300 entries, all sound" in text
    assert signer.verifier_key in text
    assert "warning" not in text
    found = json.loads(_run("verify", "--json", "--home", home))
    assert (found["ok"], found["size"]) == (True, 300)
    assert found["checkpoints_checked"] == [7, 300]


def test_database_may_stand_alone(home: Path) -> None:
    """`--database` without an address is the home's own, wherever it stands."""
    for argv in (("--database",), ("--database", "--json"), ("--json", "--database")):
        assert "300" in _run("verify", *argv)
    address = f"sqlite://{home / 'holdfast.sqlite'}"
    assert "300 entries" in _run("verify", "--database", address, "--home", "x")


def test_a_database_without_key_or_signature_says_so(home: Path) -> None:
    """What was not checked is said, never left out."""
    (home / "ledger.vkey").unlink()
    assert "signatures were not checked" in _run("verify")
    open_store(f"sqlite://{home / 'new'}").close()
    text = _run("verify", "--database", f"sqlite://{home / 'new'}")
    assert "Nothing is signed yet" in text


def test_export_then_verify(home: Path, signer: Signer) -> None:
    """An exported folder verifies with its key, given as text or as a file."""
    log = home / "log"
    assert json.loads(_run("export", log, "--json"))["size"] == 300
    assert "Published 300 entries" in _run("export", log)
    assert "not whose it is" in _run("verify", log)
    for key in (signer.verifier_key, home / "ledger.vkey"):
        found = json.loads(_run("verify", log, "--key", key, "--json"))
        assert found["warning"] == ""
        assert found["checkpoints_checked"] == [7, 300]
        assert found["signed_by"][0]["key"] == signer.verifier_key


def test_a_mismatch_is_an_error_that_names_it(home: Path) -> None:
    """An altered entry in a folder or a database is named."""
    log = home / "log"
    _run("export", log)
    bundle = log / "tile" / "entries" / "001.p/44"
    bundle.write_bytes(bundle.read_bytes().replace(b"entry 280", b"entry 28O"))
    with pytest.raises(HoldfastError, match="entry 280 does not fit"):
        _run("verify", log)
    store = open_store(f"sqlite://{home / 'holdfast.sqlite'}")
    with store._writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("DROP TRIGGER entry_keeps_data")
        connection.exec_driver_sql(
            "UPDATE entry_row SET data = CAST('x' AS BLOB) WHERE leaf_index = 9"
        )
    store.close()
    with pytest.raises(HoldfastError, match="entry 9 does not fit"):
        _run("verify")


def test_prove_and_verify_proof(home: Path, signer: Signer) -> None:
    """A proof written to a file or to standard output verifies for its entry."""
    file = home / "p"
    _run("prove", 280, "--output", file)
    assert _run("prove", 280).encode() == file.read_bytes()
    (home / "entry").write_bytes(b"entry 280")
    key = ("--key", signer.verifier_key)
    text = _run("verify-proof", file, "--entry", home / "entry", *key)
    assert "Entry 280 is in example.com/log, of 300 entries" in text
    found = json.loads(
        _run("verify-proof", file, "--entry", "-", *key, "--json", entry=b"entry 280")
    )
    assert (found["index"], found["size"]) == (280, 300)
    with pytest.raises(HoldfastError, match="entry 280 is not in the log"):
        _run("verify-proof", file, "--entry", "-", *key, entry=b"entry 281")


def test_an_interrupted_publication_is_told_as_one(home: Path) -> None:
    """A copy that shows less than it holds is sound, and said to be interrupted."""
    log = home / "log"
    _run("export", log)
    (log / "checkpoint").write_bytes((log / "checkpoints" / "7").read_bytes())
    assert "shows only 7, and the copy is whole up to 300" in _run("verify", log)
    found = json.loads(_run("verify", log, "--json"))
    assert (found["ok"], found["interrupted"]) == (True, True)
    assert (found["shown"], found["size"]) == (7, 300)
    (log / "tile" / "0" / "001.p" / "44").unlink()
    with pytest.raises(HoldfastError, match="signed at size 300 and now shows only 7"):
        _run("verify", log)


def test_a_kept_checkpoint_is_an_anchor(home: Path, signer: Signer) -> None:
    """A checkpoint kept elsewhere must be continued by the log."""
    log, kept = home / "log", home / "kept"
    _run("export", log)
    kept.write_bytes((log / "checkpoints" / "7").read_bytes())
    (log / "checkpoints" / "7").unlink()
    found = json.loads(_run("verify", log, "--anchor", kept, "--json"))
    assert found["checkpoints_checked"] == [7, 300]
    kept.write_bytes(signer.sign(Checkpoint(signer.name, 7, bytes(32)).text()))
    with pytest.raises(HoldfastError, match="root at size 7 does not fit"):
        _run("verify", log, "--anchor", kept)
    with pytest.raises(HoldfastError, match="held against a published log"):
        _run("verify", "--anchor", kept)


def test_a_log_is_verified_and_proved_from_over_http(home: Path, served) -> None:
    """A log behind an address is checked in full, and proofs are made from it."""
    _run("export", home / "log")
    key = ("--key", home / "ledger.vkey")
    found = json.loads(_run("verify", served, *key, "--json"))
    assert (found["size"], found["checkpoints_checked"]) == (300, [300])
    assert "cannot be listed over HTTP" in found["warning"]
    kept = ("--anchor", home / "log" / "checkpoints" / "7")
    found = json.loads(_run("verify", f"{served}/", *key, *kept, "--json"))
    assert (found["checkpoints_checked"], found["warning"]) == ([7, 300], "")
    proof = _run("prove", 280, "--from", served)
    assert proof == _run("prove", 280, "--from", home / "log") == _run("prove", 280)
    address = (home / "log").as_uri()
    assert json.loads(_run("prove", 280, "--json", "--from", address))["proof"] == proof
    (home / "log" / "tile" / "0" / "001.p" / "44").write_bytes(bytes(44 * 32))
    with pytest.raises(HoldfastError, match="entry 256 does not fit"):
        _run("verify", served, *key)
    with pytest.raises(HoldfastError, match="does not fit its checkpoint"):
        _run("prove", 280, "--from", served)


@pytest.fixture(name="served")
def _served(home: Path) -> Iterator[str]:
    """Serve the home's exported log by plain HTTP, and return its address."""
    serve = partial(_Quiet, directory=str(home / "log"))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("verify", "nowhere"), "no such folder"),
        (("verify", "{home}"), "public key is missing"),
        (("verify", "{home}", "--key", "a+b+c"), "not a verifier key"),
        (("verify", "{home}", "--key", "nofile"), "neither a verifier key nor a file"),
        (("verify", "--key", "{home}/holdfast.sqlite"), "not a verifier key"),
        (("verify", "--key", "{home}/empty"), "not a verifier key"),
        (("verify", "--database", "sqlite:///none"), "no ledger file"),
        (("verify", "--home", "{home}/none"), "no ledger file"),
        (("verify", "ftp://x/y"), "not the address of a published log"),
        (("verify", "https://x:y/z"), "not the address of a published log"),
        (("verify", "https://[::1/z"), "not the address of a published log"),
        (("verify", "file:///no%20where"), "no such folder"),
        (("verify", "http://127.0.0.1:9/log"), "cannot read verifier-key.txt"),
        (("verify", "http://169.254.169.254/"), "refused to dial a link-local"),
        (("verify", "file://{home}", "--key", "{key}"), "no checkpoint"),
        (("verify", "s3://", "--key", "{key}"), "not the address of a copy"),
        (("prove", "3", "--from", "nowhere"), "no such folder"),
        (("prove", "3", "--from", "{home}"), "no checkpoint"),
        (("prove", "300"), "no proof about entry 300"),
        (("prove", "3", "--output", "{home}/no/file"), "cannot be written"),
        (("prove", "3", "--output", "{home}/empty"), "exists already"),
        (("verify", "{home}", "--database", "sqlite:///x"), "both a published log and"),
        (("key", "create", "{home}/a.vkey", "--origin", "o"), "name of a public key"),
        (("export", "{home}/empty"), "cannot open"),
        (("verify-proof", "{home}/empty", "--entry", "-", "--key", "x"), "neither a"),
    ],
)
def test_errors_are_words(argv: tuple[str, ...], words: str, home: Path) -> None:
    """Whatever is wrong with an argument is told with a way out."""
    (home / "empty").write_bytes(b"")
    key = home / "ledger.vkey"
    with pytest.raises(HoldfastError, match=words) as caught:
        _run(*(one.format(home=home, key=key) for one in argv))
    assert caught.value.hint


def test_a_proof_may_go_where_no_file_is(home: Path) -> None:
    """Nothing is written over, and nothing is lost in a device."""
    assert _run("prove", 3, "--output", "/dev/null", "--home", str(home)) == ""


def test_the_file_that_is_wrong_is_named(home: Path) -> None:
    """Not the log that it was held against."""
    _run("export", str(home / "log"))
    log, key = str(home / "log"), ("--key", str(home / "ledger.vkey"))
    note = (home / "log" / "checkpoint").read_bytes()
    bad = home / "bad"
    for data in (b"", b"words", note[:-20], note.replace(b"\n\n", b"1\n\n")):
        bad.write_bytes(data)
        with pytest.raises(HoldfastError) as caught:
            _run("verify", log, *key, "--anchor", str(bad))
        assert caught.value.where.startswith(str(bad))
        with pytest.raises(HoldfastError) as caught:
            _run("verify-proof", str(bad), "--entry", str(bad), *key)
        assert caught.value.where.startswith(str(bad))
        with pytest.raises(HoldfastError) as caught:
            _run("verify", log, "--key", str(bad))
        assert caught.value.where.startswith(str(bad))


@pytest.mark.parametrize("drips", [True, False])
def test_a_server_that_says_nothing_is_waited_for_once(drips: bool) -> None:
    """One deadline covers all tries, whether it is silent or sends a byte at a time."""
    done = threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer as slowly as can be."""
            if drips:
                self.send_response(200)
                self.send_header("Content-Length", "100000")
                self.end_headers()
            while not done.wait(0.05):
                if drips:
                    with suppress(OSError):
                        self.wfile.write(b"x")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        log = HttpLog(f"http://127.0.0.1:{server.server_port}", timedelta(seconds=1))
        began = monotonic()
        with pytest.raises(OutOfReachError, match="cannot read checkpoint"):
            log.read("checkpoint")
        waited = monotonic() - began
        done.set()
        server.shutdown()
        thread.join()
    # Three tries of a second each would take three.
    assert waited < 2.5


def test_a_pipe_in_place_of_a_tile(home: Path) -> None:
    """Nothing is waited for that nobody will ever write."""
    _run("export", str(home / "log"))
    tile = home / "log" / "tile" / "0" / "000"
    tile.unlink()
    os.mkfifo(tile)
    with pytest.raises(HoldfastError):
        _run("verify", str(home / "log"), "--key", str(home / "ledger.vkey"))


def test_a_bucket_that_cannot_be_reached_is_told_in_words() -> None:
    """No name of a library's class."""
    options = {
        "endpoint": "http://127.0.0.1:9",
        "access_key_id": "a",
        "secret_access_key": "b",
        "region": "x",
    }
    bucket = open_target("s3://bucket/log", options)
    with pytest.raises(OutOfReachError) as caught:
        bucket.read("checkpoint")
    assert caught.value.message == "cannot read checkpoint: it cannot be reached"
