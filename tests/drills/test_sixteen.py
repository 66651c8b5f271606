"""A real PostgreSQL 16 and Debian's pgBackRest 2.45, which does not know it."""

from __future__ import annotations

import platform
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.drills.rig import DATASTORE, a_server
from tests.drills.test_traps import _bare

from holdfast.engines.protected import Protected
from holdfast.engines.provision import create_stanza
from holdfast.errors import HoldfastError

WHEEL = Path("build/postgresql-16").absolute()
pytestmark = [
    pytest.mark.engine,
    pytest.mark.drills,
    pytest.mark.skipif(
        platform.machine() != "x86_64", reason="there is no such wheel for others"
    ),
]
TOLD = "postgres (PostgreSQL) 16.2: not known to work together"


def sixteen(protected: Protected, base: Path) -> Protected:
    """Let the server be a 16, its programs where its account reaches them."""
    shutil.copytree(WHEEL, base / "sixteen")
    bin_folder = base / "sixteen" / "pgserver" / "pginstall" / "bin"
    return replace(protected, cluster=replace(protected.cluster, bin_folder=bin_folder))


def test_a_real_16_is_refused_before_anything_is_touched() -> None:
    """2.45 says that there is no primary, which misleads; Holdfast gives the reason, by
    every verb, and leaves the repositories empty.
    """
    with a_server(sixteen) as rig:
        bare = _bare(rig.protected, "stanza-create")
        assert not bare.exited_well
        assert "unable to find primary cluster" in bare.output
        assert "are all available clusters in recovery?" in bare.output
        assert rig.engine.describe(DATASTORE).server_version == "16.2"

        with pytest.raises(HoldfastError, match=r"16\.2: not known to work") as refused:
            create_stanza(rig.protected)
        backed_up = rig.run("backup", "first", 2)
        checks = rig.engine.preflight(DATASTORE, 2).checks
        drilled = rig.run("drill", "rehearsal", 2)

        assert "works with PostgreSQL up to 15" in refused.value.hint
        assert (backed_up.ok, TOLD in backed_up.detail) == (False, True)
        assert [TOLD in said for name, _, said in checks if name == "tools"] == [True]
        assert (drilled.ok, TOLD in drilled.detail) == (False, True)
        stored = [p for r in rig.protected.repositories for p in r.path.rglob("*")]
        assert [p for p in stored if p.is_file()] == []
