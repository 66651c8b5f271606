"""How the engine reads what its tools print and what repositories hold."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from holdfast.engines import pgbackrest_info
from holdfast.engines.compatible import newest_server
from holdfast.engines.evidence import Call, run
from holdfast.engines.pgbackrest_jobs import _verify_faults
from holdfast.engines.postgresql import archive_timeout
from holdfast.engines.protected import Protected
from holdfast.engines.raw_bytes import SALTED, looks_encrypted
from holdfast.engines.wal import _backwards, commits

WHOLE = """stanza: main
status: ok
  archiveId: 15-1, total WAL checked: 5, total valid WAL: 5
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
  backup: 20261123-225717F, status: valid, total files checked: 9, total valid files: 9
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
"""


@pytest.mark.parametrize(
    ("rpo", "expected"),
    [
        (timedelta(hours=1), timedelta(seconds=60)),
        (timedelta(minutes=1), timedelta(seconds=10)),
        (timedelta(minutes=15), timedelta(seconds=15)),
        (timedelta(days=1), timedelta(minutes=5)),
    ],
)
def test_archive_timeout_follows_the_rpo(rpo: timedelta, expected: timedelta) -> None:
    """A sixtieth of the RPO, and never below 10 seconds or above 5 minutes."""
    assert archive_timeout(rpo) == expected


def test_a_whole_repository_has_no_faults() -> None:
    """What verify prints of a whole repository is no complaint."""
    assert _verify_faults(WHOLE) == []


@pytest.mark.parametrize(
    "output",
    [
        "",
        "stanza: main\nstatus: ok\n  backup: none found\n",
        "stanza: main\nstatus: error\n  No usable backup.info file\n",
        WHOLE + "ERROR: [041]: unable to open file\n",
        WHOLE.replace("status: valid", "status: invalid"),
        "P01   INFO: invalid checksum '20261123F/pg_data/base/5/2838.gz'\n" + WHOLE,
        "P01   INFO: file missing '20261123F/pg_data/base/5/2838.gz'\n" + WHOLE,
    ],
)
def test_silence_and_complaints_are_faults(output: str) -> None:
    """A verification that says nothing, or anything bad, is not taken for success."""
    assert _verify_faults(output)


def test_the_way_back_skips_what_a_timeline_left_behind() -> None:
    """What an older timeline wrote after its end is not on the way back."""
    one = [f"0000000100000000000000{n:02X}" for n in (1, 2, 3, 4)]
    two = [f"0000000200000000000000{n:02X}" for n in (3, 4, 5)]

    assert _backwards((*one, *two)) == [*reversed(two), one[1], one[0]]


def test_commits_are_read_from_a_dump() -> None:
    """Commits count, prepared ones too; aborts do not."""
    line = "rmgr: Transaction len (rec/tot):     34/    34, tx: 812, desc: "
    dump = "\n".join(
        (
            line + "COMMIT 2026-11-23 23:06:35.382557 UTC; inval msgs: catcache 80",
            line + "ABORT 2026-11-23 23:06:36.000000 UTC",
            line + "COMMIT_PREPARED 734: 2026-11-23 23:06:37 UTC",
        )
    )

    assert commits(dump) == (
        datetime(2026, 11, 23, 23, 6, 35, 382557, tzinfo=UTC),
        datetime(2026, 11, 23, 23, 6, 37, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("tool", "server"),
    [
        ("pgBackRest 2.45", 15),
        ("pgBackRest 2.59", 18),
        ("pgBackRest 2.48", 16),
        ("pgBackRest 2.40", None),
        ("something else", None),
    ],
)
def test_versions_are_gated(tool: str, server: int | None) -> None:
    """A pgBackRest is trusted with the servers that it knows, an unknown with none."""
    assert newest_server(tool) == server


@pytest.mark.parametrize(
    ("stored", "encrypted"),
    [
        (SALTED + os.urandom(5000), True),
        (SALTED + os.urandom(40), True),
        (b"", False),
        (SALTED, False),
        (os.urandom(5000), False),
        (b"[backrest]\nbackrest-format=5\n", False),
        (SALTED + bytes(8) + b"insert into orders values (1);" * 200, False),
        (SALTED + bytes(8192), False),
    ],
    ids=["long", "short", "empty", "salt", "noise", "plain", "said-so", "zeros"],
)
def test_encryption_is_told_from_the_bytes(stored: bytes, *, encrypted: bool) -> None:
    """The salted header alone proves nothing: what follows must be noise."""
    assert looks_encrypted(stored) is encrypted


@pytest.mark.parametrize("output", ["", "{", "[]", "[{}]", '[{"repo": [], "db": []}]'])
def test_a_listing_without_sense_is_of_a_repository_that_does_not_answer(
    output: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever pgBackRest prints, it is an account of the repository, and no crash."""
    ran = run(Call(("/bin/echo", output), timedelta(minutes=1), tmp_path))
    monkeypatch.setattr(pgbackrest_info, "call", lambda *_, **__: ran)
    monkeypatch.setattr(pgbackrest_info, "configure_recovery", lambda *_: tmp_path)
    protected = cast("Protected", None)
    info = pgbackrest_info.read_info(protected, 1)
    assert (info.status, info.answers) == (pgbackrest_info.UNREADABLE, False)
    assert info.evidence == (ran.evidence,)
