"""`holdfast witness`, as whoever runs one types it."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from tests.witness.rig import COSIGNER, NOW, SIGNER, SomeLog, witness
from typer.testing import CliRunner

from holdfast.cli.witness import app
from holdfast.errors import HoldfastError
from holdfast.ledger.note import COSIGNATURE, parse_verifier_key
from holdfast.storage.witness import WitnessStore


def run(*words: object) -> str:
    """Run a command, letting errors through as `main` gets them."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception:
        raise result.exception
    return result.stdout


def test_a_witness_is_made_once(tmp_path: Path) -> None:
    """A new witness has a private key, shows the public one, and is never replaced."""
    home = tmp_path / "w"
    text = run("init", "--home", home, "--name", "auditor.example/w1")
    key = parse_verifier_key(text.splitlines()[-1])
    assert (key.kind, key.name) == (COSIGNATURE, "auditor.example/w1")
    assert (home / "witness.vkey").read_text() == f"{key}\n"
    assert (home / "witness.key").stat().st_mode & 0o777 == 0o600
    secret = (home / "witness.key").read_text().split()[1]
    assert secret not in text
    with pytest.raises(HoldfastError, match="exists already"):
        run("init", "--home", home, "--name", "auditor.example/w1")


def test_trust_and_list(tmp_path: Path) -> None:
    """Trusted logs are listed with what was cosigned last."""
    run("init", "--home", tmp_path, "--name", "w")
    assert "Trusts example.com/log" in run("trust", SIGNER.key, "--home", tmp_path)
    assert "nothing yet" in run("list", "--home", tmp_path)
    log = SomeLog(5)
    with closing(WitnessStore(tmp_path / "witness.sqlite")) as memory:
        witness(memory).add_checkpoint(log.request(0, 5), NOW)
    assert "cosigned at size 5" in run("list", "--home", tmp_path)
    (found,) = json.loads(run("list", "--json", "--home", tmp_path))
    assert found == {
        "origin": SIGNER.name,
        "keys": [str(SIGNER.key)],
        "size": 5,
        "root": log.tree.root().hex(),
    }


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda home: (home / "witness.key").unlink(), "cannot be read"),
        (lambda home: (home / "witness.key").chmod(0o640), "read by others"),
        (lambda home: (home / "witness.key").write_text("w\nxyz\n"), "not a witness"),
        (lambda home: (home / "witness.key").write_text("w\nabcd\n"), "a witness need"),
        (lambda home: (home / "witness.sqlite").unlink(), "no memory here"),
    ],
)
def test_serve_wants_what_init_made(tmp_path: Path, spoil, words: str) -> None:
    """A witness without its key or its memory does not start, and says why."""
    run("init", "--home", tmp_path, "--name", "w")
    spoil(tmp_path)
    with pytest.raises(HoldfastError, match=words) as odd:
        run("serve", "--home", tmp_path, "--port", "0")
    assert odd.value.hint


def test_bad_words(tmp_path: Path) -> None:
    """Keys and names that are none are refused with a way out."""
    with pytest.raises(HoldfastError, match="a witness needs a name"):
        run("init", "--home", tmp_path, "--name", "a b")
    (tmp_path / "file").write_text("")
    with pytest.raises(HoldfastError, match="cannot be made"):
        run("init", "--home", tmp_path / "file" / "w", "--name", "w")
    run("init", "--home", tmp_path, "--name", "w")
    with pytest.raises(HoldfastError, match="not a verifier key"):
        run("trust", "abc", "--home", tmp_path)
    with pytest.raises(HoldfastError, match="not the key of a log"):
        run("trust", COSIGNER.key, "--home", tmp_path)
    file = tmp_path / "some.key"
    file.write_text("00" * 32)
    with pytest.raises(HoldfastError, match="not a verifier key") as caught:
        run("trust", file, "--home", tmp_path)
    assert "00000000" not in f"{caught.value}{caught.value.hint}"
    file.write_text(f"{SIGNER.verifier_key}\n")
    assert "Trusts example.com/log" in run("trust", file, "--home", tmp_path)
