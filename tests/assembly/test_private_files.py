"""Private files: whole or not there, and never overwritten."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest

from holdfast.assembly import keys
from holdfast.assembly.keys import FileExistsHereError, write_private


def test_a_private_file_is_its_owners_alone(tmp_path: Path) -> None:
    """It has mode 0600, leaves nothing beside it, and stays as it was made."""
    path = tmp_path / "people.key"
    write_private(path, "one\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsHereError, match="exists already"):
        write_private(path, "two\n")
    assert path.read_text("utf-8") == "one\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    """What is told is the file that was asked for, not the one it is made from."""
    path = tmp_path / "no" / "people.key"
    with pytest.raises(FileNotFoundError) as caught:
        write_private(path, "a key\n")
    assert caught.value.filename == str(path)


@pytest.mark.parametrize("moment", ["fsync", "fdopen"])
def test_a_kill_leaves_no_half_of_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Killed before it is whole, it is not there, and the next one makes it."""
    path = tmp_path / "people.key"
    pid = os.fork()
    if pid == 0:
        monkeypatch.setattr(
            keys.os, moment, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
        )
        write_private(path, "half of a key\n")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert not path.exists()
    write_private(path, "a key\n")
    assert path.read_text("utf-8") == "a key\n"
