"""`holdfast init`, `serve` and `password`: a home folder, and a node at work in it."""

from __future__ import annotations

import secrets
import signal
import sys
from contextlib import nullcontext
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from holdfast.assembly.keys import create_key, signer_of, write_private
from holdfast.assembly.node import join, prober_of
from holdfast.cli.beside import beside
from holdfast.cli.binding import write_overlay
from holdfast.cli.common import (
    DEFAULT_HOME,
    PORT_MAX,
    HomeOption,
    JsonOption,
    console,
    home_at,
    log_to_stderr,
    print_json,
)
from holdfast.demo import northwind
from holdfast.domain.policy.compiler import compile_policy
from holdfast.errors import HoldfastError
from holdfast.operations.respond import Desk
from holdfast.operations.window import Window
from holdfast.operations.world import Inbox, World
from holdfast.runner.hands import ThreadHands
from holdfast.runner.node import Node
from holdfast.server.app import create_app
from holdfast.server.face import Door
from holdfast.server.serving import serving
from holdfast.settings import FILE, RUNNER_FILE, Home
from holdfast.storage.passwords import hash_password

PASSWORD_MIN = 8
SETTINGS = """# What the operator configures; docs/operating/settings.md has every key.
node = "{node}"
key = "ledger.key"

[web]
port = 8460
session_key = "session.key"
passwords = {{ }}
"""

RUNNER_SETTINGS = """# What the runner is configured with: engines, copies off-site.
# docs/operating/runner.md tells how to give it an account and a folder of its own.
runner = "runner-1"
"""


def init(
    home: HomeOption = DEFAULT_HOME,
    origin: Annotated[
        str, typer.Option(help="The log's name, an address without https://.")
    ] = "holdfast.example/log",
    json: JsonOption = False,
) -> None:
    """Make a home folder: settings, keys, and an example resilience folder."""
    if (home / FILE).exists():
        raise HoldfastError(
            f"{home / FILE} exists already", "Choose another folder with --home."
        )
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = create_key(home / "ledger.key", origin)
    (home / "ledger.vkey").write_text(f"{key}\n", encoding="utf-8")
    write_private(home / "session.key", secrets.token_hex(32) + "\n")
    (home / FILE).write_text(SETTINGS.format(node="node-1"), encoding="utf-8")
    (home / RUNNER_FILE).write_text(RUNNER_SETTINGS, encoding="utf-8")
    _example(home / "resilience")
    if json:
        print_json({"home": str(home), "key": key})
        return
    out = console()
    out.print(f"Made [bold]{home}[/]. Its log is verified by this public key:")
    out.print(key)
    out.print("Next: edit resilience/, then holdfast policy adopt, password, serve.")


def password(
    user: Annotated[str, typer.Argument(help="The user's id in the catalogue.")],
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Set a user's password for the web page; it is read from standard input."""
    text = (
        typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\n")
    )
    if not user.replace("-", "").replace("_", "").isalnum():
        raise HoldfastError(f"{user!r} is no id", "Use the id of the catalogue.")
    if len(text) < PASSWORD_MIN:
        raise HoldfastError(
            f"the password has fewer than {PASSWORD_MIN} characters",
            "Choose a longer one; a few words make a good one.",
        )
    path = home_at(home).folder / f"password-{user}"
    # Whole, or as it was: a node that starts at this moment finds one or the other.
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)
    write_private(draft, hash_password(text) + "\n")
    draft.replace(path)
    if json:
        print_json({"user": user, "file": str(path)})
        return
    console().print(
        f"Name it in {home / FILE}, under \\[web]: passwords = "
        f'{{ {user} = "{path.name}" }}'
    )


def serve(
    home: HomeOption = DEFAULT_HOME,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=PORT_MAX, help="Instead of the settings'."),
    ] = None,
    with_runner: Annotated[
        bool, typer.Option("--with-runner", help="Run the runner too, as this user.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run the node: beat, probes, web page. Ends in order on SIGTERM."""
    del json  # What it prints is one JSON value anyway.
    log_to_stderr()
    at = home_at(home)
    inbox = Inbox()
    world = join(at, ThreadHands(inbox), inbox)
    # The node first: after a recovery it gives up what a runner would begin anew.
    with beside(home) if with_runner else nullcontext():
        _serve(at, world, port)
    world.store.close()


def _serve(at: Home, world: World, port: int | None) -> None:
    node = Node(
        world=world,
        make_prober=partial(prober_of, at, world),
        version=metadata.version("holdfast"),
        beat_every=at.settings.beat_every,
        seal_every=at.settings.seal_every,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: node.stopped.set())
    window = Window(world.log, world.clock, world.notary, signer_of(at).name)
    web = at.settings.web
    app = create_app(
        window, door_of(at), lambda *who: Desk(world.log, world.clock, *who)
    )
    with serving(app, web.host, web.port if port is None else port) as address:
        sys.stdout.write(f'{{"ready": true, "address": "{address}"}}\n')
        sys.stdout.flush()
        node.run()


def door_of(home: Home) -> Door:
    """Return who may come in by the web."""
    web = home.settings.web
    return Door(
        secret=home.secret(web.session_key).encode(),
        hashes={user: home.secret(path) for user, path in web.passwords.items()},
        hosts=web.hosts,
        secure=web.secure,
    )


def _example(folder: Path) -> None:
    if folder.exists():
        return
    northwind.write_example(folder)
    policy = compile_policy((folder / "policy.md").read_text(encoding="utf-8"))
    write_overlay(folder / "overlay.toml", policy)
