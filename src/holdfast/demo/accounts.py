"""Whom the box's node and runner run as: two accounts where root can lend them.

The runner gets the tools' own account, the node a number of its own that no list of
accounts names, with a group for the store that both write. Where Holdfast or Python lie
in a folder that keeps others out, such as root's own, the two see a view of it with
only those in it, in a mount namespace that ends with them. Nothing is written to the
machine. Not as root, or where none of that can be had, both share one account, and the
demo says so.
"""

from __future__ import annotations

import grp
import os
import pwd
import secrets
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import holdfast
from holdfast.engines.account import Account, unprivileged
from holdfast.errors import HoldfastError

# The range that systemd takes for accounts that live as long as a service.
FIRST, LAST = 61184, 65519
TRIES = 50
_LOOKS = "import holdfast.errors, immutables"


@dataclass(frozen=True, slots=True)
class Accounts:
    """The two accounts, the group that both are in, and how they come to their code."""

    node: Account
    runner: Account
    group: int
    view: tuple[str, ...]

    def command(self, account: Account, argv: Sequence[str]) -> list[str]:
        """Return the command that runs the given one as one of them."""
        ids = (f"--reuid={account.uid}", f"--regid={account.gid}")
        groups = f"--groups={self.group}"
        return [*self.view, "setpriv", *ids, groups, "--inh-caps=-all", *argv]

    def share(self, store: Path) -> None:
        """Let both write the store, and nobody else see it."""
        os.chown(store, self.node.uid, self.group)
        store.chmod(0o2770)
        for file in store.iterdir():
            os.chown(file, self.node.uid, self.group)
            file.chmod(0o660)

    @contextmanager
    def as_node(self) -> Iterator[None]:
        """Act as the node's account while the block runs."""
        os.seteuid(self.node.uid)
        try:
            yield
        finally:
            os.seteuid(0)

    def check(self, hers: Sequence[Path], runners: Sequence[Path]) -> None:
        """Try every private file as both accounts: each reads its own and no other.

        Raises `HoldfastError` where one can read too much, or too little.
        """
        for own, other, files in (
            (self.node, self.runner, hers),
            (self.runner, self.node, runners),
        ):
            for file in files:
                if not self.reads(own, file):
                    raise HoldfastError(f"{own.name} cannot read its own {file.name}")
                if self.reads(other, file):
                    raise HoldfastError(f"{other.name} can read {file}")

    def reads(self, account: Account, file: Path) -> bool:
        """Say whether one of them can read the file."""
        return self.runs(account, ["cat", str(file)])

    def runs(self, account: Account, argv: Sequence[str]) -> bool:
        """Say whether a program runs well as one of them."""
        environment: Mapping[str, str] = {"PATH": os.environ.get("PATH", os.defpath)}
        try:
            ran = subprocess.run(
                self.command(account, argv),
                check=False,
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            return False
        return ran.returncode == 0


def lend(box: Path) -> Accounts | str:
    """Return two accounts that reach the box, or in words why there is only one."""
    runner = unprivileged()
    if runner is None:
        return "only root can lend two"
    uid = _free()
    node = Account(f"uid {uid}", uid, uid)
    accounts = Accounts(node, runner, uid, _view(box))
    for account in (node, runner):
        # A container may know no such number, or give root no right to take it.
        if not accounts.runs(account, [sys.executable, "-c", _LOOKS]):
            return f"{account.name} cannot run Holdfast's code where it lies"
    return accounts


def give(folder: Path, account: Account) -> None:
    """Make a folder and all in it an account's own."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.uid, account.gid)


def _free() -> int:
    for _ in range(TRIES):
        uid = FIRST + secrets.randbelow(LAST - FIRST + 1)
        try:
            pwd.getpwuid(uid)
        except KeyError:
            try:
                grp.getgrgid(uid)
            except KeyError:
                return uid
    raise HoldfastError("no number is free for an account", "Start the demo anew.")


def _view(box: Path) -> tuple[str, ...]:
    """Return the command that lets others reach what lies in closed folders.

    Each closed folder is covered by an empty one, in which only what is needed of it
    is bound: for the processes that follow, and for nobody else.
    """
    code = Path(holdfast.__file__).parents[1]
    needed = {Path(p).resolve() for p in (sys.prefix, sys.base_prefix, code, box)}
    closed: dict[Path, list[Path]] = {}
    for path in sorted(needed):
        # From the top: what lies below the first closed folder is covered with it.
        for above in reversed(path.parents):
            if not above.stat().st_mode & stat.S_IXOTH:
                closed.setdefault(above, []).append(path)
                break
    if not closed:
        return ()
    lines = ["set -e"]
    for number, (folder, paths) in enumerate(sorted(closed.items())):
        place = box / f"view-{number}"
        place.mkdir(mode=0o711)
        lines.append(f"mount -t tmpfs -o mode=0711 view {_quoted(place)}")
        for path in paths:
            there = place / path.relative_to(folder)
            lines += [
                f"mkdir -p {_quoted(there)}",
                f"mount --bind {_quoted(path)} {_quoted(there)}",
            ]
        lines.append(f"mount --rbind {_quoted(place)} {_quoted(folder)}")
    script = "; ".join([*lines, 'exec "$@"'])
    return ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh")


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
