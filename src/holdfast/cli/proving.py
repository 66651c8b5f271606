"""`holdfast ledger prove` and `verify-proof`: one entry, proved and checked offline."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.common import DEFAULT_HOME, HomeOption, JsonOption, print_json
from holdfast.cli.reading import (
    CredentialsOption,
    DatabaseOption,
    blamed_on,
    keys_of,
    opened,
    place_of,
    read_file,
    say,
    signers,
    unusable,
)
from holdfast.cli.witnessed import (
    QuorumOption,
    WitnessOption,
    note_to_prove,
    require_quorum,
    vouched_by,
)
from holdfast.errors import HoldfastError
from holdfast.ledger.note import encode64
from holdfast.ledger.proof import Proof, parse_proof
from holdfast.ledger.tiled import Prover, served_by
from holdfast.ledger.verify import CHECKPOINT_PATH
from holdfast.storage import audit as audits
from holdfast.storage.errors import StoreError


def prove(
    index: Annotated[int, typer.Argument(help="The entry's index, from 0.")],
    database: DatabaseOption = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help="Prove from a published log instead: a folder or an address."
        ),
    ] = None,
    credentials: CredentialsOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Write to this file.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Write the proof that an entry is in the log, to be checked offline.

    It leads to the newest checkpoint that the witnesses of the settings cosigned.
    """
    if source is not None:
        proof = _from_place(source, credentials, index)
    else:
        with opened(database, home) as store:
            note = note_to_prove(store, home, index)
            proof = audits.prove(store, index, note)
    data = proof.to_bytes()
    if output is not None:
        # What is no file, such as /dev/stdout, holds nothing that could be lost.
        fresh = not output.exists() or output.is_file()
        try:
            with output.open("xb" if fresh else "wb") as file:
                file.write(data)
        except FileExistsError:
            raise HoldfastError(
                "the file exists already",
                "A proof is evidence, and never written over: give another name.",
                str(output),
            ) from None
        except OSError as fault:
            raise unusable(output, "written", fault) from None
    if json:
        text = data.decode()
        print_json({"index": proof.index, "output": output, "proof": text})
    elif output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def verify_proof(
    file: Annotated[Path, typer.Argument(help="The proof.")],
    entry: Annotated[
        Path, typer.Option("--entry", help="The entry's bytes; - for standard input.")
    ],
    key: Annotated[
        str, typer.Option("--key", help="The log's verifier key, or its file.")
    ],
    witness: WitnessOption = None,
    quorum: QuorumOption = None,
    json: JsonOption = False,
) -> None:
    """Check that an entry is in a log, from its proof alone, and who witnessed it."""
    keys, _ = keys_of(key, None)
    witnesses, wanted = vouched_by(witness, quorum)
    data = sys.stdin.buffer.read() if str(entry) == "-" else read_file(entry)
    with blamed_on(str(file)):
        proof = parse_proof(read_file(file))
        signed = proof.verify(data, (*keys, *witnesses))
    checkpoint = signed.checkpoint
    require_quorum(checkpoint.size, signed.signed_by, wanted)
    if json:
        print_json(
            {
                "ok": True,
                "origin": checkpoint.origin,
                "index": proof.index,
                "size": checkpoint.size,
                "root": encode64(checkpoint.root),
                "signed_by": signers(signed.signed_by),
            }
        )
        return
    say(
        f"Entry {proof.index} is in {checkpoint.origin}, of {checkpoint.size} entries.",
        *(f"signed by  {one.key}" for one in signed.signed_by),
    )


def _from_place(source: str, credentials: Path | None, index: int) -> Proof:
    place = place_of(source, credentials)
    note = place.reader.read(CHECKPOINT_PATH)
    if note is None:
        raise StoreError(
            "there is no checkpoint",
            "A published log has a file named checkpoint at its top.",
            f"{place.name} {CHECKPOINT_PATH}",
        )
    try:
        return Prover(note, served_by(place.reader)).prove(index)
    except HoldfastError as fault:
        fault.where = f"{place.name} {fault.where}".strip()
        raise
