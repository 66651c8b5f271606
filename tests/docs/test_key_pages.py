"""The pages on the log's key: made, rotated and stolen, typed as they stand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.docs.test_commands import ROOT, Typist

from holdfast.assembly.keys import (
    create_escrow_key,
    create_key,
    signer_of,
    write_private,
)
from holdfast.assembly.reading import SystemClock, open_log
from holdfast.cli.adopting import read_folder
from holdfast.demo import northwind
from holdfast.operations.govern import adopt
from holdfast.operations.notary import Notary
from holdfast.operations.signing import introduce_key
from holdfast.settings import Home
from holdfast.storage.passwords import hash_password
from holdfast.storage.witness import WitnessStore

PAGES = ROOT / "docs" / "operating"
ORIGIN = "log.acme.example/holdfast"
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(name="typist")
def _typist(tmp_path: Path) -> Iterator[Typist]:
    """Return a typist beside an adopted home, its copy off-site, and a witness."""
    folder = tmp_path / "first"
    folder.mkdir(mode=0o700)
    (tmp_path / "off-site").mkdir()
    key = create_key(folder / "ledger.key", ORIGIN)
    (folder / "ledger.vkey").write_text(f"{key}\n", "utf-8")
    write_private(folder / "session.key", "00" * 32)
    create_escrow_key(folder / "escrow.key")
    (folder / "holdfast.toml").write_text(
        'key = "ledger.key"\nbeat_every = 0.2\n[web]\nport = 0\n'
        'passwords = { ana = "password-ana" }\n',
        "utf-8",
    )
    write_private(folder / "password-ana", hash_password("three plain words"))
    write_private(tmp_path / "password.txt", "three plain words\n")
    publish = f'[[publish]]\nurl = "{(tmp_path / "off-site").as_uri()}"\n'
    (folder / "runner.toml").write_text(publish, "utf-8")
    home = Home(folder)
    with closing(open_log(home, create=True).store):
        reader = open_log(home)
        resilience = tmp_path / "resilience"
        northwind.write_resilience(resilience, 1, engine="scripted")
        adopt(reader.log, SystemClock(), read_folder(resilience), "ana")
        introduce_key(reader.log, key)
        Notary(reader.store, signer_of(home)).sign()
        reader.store.close()
    (tmp_path / "witness").mkdir()
    WitnessStore.create(tmp_path / "witness" / "witness.sqlite").close()
    typist = Typist(
        tmp_path,
        HOLDFAST_HOME=str(folder),
        HOLDFAST_SESSIONS=str(tmp_path / "sessions"),
    )
    yield typist
    typist.stop()


def test_the_log_s_key(typist: Typist, tmp_path: Path) -> None:
    """A key is made, one of openssl's signs by a command, and both are shown."""
    made, _, shown = typist.type(PAGES / "log-key.md")
    assert f"{ORIGIN}+" in made
    assert "tried out: it works" in shown
    assert "in force" in shown
    with closing(open_log(Home(tmp_path / "other"), create=True).store):
        pass
    tried = subprocess.run(
        [sys.executable, "-m", "holdfast", "ledger", "key", "show", "--try",
         "--home", str(tmp_path / "other")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "a command that signs: " in tried.stdout
    assert "tried out: it works" in tried.stdout


def test_a_rotation(typist: Typist, tmp_path: Path) -> None:
    """The page leads from one key to the other, and everything verifies."""
    made, rotated, trusted, retired, verified = typist.type(PAGES / "rotate-key.md")
    assert made.count("tried out: it works") == 2
    assert "both keys sign" in rotated
    assert trusted.count(f"Trusts {ORIGIN} with the key") == 2
    assert "signs no more" in retired
    assert "entries, all sound" in verified
    assert not (tmp_path / "first" / "ledger.key").exists()
    note = (tmp_path / "off-site" / "checkpoint").read_text("utf-8")
    assert note.count(f"— {ORIGIN} ") >= 1
    copies = (tmp_path / "off-site" / "checkpoints").iterdir()
    lines = {one.read_text("utf-8").count(f"— {ORIGIN} ") for one in copies}
    assert 2 in lines


def test_a_compromise(typist: Typist, tmp_path: Path) -> None:
    """The page closes the old log and leads to a new one that verifies beside it."""
    before = tmp_path / "first" / "holdfast.sqlite"
    assert before.exists()
    _, done, sound = typist.type(PAGES / "compromised-key.md")
    assert f"{ORIGIN} is closed" in done
    assert "all as it says" in done
    assert f"Trusts {ORIGIN}-2 with the key" in sound
    assert f"{ORIGIN}-2: " in sound
    assert sound.count("entries, all sound") == 2
