"""`holdfast ledger check` and `rehearse`: what the node does by itself, now.

Both record what they find: a finding opens the incident as if the node had met it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Annotated

import typer
from rich.markup import escape

from holdfast.assembly.node import inspector_of
from holdfast.assembly.reading import SystemClock, open_log
from holdfast.assembly.runner import copies_of, rebuilder_of
from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    home_at,
    print_json,
)
from holdfast.cli.reading import bar
from holdfast.errors import HoldfastError
from holdfast.operations import self_proof
from holdfast.operations.attest import check_all
from holdfast.operations.log import Log
from holdfast.settings import RUNNER_FILE, RunnerHome
from holdfast.storage.off_site import OffSite
from holdfast.storage.opening import open_store
from holdfast.storage.sharing import cores

CopyOption = Annotated[
    str | None, typer.Option("--copy", help="Its address; needed if there are several.")
]


def check(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Check database, checkpoints and copies now, in full, and record the results.

    The exit code is 0 only where every part was seen and is sound: what could not be
    seen is unproven.
    """
    at = home_at(home)
    # The processes first: a connection is not to be shared with them.
    with (
        cores() as share,
        closing((reader := open_log(at)).store),
        bar("checking log and copies", quiet=json) as told,
    ):
        here = (at.folder / RUNNER_FILE).exists()
        copies = copies_of(RunnerHome(home), reader.log) if here else []
        inspector = inspector_of(at, reader.log, copies)
        for copy in copies:
            copy.share = share
        inspector.bookmark = None  # From the first entry, whatever a node is at.
        checks = check_all(reader.log, inspector, copies, told)
        found = [
            {"part": one.part, "ok": one.ok, "size": one.size, "detail": one.detail}
            for one in checks
        ]
    if json:
        print_json(found)
    else:
        for one in checks:
            word = {True: "sound", False: "[bold red]WRONG[/]", None: "unproven"}
            console().print(f"{word[one.ok]}  {escape(f'{one.part}: {one.detail}')}")
    if not all(one.ok for one in checks):
        raise typer.Exit(1)


def rehearse(
    copy: CopyOption = None, home: HomeOption = DEFAULT_HOME, json: JsonOption = False
) -> None:
    """Rebuild the log from a copy alone, beside everything, and record the result."""
    at = RunnerHome(home)
    with cores() as share, closing(open_store(at.store_url, create=False)) as store:
        log = Log(store, at.settings.runner, SystemClock())
        chosen = _chosen(at, copies_of(at, log), copy)
        rebuilder = replace(rebuilder_of(at, chosen), share=share)
        with bar(f"rebuilding from {chosen.name}", quiet=json) as told:
            done = self_proof.rehearse(log, rebuilder, told)
    if json:
        print_json(
            {
                "target": done.target,
                "outcome": done.outcome,
                "size": done.size,
                "root": done.root,
                "seconds": done.seconds,
                "detail": done.detail,
            }
        )
    else:
        words = f"{done.target}: {done.outcome}: {done.detail} ({done.seconds} s)"
        console().print(escape(words))
    if done.outcome != "whole":
        raise typer.Exit(1)


def _chosen(at: RunnerHome, copies: Sequence[OffSite], wanted: str | None) -> OffSite:
    named = [one for one in copies if wanted in (None, one.name)]
    if len(named) == 1:
        return named[0]
    names = ", ".join(one.name for one in copies) or "none"
    raise HoldfastError(
        "name one copy" if copies else "no copy off-site is configured",
        f"Configured are: {names}; see off-site-copy.md.",
        str(at.folder / RUNNER_FILE),
    )
