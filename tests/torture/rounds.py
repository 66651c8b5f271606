"""One round of torture: a trouble, drawn by a seed, and what must be true after it.

Whatever happened, the log verifies from its published files alone and against the
database, every key stands in it once, none that was acknowledged is missing, no moment
of recording goes back, and a conclusion stands at the size it was drawn from.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Protocol

from tests.torture.hands import KEY, Place, Task, fork, publish, write
from tests.torture.server import Server

from holdfast.ledger.verify import verify_log
from holdfast.operations.ports.store import Store
from holdfast.storage import postgresql
from holdfast.storage.audit import audit
from holdfast.storage.folder import Folder
from holdfast.storage.opening import open_store

WRITERS = 8
SHARE = 5
LASTS = (0.25, 0.7)
PATIENCE_SECONDS = 60.0
# Less than this a new ledger file does not need; more than that it soon has.
SMALL_DISK, LARGE_DISK = "400k", "64m"
SMALL_FILE = 220 * 1024
# A frozen node that holds the lock is cut off by the server after this.
IDLE_SECONDS = "0.2"

Chance = random.Random
_NUMBERS = count()


@dataclass
class Crew:
    """The processes of a round."""

    place: Place
    pids: list[int] = field(default_factory=list)

    def start(self, work: Callable[[], None]) -> int:
        """Start one."""
        pid = fork(work, self.place)
        self.pids.append(pid)
        return pid

    def kill(self, pid: int) -> None:
        """End one at once, and see it gone."""
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.pids.remove(pid)

    def wait(self, pid: int) -> None:
        """Wait for the orderly end of one."""
        limit = time.monotonic() + PATIENCE_SECONDS
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > limit:
                raise AssertionError("a writer did not come to its end")
            time.sleep(0.002)
        self.pids.remove(pid)

    def end(self) -> None:
        """Kill whoever is left."""
        for pid in list(self.pids):
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGCONT)
                self.kill(pid)


@dataclass(frozen=True)
class Outcome:
    """What a round was, and how many entries it left."""

    trouble: str
    kind: str
    entries: int
    acknowledged: int
    note: str = ""


class Trouble(Protocol):
    """What is done to the crew; returns what is to be said about it, or nothing."""

    def __call__(self, crew: Crew, chance: Chance, seed: str, server: Server) -> str:
        """Do it."""
        ...


def run(seed: str, server: Server) -> Outcome:
    """Do one round; raises `AssertionError` with the folder kept if it fails."""
    chance = random.Random(seed)  # noqa: S311 - Moments, not secrets.
    name = chance.choice(sorted(TROUBLES))
    trouble, kinds = TROUBLES[name]
    kind = chance.choice(kinds)
    folder = Path(tempfile.mkdtemp(prefix="holdfast-torture-"))
    database = f"torture_{next(_NUMBERS)}"
    with _address(name, kind, folder, server, database) as url:
        place = Place(folder, url)
        open_store(url).close()
        crew = Crew(place)
        try:
            said = trouble(crew, chance, seed, server)
            crew.end()
            entries, acknowledged = check(place)
        except Exception as fault:
            fault.add_note(f"round {seed} ({name}, {kind}); what it left: {folder}")
            raise
        finally:
            crew.end()
    shutil.rmtree(folder)
    return Outcome(name, kind, entries, acknowledged, said)


@contextmanager
def _address(
    name: str, kind: str, folder: Path, server: Server, database: str
) -> Iterator[str]:
    if kind == "postgresql":
        yield server.new_database(database)
        server.drop_database(database)
    elif name == "full" and os.geteuid() == 0:
        disk = folder / "disk"
        disk.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(disk))
        try:
            yield f"sqlite://{disk / 'ledger.sqlite'}"
        finally:
            subprocess.run(("umount", "-l", str(disk)), check=True)
    else:
        yield f"sqlite://{folder / 'ledger.sqlite'}"


def check(place: Place) -> tuple[int, int]:
    """Verify everything from outside; return how many entries and acknowledgements."""
    faults = place.faults.read_text() if place.faults.exists() else ""
    assert not faults, faults
    store = open_store(place.url)
    try:
        notary, copy = place.notary(store), place.copy(store)
        notary.sign()
        assert notary.refusal is None, f"not signed: {notary.refusal}"
        copy.publish()
        size, root = store.root()
        folder = Folder(place.folder / "copy")
        earlier = [one for one in folder.signed_sizes() if one < size]
        shown = verify_log(folder, [KEY], earlier=earlier).checkpoint
        assert (shown.size, shown.root) == (size, root)
        audited = audit(store, [KEY])
        assert (audited.size, audited.root) == (size, root)
        return size, _check_entries(store, size, place.acknowledged)
    finally:
        store.close()


def _check_entries(store: Store, size: int, acknowledged: Path) -> int:
    parts = [entry.decode().split(" ") for entry in store.read(0, size)]
    keys = [key for key, _, _ in parts]
    assert len(set(keys)) == len(keys), "a key stands in the log twice"
    told = acknowledged.read_text().splitlines() if acknowledged.exists() else []
    assert len(set(told)) == len(told), "a key was acknowledged twice"
    missing = set(told) - set(keys)
    assert not missing, f"acknowledged and gone: {sorted(missing)[:5]}"
    moments = [datetime.fromisoformat(at) for _, _, at in parts]
    assert moments == sorted(moments), "recorded_at went back"
    for index, (key, drawn_from, _) in enumerate(parts):
        assert drawn_from in {"-", str(index)}, f"{key} was drawn from {drawn_from}"
    return len(told)


# --- Troubles ----------------------------------------------------------------------


def _broken_writes(crew: Crew, chance: Chance, seed: str, server: Server) -> str:
    """Every write breaks twice: not stored, then stored and reported as failed."""
    del chance, server
    tasks = [Task(f"w{n}", seed, SHARE, breaks_writes=True) for n in range(WRITERS)]
    _to_the_end(crew, tasks)
    return ""


def _clock(crew: Crew, chance: Chance, seed: str, server: Server) -> str:
    """Each append has a clock that is up to an hour wrong, either way."""
    del chance, server
    tasks = [Task(f"w{n}", seed, SHARE, clock_jumps=True) for n in range(WRITERS)]
    _to_the_end(crew, tasks)
    return ""


def _killed(crew: Crew, chance: Chance, seed: str, server: Server) -> str:
    """Writers and the publisher are killed at random moments, and others take over."""
    del server
    works = [_until_stopped(crew, f"w{n}", seed) for n in range(WRITERS)]
    works.append(partial(publish, crew.place))
    pids = [crew.start(work) for work in works]
    for number in range(chance.randint(4, 8)):
        time.sleep(chance.uniform(0.005, 0.12))
        victim = chance.randrange(len(works))
        crew.kill(pids[victim])
        if victim < WRITERS:
            works[victim] = _until_stopped(crew, f"w{victim}n{number}", seed)
        pids[victim] = crew.start(works[victim])
    time.sleep(chance.uniform(0.02, 0.2))
    return ""


def _frozen(crew: Crew, chance: Chance, seed: str, server: Server) -> str:
    """Of two nodes one freezes, perhaps in mid-write, and thaws."""
    del server
    plain, postgresql.IDLE_SECONDS = postgresql.IDLE_SECONDS, IDLE_SECONDS  # type: ignore[assignment]
    nodes = [crew.start(_until_stopped(crew, f"node{n}", seed)) for n in range(2)]
    crew.start(partial(publish, crew.place))
    postgresql.IDLE_SECONDS = plain
    for _ in range(3):
        time.sleep(chance.uniform(0.05, 0.2))
        os.kill(nodes[0], signal.SIGSTOP)
        time.sleep(chance.uniform(0.05, 0.35))
        os.kill(nodes[0], signal.SIGCONT)
    time.sleep(0.1)
    return ""


def _restarted(crew: Crew, chance: Chance, seed: str, server: Server) -> str:
    """The database is stopped as by a power loss, and started."""
    pids = [
        crew.start(partial(write, crew.place, Task(f"w{n}", seed, SHARE)))
        for n in range(WRITERS)
    ]
    crew.start(partial(publish, crew.place))
    time.sleep(chance.uniform(*LASTS) / 2)
    server.crash()
    server.start()
    for pid in pids:
        crew.wait(pid)
    return ""


def _full(crew: Crew, chance: Chance, seed: str, server: Server) -> str:
    """The disk fills while all write, and room is made later."""
    del server
    disk = crew.place.folder / "disk"
    limited = not disk.exists()
    works = [_until_stopped(crew, f"w{n}", seed) for n in range(WRITERS)]
    if limited:
        works = [partial(_within_limit, work) for work in works]
    for work in works:
        crew.start(work)
    crew.start(partial(publish, crew.place))
    if limited:
        time.sleep(chance.uniform(0.5, 0.9))
        return "without root: a limit of the file's size stands for the full disk"
    _until(lambda: shutil.disk_usage(disk).free < 8 * 4096, "the disk did not fill")
    time.sleep(chance.uniform(0.1, 0.4))
    before = len(crew.place.acknowledged.read_bytes())
    _mount("-o", f"remount,size={LARGE_DISK}", str(disk))
    _until(
        lambda: len(crew.place.acknowledged.read_bytes()) > before,
        "nothing is written though there is room",
    )
    return ""


def _within_limit(work: Callable[[], None]) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_FILE, resource.RLIM_INFINITY))
    work()


def _until(done: Callable[[], bool], otherwise: str) -> None:
    limit = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < limit, otherwise
        time.sleep(0.01)


def _to_the_end(crew: Crew, tasks: list[Task]) -> None:
    """Have all do their share, with the publisher at work beside them."""
    pids = [crew.start(partial(write, crew.place, task)) for task in tasks]
    crew.start(partial(publish, crew.place))
    for pid in pids:
        crew.wait(pid)
    told = crew.place.acknowledged.read_text().splitlines()
    assert len(told) % len(tasks) == 0, "a writer ended without its share"


def _until_stopped(crew: Crew, name: str, seed: str) -> Callable[[], None]:
    return partial(write, crew.place, Task(name, seed))


def _mount(*arguments: str) -> None:
    subprocess.run(("mount", *arguments), check=True)


_BOTH = ("sqlite", "postgresql")
TROUBLES: dict[str, tuple[Trouble, tuple[str, ...]]] = {
    "broken writes": (_broken_writes, _BOTH),
    "clock": (_clock, _BOTH),
    "frozen": (_frozen, _BOTH),
    "full": (_full, ("sqlite",)),
    "killed": (_killed, _BOTH),
    "restarted": (_restarted, ("postgresql",)),
}
