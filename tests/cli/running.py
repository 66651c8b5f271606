"""The real command, run as a person runs it, in a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import tomli_w
from tests.operations.company import texts

ROOT_USER = 0


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and how it ended."""

    status: int
    out: str
    errors: str


def holdfast(
    *words: str | Path, given: str = "", obedient: bool = False, seconds: float = 120
) -> Said:
    """Run the command. ``obedient``: even as root it keeps to the files' modes."""
    argv = [sys.executable, "-m", "holdfast", *map(str, words)]
    if obedient and os.geteuid() == ROOT_USER:
        argv = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *argv]
    done = subprocess.run(
        argv,
        check=False,
        input=given,
        capture_output=True,
        text=True,
        timeout=seconds,
        env=environment(),
    )
    return Said(done.returncode, done.stdout, done.stderr)


class Ready:
    """A process that runs commands without starting anew for each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("ready.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    def run(self, *words: str | Path) -> Said:
        """Run a command to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        out, errors = self._folder / "out", self._folder / "errors"
        for place in (out, errors):
            place.write_text("")
        given = [str(word) for word in words]
        order = {"words": given, "out": str(out), "errors": str(errors)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        return Said(status, out.read_text(), errors.read_text())

    def close(self) -> None:
        """End."""
        self._process.communicate()


def environment() -> dict[str, str]:
    """Return the environment of a command, with a terminal that is wide enough."""
    return {**os.environ, "TERM": "dumb", "COLUMNS": "200"}


def write_folder(folder: Path, engine: str = "scripted") -> Path:
    """Write the company's resilience folder."""
    given = texts(engine)
    folder.mkdir()
    (folder / "policy.md").write_text(given.policy, encoding="utf-8")
    (folder / "catalogue.toml").write_text(given.catalogue, encoding="utf-8")
    (folder / "overlay.toml").write_text(given.overlay or "", encoding="utf-8")
    return folder


def configure(home: Path, **settings: object) -> None:
    """Write the home's settings."""
    known = {"web": {"port": 0}, **settings}
    (home / "holdfast.toml").write_text(tomli_w.dumps(known), encoding="utf-8")


def copy_home(source: Path, target: Path) -> Path:
    """Copy a home, so that a test may break it."""
    shutil.copytree(source, target)
    return target
