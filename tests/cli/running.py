"""The real command, in a process of its own, in a home of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import tomli_w
from tests.operations.company import texts
from tests.warm import warm

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
    argv = [str(warm().folder / "holdfast"), *map(str, words)]
    if obedient and os.geteuid() == ROOT_USER:
        modest = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
        argv = [*modest, sys.executable, "-m", "holdfast", *map(str, words)]
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
