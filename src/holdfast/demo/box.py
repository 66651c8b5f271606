"""The company in a box: every part a real process, all in one folder, on loopback.

Whatever way the demo ends, also by SIGKILL, the sweeper leaves no process and no
folder behind.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from holdfast.assembly.keys import signer_of
from holdfast.assembly.reading import Reader, SystemClock, open_log
from holdfast.assembly.sign_in import authenticate
from holdfast.demo import northwind, shop_schema
from holdfast.demo.accounts import Accounts, give, lend
from holdfast.demo.mail_relay import Mail, mails
from holdfast.demo.ports import free_port
from holdfast.demo.slack_server import messages
from holdfast.demo.spawn import Spawned
from holdfast.demo.sweep import Sweeper
from holdfast.engines import postgresql, provision
from holdfast.engines.account import Account
from holdfast.engines.pgbackrest_command import version
from holdfast.engines.protected import Protected
from holdfast.errors import HoldfastError
from holdfast.operations.govern import Texts, adopt
from holdfast.operations.respond import Desk
from holdfast.settings import Home

ORDERS_A_SECOND = 40.0


@dataclass(slots=True)
class Box:
    """The running company. Built step by step, so that progress can be shown."""

    folder: Path
    ports: northwind.Ports
    sweeper: Sweeper
    parts: list[Spawned] = field(default_factory=list)
    node: subprocess.Popen[bytes] | None = None
    runner: subprocess.Popen[bytes] | None = None
    protected: Protected | None = None
    password: str = ""
    rpo: timedelta = timedelta()
    token: str = field(default_factory=lambda: f"xoxb-{secrets.token_hex(12)}")
    # Whoever runs commands in the home besides wants one account for all of it.
    wants_two: bool = False
    accounts: Accounts | str = "nobody has asked for two"

    @classmethod
    def make(cls, *also_sweep: Path) -> Box:
        """Make the folder, with the sweeper watching over it from the first moment."""
        name = f"holdfast-box-{secrets.token_hex(6)}"
        folder = Path(tempfile.gettempdir()) / name
        sweeper = Sweeper(folder, *also_sweep)
        # The tools' unprivileged account must be able to pass through.
        folder.mkdir(mode=0o711)
        return cls(folder, northwind.Ports(*(free_port() for _ in range(5))), sweeper)

    def close(self) -> None:
        """End everything and remove the folder."""
        for part in reversed(self.parts):
            part.stop()
        self.sweeper.finish()
        for process in (self.node, self.runner):
            if process is not None:
                process.wait()

    @property
    def home(self) -> Path:
        """The node's home folder."""
        return self.folder / "home"

    @property
    def runner_home(self) -> Path:
        """The runner's home folder."""
        return self.folder / "runner"

    @property
    def resilience(self) -> Path:
        """The resilience folder."""
        return self.folder / "resilience"

    def prepare(self) -> None:
        """Lay everything out: keys, settings, the resilience folder, adopted."""
        if self.wants_two:
            self.accounts = lend(self.folder)
        off_site = self.folder / "other-account"
        off_site.mkdir(mode=0o711)
        layout = provision.Layout(
            northwind.DATASTORE,
            self.folder / "production",
            free_port(),
            off_site / "repository",
            escrow=self.folder / "escrow",
        )
        self.protected = provision.lay_out(layout)
        northwind.write_resilience(self.resilience, self.ports.shop)
        status, store = self.folder / "status", self.folder / "store"
        folders = northwind.Folders(status, store, self.token)
        status.mkdir()
        store.mkdir(mode=0o700)
        self.password = northwind.write_home(self.home, self.ports, folders)
        northwind.write_runner(self.runner_home, self.home, folders, self.protected)
        reader = open_log(Home(self.home), create=True)
        rules = adopt(reader.log, SystemClock(), self.texts(), "ana")
        assert rules.rpo is not None, "the example policy names an RPO"
        self.rpo = rules.rpo
        reader.store.close()
        if isinstance(self.accounts, Accounts):
            give(self.home, self.accounts.node)
            give(status, self.accounts.node)
            give(self.runner_home, self.accounts.runner)
            self.accounts.share(store)

    def apart(self) -> str:
        """Return in words what parts node and runner, tried just now."""
        if isinstance(self.accounts, str):
            why = self.accounts
            return f"node and runner share one account here: {why}"
        assert self.protected is not None
        keys = [self.runner_home / "runner.toml"]
        for repository in self.protected.repositories:
            keys += [
                key
                for key in (repository.key_file, repository.escrow_file)
                if key is not None
            ]
        if self.protected.cluster.passfile is not None:
            keys.append(self.protected.cluster.passfile)
        hers = [self.home / name for name in ("ledger.key", "slack.token")]
        self.accounts.check(hers, keys)
        node, runner = self.accounts.node.name, self.accounts.runner.name
        return (
            f"tried just now: the node ({node}) cannot read the {len(keys)} files with "
            f"the runner's keys, nor the runner ({runner}) the log's key"
        )

    def texts(self) -> Texts:
        """Return the resilience folder's texts."""
        return Texts(
            (self.resilience / "policy.md").read_text("utf-8"),
            (self.resilience / "catalogue.toml").read_text("utf-8"),
            (self.resilience / "overlay.toml").read_text("utf-8"),
            tuple(
                (file.name, file.read_text("utf-8"))
                for file in sorted((self.resilience / "runbooks").glob("*.md"))
            ),
        )

    def start_database(self) -> None:
        """Make and start PostgreSQL with continuous archiving to two repositories."""
        assert self.protected is not None
        provision.create_cluster(self.protected, rpo=self.rpo)
        provision.start_cluster(self.protected)
        provision.create_stanza(self.protected)
        shop_schema.create(self.dsn)

    @property
    def dsn(self) -> str:
        """Where the shop finds its database."""
        assert self.protected is not None
        cluster = self.protected.cluster
        password = provision.password(cluster)
        return f"postgresql://postgres:{password}@127.0.0.1:{cluster.port}/postgres"

    @property
    def engine(self) -> str:
        """Which tools did the work, in the words of their own versions."""
        assert self.protected is not None
        server = self.protected.cluster.bin_folder / "postgres"
        return f"{version(self.protected.pgbackrest)}, {version(server)}"

    def start_company(self) -> None:
        """Start shop, Slack, mail relay and the status page's server."""
        status = self.folder / "status"
        self._part("slack_server", self.ports.slack, HOLDFAST_SLACK_TOKEN=self.token)
        self._part("mail_relay", self.ports.mail)
        self._part("static_server", self.ports.status, folder=status)
        self._part("shop", self.ports.shop, HOLDFAST_SHOP_DSN=self.dsn)

    def start_customers(self) -> None:
        """Let customers order from now on."""
        url = f"http://127.0.0.1:{self.ports.shop}"
        self._part("customers", 0, "--url", url, "--rate", str(ORDERS_A_SECOND))

    def start_node(self) -> None:
        """Start the node: it watches, decides, tells, and holds no engine."""
        log, account = self.folder / "node.log", None
        if isinstance(self.accounts, Accounts):
            account = self.accounts.node
        self.node = self._holdfast("serve", self.home, log, account)

    def start_runner(self) -> None:
        """Start the runner, a process of its own: it holds the engine and its keys."""
        log, account = self.folder / "runner.log", None
        if isinstance(self.accounts, Accounts):
            account = self.accounts.runner
        self.runner = self._holdfast("runner", self.runner_home, log, account)

    def stop(self) -> None:
        """End Holdfast in order: jobs are over, samples sealed, the log signed."""
        for process in (self.runner, self.node):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait()

    def _holdfast(
        self, what: str, home: Path, log: Path, account: Account | None
    ) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "holdfast", what, "--home", str(home)]
        environment = dict(os.environ)
        if account is not None and isinstance(self.accounts, Accounts):
            argv = self.accounts.command(account, argv)
            environment |= {"HOME": str(home), "TMPDIR": str(home)}
        with log.open("ab") as errors:
            process = subprocess.Popen(
                argv,
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        assert process.stdout is not None
        with process.stdout as said:
            ready = said.readline()
        if not ready:
            raise HoldfastError(f"the {what} did not start", log.read_text()[-2000:])
        return process

    def reader(self) -> Reader:
        """Return a view of the log."""
        with self._as_node():
            return open_log(Home(self.home))

    def verifier_key(self) -> str:
        """Return the log's public key."""
        with self._as_node():
            return signer_of(Home(self.home)).verifier_key

    def _as_node(self) -> AbstractContextManager[None]:
        """Act as the node's account: only that one's secrets count in its home."""
        if isinstance(self.accounts, str):
            return nullcontext()
        return self.accounts.as_node()

    def signed_in(self, reader: Reader, person: str) -> Desk:
        """Return the desk of a person who has just signed in."""
        now = SystemClock().now()
        with self._as_node():
            signed = authenticate(Home(self.home), person, self.password, now)
        return reader.desk(person, signed)

    def destroy_production(self) -> datetime:
        """Kill the database with SIGKILL; destroy its data and the on-site backup."""
        assert self.protected is not None
        cluster = self.protected.cluster
        pid = postgresql.postmaster(cluster)
        if pid is None:
            raise HoldfastError("the database is not running", "Start the demo anew.")
        family = [pid, *_children(pid)]
        fault_at = datetime.now(UTC)
        for each in family:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        while any(_alive(each) for each in family):
            time.sleep(0.01)
        shutil.rmtree(cluster.data)
        shutil.rmtree(self.protected.repository(1).path)
        return fault_at

    def slack_messages(self) -> list[dict[str, object]]:
        """Return what Slack received."""
        return messages(self.folder / "slack_server")

    def mails(self) -> list[Mail]:
        """Return what the relay accepted."""
        return mails(self.folder / "mail_relay")

    def _part(
        self,
        module: str,
        port: int,
        *arguments: str,
        folder: Path | None = None,
        **environment: str,
    ) -> None:
        place = folder or self.folder / module
        place.mkdir(exist_ok=True)
        part = Spawned(
            module,
            "--port",
            str(port),
            "--folder",
            place,
            *arguments,
            environment=environment,
            log=self.folder / f"{module}.log",
        )
        self.parts.append(part)


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in text.split()]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
