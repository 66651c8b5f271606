"""The peer of a drill: the same restore, done by hand with the bare engine.

Only the tools' own commands, as an operator would type them: restore beside production,
start without network and archiving, wait, ask the same checks, stop, remove.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from holdfast.engines.account import own_folder, unprivileged
from holdfast.engines.pgbackrest_command import configure_recovery
from holdfast.engines.protected import Protected

POLL_SECONDS = 0.1
Steps = tuple[tuple[str, float], ...]


@dataclass
class Bare:
    """One restore by hand of the newest backup in repository 2."""

    protected: Protected
    checks: tuple[tuple[str, str], ...]
    folder: Path

    def restore(self) -> tuple[float, Steps]:
        """Do it all; return the wall time, and that of each step."""
        steps = (
            ("restore", self._fetch),
            ("replay", self._start),
            ("verify", self._check),
            ("dispose", self._remove),
        )
        config = configure_recovery(self.protected, 2)
        self._config = str(config)
        own_folder(self.folder)
        began, taken = time.monotonic(), []
        for name, step in steps:
            since = time.monotonic()
            step()
            taken.append((name, time.monotonic() - since))
        return time.monotonic() - began, tuple(taken)

    def _fetch(self) -> None:
        self._run(
            str(self.protected.pgbackrest),
            f"--config={self._config}",
            f"--stanza={self.protected.stanza}",
            f"--pg1-path={self._data}",
            *("--repo=2", "--process-max=2", "--archive-mode=off"),
            "restore",
        )

    def _start(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "port": str(self.protected.cluster.port),
        }
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        hba = self._data / "pg_hba.conf"
        hba.write_text("local all all trust\n", encoding="utf-8")
        log = f"--log={self.folder / 'log'}"
        self._tool(
            "pg_ctl", "start", "-w", log, f"--pgdata={self._data}", "-o", options
        )
        while self._ask("select pg_is_in_recovery()") != "f":
            time.sleep(POLL_SECONDS)

    def _check(self) -> None:
        for name, sql in self.checks:
            assert self._ask(sql) == "t", name

    def _remove(self) -> None:
        self._tool("pg_ctl", "stop", "-m", "immediate", f"--pgdata={self._data}")
        shutil.rmtree(self.folder)

    def _ask(self, sql: str) -> str:
        where = (f"--host={self.folder}", f"--port={self.protected.cluster.port}")
        user = ("--username=postgres", "--dbname=postgres")
        return self._tool("psql", "-At", *where, *user, f"--command={sql}").strip()

    def _tool(self, name: str, *options: str) -> str:
        return self._run(str(self.protected.cluster.bin_folder / name), *options)

    def _run(self, *argv: str) -> str:
        account = unprivileged()
        with (Path(os.devnull)).open("wb") as nowhere:
            ended = subprocess.run(
                argv,
                # A server that stays up keeps its output open; so it goes nowhere.
                stdout=nowhere if "start" in argv else subprocess.PIPE,
                stderr=subprocess.STDOUT,
                user=account.name if account else None,
                group=account.gid if account else None,
                extra_groups=() if account else None,
                umask=0o077,
                cwd="/",
                check=False,
            )
        said = (ended.stdout or b"").decode(errors="replace")
        assert ended.returncode == 0, said
        return said

    @property
    def _data(self) -> Path:
        return self.folder / "data"
