"""Outside commands: their proof, their deadline, their end."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from tests.drills.rig import shared_temp, until

from holdfast.engines.evidence import Call, require, run, scrub
from holdfast.errors import HoldfastError

LONG = timedelta(minutes=1)
ROOT = Path("/")


def test_the_proof_of_a_command_is_complete() -> None:
    """Evidence has the exit status, the whole output's digest, its tail and times."""
    ran = run(
        Call(("/bin/sh", "-c", "echo out; echo err >&2; exit 3"), LONG, ROOT, "1")
    )

    assert ran.output == "out\nerr\n"
    assert not ran.exited_well
    proof = ran.evidence
    assert (proof.exit_status, proof.tool_version) == (3, "1")
    assert proof.output_tail == "out\nerr\n"
    assert proof.output_digest == f"sha256:{hashlib.sha256(ran.data).hexdigest()}"
    assert timedelta() < proof.monotonic < LONG


def test_the_digest_covers_what_the_tail_leaves_out() -> None:
    """A long output is kept by its digest, and only its end is shown."""
    ran = run(Call(("/usr/bin/seq", "100000"), LONG, ROOT))

    assert len(ran.evidence.output_tail) == 2000
    assert ran.evidence.output_tail.endswith("100000\n")
    assert ran.evidence.output_digest.endswith(hashlib.sha256(ran.data).hexdigest())


def test_a_deadline_ends_the_whole_group(tmp_path: Path) -> None:
    """At the deadline the command dies with all that it started."""
    _open(tmp_path)
    noted = tmp_path / "pid"
    script = f"sleep 300 & echo $! > {noted}; wait"

    ran = run(Call(("/bin/sh", "-c", script), timedelta(seconds=0.5), ROOT))

    assert ran.timed_out
    assert ran.evidence.exit_status is None
    child = int(noted.read_text())
    until(lambda: not _lives(child))


def test_a_command_does_not_outlive_a_killed_caller(tmp_path: Path) -> None:
    """When the process that waits is killed, its command is killed too."""
    _open(tmp_path)
    noted = tmp_path / "pid"
    script = f"echo $$ > {noted}; exec sleep 300"
    source = (
        "from datetime import timedelta; from pathlib import Path\n"
        "from holdfast.engines.evidence import Call, run\n"
        f"run(Call(('/bin/sh', '-c', {script!r}), timedelta(minutes=5), Path('/')))"
    )
    with subprocess.Popen([sys.executable, "-c", source]) as caller:
        until(lambda: noted.exists() and noted.read_text() != "")
        command = int(noted.read_text())
        assert _lives(command)
        caller.kill()

    until(lambda: not _lives(command))


def test_nothing_of_our_environment_reaches_a_command(monkeypatch) -> None:
    """Settings and credentials in our environment stay with us."""
    monkeypatch.setenv("PGBACKREST_REPO1_CIPHER_PASS", "ours")
    monkeypatch.setenv("PGPASSWORD", "ours")

    ran = run(Call(("/usr/bin/env",), LONG, ROOT, environment={"PGPASSFILE": "/p"}))

    assert "ours" not in ran.output
    assert "PGPASSFILE=/p" in ran.output


def test_a_command_never_runs_as_root() -> None:
    """As root, commands are handed to the unprivileged account."""
    assert run(Call(("/usr/bin/id", "-u"), LONG, ROOT)).output.strip() != "0"


def test_secrets_beside_their_names_are_not_shown() -> None:
    """What follows a secret's name in an output is redacted, and control bytes go."""
    said = scrub("repo1-cipher-pass=abc password: xyz \x00\x1b[31m plain")

    assert "abc" not in said
    assert "xyz" not in said
    assert "plain" in said
    assert "\x1b" not in said


def test_output_that_is_data_is_kept_by_digest_only() -> None:
    """Where the output is customers' data, evidence shows nothing of it."""
    ran = run(Call(("/bin/echo", "ana@example.com"), LONG, ROOT, secret_output=True))

    assert ran.output == "ana@example.com\n"
    assert "ana" not in ran.evidence.output_tail


def test_a_missing_tool_is_named_with_its_package() -> None:
    """Without pgBackRest, the error says what to install."""
    with pytest.raises(HoldfastError, match="not installed") as missing:
        require(Path("/nowhere/pgbackrest"))

    assert "apt-get install pgbackrest" in missing.value.hint


def _open(folder: Path) -> None:
    """Let the tools' account write into the folder, however deep pytest put it."""
    folder.chmod(0o777)
    for above in folder.parents:
        if above == Path(shared_temp()):
            return
        above.chmod(0o755)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
