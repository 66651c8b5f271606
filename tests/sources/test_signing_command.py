"""A command that signs: real processes, good ones and every kind of bad ones."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.ledger.checkpoint import Checkpoint, Signer, signed_note
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.note import parse_note, verify
from holdfast.operations.ports.signer import SignerError
from holdfast.sources.signing_command import SigningCommand

SEED = bytes(range(32))
KEY = Signer("example.com/log", SEED).key
TEXT = Checkpoint("example.com/log", 7, bytes(32)).text()
# What a wrapper round a security module does, with the key in its own hands.
GOOD = f"""
import base64, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex("{SEED.hex()}"))
print(base64.b64encode(key.sign(sys.stdin.buffer.read())).decode())
"""


def command(script: str, *words: str, seconds: float = 20) -> SigningCommand:
    """Return a command that runs a script."""
    argv = (sys.executable, "-c", script, *words)
    return SigningCommand(argv, KEY, timedelta(seconds=seconds))


def test_a_command_signs() -> None:
    """The note bears its signature, as if the key had been here."""
    note = signed_note(TEXT, [command(GOOD)])
    (held,) = verify(parse_note(note), [KEY])
    assert held.key == KEY
    assert note == Signer("example.com/log", SEED).sign(TEXT)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys; sys.exit(3)", "ended with status 3"),
        ("print('hello')", "no signature"),
        ("", "no signature"),
        ("print('AAAA')", "no signature"),
        ("print('é')", "no signature"),
        (f"{GOOD}\nprint('more')", "no signature"),
        ("import os; os.kill(os.getpid(), 9)", "ended with status -9"),
    ],
)
def test_a_bad_answer_is_a_fault_in_words(script: str, said: str) -> None:
    """Whatever it does, the fault says what, and names the command alone."""
    with pytest.raises(SignerError, match=said) as raised:
        command(script).sign_bytes(TEXT.encode())
    assert raised.value.where == sys.executable
    assert raised.value.hint


def test_a_signature_by_another_key_is_refused() -> None:
    """A signer with the wrong key is found before anybody sees what it signed."""
    wrong = GOOD.replace(SEED.hex(), "ff" * 32)
    with pytest.raises(LedgerError, match="does not fit the text"):
        signed_note(TEXT, [command(wrong)])


def test_a_command_that_hangs_ends_with_all_it_started(tmp_path: Path) -> None:
    """The deadline holds though a grandchild keeps the pipe open."""
    script = (
        "import os, sys, time, pathlib\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )
    began = time.monotonic()
    with pytest.raises(SignerError, match="within 2 s"):
        command(script, str(tmp_path / "pid"), seconds=2).sign_bytes(b"text")
    assert time.monotonic() - began < 100
    left = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 60
    while time.monotonic() < end:
        state = Path(f"/proc/{left}/stat")
        if not state.exists() or ") Z" in state.read_text():
            return
        time.sleep(0.05)
    os.kill(left, 0)
    pytest.fail("the grandchild lives on")


def test_a_command_that_is_not_there() -> None:
    """The fault says that it cannot be started."""
    missing = SigningCommand(("/no/such/command",), KEY)
    with pytest.raises(SignerError, match="cannot be started"):
        missing.sign_bytes(b"text")


def test_no_shell_reads_the_words(tmp_path: Path) -> None:
    """A word with a semicolon is a word."""
    with pytest.raises(SignerError):
        command("", f"; touch {tmp_path / 'made'}").sign_bytes(b"text")
    assert not (tmp_path / "made").exists()


def test_after_a_fault_it_rests(tmp_path: Path) -> None:
    """A command that failed is not called at once again; mended, it signs."""
    calls, good = tmp_path / "calls", tmp_path / "good"
    script = (
        "import sys, pathlib\n"
        "calls, good = map(pathlib.Path, sys.argv[1:])\n"
        "with calls.open('a') as file: file.write('.')\n"
        "if not good.exists(): sys.exit(1)\n"
        f"{GOOD}"
    )
    made = command(script, str(calls), str(good))
    for _ in range(3):
        with pytest.raises(SignerError):
            made.sign_bytes(b"text")
    assert calls.read_text() == "."
    good.touch()
    made.rest = timedelta(0)
    made._rests_until = 0
    assert len(made.sign_bytes(b"text")) == 64
