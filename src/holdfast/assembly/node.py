"""The node's parts: what decides, tells and signs. No engine, nothing off-site."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from itertools import chain

from holdfast.assembly.keys import signer_of
from holdfast.assembly.reading import (
    RECOVERED,
    SystemClock,
    log_of,
    require_in_use,
    require_whole,
)
from holdfast.channels.slack import Slack
from holdfast.channels.smtp import Relay, Smtp
from holdfast.channels.status_page import StatusPage
from holdfast.domain.drill_window import DrillWindow, parse_window
from holdfast.domain.events.notice import ChannelName
from holdfast.domain.memory.custody import Custody
from holdfast.errors import HoldfastError
from holdfast.journal import BrokenEntryError, UnknownEventError
from holdfast.ledger.note import VerifierKey, parse_verifier_key
from holdfast.operations.copies import Hearsay
from holdfast.operations.inspecting import Elsewhere, Inspector
from holdfast.operations.keys import custody_of, wrong_signer
from holdfast.operations.log import Log
from holdfast.operations.notary import Notary
from holdfast.operations.ports.channel import Channel
from holdfast.operations.ports.store import Store
from holdfast.operations.quarantine import give_up_jobs
from holdfast.operations.settled import Settled
from holdfast.operations.signing import introduce_key
from holdfast.operations.witnessing import Witnesses
from holdfast.operations.world import Hands, Inbox, World
from holdfast.settings import FILE, Home
from holdfast.sources.http_probe import HttpProbe
from holdfast.sources.prober import Prober, Target
from holdfast.sources.status_fetch import SeenPage, seen
from holdfast.sources.witness import HttpWitness
from holdfast.storage.far_mark import FarMark
from holdfast.storage.mark import FileBookmark, FileMark
from holdfast.storage.opening import kept_open, open_store

MARK = "ledger.signed"
VERIFYING = "ledger.verifying"
SETTLED = "ledger.settled"
# What witnesses hold against this log, until they cosign it.
DOUBTS = "ledger.doubted"
AT_ONCE = 4_096
LOOK_TIMEOUT = timedelta(seconds=5)


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


def join(home: Home, hands: Hands, inbox: Inbox) -> World:
    """Join a node's world from the home's settings."""
    with kept_open(open_store(home.store_url)) as store:
        return _joined(home, store, hands, inbox)


def _joined(home: Home, store: Store, hands: Hands, inbox: Inbox) -> World:
    require_whole(home.folder, store)
    clock = SystemClock()
    log = log_of(home, store, clock)
    require_in_use(log)
    # A database or a row that came back from before an erasure is read by nobody.
    log.people.replay(log.state().erasures)
    with suppress(HoldfastError):
        # Saved with what is kept of people. Where the key is gone, letters say so.
        text = (home.folder / FILE).read_text("utf-8")
        log.people.keep_settings(home.settings.node, text)
    _after_recovery(home, log, clock)
    signer = signer_of(home, log)
    with suppress(UnknownEventError):
        # A log that a newer Holdfast wrote is shown, and the node says why it rests.
        introduce_key(log, signer.verifier_key)
    hearsay = Hearsay(log, [signer.holders[0].key])
    near = FileMark(home.folder / MARK)
    mark = FarMark(near, hearsay.told)
    witnesses = witnesses_of(home, log)
    consult = witnesses.consult if witnesses else None
    notary = Notary(store, signer, mark, clock, consult)
    return World(
        log=log,
        store=store,
        clock=clock,
        inbox=inbox,
        hands=hands,
        host=socket.gethostname(),
        channels=channels_of(home),
        notary=notary,
        lookout=_lookout_of(home),
        addresses=_addresses_of(home),
        lease=home.settings.delivery_lease,
        witnesses=witnesses,
        hearsay=hearsay,
        drill_window=_drill_window_of(home),
        # No copy off-site is in the node's reach: the runner reads those.
        inspector=inspector_of(home, log),
    )


def inspector_of(home: Home, log: Log, copies: Sequence[Elsewhere] = ()) -> Inspector:
    """Return what looks at the home's log; copies in reach name what differs."""
    trusted: list[VerifierKey] = []

    @cache
    def named_by_its_entries() -> Custody:
        size = log.store.size()
        parts = (log.store.read(at, at + AT_ONCE) for at in range(0, size, AT_ONCE))
        return custody_of(chain.from_iterable(parts))

    def wrong(note: bytes) -> str | None:
        if not trusted:
            trusted.extend(holder.key for holder in signer_of(home, log).holders)
        try:
            custody = log.state().custody
        except (BrokenEntryError, UnknownEventError):
            # Of a log that cannot be folded the hashes tell what is wrong with it.
            custody = named_by_its_entries()
        return wrong_signer(note, custody, trusted)

    return Inspector(
        log.store,
        wrong,
        FileMark(home.folder / MARK),
        copies,
        FileBookmark(home.folder / VERIFYING),
        Settled(FileBookmark(home.folder / SETTLED)),
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


def _after_recovery(home: Home, log: Log, clock: SystemClock) -> None:
    note = home.folder / RECOVERED
    if note.exists():
        give_up_jobs(log, clock)
        note.unlink()


def witnesses_of(home: Home, log: Log) -> Witnesses | None:
    """Return the witnesses of the home's log, if the settings name any."""
    settings = home.settings
    if not settings.witnesses:
        return None
    asked = asked_witnesses(home)
    silent_after = settings.witness_silent_after
    kept = FileBookmark(home.folder / DOUBTS)
    return Witnesses(log, asked, silent_after, settings.quorum, kept)


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
