"""`holdfast runner`: the process that holds engines and copies off-site."""

from __future__ import annotations

import os
import signal
import sys
import threading
from importlib import metadata
from typing import Annotated

import typer

from holdfast.assembly.runner import join_runner
from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    log_to_stderr,
    print_json,
)
from holdfast.operations.authority import RUNNER_RECORDS
from holdfast.operations.world import Inbox
from holdfast.runner.hands import ThreadHands
from holdfast.runner.runner import Runner
from holdfast.settings import RunnerHome
from holdfast.storage import runner_role


def runner(
    home: HomeOption = DEFAULT_HOME,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", hidden=True, help="End with our starter.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run the runner: it carries out what the ledger orders. Ends on SIGTERM."""
    del json  # What it prints is one JSON value anyway.
    log_to_stderr()
    at = RunnerHome(home)
    inbox = Inbox()
    shop = join_runner(at, ThreadHands(inbox), inbox)
    for engine in shop.engines.values():
        engine.capabilities()
    ours = Runner(shop, metadata.version("holdfast"), at.settings.work_every)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ours.stopped.set())
    if with_parent:
        threading.Thread(target=_follow, args=(ours.stopped,), daemon=True).start()
    sys.stdout.write(f'{{"ready": true, "runner": "{shop.log.node}"}}\n')
    sys.stdout.flush()
    ours.run()
    shop.store.close()


def grants(
    role: Annotated[
        str, typer.Option(help="The runner's own role in PostgreSQL.")
    ] = "holdfast_runner",
    personal: Annotated[
        bool,
        typer.Option("--personal", help="It also backs up names and addresses."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Print the rights of the runner's role, for the owner of the tables to run."""
    kinds = [kind.TYPE for kind in RUNNER_RECORDS]
    sql = runner_role.grants(role, kinds, personal=personal)
    if json:
        print_json({"role": role, "sql": sql})
        return
    sys.stdout.write(sql)


def _follow(stopped: threading.Event) -> None:
    """Stop once standard input closes, that is, when our starter is gone."""
    while os.read(0, 4096):
        pass
    stopped.set()
