"""`holdfast ledger verify --witness` and `export`: what witnesses vouched for."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.witness.rig import COSIGNER, SIGNER
from typer.testing import CliRunner

from holdfast.cli.ledger import app
from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import Checkpoint
from holdfast.ledger.note import parse_note
from holdfast.ledger.witness import Cosigner
from holdfast.operations.ports.store import Draft, Store
from holdfast.storage.opening import open_store

SECOND = Cosigner("second.example/w", bytes([3]) * 32)
ABSENT = Cosigner("absent.example/w", bytes([4]) * 32)
SETTINGS = """
key = "ledger.key"
[[witnesses]]
name = "first"
url = "http://127.0.0.1:9"
key = "{}"
"""


def run(*argv: object) -> str:
    """Run a command of the group, letting errors through as `main` gets them."""
    result = CliRunner().invoke(app, [str(one) for one in argv])
    if result.exception:
        raise result.exception
    return result.stdout


def grow(store: Store, size: int, *by: Cosigner, at: float | None = None) -> None:
    """Let the log grow to a size, and sign and cosign it there."""
    drafts = [
        Draft(f"k{at}", lambda _, at=at: b"entry %d" % at)
        for at in range(store.size(), size)
    ]
    store.append(drafts, now=datetime(2026, 11, 2, tzinfo=UTC))
    _, root = store.root()
    note = SIGNER.sign(Checkpoint(SIGNER.name, size, root).text())
    when = int(time.time() if at is None else at)
    for one in by:
        note += one.cosign(parse_note(note).text, when).line().encode()
    store.save_checkpoint(size, note)


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home whose log two witnesses cosigned at 300, and nobody at 310."""
    monkeypatch.delenv("HOLDFAST_DATABASE", raising=False)
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    store = open_store(f"sqlite://{tmp_path / 'holdfast.sqlite'}")
    grow(store, 300, COSIGNER, SECOND)
    grow(store, 310)
    store.close()
    (tmp_path / "ledger.vkey").write_text(f"{SIGNER.verifier_key}\n", "utf-8")
    (tmp_path / "holdfast.toml").write_text(SETTINGS.format(COSIGNER.key), "utf-8")
    return tmp_path


def test_database(home: Path) -> None:
    """Of a database the newest checkpoint with a quorum is told."""
    both = ("--witness", COSIGNER.key, "--witness", SECOND.key)
    found = json.loads(run("verify", "--json", *both))
    assert (found["size"], found["witnessed"]) == (310, 300)
    assert "witnessed  up to size 300" in run("verify", *both, "--quorum", "1")
    with pytest.raises(HoldfastError, match="no checkpoint was cosigned by 3"):
        run("verify", *both, "--witness", ABSENT.key)
    assert json.loads(run("verify", "--json"))["witnessed"] is None
    assert home.exists()


def test_published(home: Path) -> None:
    """What is exported is the newest witnessed checkpoint, with its cosignatures."""
    log = home / "log"
    assert json.loads(run("export", log, "--json"))["size"] == 300
    key = ("--key", SIGNER.verifier_key)
    (home / "w.vkey").write_text(f"{COSIGNER.key}\n", "utf-8")
    for given in ((COSIGNER.key,), (home / "w.vkey",), (COSIGNER.key, SECOND.key)):
        words = [word for one in given for word in ("--witness", one)]
        found = json.loads(run("verify", log, *key, *words, "--json"))
        assert found["witnessed"] == 300
        assert len(found["signed_by"]) == 1 + len(given)
    words = ["--witness", COSIGNER.key, "--witness", ABSENT.key]
    assert run("verify", log, *key, *words, "--quorum", "1")
    with pytest.raises(HoldfastError, match="1 of the witnesses cosigned, and 2"):
        run("verify", log, *key, *words)


def test_proof(home: Path) -> None:
    """A proof leads to what the witnesses cosigned, and is held to them on demand."""
    file, entry = home / "7.proof", home / "7"
    entry.write_bytes(b"entry 7")
    check = (file, "--entry", entry, "--key", SIGNER.verifier_key)
    run("prove", 7, "--output", file)
    both = ("--witness", COSIGNER.key, "--witness", SECOND.key)
    found = json.loads(run("verify-proof", *check, *both, "--json"))
    assert (found["size"], len(found["signed_by"])) == (300, 3)
    assert "signed by  second.example/w" in run("verify-proof", *check, *both)
    words = (*check, "--witness", COSIGNER.key, "--witness", ABSENT.key)
    assert run("verify-proof", *words, "--quorum", "1")
    with pytest.raises(HoldfastError, match="1 of the witnesses cosigned, and 2"):
        run("verify-proof", *words)
    with pytest.raises(HoldfastError, match="a quorum of 1"):
        run("verify-proof", *check, "--quorum", "1")


def test_proof_of_what_nobody_cosigned_yet(home: Path) -> None:
    """The newest signed checkpoint proves it, and no witness is made up."""
    file, entry = home / "305.proof", home / "305"
    entry.write_bytes(b"entry 305")
    check = (file, "--entry", entry, "--key", SIGNER.verifier_key)
    run("prove", 305, "--output", file)
    assert json.loads(run("verify-proof", *check, "--json"))["size"] == 310
    with pytest.raises(HoldfastError, match="0 of the witnesses cosigned, and 1"):
        run("verify-proof", *check, "--witness", COSIGNER.key)


def test_silent_witness_keeps_nothing_back(home: Path) -> None:
    """Where the last cosignature is old, the newest signed checkpoint is published."""
    store = open_store(f"sqlite://{home / 'holdfast.sqlite'}")
    grow(store, 310, COSIGNER, at=time.time() - 3600)
    grow(store, 320)
    store.close()
    assert json.loads(run("export", home / "log", "--json"))["size"] == 320


def test_never_less_than_shown(home: Path) -> None:
    """A folder that shows more already is not asked to go back."""
    settings = (home / "holdfast.toml").read_text("utf-8")
    (home / "holdfast.toml").write_text('key = "ledger.key"\n', "utf-8")
    assert json.loads(run("export", home / "log", "--json"))["size"] == 310
    (home / "holdfast.toml").write_text(settings, "utf-8")
    assert json.loads(run("export", home / "log", "--json"))["size"] == 310


@pytest.mark.parametrize("folder", [True, False])
def test_altered_cosignature(home: Path, folder: bool) -> None:
    """A cosignature of a known witness that fails is never counted."""
    store = open_store(f"sqlite://{home / 'holdfast.sqlite'}")
    grow(store, 320)
    note = store.checkpoint() or b""
    line = COSIGNER.cosign("example.com/log\n3\n", 5).line().encode()
    store.save_checkpoint(320, note + line)
    store.close()
    (home / "holdfast.toml").unlink()
    run("export", home / "log")
    target = [home / "log", "--key", SIGNER.verifier_key] if folder else []
    with pytest.raises(HoldfastError, match=r"does not fit|no checkpoint"):
        run("verify", *target, "--witness", COSIGNER.key, "--witness", ABSENT.key)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--witness", SIGNER.verifier_key), "the key of a log"),
        (("--witness", str(COSIGNER.key), "--quorum", "2"), "a quorum of 2"),
        (("--quorum", "1"), "a quorum of 1"),
        (("--witness", str(COSIGNER.key), "--quorum", "-1"), "a quorum of -1"),
        (("--witness", str(COSIGNER.key), "--quorum", "0"), "a quorum of 0"),
        (("--witness", "a+b+c"), "not a verifier key"),
    ],
)
def test_words_that_cannot_be_meant(home: Path, words, message: str) -> None:
    """Keys and quorums that make no sense are refused with a way out."""
    with pytest.raises(HoldfastError, match=message) as odd:
        run("verify", *words)
    assert odd.value.hint
    assert home.exists()
