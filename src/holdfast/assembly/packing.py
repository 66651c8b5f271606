"""Where the operator put things, for the pack: places of keys, never a key's bytes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import version

from pydantic import ValidationError

from holdfast.assembly.keys import log_keys_of
from holdfast.assembly.reading import SystemClock
from holdfast.engines.protected import Protected
from holdfast.evidence.pack_places import (
    CopyPlace,
    DatabasePlace,
    KeyPlace,
    Places,
    RepositoryPlace,
    Witness,
)
from holdfast.operations.keeping import SafePlace
from holdfast.operations.keys import keys_ever
from holdfast.operations.log import Log
from holdfast.operations.packing import Packer, PackPlace
from holdfast.operations.people import SETTINGS
from holdfast.settings import FILE, KeyAt, PublishAt, RunnerHome, Settings
from holdfast.storage.pack import PackFolder, SealedPack
from holdfast.storage.personal import PersonalPlace


def packer_of(home: RunnerHome, log: Log, places: Sequence[SafePlace]) -> Packer:
    """Return what writes the pack, into folders and beside the people's backups."""
    folders = [PackFolder(home.path(one)) for one in home.settings.pack.folders]
    sealed = [SealedPack(one) for one in places if isinstance(one, PersonalPlace)]
    targets: list[PackPlace] = [*folders, *sealed]
    return Packer(log, SystemClock(), partial(places_of, home, log), targets)


def places_of(home: RunnerHome, log: Log) -> Places:
    """Return where things are, from the settings of runner and node."""
    settings = home.settings
    node = node_settings(home, log)
    own = log_keys_of(home)
    keys = [
        *_node_keys(node),
        KeyPlace(
            "The escrow key",
            str(settings.escrow_key),
            "nobody can bring back rules, people, evidence or this pack from off-site",
            kept=True,
        ),
        KeyPlace(
            "The key of the personal data",
            str(settings.people_key),
            "a database opens without anybody's address; the backup off-site opens "
            "with the escrow key alone",
        ),
        *_copy_keys(settings.publish),
        *_repository_keys(settings.pgbackrest),
    ]
    return Places(
        version=version("holdfast"),
        folder=str(home.folder),
        verifier_keys=tuple(map(str, keys_ever(log.state().custody, own))),
        witnesses=tuple(Witness(w.name, w.url, w.key) for w in settings.witnesses),
        copies=tuple(map(_copy, settings.publish)),
        keys=tuple(keys),
        databases=tuple(map(_database, settings.pgbackrest)),
        status_page=tuple(
            str(one) for one in (node.status_page.folders if node.status_page else ())
        ),
    )


def node_settings(home: RunnerHome, log: Log) -> Settings:
    """Return the node's settings: the file beside, or what the node keeps of it."""
    path = home.folder / FILE
    texts = [path.read_text("utf-8")] if path.exists() else []
    kept = log.people.opened() if not texts else {}
    texts += [text for name, text in kept.items() if name.startswith(SETTINGS + FILE)]
    for text in texts:
        try:
            return Settings.model_validate(tomllib.loads(text))
        except (tomllib.TOMLDecodeError, ValidationError):
            continue
    return Settings()


def _node_keys(node: Settings) -> Iterator[KeyPlace]:
    signs = "the log cannot be continued; whoever has it signs in its name"
    yield KeyPlace("The log's private key", _where(node.key), signs, kept=True)
    if node.next_key is not None:
        where = _where(node.next_key)
        yield KeyPlace("The log's next private key", where, signs, kept=True)
    yield KeyPlace(
        "The web page's session key",
        str(node.web.session_key),
        "everybody signs in again; make a new one",
    )
    for person, file in sorted(node.web.passwords.items()):
        yield KeyPlace(f"The password (hashed) of {person}", str(file), "set a new one")
    if node.slack is not None:
        yield KeyPlace(
            "Slack's token", str(node.slack.token), "make one in Slack's settings"
        )
    if node.mail is not None and node.mail.password is not None:
        yield KeyPlace(
            "The mail relay's password",
            str(node.mail.password),
            "ask the relay's owner",
        )


def _where(key: KeyAt) -> str:
    if key.command is not None:
        return f"held by a command: {key.command[0]}"
    if key.env is not None:
        return f"the environment variable {key.env}"
    if key.credential is not None:
        return f"systemd's credential {key.credential}"
    return str(key.file)


def _copy_keys(copies: Sequence[PublishAt]) -> Iterator[KeyPlace]:
    for at in copies:
        for what, file in (
            ("Credentials that put", at.credentials),
            ("Credentials that get", at.read_credentials),
            ("Credentials of the people's backup", at.personal_credentials),
            ("Credentials that get it", at.personal_read_credentials),
        ):
            if file is not None:
                lost = "make others in the account that owns the bucket"
                yield KeyPlace(f"{what}: {at.url}", str(file), lost)


def _repository_keys(databases: Sequence[Protected]) -> Iterator[KeyPlace]:
    for one in databases:
        for repository in one.repositories:
            what = f"The key of repository {repository.number} of {one.id}"
            lost = "its backups cannot be read by anybody"
            yield KeyPlace(what, str(repository.key_file), lost, kept=True)


def _copy(at: PublishAt) -> CopyPlace:
    bucket = not at.url.startswith("file:")
    read_by = str(at.read_credentials or at.credentials or "-") if bucket else "-"
    none = "NOT BACKED UP" if bucket else "in the copy"
    return CopyPlace(at.url, read_by, at.personal or none)


def _database(one: Protected) -> DatabasePlace:
    repositories = tuple(
        RepositoryPlace(
            repository.number,
            repository.off_site,
            repository.location,
            str(repository.key_file),
            str(repository.escrow_file or "NOT SAID: name it as escrow_file"),
        )
        for repository in one.repositories
    )
    return DatabasePlace(one.id, one.stanza, str(one.cluster.data), repositories)
