"""What a drill's processes cannot reach: the network, production, writing off-site.

A fence is a set of the kernel's namespaces around one command and all that it starts.
Its network holds nothing but a loopback address of its own; production's data and
sockets are covered by empty folders, for a local superuser needs no network to get in;
and repositories can be read, not written. Nothing of it has a name, so it is gone with
its last process, however that ends.

As root it always holds. For others the kernel must let accounts make namespaces of
their own; so it is tried, not assumed, and who finds it `closed` no more says so.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from holdfast.engines.account import Account, unprivileged

UNSHARE, SETPRIV, SH = "/usr/bin/unshare", "/usr/bin/setpriv", "/bin/sh"
DIES_WITH_US = (SETPRIV, "--pdeathsig", "KILL", "--")
TRIAL_SECONDS = 10
COVER_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Fence:
    """Whether the network is cut, and how the file system differs inside.

    ``alone``: it sees no process but its own, so that it cannot reach others by them.
    ``cramped`` is a folder with room for no more than so many bytes.
    """

    cut_off: bool = True
    alone: bool = False
    hidden: tuple[Path, ...] = ()
    read_only: tuple[Path, ...] = ()
    cramped: tuple[Path, int] | None = None

    def holds(self) -> bool:
        """Say whether this kernel makes such a fence for us, by making it once."""
        argv = self.enclose(("/bin/true",))
        try:
            tried = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=TRIAL_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return tried.returncode == 0

    def enclose(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return the command that runs this one inside, as the tools' account.

        It is to be run as ourselves: making the fence may take our powers, which the
        command inside does not have any more.
        """
        account = unprivileged()
        spaces: tuple[str, ...] = (*DIES_WITH_US, UNSHARE, "--mount")
        spaces += ("--net",) if self.cut_off else ()
        spaces += ("--pid", "--fork", "--kill-child", "--mount-proc") * self.alone
        if os.geteuid() != 0:
            spaces += ("--user", "--map-current-user", "--keep-caps")
        script = "\n".join((*self._walls(account), 'exec "$@"'))
        return (*spaces, "--", SH, "-ec", script, "fence", *_meek(account), *argv)

    def with_room(self, folder: Path, size: int) -> Fence:
        """Return a fence in which the folder has room for so many bytes only."""
        return replace(self, cramped=(folder, size))

    def _walls(self, account: Account | None) -> list[str]:
        lines = []
        if self.cut_off:
            # Where the tool is not installed, there is not even a loopback address.
            lines.append("ip link set lo up 2>/dev/null || :")
        for folder in self.read_only:
            place = shlex.quote(str(folder))
            lines.append(f"mount --bind {place} {place}")
            lines.append(f"mount -o remount,bind,ro {place}")
        lines.extend(_cover(place) for place in self.hidden)
        if self.cramped is not None:
            folder, size = self.cramped
            owner = f",uid={account.uid},gid={account.gid}" if account else ""
            options = f"mode=700,size={size}{owner}"
            place = shlex.quote(str(folder))
            lines.append(f"mount -t tmpfs -o {options} small {place}")
        return lines


def _cover(path: Path) -> str:
    """Cover a folder with an empty one, and anything else with nothing at all."""
    place, options = shlex.quote(str(path)), f"ro,mode=755,size={COVER_BYTES}"
    return (
        f"if [ -d {place} ]; then mount -t tmpfs -o {options} no {place};"
        f" elif [ -e {place} ]; then mount --bind /dev/null {place}; fi"
    )


def _meek(account: Account | None) -> tuple[str, ...]:
    """Return how to go on without powers, and to end when we do."""
    if account is None:
        return (
            *(SETPRIV, "--inh-caps=-all", "--ambient-caps=-all"),
            *("--no-new-privs", "--pdeathsig", "KILL", "--"),
        )
    return (
        *(SETPRIV, f"--reuid={account.uid}", f"--regid={account.gid}"),
        *("--clear-groups", "--no-new-privs", "--pdeathsig", "KILL", "--"),
    )
