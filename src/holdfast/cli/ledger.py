"""`holdfast ledger`: verify a log, publish it as files, prove single entries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli import proving, verifying
from holdfast.cli.common import DEFAULT_HOME, HomeOption, JsonOption, print_json
from holdfast.cli.lazily import lazily
from holdfast.cli.reading import (
    HOME_KEY,
    DatabaseOption,
    KeyOption,
    bar,
    keys_of,
    opened,
    say,
)
from holdfast.cli.witnessed import size_to_publish
from holdfast.storage.folder import export as export_log

app = typer.Typer(
    help="Verify, export and prove the log.",
    no_args_is_help=True,
    cls=lazily(
        {
            "publish": "holdfast.cli.off_site:publish",
            "status": "holdfast.cli.off_site:status",
            "check": "holdfast.cli.self_proof:check",
            "rehearse": "holdfast.cli.self_proof:rehearse",
            "escrow": "holdfast.cli.off_site:escrow",
            "recover": "holdfast.cli.recovering:recover",
            "succeed": "holdfast.cli.succession:succeed_log",
            "succession": "holdfast.cli.succession:show_succession",
            "quarantine": "holdfast.cli.off_site:quarantine",
            "witness": "holdfast.cli.ledger_witness:app",
            "key": "holdfast.cli.ledger_key:app",
        }
    ),
)
app.command("verify", cls=verifying.DatabaseAlone)(verifying.verify)
app.command("prove")(proving.prove)
app.command("verify-proof")(proving.verify_proof)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where to publish; made if missing.")],
    database: DatabaseOption = None,
    key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Publish the signed log as files that anybody can verify."""
    keys, _ = keys_of(key, home / HOME_KEY)
    text = "\n".join(map(str, keys)) or None
    with opened(database, home) as store, bar("publishing", quiet=json) as told:
        upto = size_to_publish(store, home, folder)
        size = export_log(store, folder, told, verifier_key=text, upto=upto)
    if json:
        print_json({"folder": str(folder.absolute()), "size": size, "key": text})
        return
    say(f"Published {size} entries in {folder}.")
