"""`holdfast ledger recover`: back from the copies off-site, on an empty machine too."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from holdfast.assembly.keys import (
    escrow_of,
    recovered_keyring,
    require_people_key,
    write_private,
)
from holdfast.assembly.node import MARK
from holdfast.assembly.reading import RECOVERED, RECOVERING, SystemClock
from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    home_at,
    print_json,
    progress_bar,
)
from holdfast.cli.consulting import consulted
from holdfast.cli.reading import HOME_KEY, keys_of
from holdfast.errors import HoldfastError
from holdfast.ledger.note import VerifierKey, encode64
from holdfast.operations import quarantine as held
from holdfast.operations.log import Log
from holdfast.operations.people import SETTINGS
from holdfast.settings import FILE, NAME, RUNNER_FILE, read_private
from holdfast.storage.errors import StoreError
from holdfast.storage.escrow import Escrow
from holdfast.storage.folder import Folder
from holdfast.storage.mark import FileMark
from holdfast.storage.opening import open_store, require_alone
from holdfast.storage.personal import PersonalPlace, place_of
from holdfast.storage.personal_recovery import Returned
from holdfast.storage.rebuilding import Rebuilt, rebuild
from holdfast.storage.recover import Pulled, pull
from holdfast.storage.sharing import cores
from holdfast.storage.targets import Target, credentials_of, open_target
from holdfast.storage.unfinished import end
from holdfast.storage.versioned import through_versions

NODE = "recovery"
SPOOL = "copy"
# What a backup may bring into the home folder; nothing else, whatever it says.
RESTORABLE = frozenset({FILE, RUNNER_FILE})


def recover(
    source: Annotated[str, typer.Option("--from", help="The copy's address.")],
    home: HomeOption = DEFAULT_HOME,
    key: Annotated[
        str | None, typer.Option("--key", help="The log's verifier key, or its file.")
    ] = None,
    escrow_key: Annotated[
        Path | None, typer.Option("--escrow-key", help="The key's private file.")
    ] = None,
    credentials: Annotated[
        Path | None, typer.Option("--credentials", help="A private file that may get.")
    ] = None,
    people_from: Annotated[
        str | None,
        typer.Option(help="Where the personal data are backed up, if not in the copy."),
    ] = None,
    people_credentials: Annotated[
        Path | None, typer.Option(help="A private file that may get those, if another.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", help="Instead of the home's: rebuilt, or forward."),
    ] = None,
    new_people_key: Annotated[
        bool,
        typer.Option("--new-people-key", help="people.key is lost: seal data anew."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Rebuild the log from its copy alone, or bring an old database forward.

    Stop every node and runner first. Of the witnesses that the settings name each is
    asked at the end whether it cosigned more than the copy has.
    """
    home = home.absolute()
    keys = _keys(key, home)
    target = _target_at(source, credentials)
    copy = through_versions(target, _options(credentials))
    escrow = _escrow(escrow_key, home)
    place = None
    if escrow is not None:
        # Where nothing else is named, it is a folder in the copy.
        own = people_credentials or credentials
        apart = _target_at(people_from, own) if people_from else None
        place = place_of(target, apart, escrow)
    _make_home(home)
    url = database or _store_url(home)
    # Before anything of this is left in the home.
    require_alone(url)
    if not new_people_key:
        _require_people_key(home, url)
    with Folder(home / RECOVERING).locked():
        done, pulled, waiting = _recover(home, url, (copy, keys), (escrow, place), json)
        vkey = home / HOME_KEY
        if not vkey.exists():
            vkey.write_text("".join(f"{one}\n" for one in keys), encoding="utf-8")
        written = _bring_settings(home, done.people.settings)
        with closing(open_store(url, create=False)) as store:
            end(store)
            heard = consulted(home, store)
    Folder(home / RECOVERING).remove()
    found = _found(done, pulled, waiting, written) | {"witnesses": heard.words}
    if json:
        print_json(found)
    else:
        out = console()
        for line in (*_lines(found, done), *heard.lines):
            out.print(line, markup=False)
    if heard.fault is not None:
        raise heard.fault


def _require_people_key(home: Path, url: str) -> None:
    """Refuse to seal anew what another home's key sealed in an old database."""
    try:
        old = open_store(url, create=False)
    except StoreError:
        return  # There is none yet; or it is told in full when it is opened to write.
    with closing(old):
        require_people_key(home, old)


def _recover(
    home: Path,
    url: str,
    copy: tuple[Target, Sequence[VerifierKey]],
    sealed: tuple[Escrow | None, PersonalPlace | None],
    quiet: bool,
) -> tuple[Rebuilt, Pulled, int]:
    """Pull, verify and rebuild; return how many deliveries wait, too."""
    # The processes first: what runs threads, as a progress bar does, is not forked.
    with cores() as share, progress_bar("verifying the copy", quiet=quiet) as told:
        spool = Folder(home / RECOVERING / SPOOL)
        pulled = pull(*copy, spool, told, share=share)
    mark = FileMark(home / MARK)
    with closing(open_store(url)) as store:
        if store.size() < pulled.size:
            # Before the first entry: a node that starts after a crash must know, too.
            (home / RECOVERED).touch(mode=0o600)
        keyring = partial(recovered_keyring, home)
        log = Log(store, NODE, SystemClock(), keyring)
        escrow, place = sealed
        with progress_bar("writing the log", quiet=quiet) as told:
            done = rebuild(log, pulled, mark, escrow=escrow, place=place, progress=told)
        return done, pulled, sum(one.deliveries for one in held.waiting(log))


def _found(
    done: Rebuilt, pulled: Pulled, waiting: int, written: Sequence[str]
) -> dict[str, object]:
    people = done.people
    return {
        "origin": done.checkpoint.origin,
        "size": done.checkpoint.size,
        "root": encode64(done.checkpoint.root),
        "added": done.added,
        "evidence": done.evidence.found,
        "evidence_absent": list(done.evidence.absent),
        "evidence_damaged": list(done.evidence.damaged),
        "people": people.rows,
        "people_size": people.manifest.size if people.manifest else None,
        "people_at": people.manifest.at.isoformat() if people.manifest else None,
        "people_missing": list(people.missing),
        "people_older": list(people.older),
        "people_ignored": list(people.ignored),
        "settings": list(written),
        "quarantined": waiting,
        "jobs_given_up": list(done.jobs),
        "ignored": list(pulled.ignored),
    }


def _lines(found: Mapping[str, object], done: Rebuilt) -> list[str]:
    return [
        f"{found['origin']}: {found['size']} entries, all sound.",
        f"root        {found['root']}",
        f"added       {found['added']} entries",
        f"evidence    {found['evidence']} texts, receipts and results of jobs",
        *(f"  damaged   {digest}" for digest in done.evidence.damaged),
        *(f"  absent    {digest}" for digest in done.evidence.absent),
        *_people_lines(done.people),
        *(f"settings    {name} is back" for name in _names(found["settings"])),
        f"quarantine  {found['quarantined']} deliveries wait for a person",
        f"jobs        {len(done.jobs)} were open; none is started again",
        *(
            f"ignored     {path}: not signed by this key"
            for path in _names(found["ignored"])
        ),
    ]


def _people_lines(people: Returned) -> list[str]:
    if people.manifest is None:
        first = "people      no backup of them is there"
    else:
        of = f"{people.manifest.size} entries, {people.manifest.at:%Y-%m-%d %H:%M} UTC"
        first = f"people      {people.rows} are back, as of {of}"
    return [
        first,
        *(f"  missing   {name}: adopt the catalogue anew" for name in people.missing),
        *(f"  older     {name}: adopt the catalogue anew" for name in people.older),
        *(f"  ignored   {why}" for why in people.ignored),
    ]


def _names(found: object) -> list[str]:
    assert isinstance(found, list)
    return found


def _bring_settings(home: Path, settings: Mapping[str, str]) -> list[str]:
    """Write the settings that came back where there are none; return their names.

    Those of several nodes are told apart by the node's name.
    """
    written = []
    for reference, text in sorted(settings.items()):
        file, _, owner = reference.removeprefix(SETTINGS).partition(":")
        if file not in RESTORABLE or not re.fullmatch(NAME, owner):
            continue
        path = home / file
        if path.exists():
            path = home / f"{Path(file).stem}.{owner}.toml"
        if not path.exists() and text not in _texts(home):
            write_private(path, text)
            written.append(path.name)
    return written


def _texts(home: Path) -> list[str]:
    return [one.read_text("utf-8") for one in home.glob("*.toml")]


def _target_at(url: str, credentials: Path | None) -> Target:
    return open_target(url, _options(credentials))


def _options(credentials: Path | None) -> dict[str, str]:
    return credentials_of(read_private(credentials) if credentials else "")


def _escrow(given: Path | None, home: Path) -> Escrow | None:
    path = given or home / "escrow.key"
    if given is None and not path.exists():
        return None
    return escrow_of(read_private(path))


def _keys(key: str | None, home: Path) -> Sequence[VerifierKey]:
    file = home / HOME_KEY
    if key is None and not file.exists():
        raise HoldfastError(
            "the log's public key is missing",
            "Give it with --key, from where its owner published it; the copy cannot "
            "vouch for itself.",
            str(file),
        )
    return keys_of(key, file)[0]


def _make_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as fault:
        raise HoldfastError(
            f"the home folder cannot be made: {fault.strerror}",
            "Check the path and its permissions.",
            str(home),
        ) from None


def _store_url(home: Path) -> str:
    has_settings = (home / FILE).exists()
    default = f"sqlite:///{home / 'holdfast.sqlite'}"
    return home_at(home).store_url if has_settings else default
