"""`holdfast pack`: what to print for the day on which Holdfast is dead itself."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from holdfast.assembly.keys import escrow_of, keyring_of_runner
from holdfast.assembly.packing import packer_of
from holdfast.assembly.reading import SystemClock, require_whole
from holdfast.assembly.runner import keepers_of
from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    print_json,
)
from holdfast.errors import HoldfastError
from holdfast.operations.log import Log
from holdfast.settings import RUNNER_FILE, RunnerHome, read_private
from holdfast.storage.opening import open_store
from holdfast.storage.pack import PAGE, SEALED, TEXT, PackFolder, open_pack
from holdfast.storage.personal import PersonalPlace
from holdfast.storage.targets import credentials_of, open_target

NODE = "pack"
IN_A_COPY = "personal/"


def pack(
    folder: Annotated[
        Path | None, typer.Argument(help="Write it here, instead of as configured.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", help="Open the one that lies sealed off-site."),
    ] = None,
    escrow_key: Annotated[
        Path | None, typer.Option("--escrow-key", help="The key's private file.")
    ] = None,
    credentials: Annotated[
        Path | None, typer.Option("--credentials", help="A private file that may get.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Write contacts, runbooks, commands and where the keys are, to be printed."""
    failed: tuple[str, ...] = ()
    if source is not None:
        written = _open(source, escrow_key, credentials, folder, home)
    else:
        written, failed = _write(home, folder)
    if json:
        print_json({"written": list(written), "failed": list(failed)})
    for place in () if json else written:
        console().print(f"Written to {place}.", markup=False)
    for fault in () if json else failed:
        console().print(f"not written: {fault}", markup=False)
    if written and not json:
        console().print(
            "It holds names and addresses: print it, and destroy the older one."
        )
    if failed:
        raise typer.Exit(1)


def _write(home: Path, folder: Path | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    at = RunnerHome(home)
    with closing(open_store(at.store_url, create=False)) as store:
        require_whole(at.folder, store)
        log = Log(store, NODE, SystemClock(), partial(keyring_of_runner, at))
        keepers = keepers_of(at, log) if folder is None else {}
        packer = packer_of(at, log, [one.place for one in keepers.values()])
        if folder is not None:
            packer.targets = [PackFolder(folder.absolute())]
        if not packer.targets:
            raise HoldfastError(
                "no place for the pack is configured",
                "Name a folder here, or in the runner's settings: [pack] folders = …",
                str(at.folder / RUNNER_FILE),
            )
        done = packer.write(log.state())
    return done.written, done.failed


def _open(
    source: str,
    key: Path | None,
    credentials: Path | None,
    folder: Path | None,
    home: Path,
) -> tuple[str, ...]:
    if folder is None:
        raise HoldfastError(
            "where the pack is to be written is missing",
            "Name a folder: holdfast pack FOLDER --from ADDRESS.",
        )
    options = credentials_of(read_private(credentials) if credentials else "")
    escrow = escrow_of(read_private(key or home / "escrow.key"))
    target = open_target(source, options)
    # Where nothing else was named, it lies in the folder of a copy.
    inside = target.read(IN_A_COPY + SEALED) is not None
    place = PersonalPlace(target, escrow, IN_A_COPY if inside else "")
    page, text = open_pack(place)
    PackFolder(folder.absolute()).put(page, text)
    return tuple(str(folder / name) for name in (PAGE, TEXT))
