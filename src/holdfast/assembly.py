"""Where every part is chosen and joined; the only room that knows them all."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import zoneinfo
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from holdfast.channels.slack import Slack
from holdfast.channels.smtp import Relay, Smtp
from holdfast.channels.status_page import StatusPage
from holdfast.domain.drill_window import DrillWindow, parse_window
from holdfast.domain.events.notice import ChannelName
from holdfast.domain.memory.custody import keys_in_force
from holdfast.engines.pgbackrest import PgBackRest
from holdfast.engines.scripted import LENGTHS, Script, Scripted
from holdfast.engines.shelf import FolderShelf
from holdfast.errors import HoldfastError
from holdfast.journal import UnknownEventError
from holdfast.ledger.checkpoint import Signer, SigningKey
from holdfast.ledger.note import VerifierKey, parse_verifier_key
from holdfast.operations.copies import Shipper
from holdfast.operations.inspecting import Inspector
from holdfast.operations.keys import keys_ever, wrong_signer
from holdfast.operations.log import Log
from holdfast.operations.notary import Notary
from holdfast.operations.ports.channel import Channel
from holdfast.operations.ports.engine import Engine
from holdfast.operations.ports.people import Keyring
from holdfast.operations.ports.store import Store
from holdfast.operations.quarantine import give_up_jobs
from holdfast.operations.respond import Desk
from holdfast.operations.signing import Ring, introduce_key
from holdfast.operations.window import Window
from holdfast.operations.witnessing import Witnesses
from holdfast.operations.world import Hands, Inbox, World
from holdfast.settings import Home, KeyAt, ScriptedAt
from holdfast.sources.http_probe import HttpProbe
from holdfast.sources.prober import Prober, Target
from holdfast.sources.signing_command import SigningCommand
from holdfast.sources.status_fetch import SeenPage, seen
from holdfast.sources.witness import HttpWitness
from holdfast.storage.escrow import KEY_SIZE, Escrow
from holdfast.storage.evidence import Wanted, wanted_of
from holdfast.storage.far_mark import FarMark
from holdfast.storage.fold_cache import FoldFile
from holdfast.storage.key_file import (
    KeyMissingError,
    key_of_credential,
    key_of_file,
    key_of_variable,
)
from holdfast.storage.keyring import HomeKeyring
from holdfast.storage.mark import FileBookmark, FileMark
from holdfast.storage.off_site import OffSite
from holdfast.storage.opening import open_store
from holdfast.storage.ripening import PATIENCE, Ripening
from holdfast.storage.targets import credentials_of, open_target

# Business time must not depend on what the machine's own tables say: the version that
# is adopted is the one of the locked package.
zoneinfo.reset_tzpath(())

SEED_BYTES = 32
MARK = "ledger.signed"
VERIFYING = "ledger.verifying"
FOLD = "ledger.fold"
# A recovery leaves it for the first node that starts: open jobs are to be given up.
RECOVERED = "ledger.recovered"
LOOK_TIMEOUT = timedelta(seconds=5)


class FileExistsHereError(HoldfastError):
    """A private file is there already; it is never overwritten."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the moment, aware, in UTC."""
        return datetime.now(UTC)


class OutsideLook:
    """Fetches the public status page by its public address."""

    def __init__(self, url: str, *, allow_loopback: bool) -> None:
        self.url = url
        self._allow_loopback = allow_loopback

    def seen(self, notice: str) -> datetime | None:
        """Return when a fetch saw the notice."""
        found = seen(
            self.url, notice, LOOK_TIMEOUT, allow_loopback=self._allow_loopback
        )
        return found.seen_at if isinstance(found, SeenPage) else None


@dataclass(frozen=True, slots=True)
class Reader:
    """A view of a home's log without keys: for terminals and reports."""

    home: Home
    store: Store
    log: Log
    window: Window

    def desk(self, person: str) -> Desk:
        """Return a desk under the person's name."""
        return Desk(self.log, SystemClock(), person)


def open_log(home: Home, *, create: bool = False) -> Reader:
    """Open the home's store for reading and for what people record."""
    store = open_store(home.store_url, create=create)
    clock = SystemClock()
    log = _log_of(home, store, clock)
    return Reader(home, store, log, Window(log, clock, None, _origin_of(home)))


def _log_of(home: Home, store: Store, clock: SystemClock) -> Log:
    cache = FoldFile(home.folder / FOLD, store)
    keyring = partial(keyring_of, home, store)
    return Log(store, home.settings.node, clock, keyring, cache)


def signer_of(home: Home, log: Log | None = None) -> Ring:
    """Return what signs the home's log; with the log, by the keys that it names."""
    settings = home.settings
    places = [settings.key, *([settings.next_key] if settings.next_key else [])]
    in_force = None
    if log is not None:

        def in_force(size: int) -> Sequence[str]:
            return keys_in_force(log.state().custody, size)

    return Ring([holder_of(home, at) for at in places], in_force)


def holder_of(home: Home, at: KeyAt) -> SigningKey:
    """Return who holds the key at that place."""
    if at.command is not None:
        assert at.public is not None
        return SigningCommand(at.command, parse_verifier_key(at.public), at.timeout)
    if at.env is not None:
        return key_of_variable(at.env)
    if at.credential is not None:
        return key_of_credential(at.credential)
    assert at.file is not None
    return key_of_file(home.path(at.file))


def create_key(path: Path, origin: str) -> str:
    """Create a log's private key; return the public key that verifies it."""
    seed = secrets.token_bytes(SEED_BYTES)
    signer = Signer(origin, seed)
    write_private(path, f"{origin}\n{seed.hex()}\n")
    return signer.verifier_key


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; one that exists is refused."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise FileExistsHereError(
            f"{path} exists already", "Holdfast never overwrites a key."
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def join(home: Home, hands: Hands, inbox: Inbox) -> World:
    """Join a node's world from the home's settings."""
    store = open_store(home.store_url)
    clock = SystemClock()
    log = _log_of(home, store, clock)
    # A database or a row that came back from before an erasure is read by nobody.
    log.people.replay(log.state().erasures)
    _after_recovery(home, log, clock)
    near = FileMark(home.folder / MARK)
    copies = copies_of(home, log)
    mark = FarMark(near, [copy.newest for copy in copies]) if copies else near
    signer = signer_of(home, log)
    with suppress(UnknownEventError):
        # A log that a newer Holdfast wrote is shown, and the node says why it rests.
        introduce_key(log, signer.verifier_key)
    notary = Notary(store, signer, mark, clock)
    trusted = (parse_verifier_key(notary.verifier_key),)
    inspector = Inspector(
        store,
        lambda note: wrong_signer(note, log.state().custody, trusted),
        near,
        copies,
        FileBookmark(home.folder / VERIFYING),
    )
    return World(
        log=log,
        store=store,
        clock=clock,
        inbox=inbox,
        hands=hands,
        channels=channels_of(home),
        engines=engines_of(home),
        notary=notary,
        lookout=_lookout_of(home),
        addresses=_addresses_of(home),
        host=socket.gethostname(),
        lease=home.settings.delivery_lease,
        witnesses=_witnesses_of(home, log, notary),
        shippers=[Shipper(copy, log, clock, notary) for copy in copies],
        drill_window=_drill_window_of(home),
        inspector=inspector,
    )


def channels_of(home: Home) -> Mapping[ChannelName, Channel]:
    """Return the channels that are connected."""
    settings = home.settings
    channels: dict[ChannelName, Channel] = {}
    if settings.slack is not None:
        token = home.secret(settings.slack.token)
        channels["slack"] = Slack(
            token, base_url=settings.slack.base_url, timeout=settings.slack.timeout
        )
    if settings.mail is not None:
        mail = settings.mail
        relay = Relay(
            mail.host,
            mail.port,
            mail.sender,
            username=mail.username,
            password=home.secret(mail.password) if mail.password else None,
            starttls=mail.starttls,
            timeout=mail.timeout,
        )
        channels["email"] = Smtp(relay, name="email")
    if settings.status_page is not None:
        page = settings.status_page
        folders = [home.path(folder) for folder in page.folders]
        channels["status_page"] = StatusPage(folders, page.public_url)
    return channels


def engines_of(home: Home) -> Mapping[str, Engine]:
    """Return the engines that are configured, by the name the catalogue uses."""
    settings = home.settings
    engines: dict[str, Engine] = {}
    if settings.pgbackrest:
        engines["pgbackrest"] = PgBackRest(
            home.folder / "engine", tuple(settings.pgbackrest)
        )
    if settings.scripted is not None:
        engines["scripted"] = _scripted(home, settings.scripted)
    return engines


def _scripted(home: Home, at: ScriptedAt) -> Scripted:
    script = Script(lengths=dict.fromkeys(LENGTHS, at.job_length))
    shelf = FolderShelf(home.path(at.folder))
    return Scripted(SystemClock(), tuple(at.datastores), script, shelf)


def copies_of(home: Home, log: Log, patience: timedelta = PATIENCE) -> list[OffSite]:
    """Return the copies off-site that are configured; patience is with witnesses."""
    if not home.settings.publish:
        return []
    own: list[VerifierKey] = []
    with suppress(KeyMissingError):
        # Where only the node has the key, the log itself names the public one.
        own.append(signer_of(home).holders[0].key)

    def keys() -> Sequence[VerifierKey]:
        return keys_ever(log.state().custody, own)

    def wanted() -> Wanted:
        return wanted_of(log.state())

    escrow = escrow_of(home.secret(home.settings.escrow_key))
    witnesses = [parse_verifier_key(at.key) for at in home.settings.witnesses]
    quorum = home.settings.quorum
    copies = []
    for at in home.settings.publish:
        text = home.secret(at.credentials) if at.credentials else ""
        target = open_target(at.url, credentials_of(text))
        name = hashlib.sha256(at.url.encode()).hexdigest()[:16]
        record = FileMark(home.folder / f"ledger.published-{name}")
        mark = FileMark(home.folder / f"ledger.evidence-{name}")
        copy = OffSite(log.store, target, keys, record, escrow, wanted, mark)
        copy.ripening = Ripening(witnesses, quorum, patience)
        copies.append(copy)
    return copies


def escrow_of(text: str) -> Escrow:
    """Return the escrow of a key file's text."""
    try:
        return Escrow(bytes.fromhex(text.strip()))
    except ValueError:
        return Escrow(b"")  # Which says what the file should hold.


def create_escrow_key(path: Path) -> None:
    """Create the key that seals evidence off-site."""
    write_private(path, f"{secrets.token_hex(KEY_SIZE)}\n")


def keyring_of(home: Home, store: Store) -> Keyring:
    """Return the keys of the home's personal data; made before there are any.

    Raises `HoldfastError` where rows are kept and their key is gone.
    """
    path = home.path(home.settings.people_key)
    if not path.exists():
        if store.people():
            raise HoldfastError(
                "the key of the personal data is gone",
                "Bring it back from the safe, or from another node of this database; "
                "or have the data restored: holdfast ledger recover.",
                str(path),
            )
        with suppress(FileExistsHereError):
            write_private(path, f"{secrets.token_hex(KEY_SIZE)}\n")
    try:
        key = bytes.fromhex(home.secret(home.settings.people_key))
    except ValueError:
        key = b""  # Of which the keyring says what the file should hold.
    return HomeKeyring(key, str(path))


def _after_recovery(home: Home, log: Log, clock: SystemClock) -> None:
    note = home.folder / RECOVERED
    if note.exists():
        give_up_jobs(log, clock)
        note.unlink()


def _witnesses_of(home: Home, log: Log, notary: Notary) -> Witnesses | None:
    settings = home.settings
    if not settings.witnesses:
        return None
    asked = asked_witnesses(home)
    silent_after = settings.witness_silent_after
    return Witnesses(log, notary, asked, silent_after, settings.quorum)


def asked_witnesses(home: Home) -> list[HttpWitness]:
    """Return the witnesses that the settings name."""
    return [
        HttpWitness(at.name, at.url, parse_verifier_key(at.key), at.timeout)
        for at in home.settings.witnesses
    ]


def _drill_window_of(home: Home) -> DrillWindow | None:
    text = home.settings.drill_window
    return parse_window(text) if text else None


def prober_of(home: Home, world: World) -> Prober:
    """Return a prober of every service from every vantage point that is adopted."""
    situation = world.situation()
    catalogue = situation.rules.catalogue if situation else None
    targets = [
        Target(service.id, vantage, service.probe)
        for service in (catalogue.services if catalogue else ())
        if service.probe is not None
        for vantage in (catalogue.vantage_points if catalogue else ())
    ]
    look = HttpProbe(allow_loopback=home.settings.probe_loopback)
    return Prober(targets, look, world.clock)


def _lookout_of(home: Home) -> OutsideLook | None:
    page = home.settings.status_page
    if page is None:
        return None
    return OutsideLook(page.public_url, allow_loopback=home.settings.probe_loopback)


def _addresses_of(home: Home) -> Mapping[str, str]:
    addresses = {"page:status": "status page"}
    if home.settings.slack is not None:
        addresses["channel:irt"] = home.settings.slack.irt_channel
    return addresses


def _origin_of(home: Home) -> str:
    with suppress(KeyMissingError):
        return signer_of(home).name
    return ""
