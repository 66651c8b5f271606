"""A key file is read strictly, and what is wrong with it is said without showing it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.storage.errors import StoreError
from holdfast.storage.key_file import (
    key_of_credential,
    key_of_file,
    key_of_variable,
    parse_key,
)

SEED = "0123456789abcdef" * 4
GOOD = f"example.com/log\n{SEED}\n"


def private(path: Path, text: str, mode: int = 0o600) -> Path:
    """Write a file with a mode."""
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def test_a_good_file_is_read(tmp_path: Path) -> None:
    """Origin and seed make the key; the last newline may be missing."""
    for text in (GOOD, GOOD.rstrip("\n"), GOOD.upper().replace("EXAMPLE.COM/LOG", "o")):
        signer = key_of_file(private(tmp_path / "key", text))
        assert len(signer.sign_bytes(b"text")) == 64


@pytest.mark.parametrize(
    ("text", "said", "where"),
    [
        ("", "the origin, is empty", "key"),
        ("\n", "the origin, is empty", "key"),
        (f"\n{SEED}\n", "the origin, is empty", "key"),
        (f"example com\n{SEED}\n", "is no origin", "key line 1"),
        (f"a+b\n{SEED}\n", "is no origin", "key line 1"),
        ("example.com/log\n", "no second line", "key line 2"),
        (f"example.com/log\n{SEED[1:]}\n", "hexadecimal digits: 63", "key line 2"),
        (f"example.com/log\n{SEED}0\n", "hexadecimal digits: 65", "key line 2"),
        (f"example.com/log\nx{SEED[1:]}\n", "not 64 hexadecimal", "key line 2"),
        (f"example.com/log\n {SEED}\n", "not 64 hexadecimal", "key line 2"),
        (f"example.com/log\r\n{SEED}\r\n", "is no origin", "key line 1"),
        (f"example.com/log\n{SEED}\n\n", "3 lines and not two", "key line 3"),
    ],
)
def test_each_malformed_line_has_its_message(text: str, said: str, where: str) -> None:
    """What is wrong is named with its line, and no digit of the seed is shown."""
    with pytest.raises(StoreError) as raised:
        parse_key(text, "key")
    assert said in raised.value.message
    assert raised.value.where == where
    assert raised.value.hint
    assert SEED[1:20] not in f"{raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Group and world have no business with it."""
    with pytest.raises(StoreError, match="may be read by others"):
        key_of_file(private(tmp_path / "key", GOOD, mode))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """Whoever owns it could change it, or read it."""
    path = private(tmp_path / "key", GOOD)
    os.chown(path, 12345, -1)
    with pytest.raises(StoreError, match="belongs to another user"):
        key_of_file(path)


def test_what_is_not_there_or_not_text_is_said(tmp_path: Path) -> None:
    """A missing file, a folder and bytes each have their own words."""
    with pytest.raises(StoreError, match="no key file"):
        key_of_file(tmp_path / "none")
    with pytest.raises(StoreError, match="cannot be read"):
        key_of_file(tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(StoreError, match="not a text"):
        key_of_file(tmp_path / "bytes")


def test_a_credential_of_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found by name where systemd put it; without systemd, that is said."""
    private(tmp_path / "ledger-key", GOOD, 0o440)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(StoreError, match="is not set"):
        key_of_credential("ledger-key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert key_of_credential("ledger-key").name == "example.com/log"


def test_a_variable_is_read_once_and_taken_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No program that is started later finds the key in its environment."""
    monkeypatch.setenv("A_LOGS_KEY", f"example.com/log {SEED}")
    signer = key_of_variable("A_LOGS_KEY")
    assert signer.name == "example.com/log"
    assert "A_LOGS_KEY" not in os.environ
    assert key_of_variable("A_LOGS_KEY") is signer
    with pytest.raises(StoreError, match="is not set"):
        key_of_variable("NOBODYS_KEY")
