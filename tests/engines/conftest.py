"""A protected datastore whose tools are stand-ins: for jobs, without PostgreSQL."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.drills.rig import DATASTORE, shared_temp

from holdfast.engines.pgbackrest import PgBackRest
from holdfast.engines.protected import Protected
from holdfast.engines.provision import Layout, lay_out

STAND_IN = """#!/bin/sh
case "$*" in
  version|--version) echo "stand-in 2.45";;
  *backup*) echo $$ > {pid}; exec sleep 300;;
esac
"""
TOOLS = (
    "pgbackrest",
    *("postgres", "pg_ctl", "pg_waldump", "pg_isready", "pg_controldata"),
)


class StandIns:
    """Tools that hang, so that their job can be killed in the midst of its work."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.pid_file = base / "shared" / "pid"
        self.pid_file.parent.mkdir(mode=0o777)
        self.pid_file.parent.chmod(0o777)
        for name in TOOLS:
            tool = base / name
            tool.write_text(STAND_IN.format(pid=self.pid_file))
            tool.chmod(0o755)
        laid = lay_out(Layout(DATASTORE, base / "site", 1, base / "away", base))
        self.protected = Protected(
            id=laid.id,
            folder=laid.folder,
            cluster=laid.cluster,
            repositories=laid.repositories,
            stanza=laid.stanza,
            pgbackrest=base / "pgbackrest",
        )
        self.engine = PgBackRest(base / "work", (self.protected,))


@pytest.fixture
def stand_ins() -> Iterator[StandIns]:
    """Provide a datastore whose backups hang."""
    with tempfile.TemporaryDirectory(prefix="holdfast-", dir=shared_temp()) as made:
        Path(made).chmod(0o711)
        yield StandIns(Path(made))
