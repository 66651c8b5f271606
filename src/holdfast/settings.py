"""What the operator configures: addresses, keys, paths. Never policy.

Read from `holdfast.toml` for the node and from `runner.toml` for the runner, each in a
home folder; relative paths start there. Secrets never stand in them: they name private
files (mode 0600) that hold them.
"""

from __future__ import annotations

import os
import stat
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from holdfast.domain.drill_window import parse_window
from holdfast.engines.protected import Protected
from holdfast.errors import FaultsError, HoldfastError
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.note import COSIGNATURE, ED25519, parse_verifier_key

FILE = "holdfast.toml"
RUNNER_FILE = "runner.toml"
# Where systemd puts what LoadCredential= names; it sees to their owner and mode.
CREDENTIALS = "$CREDENTIALS_DIRECTORY"
ROOT = 0
PRIVATE_BITS = stat.S_IRWXG | stat.S_IRWXO


class _Part(BaseModel):
    # Built at first use: most commands read few of them.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


Length = Annotated[timedelta, Field(gt=timedelta(0))]
NAME = r"^[a-z0-9][a-z0-9.-]{0,62}$"
Name = Annotated[str, Field(pattern=NAME)]
_S = TypeVar("_S", bound=_Part)


class Web(_Part):
    """The web face: where it listens, and the files with password hashes by user."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8460
    passwords: dict[str, Path] = {}
    session_key: Path = Path("session.key")
    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})
    secure: bool = False


class SlackAt(_Part):
    """Slack's workspace: the bot's token file, the response team's channel."""

    token: Path
    irt_channel: str
    base_url: str = "https://slack.com/api/"
    timeout: Length = timedelta(seconds=10)


class MailAt(_Part):
    """The company's relay. ``password`` names a private file."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    sender: str
    username: str | None = None
    password: Path | None = None
    starttls: bool | None = None
    timeout: Length = timedelta(seconds=15)


class StatusPageAt(_Part):
    """Where the public status page is published, and where the public sees it."""

    folders: Annotated[list[Path], Field(min_length=1)]
    public_url: str


class ScriptedAt(_Part):
    """A scripted engine, to rehearse Holdfast itself without a database."""

    folder: Path
    datastores: list[str]
    job_length: Length = timedelta(seconds=2)


class PublishAt(_Part):
    """A copy of the log off-site. ``credentials`` names a private file of obstore's
    keys: they need to put, and no more. ``read_credentials`` names another, whose keys
    may get and list: with them the copy is read back and rebuilt from. So it is with
    the bucket of the personal data.
    """

    url: Annotated[str, Field(pattern=r"^(file|s3|gs|az)://")]
    credentials: Path | None = None
    read_credentials: Path | None = None
    personal: Annotated[str, Field(pattern=r"^(file|s3|gs|az)://")] | None = None
    personal_credentials: Path | None = None
    personal_read_credentials: Path | None = None


class PackAt(_Part):
    """Where the pack for the day on which Holdfast is dead is written: folders that are
    there. Besides, it goes wherever the personal data are backed up, sealed.
    """

    folders: list[Path] = []


class KeyAt(_Part):
    """Where a log's private key is, in exactly one way; a bare text is a file.

    ``command`` signs in our stead, and ``public`` is the key that it signs with.
    """

    file: Path | None = None
    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    credential: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")] | None = None
    command: Annotated[list[str], Field(min_length=1)] | None = None
    public: str | None = None
    timeout: Length = timedelta(seconds=5)

    @model_validator(mode="before")
    @classmethod
    def _may_be_a_file(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, (str, Path)) else value

    @field_validator("public")
    @classmethod
    def _is_a_log_key(cls, text: str | None) -> str | None:
        if text is None:
            return None
        try:
            key = parse_verifier_key(text)
        except LedgerError as fault:
            raise ValueError(str(fault)) from None
        if key.kind != ED25519:
            message = "this is the key of a witness, not of a log"
            raise ValueError(message)
        return str(key)

    @model_validator(mode="after")
    def _is_one_way(self) -> KeyAt:
        """Refuse two places for one key, and a command whose key nobody knows."""
        ways = (self.file, self.env, self.credential, self.command)
        if sum(way is not None for way in ways) != 1:
            message = "a key has one place: file, env, credential or command"
            raise ValueError(message)
        if (self.command is None) != (self.public is None):
            message = "a command that signs needs its public key, and nothing else does"
            raise ValueError(message)
        return self


class WitnessAt(_Part):
    """A witness of the log: the settings' name for it, its address and public key."""

    name: Name
    url: Annotated[str, Field(pattern=r"^https?://")]
    key: str
    timeout: Length = timedelta(seconds=5)

    @field_validator("key")
    @classmethod
    def _is_a_witness_key(cls, text: str) -> str:
        try:
            key = parse_verifier_key(text)
        except LedgerError as fault:
            raise ValueError(str(fault)) from None
        if key.kind != COSIGNATURE:
            message = "this is the key of a log, not of a witness"
            raise ValueError(message)
        return str(key)


class Witnessed(_Part):
    """Who cosigns the log, and how many of them are enough."""

    witnesses: list[WitnessAt] = []
    witness_quorum: Annotated[int, Field(ge=1)] | None = None

    @property
    def quorum(self) -> int:
        """How many witnesses make a checkpoint witnessed; by default all."""
        return self.witness_quorum or len(self.witnesses)

    @model_validator(mode="after")
    def _quorum_can_be_reached(self) -> Self:
        """Refuse a witness that is counted twice, and a quorum that never comes."""
        names = {witness.name for witness in self.witnesses}
        keys = {witness.key for witness in self.witnesses}
        if min(len(names), len(keys)) < len(self.witnesses):
            message = "witnesses must differ in name and in key"
            raise ValueError(message)
        if (self.witness_quorum or 0) > len(self.witnesses):
            message = "witness_quorum is larger than the number of witnesses"
            raise ValueError(message)
        return self


class RunnerSettings(Witnessed):
    """What the runner is configured with: the engines and the copies off-site.

    ``log_key`` is the log's public key: the runner signs nothing. ``witnesses`` are
    those that a checkpoint waits for before it is published; it asks none of them.
    """

    runner: Name = "runner-1"
    store: str = ""
    log_key: Path = Path("ledger.vkey")
    work_every: Length = timedelta(seconds=1)
    pgbackrest: list[Protected] = []
    scripted: ScriptedAt | None = None
    publish: list[PublishAt] = []
    pack: PackAt = PackAt()
    escrow_key: Path = Path("escrow.key")
    people_key: Path = Path("people.key")
    # The shortest month: within the month in which a person must be answered, the last
    # backup that may still hold them is gone.
    personal_retention_days: Annotated[int, Field(ge=1, le=366)] = 28

    @model_validator(mode="after")
    def _datastores_differ(self) -> RunnerSettings:
        """Refuse one datastore twice, and two that would write over each other."""
        for what, found in (
            ("id", {each.id for each in self.pgbackrest}),
            ("folder", {each.folder for each in self.pgbackrest}),
            ("data directory", {each.cluster.data for each in self.pgbackrest}),
        ):
            if len(found) < len(self.pgbackrest):
                message = f"two datastores of pgbackrest have one {what}"
                raise ValueError(message)
        for place in (r for each in self.pgbackrest for r in each.repositories):
            # A drill opens the repository with the escrowed key in the key's place.
            if place.escrow_file == place.key_file:
                message = f"escrow_file {place.escrow_file} is the key itself, no copy"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _copies_differ(self) -> RunnerSettings:
        """Refuse one place twice: two writers of one copy would meet."""
        if len({copy.url for copy in self.publish}) < len(self.publish):
            message = "publish names one url twice"
            raise ValueError(message)
        return self


class Settings(Witnessed):
    """What a node is configured with."""

    node: Name = "node-1"
    store: str = ""
    key: KeyAt = KeyAt(file=Path("ledger.key"))
    next_key: KeyAt | None = None
    beat_every: Length = timedelta(seconds=1)
    seal_every: Length = timedelta(hours=1)
    delivery_lease: Length = timedelta(seconds=30)
    probe_loopback: bool = False
    web: Web = Web()
    slack: SlackAt | None = None
    mail: MailAt | None = None
    status_page: StatusPageAt | None = None
    drill_window: str | None = None
    people_key: Path = Path("people.key")
    witness_silent_after: Length = timedelta(minutes=10)

    @field_validator("drill_window")
    @classmethod
    def _is_a_window(cls, text: str | None) -> str | None:
        try:
            _ = text and parse_window(text)
        except HoldfastError as fault:
            raise ValueError(f"{fault.message}. {fault.hint}") from None
        return text

    @model_validator(mode="before")
    @classmethod
    def _is_the_nodes(cls, values: Any) -> Any:
        """Refuse what the runner holds: the node is reachable from the network."""
        theirs = set(RunnerSettings.model_fields) - set(cls.model_fields)
        for name in sorted(theirs & set(values if isinstance(values, dict) else ())):
            message = (
                f"{name} belongs into {RUNNER_FILE}: the runner holds it, not the node"
            )
            raise ValueError(message)
        return values

    @model_validator(mode="after")
    def _lease_outlives_channels(self) -> Settings:
        """Refuse a lease that a slow channel outlives: somebody else would repeat."""
        parts = (self.slack, self.mail)
        # A channel may take its timeout once to connect, and once to be answered.
        longest = max((2 * part.timeout for part in parts if part), default=timedelta())
        if self.delivery_lease < longest:
            seconds = longest.total_seconds()
            message = "delivery_lease must be at least twice every channel's timeout: "
            raise ValueError(f"{message}{seconds:g} seconds")
        return self


class _Folder:
    """A home folder on this machine: settings, keys, perhaps the store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()

    def path(self, path: Path) -> Path:
        """Return the path, relative ones from the home folder."""
        given = str(path)
        if given.startswith(f"{CREDENTIALS}/"):
            return Path(os.path.expandvars(given))
        return self.folder / path.expanduser()

    def secret(self, path: Path) -> str:
        """Return a private file's text.

        Raises `HoldfastError` if others may read it, or nobody can.
        """
        if str(path).startswith(f"{CREDENTIALS}/"):
            return _read(self.path(path))
        return read_private(self.path(path))

    def _store_url(self, given: str) -> str:
        return given or f"sqlite:///{self.folder / 'holdfast.sqlite'}"


class Home(_Folder):
    """The node's home folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.settings = _load(self.folder / FILE, Settings)

    @property
    def store_url(self) -> str:
        """The address of the store; the embedded one unless another is named."""
        return self._store_url(self.settings.store)


class RunnerHome(_Folder):
    """The runner's home folder: its own, or the node's where one account runs both.

    In the node's folder the node's settings say where the store is and who the
    witnesses are, unless the runner's do.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.settings = _load(self.folder / RUNNER_FILE, RunnerSettings)
        if not self.settings.witnesses and (self.folder / FILE).exists():
            theirs = Home(self.folder).settings
            self.settings = self.settings.model_copy(
                update={
                    "witnesses": theirs.witnesses,
                    "witness_quorum": theirs.witness_quorum,
                }
            )

    @property
    def store_url(self) -> str:
        """The address of the store."""
        if not self.settings.store and (self.folder / FILE).exists():
            return Home(self.folder).store_url
        return self._store_url(self.settings.store)


def read_private(place: Path) -> str:
    """Return a private file's text.

    Raises `HoldfastError` if others may read it, if it is another account's, or if
    nobody can read it.
    """
    text = _read(place)
    found = place.stat()
    if found.st_mode & PRIVATE_BITS:
        raise HoldfastError(
            f"the secret in {place} may be read by others",
            f"Make it private: chmod 600 {place}.",
        )
    if found.st_uid not in {os.geteuid(), ROOT}:
        raise HoldfastError(
            f"the secret in {place} belongs to another account",
            "Give the file to the account that runs this process.",
        )
    return text


def _read(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise HoldfastError(
            f"the secret in {place} cannot be read ({type(error).__name__})",
            "Create it with mode 0600, readable by Holdfast's user only.",
        ) from error


def _load(file: Path, kind: type[_S]) -> _S:
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise HoldfastError(
            f"no settings at {file}",
            "Make a home folder with holdfast init, or name one with --home.",
        ) from error
    except OSError as error:
        raise HoldfastError(
            f"the settings at {file} cannot be read ({error.strerror})",
            "Check the file and its owner.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HoldfastError(
            f"the settings are not TOML: {error}",
            "Mend the line named; docs/operating/settings.md shows the form.",
            str(file),
        ) from error
    return _checked(values, file, kind)


def _checked(values: dict[str, Any], file: Path, kind: type[_S]) -> _S:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        page = "runner-settings.md" if kind is RunnerSettings else "settings.md"
        faults = tuple(
            HoldfastError(
                fault["msg"].removeprefix("Value error, "),
                f"docs/operating/{page} shows what belongs there.",
                ".".join(str(part) for part in fault["loc"]),
            )
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise FaultsError(f"the settings in {file} have faults", faults) from None
