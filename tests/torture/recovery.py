"""Publishing and recovery under SIGKILL, and what must hold after it.

A publication that was cut off leaves no `checkpoint` whose files are missing, and the
next run sends what is new in the order that LEDGER's rule demands. A recovery that was
cut off leaves nothing that a node works on; the next run ends with what was published.

``python -m tests.torture.recovery --rounds 100 --seed 1`` kills before and after every
write, and then at random moments, on SQLite and PostgreSQL; `make torture-recovery`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.torture.homes import (
    KEY,
    Contents,
    contents,
    empty_machine,
    live,
    make_home,
    sign_on,
)
from tests.torture.points import DONE, FAILED, At, ended, run
from tests.torture.server import Server, running

from holdfast.assembly.node import RECOVERED, join
from holdfast.assembly.reading import RECOVERING
from holdfast.errors import HoldfastError
from holdfast.ledger.note import parse_verifier_key
from holdfast.ledger.verify import CHECKPOINT_PATH, verify_log
from holdfast.operations.world import Inbox
from holdfast.settings import Home
from holdfast.simulation.parts import PromptHands
from holdfast.storage.folder import Folder

ORDER = ("evidence", "bundle", "level 0", "upper tile", "checkpoints", "checkpoint")
KILLS_MOST = 4
Chance = random.Random
_NUMBERS = count()


@dataclass(frozen=True)
class Yard:
    """A home that was published once, lived on, and what it and its copy have."""

    folder: Path
    home: Path
    copy: Path
    whole: Contents

    @classmethod
    def make(cls, folder: Path) -> Yard:
        """Make it in an empty folder; the copy is that of before."""
        copy = folder / "off-site"
        home = make_home(folder, copy)
        yard = cls(folder, home, copy, contents(home, original=True))
        assert ended(run(yard.publishing(home), folder / "first")) == DONE
        return yard

    @staticmethod
    def publishing(home: Path) -> list[str]:
        """Return the words that publish."""
        return ["ledger", "publish", "--home", str(home)]

    def recovering(self, home: Path, url: str | None = None) -> list[str]:
        """Return the words that recover into a home."""
        words = ["ledger", "recover", "--from", self.copy.as_uri(), "--home", str(home)]
        return [*words, "--database", url] if url else words


@dataclass
class Round:
    """One command that is killed, perhaps more than once, and then comes through."""

    words: list[str]
    notes: Path
    check: Callable[[], None]
    kills: int = 0
    writes: list[str] = field(default_factory=list)

    def killed(self, at: At) -> bool:
        """Run it, killed at a write; say whether it came to that."""
        return self._ended(run(self.words, self._fresh(), at))

    def killed_after(self, seconds: float) -> bool:
        """Run it, killed at a moment; say whether it was still at work."""
        pid = run(self.words, self._fresh())
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        return self._ended(pid)

    def through(self) -> None:
        """Run it to its end."""
        assert not self._ended(run(self.words, self._fresh()))

    def _fresh(self) -> Path:
        self.notes.unlink(missing_ok=True)
        return self.notes

    def _ended(self, pid: int) -> bool:
        status = ended(pid)
        errors = self.notes.with_suffix(".errors")
        assert status != FAILED, errors.read_text() if errors.exists() else ""
        if self.notes.exists():
            self.writes += self.notes.read_text().splitlines()
        self.kills += status is None
        if status is None:
            self.check()
        return status is None


@contextmanager
def publication(yard: Yard, folder: Path) -> Iterator[tuple[Round, Path]]:
    """Give a publication of what is new to a copy that shows what was before."""
    folder.mkdir()
    home, copy = folder / "home", folder / "off-site"
    shutil.copytree(yard.home, home)
    shutil.copytree(yard.copy, copy)
    # Its own copy now, of which this home knows what it published last.
    text = (home / "runner.toml").read_text("utf-8")
    text = text.replace(yard.copy.as_uri(), copy.as_uri())
    (home / "runner.toml").write_text(text, "utf-8")
    live(home, adopted=False, starts=300)
    at = Round(yard.publishing(home), folder / "notes", lambda: _shows_whole(copy))
    yield at, copy
    size, root = _shows_whole(copy)
    here = contents(home, original=True)
    assert (size, root) == (here.size, here.root)
    _in_order(folder / "notes")


def _shows_whole(copy: Path) -> tuple[int, bytes]:
    """Verify a copy under the checkpoint that it shows, with each one before."""
    folder, key = Folder(copy), parse_verifier_key(KEY)
    shown = verify_log(_Alone(folder), [key]).checkpoint
    earlier = [one for one in folder.signed_sizes() if one < shown.size]
    verify_log(folder, [key], earlier=earlier)
    return shown.size, shown.root


@dataclass(frozen=True)
class _Alone:
    """A copy as somebody sees it who only follows `checkpoint`."""

    folder: Folder

    def read(self, path: str) -> bytes | None:
        return self.folder.read(path)


def _in_order(notes: Path) -> None:
    """Hold the last run's writes to the order of publication."""
    made = [kind for kind in notes.read_text().splitlines() if kind in ORDER[1:]]
    ranks = [ORDER.index(kind) for kind in made]
    assert ranks == sorted(ranks), made
    assert made.count(CHECKPOINT_PATH) <= 1


@contextmanager
def recovery(
    yard: Yard, folder: Path, url: str | None = None
) -> Iterator[tuple[Round, Path]]:
    """Give a recovery onto an empty machine, into a database of choice."""
    folder.mkdir()
    new = empty_machine(yard.home, folder / "new")
    words = yard.recovering(new, url)
    at = Round(words, folder / "notes", lambda: _is_refused_or_whole(yard, new, url))
    yield at, new
    _has_everything(yard, new, url)
    _lives_on(yard, new, folder, url)


def _is_refused_or_whole(yard: Yard, new: Path, url: str | None) -> None:
    """No node works in a home that a kill left, unless all of it is there."""
    if not (new / RECOVERING).exists() and not (new / RECOVERED).exists():
        return  # The command had not begun.
    trial = new.with_name("trial")
    shutil.rmtree(trial, ignore_errors=True)
    shutil.copytree(new, trial)
    if url:
        settings = trial / "holdfast.toml"
        settings.write_text(f'node = "n"\nstore = "{url}"\n', "utf-8")
    elif not (trial / "holdfast.toml").exists():
        (trial / "holdfast.toml").write_text('node = "n"\n', "utf-8")
    try:
        inbox = Inbox()
        world = join(Home(trial), PromptHands(inbox), inbox)
    except HoldfastError as fault:
        if "its recovery was cut off" in str(fault):
            return
        raise
    with closing(world.store):
        assert (new / "runner.toml").exists(), "a node began without its settings"
        assert world.store.size() >= yard.whole.size, "a node began on half a log"
        assert len(world.log.people.opened()) >= len(yard.whole.people)


def _has_everything(yard: Yard, new: Path, url: str | None) -> None:
    found = contents(new, url=url)
    wanted = yard.whole
    assert found.root == wanted.root or found.size > wanted.size
    assert found.people == wanted.people
    assert found.blobs >= wanted.blobs
    assert found.held == wanted.held, "what is owed does not wait for a person"
    assert found.settings == (yard.home / "runner.toml").read_text("utf-8")
    assert not (new / RECOVERING).exists()


def _lives_on(yard: Yard, new: Path, folder: Path, url: str | None) -> None:
    """The recovered home signs on and publishes: no fork."""
    copy = folder / "off-site"
    shutil.copytree(yard.copy, copy)
    text = (new / "runner.toml").read_text("utf-8")
    (new / "runner.toml").write_text(
        text.replace(yard.copy.as_uri(), copy.as_uri()), "utf-8"
    )
    shutil.copy(yard.home / "people.key", folder / "people.key")
    if url:
        (new / "holdfast.toml").write_text(f'node = "n"\nstore = "{url}"\n', "utf-8")
    sign_on(new, 3, url)
    assert ended(run(yard.publishing(new), folder / "on")) == DONE, (
        folder / "on.errors"
    ).read_text()
    size, _ = _shows_whole(copy)
    assert size > yard.whole.size


# --- All of them -------------------------------------------------------------------


def every_write(words: list[str], notes: Path) -> list[At]:
    """Run a command once; return each of its writes, before and after it."""
    assert ended(run(words, notes)) == DONE, notes.with_suffix(".errors").read_text()
    seen: Counter[str] = Counter()
    found = []
    for kind in notes.read_text().splitlines():
        seen[kind] += 1
        found += [At(kind, seen[kind]), At(kind, seen[kind], after=True)]
    return found


def main() -> int:
    """Kill at every write, then at random; return an exit status."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=100)
    asked.add_argument("--seed", default="1")
    given = asked.parse_args()
    began, failed, kills = time.monotonic(), list[str](), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="holdfast-torture-") as made:
        folder = Path(made)
        yard = Yard.make(_made(folder / "yard"))
        with running() as server:
            for name, work in _works(yard, folder, given, server):
                try:
                    kills[name.partition(":")[0]] += work()
                except Exception:  # noqa: BLE001 - The others are run all the same.
                    failed.append(name)
                    sys.stdout.write(f"\nFAILED: {name}\n{traceback.format_exc()}")
                sys.stdout.write(f"\r{name}, {len(failed)} failed".ljust(79))
                sys.stdout.flush()
    seconds = round(time.monotonic() - began)
    told = {"failed": failed, "seconds": seconds, "kills": dict(sorted(kills.items()))}
    sys.stdout.write(f"\n{json.dumps(told)}\n")
    return 1 if failed else 0


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _works(
    yard: Yard, folder: Path, given: argparse.Namespace, server: Server
) -> Iterator[tuple[str, Callable[[], int]]]:
    for at in _points_of(yard, folder, publication):
        yield (
            f"publish, each write: {at}",
            lambda at=at: _at_point(publication, yard, _place(folder), at),  # type: ignore[misc]
        )
    for at in _points_of(yard, folder, recovery):
        yield (
            f"recover, each write: {at}",
            lambda at=at: _at_point(recovery, yard, _place(folder), at),  # type: ignore[misc]
        )
    for number in range(given.rounds):
        chance = random.Random(f"{given.seed}-{number}")  # noqa: S311 - Moments.
        what = chance.choice(("publish", "recover", "recover into PostgreSQL"))
        yield (
            f"{what}, random moments: {given.seed}-{number}",
            lambda what=what, chance=chance: _at_random(  # type: ignore[misc]
                what, yard, _place(folder), chance, server
            ),
        )


def _place(folder: Path) -> Path:
    return folder / f"round-{next(_NUMBERS)}"


def _points_of(yard: Yard, folder: Path, kind: Callable[..., object]) -> list[At]:
    place = _place(folder)
    with kind(yard, place) as (one, _):  # type: ignore[attr-defined]
        points = every_write(one.words, one.notes)
    shutil.rmtree(place)
    return points


def _at_point(kind: Callable[..., object], yard: Yard, place: Path, at: At) -> int:
    with kind(yard, place) as (one, _):  # type: ignore[attr-defined]
        assert one.killed(at), f"it did not come to be {at}"
        one.through()
    shutil.rmtree(place)
    return int(one.kills)


def _at_random(
    what: str, yard: Yard, place: Path, chance: Chance, server: Server
) -> int:
    database = f"recovery_{next(_NUMBERS)}"
    in_server = what == "recover into PostgreSQL"
    url = server.new_database(database) if in_server else None
    made = publication(yard, place) if what == "publish" else recovery(yard, place, url)
    with made as (one, _):
        for _ in range(chance.randint(1, KILLS_MOST)):
            one.killed_after(chance.uniform(0.0, 0.5))
        one.through()
    if in_server:
        server.drop_database(database)
    shutil.rmtree(place)
    return one.kills


if __name__ == "__main__":
    sys.exit(main())
