"""The runner's parts: the engines and the copies off-site, with their credentials.

It signs nothing, tells nobody and decides nothing: what it does stands in the ledger.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from holdfast.assembly.keys import escrow_of, keyring_of_runner, log_keys_of
from holdfast.assembly.packing import packer_of
from holdfast.assembly.reading import (
    RECOVERED,
    SystemClock,
    require_in_use,
    require_whole,
)
from holdfast.engines.pgbackrest import PgBackRest
from holdfast.engines.scripted import LENGTHS, Script, Scripted
from holdfast.engines.shelf import FolderShelf
from holdfast.errors import HoldfastError
from holdfast.ledger.note import VerifierKey, parse_verifier_key
from holdfast.operations.authority import RUNNER_RECORDS
from holdfast.operations.copies import Shipper
from holdfast.operations.keeping import Keeper
from holdfast.operations.keys import keys_ever
from holdfast.operations.locks import Lock
from holdfast.operations.log import Log
from holdfast.operations.people import settings_reference
from holdfast.operations.ports.engine import Engine
from holdfast.operations.ports.store import Store
from holdfast.operations.world import Hands, Inbox, Workshop
from holdfast.settings import RUNNER_FILE, PublishAt, RunnerHome, ScriptedAt
from holdfast.storage.escrow import Escrow
from holdfast.storage.evidence import Wanted, wanted_of
from holdfast.storage.fold_cache import FoldFile
from holdfast.storage.mark import FileMark
from holdfast.storage.off_site import OffSite
from holdfast.storage.opening import kept_open, open_store
from holdfast.storage.personal import PersonalPlace, place_of
from holdfast.storage.rehearsal import CopyRebuilder
from holdfast.storage.ripening import PATIENCE, Ripening
from holdfast.storage.s3 import S3
from holdfast.storage.s3_lock import BucketLock, NoLock
from holdfast.storage.targets import credentials_of, open_target
from holdfast.storage.versioned import through_versions

FOLD = "runner.fold"


def join_runner(home: RunnerHome, hands: Hands, inbox: Inbox) -> Workshop:
    """Join the runner's workshop from its settings.

    Raises `HoldfastError` in a home whose log was recovered and that no node has opened
    since: jobs that were open then are given up first, so that none is begun anew.
    """
    if (home.folder / RECOVERED).exists():
        raise HoldfastError(
            "the log was recovered, and no node has started since",
            "Start the node first: it gives up the jobs that were open.",
            str(home.folder),
        )
    with kept_open(open_store(home.store_url, create=False)) as store:
        return _joined(home, store, hands, inbox)


def _joined(home: RunnerHome, store: Store, hands: Hands, inbox: Inbox) -> Workshop:
    require_whole(home.folder, store)
    clock = SystemClock()
    cache = FoldFile(home.folder / FOLD, store)
    keyring = partial(keyring_of_runner, home)
    log = Log(store, home.settings.runner, clock, keyring, cache, RUNNER_RECORDS)
    require_in_use(log)
    copies = copies_of(home, log)
    return Workshop(
        log=log,
        store=store,
        clock=clock,
        inbox=inbox,
        hands=hands,
        host=socket.gethostname(),
        engines=engines_of(home),
        shippers=[Shipper(copy, log, clock) for copy in copies],
        rebuilders={copy.name: rebuilder_of(home, copy) for copy in copies},
        locks={at.url: lock_of(home, at) for at in home.settings.publish},
        keepers=list((keepers := keepers_of(home, log)).values()),
        packer=packer_of(home, log, [one.place for one in keepers.values()]),
    )


def keepers_of(home: RunnerHome, log: Log) -> dict[str, Keeper]:
    """Return what keeps personal data off-site, by the copy that has a place for them.

    In a bucket that place must be named: the copy's own may be locked for years.
    """
    if not home.settings.publish:
        return {}
    escrow = escrow_of(home.secret(home.settings.escrow_key))
    retention = timedelta(days=home.settings.personal_retention_days)

    def settings() -> Mapping[str, str]:
        path = home.folder / RUNNER_FILE
        name = settings_reference(RUNNER_FILE, home.settings.runner)
        return {name: path.read_text("utf-8")} if path.exists() else {}

    keepers = {}
    for at in home.settings.publish:
        own = at.personal_credentials or at.credentials
        place = _safe_place(home, at, own, escrow)
        if place is not None:
            keepers[at.url] = Keeper(place, log, SystemClock(), retention, settings)
    return keepers


def _safe_place(
    home: RunnerHome, at: PublishAt, file: Path | None, escrow: Escrow
) -> PersonalPlace | None:
    """Return where personal data are backed up, by the credentials of that file."""
    if at.personal is None and not at.url.startswith("file:"):
        return None
    options = credentials_of(home.secret(file) if file else "")
    apart = open_target(at.personal, options) if at.personal else None
    return place_of(apart or open_target(at.url, options), apart, escrow)


def engines_of(home: RunnerHome) -> Mapping[str, Engine]:
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


def _scripted(home: RunnerHome, at: ScriptedAt) -> Scripted:
    script = Script(lengths=dict.fromkeys(LENGTHS, at.job_length))
    shelf = FolderShelf(home.path(at.folder))
    return Scripted(SystemClock(), tuple(at.datastores), script, shelf)


def copies_of(
    home: RunnerHome, log: Log, patience: timedelta = PATIENCE
) -> list[OffSite]:
    """Return the copies off-site that are configured; patience is with witnesses."""
    if not home.settings.publish:
        return []
    own = log_keys_of(home)

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
        if at.read_credentials is not None:
            text = home.secret(at.read_credentials)
            copy.reader = open_target(at.url, credentials_of(text))
        copies.append(copy)
    return copies


def rebuilder_of(home: RunnerHome, copy: OffSite) -> CopyRebuilder:
    """Return what rebuilds the log from a copy, beside the runner's home."""
    escrow = escrow_of(home.secret(home.settings.escrow_key))
    (at,) = [at for at in home.settings.publish if at.url == copy.name]
    file = at.read_credentials or at.credentials
    options = credentials_of(home.secret(file) if file else "")
    source = through_versions(copy.reader or copy.target, options)
    theirs = at.personal_read_credentials or at.personal_credentials or file
    place = _safe_place(home, at, theirs, escrow)
    clock = SystemClock()
    return CopyRebuilder(source, copy.keys, escrow, home.folder, clock, place=place)


def lock_of(home: RunnerHome, at: PublishAt) -> Lock:
    """Return what checks whether a copy can be deleted, by the rights given here."""
    if not at.url.startswith("s3:"):
        return NoLock(at.url)
    puts, gets = (
        credentials_of(home.secret(file) if file else "")
        for file in (at.credentials, at.read_credentials or at.credentials)
    )
    return BucketLock(S3(at.url, gets), S3(at.url, puts))
