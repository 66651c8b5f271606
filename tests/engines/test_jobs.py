"""Detached jobs: begun once, seen from their folder, never mistaken."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.drills.rig import DATASTORE, until

from holdfast.engines import jobs
from holdfast.engines.jobs import ProcessMark
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import Finished, Job, Lost, Running

HANGING = Job("hanging", DATASTORE, "backup", 2)


def _mark(folder: str) -> ProcessMark:
    mark = jobs.read(Path(folder) / jobs.PROCESS, ProcessMark)
    assert mark is not None
    return mark


def _end(stand_ins, job: Job = HANGING) -> None:
    stand_ins.engine.end(job)
    until(lambda: not isinstance(stand_ins.engine.observe(job), Running))


def _command(stand_ins) -> int:
    until(lambda: stand_ins.pid_file.exists() and stand_ins.pid_file.read_text() != "")
    return int(stand_ins.pid_file.read_text())


def test_a_job_runs_in_a_session_of_its_own(stand_ins) -> None:
    """The job's process is not in our session, so that our end is not its end."""
    folder = stand_ins.engine.start(HANGING)

    assert isinstance(stand_ins.engine.observe(HANGING), Running)
    assert os.getsid(_mark(folder).pid) != os.getsid(0)
    _end(stand_ins)


def test_many_starts_begin_one_job(stand_ins) -> None:
    """However many start the same job at once, one process does it."""
    threads = [
        threading.Thread(target=stand_ins.engine.start, args=(HANGING,))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder = stand_ins.engine.start(HANGING)
    mark = _mark(folder)

    def alive() -> list[int]:
        found = [p for p in Path("/proc").iterdir() if p.name.isdigit()]
        return [int(p.name) for p in found if folder.encode() in _cmdline(p)]

    # Who came too late may still be about to see that, and to end.
    until(lambda: alive() == [mark.pid])
    _end(stand_ins)


def test_a_killed_job_is_lost_and_takes_its_command_along(stand_ins) -> None:
    """After SIGKILL the job is lost, its command is dead, and no start revives it."""
    folder = stand_ins.engine.start(HANGING)
    command = _command(stand_ins)

    os.kill(_mark(folder).pid, signal.SIGKILL)

    until(lambda: isinstance(stand_ins.engine.observe(HANGING), Lost))
    until(lambda: not Path(f"/proc/{command}/exe").exists() or _is_zombie(command))
    stand_ins.engine.start(HANGING)
    assert isinstance(stand_ins.engine.observe(HANGING), Lost)


def test_a_job_can_be_ended(stand_ins) -> None:
    """A job asked to end kills its command and leaves a result that says so."""
    stand_ins.engine.start(HANGING)
    command = _command(stand_ins)

    _end(stand_ins)

    ended = stand_ins.engine.observe(HANGING)
    assert isinstance(ended, Finished)
    assert (ended.ok, ended.detail) == (False, "ended on request")
    until(lambda: not Path(f"/proc/{command}").exists() or _is_zombie(command))


def test_a_deadline_ends_a_job_with_a_result(stand_ins) -> None:
    """A command that hangs past its deadline makes a result, not a hanging job."""
    short = replace(stand_ins.protected.deadlines, backup=timedelta(seconds=0.3))
    hasty = replace(stand_ins.protected, deadlines=short)
    engine = replace(stand_ins.engine, datastores=(hasty,))

    engine.start(HANGING)

    until(lambda: not isinstance(engine.observe(HANGING), Running))
    ended = engine.observe(HANGING)
    assert isinstance(ended, Finished)
    assert not ended.ok
    assert "deadline" in ended.detail


def test_a_recycled_pid_is_not_the_job(tmp_path: Path) -> None:
    """A living process with the same pid but another start is not taken for the job."""
    (tmp_path / jobs.JOB).write_text("{}")
    jobs.write(tmp_path / jobs.PROCESS, jobs.own_mark())
    assert isinstance(jobs.observe(tmp_path), Running)

    jobs.write(tmp_path / jobs.PROCESS, replace(jobs.own_mark(), started="1"))

    assert isinstance(jobs.observe(tmp_path), Lost)


def test_a_job_of_before_the_reboot_is_lost(tmp_path: Path) -> None:
    """After a reboot no process is the job, whatever its pid and start."""
    jobs.write(tmp_path / jobs.PROCESS, replace(jobs.own_mark(), boot="another"))

    assert isinstance(jobs.observe(tmp_path), Lost)


def test_a_job_that_never_began_is_lost_after_a_while(tmp_path: Path) -> None:
    """Orders whose process never came up wait a while, then are lost."""
    orders = tmp_path / jobs.JOB
    orders.write_text("{}")
    assert isinstance(jobs.observe(tmp_path), Running)

    os.utime(orders, (1, 1))

    lost = jobs.observe(tmp_path)
    assert isinstance(lost, Lost)
    assert "never began" in lost.detail


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "sp ace"])
def test_a_jobs_id_cannot_leave_its_folder(stand_ins, name: str) -> None:
    """An id that is no slug is refused before anything is made."""
    with pytest.raises(HoldfastError, match="not fit"):
        stand_ins.engine.start(Job(name, DATASTORE, "backup"))


def test_missing_tools_are_named_before_a_job_begins(stand_ins) -> None:
    """Without pgBackRest nothing starts, and the error says what to install."""
    bare = replace(stand_ins.protected, pgbackrest=Path("/nowhere/pgbackrest"))
    engine = replace(stand_ins.engine, datastores=(bare,))

    with pytest.raises(HoldfastError, match="not installed") as missing:
        engine.start(HANGING)

    assert "apt-get install pgbackrest" in missing.value.hint


def test_a_key_that_others_can_read_is_refused(stand_ins) -> None:
    """A cipher key open to other users ends the job, which names the file."""
    key = stand_ins.protected.repositories[1].key_file
    key.chmod(0o644)

    stand_ins.engine.start(HANGING)

    until(lambda: not isinstance(stand_ins.engine.observe(HANGING), Running))
    ended = stand_ins.engine.observe(HANGING)
    assert isinstance(ended, Finished)
    assert not ended.ok
    assert "other users" in ended.detail
    assert str(key) in ended.detail


def test_a_late_process_does_not_begin_what_is_lost(stand_ins) -> None:
    """A second process for a job that has begun ends at once and changes nothing."""
    folder = stand_ins.engine.start(HANGING)
    mark = _mark(folder)
    _command(stand_ins)
    os.kill(mark.pid, signal.SIGKILL)
    until(lambda: isinstance(stand_ins.engine.observe(HANGING), Lost))

    jobs._spawn(Path(folder))

    assert _mark(folder) == mark
    assert isinstance(stand_ins.engine.observe(HANGING), Lost)


def _cmdline(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _is_zombie(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
