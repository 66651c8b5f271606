"""`holdfast ledger witness`: the witnesses of this log, as its operator sees them.

A witness itself is run by somebody else, on another host: `holdfast witness`.
"""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer
from rich.table import Table

from holdfast.assembly.reading import open_log
from holdfast.cli.approving import GlassOption, signed_desk
from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    PersonOption,
    console,
    home_at,
    print_json,
)
from holdfast.errors import HoldfastError
from holdfast.operations.rotation import retire_witness

app = typer.Typer(help="Who cosigns the log.", no_args_is_help=True)


@app.command("list")
def list_witnesses(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """List the witnesses that settings and log know, and what ails them."""
    at = home_at(home)
    reader = open_log(at)
    with closing(reader.store):
        known = reader.log.state().witnesses
    named = {one.name: one for one in at.settings.witnesses}
    rows = []
    for name in sorted({*known, *named}):
        seen = known.get(name)
        cosigned = seen.cosigned if seen else None
        trouble = seen.trouble if seen else None
        rows.append(
            {
                "witness": name,
                "in_settings": name in named,
                "cosigned_size": cosigned.size if cosigned else None,
                "cosigned_at": cosigned.at.isoformat() if cosigned else None,
                "trouble": trouble.detail if trouble else None,
            }
        )
    if json:
        print_json(rows)
        return
    # While all is well it is recorded once a day.
    table = Table("Witness", "Settings", "On record", "At", "Trouble", box=None)
    for row in rows:
        told = [row["cosigned_size"], row["cosigned_at"], row["trouble"]]
        cells = ["-" if cell is None else str(cell) for cell in told]
        table.add_row(
            str(row["witness"]), "yes" if row["in_settings"] else "no", *cells
        )
    console().print(table if rows else "no witness is configured")


@app.command()
def retire(
    name: Annotated[str, typer.Argument(help="The settings' name for the witness.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the log.")],
    person: PersonOption,
    glass: GlassOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Ask no more of a witness that was taken out of the settings; sign in first."""
    at = home_at(home)
    if name in {one.name for one in at.settings.witnesses}:
        raise HoldfastError(
            f"the settings still name the witness {name}",
            "Take it out of holdfast.toml and restart the node first: it is asked as "
            "long as it stands there.",
        )
    reader = open_log(at)
    with closing(reader.store):
        retire_witness(signed_desk(at, reader, person, glass), name, reason)
    if json:
        print_json({"retired": name})
        return
    console().print(f"{name} is a witness of this log no more.", markup=False)
