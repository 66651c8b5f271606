"""Several datastores in one disaster: node, runner and two real servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from tests.drills.ports import until
from tests.drills.rig import Rig, a_rig

from holdfast.assembly.reading import SystemClock
from holdfast.demo import northwind
from holdfast.demo.box import Box
from holdfast.domain.controls.all import judge_all
from holdfast.domain.events.drill import DrillFinished
from holdfast.domain.events.job import JobLost
from holdfast.engines.drill_target import target_of
from holdfast.engines.postgresql import postmaster
from holdfast.engines.protected import Protected
from holdfast.journal import read
from holdfast.operations.govern import adopt

pytestmark = [pytest.mark.engine, pytest.mark.drills]

DESK = "orders-db"  # What the rig calls its datastore; here it is the desk's.


@pytest.fixture(name="company")
def _company() -> Iterator[tuple[Box, Rig]]:
    """Provide a company with a datastore for each of its two first functions."""
    with ExitStack() as stack:
        box, rig = Box.make(), stack.enter_context(a_rig())
        try:
            box.prepare()
            _declare(box, rig.protected)
            box.start_database()
            box.start_node()
            box.start_runner()
            until(lambda: _backed_up(box), seconds=150)
            yield box, rig
        finally:
            box.close()


def _declare(box: Box, protected: Protected) -> None:
    catalogue = tomllib.loads((box.resilience / "catalogue.toml").read_text())
    store, service = catalogue["datastores"][0], catalogue["services"][0]
    second = next(f["id"] for f in catalogue["functions"] if f["rank"] == 2)
    desk = {**store, "id": DESK, "name": "Desk", "invariants": []}
    catalogue["datastores"].append(desk)
    bare = {key: value for key, value in service.items() if key != "probe"}
    catalogue["services"].append(
        {**bare, "id": "desk", "function": second, "datastores": [DESK]}
    )
    (box.resilience / "catalogue.toml").write_text(tomli_w.dumps(catalogue))
    reader = box.reader()
    adopt(reader.log, SystemClock(), box.texts(), "ana")
    reader.store.close()
    file = box.runner_home / "runner.toml"
    settings = tomllib.loads(file.read_text())
    settings["pgbackrest"].append(northwind._plain(protected))
    file.write_text(tomli_w.dumps(settings))


def _backed_up(box: Box) -> bool:
    known = box.reader().log.state().datastores
    return all(
        any(seen.backup.off_site for seen in known[name].backups)
        for name in (northwind.DATASTORE, DESK)
        if name in known
    ) and {northwind.DATASTORE, DESK} <= set(known)


def drill(box: Box, *options: str) -> subprocess.CompletedProcess[str]:
    """Type a command about drills."""
    return subprocess.run(
        [sys.executable, "-m", "holdfast", "drill", *options],
        env={**os.environ, "HOLDFAST_HOME": str(box.home), "HOLDFAST_PERSON": "chi"},
        capture_output=True,
        text=True,
        check=False,
    )


def events(box: Box, kind: type[Any]) -> list[Any]:
    """Return every event of a kind in the log."""
    store = box.reader().store
    entries = (read(i, data) for i, data in enumerate(store.read(0, store.size())))
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


def test_one_disaster_is_recovered_in_the_order_of_ranks(
    company: tuple[Box, Rig],
) -> None:
    """The region is lost: function 1's data come back, then function 2's, and then
    both are backed up anew; a runner that dies in between loses nothing of that.
    """
    box, rig = company
    ran = drill(box, "run", "--all", "--region-loss", "--json")
    assert ran.returncode == 0, ran.stderr + ran.stdout
    first, second = json.loads(ran.stdout)
    assert (first["datastore"], second["datastore"]) == (northwind.DATASTORE, DESK)
    assert (first["rank"], second["rank"]) == (1, 2)
    assert {first["scenario"], second["scenario"]} == {"region-loss"}
    assert {first["fence"], second["fence"]} == {"namespaces"}
    assert first["moments"][0]["at"] == second["moments"][0]["at"]
    ended = {m["name"]: m["at"] for m in first["moments"]}["ended"]
    began = {m["name"]: m["at"] for m in second["moments"]}["fault"]
    assert ended <= began
    verdict = judge_all(box.reader().desk("").situation())["functions"]
    assert f"came back {northwind.DATASTORE}, then {DESK}" in verdict.proofs[0].text

    def backed_up_anew() -> bool:
        jobs = box.reader().log.state().jobs.all
        return all(
            name in jobs and jobs[name].ok
            for name in (f"backup-after-{d['id']}" for d in (first, second))
        )

    until(backed_up_anew, seconds=120)

    # The job's own process dies in the middle: lost, cleared, and not begun again.
    target = target_of(rig.protected)
    assert drill(box, "run", DESK, "--no-wait").returncode == 0
    until(lambda: postmaster(target.cluster) is not None, seconds=120)
    [running] = (
        j for j in box.reader().log.state().jobs.all.values()
        if j.started is not None and j.ended is None and j.requested.verb == "drill"
    )  # fmt: skip
    assert running.started is not None
    process = json.loads((Path(running.started.folder) / "process.json").read_text())
    os.kill(process["pid"], signal.SIGKILL)
    until(lambda: len(events(box, JobLost)) == 1, seconds=120)
    until(lambda: len(events(box, DrillFinished)) == 3, seconds=60)
    assert "its place is cleared" in events(box, JobLost)[0].detail
    assert not target.folder.exists()
    assert postmaster(target.cluster) is None
    assert not events(box, DrillFinished)[-1].passed
    listed = drill(box, "list").stdout
    assert listed.count("passed") == 2
    assert listed.count("failed") == 1
