"""The process of a detached job: `python -m holdfast.engines.job FOLDER`.

It leaves its starter's session, takes the folder's lock, says who it is, and only
then works. It ends by leaving `result.json`, whatever happens short of SIGKILL.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from holdfast.engines import jobs
from holdfast.engines.codec import from_json
from holdfast.engines.pgbackrest_jobs import Order, carry_out
from holdfast.engines.report import Ended, Report
from holdfast.errors import HoldfastError


def main(folder: Path) -> None:
    """Detach, and do the job of this folder unless it has been begun before."""
    reading, writing = os.pipe()
    if os.fork():
        # Return to the starter only once the child has begun, or will not.
        os.close(writing)
        os.read(reading, 1)
        return
    os.close(reading)
    os.setsid()
    with _alone(folder) as may_begin:
        if may_begin:
            jobs.write(folder / jobs.PROCESS, jobs.own_mark())
        os.close(writing)
        if may_begin:
            _work(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    with (folder / jobs.LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        begun = (folder / jobs.PROCESS).exists() or (folder / jobs.RESULT).exists()
        asked = datetime.fromtimestamp((folder / jobs.JOB).stat().st_mtime, UTC)
        yield not begun and datetime.now(UTC) - asked < jobs.SPAWN_LIMIT


def _work(folder: Path) -> None:
    report = Report(folder)
    signal.signal(signal.SIGTERM, _stop)
    try:
        ended = carry_out(_order(folder), report)
    except _StoppedError:
        ended = Ended(ok=False, detail="ended on request")
    except HoldfastError as error:
        ended = Ended(ok=False, detail=f"{error}. {error.hint}")
    except Exception as error:  # noqa: BLE001 # The face of a process: its last word must be a result.
        traceback.print_exc()
        ended = Ended(ok=False, detail=f"internal error: {type(error).__name__}")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    now = datetime.now(UTC)
    result = jobs.Result(
        ended.ok,
        ended.detail,
        now,
        report.evidence,
        ended.rehearsal,
        ended.examinations,
        ended.expired,
    )
    jobs.write(folder / jobs.RESULT, result)


def _order(folder: Path) -> Order:
    return from_json((folder / jobs.JOB).read_text(encoding="utf-8"), Order)


class _StoppedError(Exception):
    """Somebody asked this job to end."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _StoppedError


if __name__ == "__main__":
    main(Path(sys.argv[1]))
