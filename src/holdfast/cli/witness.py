"""`holdfast witness`: vouch for other people's logs, from a host of one's own.

A witness's home holds its key and its memory. It needs nothing of the Holdfast that it
watches but the log's public key.
"""

from __future__ import annotations

import logging
import secrets
import signal
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.logging import RichHandler

from holdfast.assembly.keys import write_private
from holdfast.cli.common import (
    PORT_MAX,
    JsonOption,
    console,
    print_json,
    progress_console,
)
from holdfast.cli.reading import is_file, parse_keys, read_keys
from holdfast.errors import HoldfastError
from holdfast.ledger.witness import Cosigner, Witness
from holdfast.server.serving import serving
from holdfast.server.witness import create_witness_app
from holdfast.storage.witness import WitnessStore

KEY = "witness.key"
PUBLIC_KEY = "witness.vkey"
MEMORY = "witness.sqlite"
OTHERS = stat.S_IRWXG | stat.S_IRWXO
LOGGER = logging.getLogger("holdfast.witness")

app = typer.Typer(help="Cosign other people's logs.", no_args_is_help=True)

WitnessHome = Annotated[
    Path, typer.Option("--home", help="The witness's folder on this machine.")
]
DEFAULT = Path("witness-home")


@app.command()
def init(
    name: Annotated[
        str, typer.Option(help="The witness's name: an address without https://.")
    ],
    home: WitnessHome = DEFAULT,
    json: JsonOption = False,
) -> None:
    """Make a witness: its key, and a memory that must never be lost."""
    seed = secrets.token_bytes(32)
    key = Cosigner(name, seed).key
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as fault:
        raise HoldfastError(
            f"the folder {home} cannot be made ({fault.strerror})",
            "Choose another with --home.",
        ) from None
    write_private(home / KEY, f"{name}\n{seed.hex()}\n")
    WitnessStore.create(home / MEMORY).close()
    (home / PUBLIC_KEY).write_text(f"{key}\n", encoding="utf-8")
    if json:
        print_json({"home": str(home), "key": str(key)})
        return
    out = console()
    out.print(f"Made a witness in {home}. Its verifier key:", markup=False)
    out.print(str(key), markup=False)


@app.command()
def trust(
    key: Annotated[
        str, typer.Argument(help="The log's verifier keys, one a line, or their file.")
    ],
    home: WitnessHome = DEFAULT,
    json: JsonOption = False,
) -> None:
    """Cosign for a log from now on. A second key of one log is added to the first."""
    parsed = read_keys(Path(key)) if is_file(key) else parse_keys(key)
    with _memory(home) as memory:
        for one in parsed:
            memory.trust(one)
    if json:
        print_json([{"origin": one.name, "key": str(one)} for one in parsed])
        return
    for one in parsed:
        named = f"{one.name} with the key {one.id.hex()}"
        console().print(f"Trusts {named} from now on.", markup=False)


@app.command("list")
def show(home: WitnessHome = DEFAULT, json: JsonOption = False) -> None:
    """List the logs that the witness trusts, and what it cosigned last."""
    with _memory(home) as memory:
        logs = memory.logs()
    if json:
        print_json(
            [
                {
                    "origin": log.origin,
                    "keys": [str(key) for key in log.keys],
                    "size": log.latest.size if log.latest else None,
                    "root": log.latest.root.hex() if log.latest else None,
                }
                for log in logs
            ]
        )
        return
    for log in logs:
        last = f"cosigned at size {log.latest.size}" if log.latest else "nothing yet"
        console().print(f"{log.origin}: {last}", markup=False)


@app.command()
def serve(
    home: WitnessHome = DEFAULT,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=PORT_MAX, help="0 takes a free one.")
    ] = 8461,
    json: JsonOption = False,
) -> None:
    """Cosign what logs offer. Ends in order on SIGTERM."""
    del json  # What it prints is one JSON value anyway.
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=progress_console(), show_path=False)],
    )
    cosigner = _cosigner(home / KEY)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with _memory(home) as memory:
        door = create_witness_app(
            Witness(cosigner, memory), lambda: int(time.time()), LOGGER.error
        )
        with serving(door, host, port) as address:
            sys.stdout.write(f'{{"ready": true, "address": "{address}"}}\n')
            sys.stdout.flush()
            stopped.wait()


def _cosigner(path: Path) -> Cosigner:
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise HoldfastError(
            f"the witness's key in {path} cannot be read ({type(fault).__name__})",
            "Make a witness with `holdfast witness init`.",
        ) from None
    if mode & OTHERS:
        raise HoldfastError(
            f"the witness's key in {path} may be read by others",
            f"Make it private: chmod 600 {path}.",
        )
    name, _, seed = text.strip().partition("\n")
    try:
        return Cosigner(name, bytes.fromhex(seed.strip()))
    except ValueError:
        raise HoldfastError(
            f"the key in {path} is not a witness's key",
            "It has two lines: the witness's name, and 64 hexadecimal digits.",
        ) from None


@contextmanager
def _memory(home: Path) -> Iterator[WitnessStore]:
    with closing(WitnessStore(home / MEMORY)) as memory:
        yield memory
