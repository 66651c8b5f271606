"""`holdfast simulate`: what the policy would have you do in an outage, in seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from holdfast.cli.adopting import read_folder
from holdfast.cli.common import JsonOption, console, print_json
from holdfast.domain.answers import parse_duration
from holdfast.domain.controls.judging import Duty
from holdfast.errors import HoldfastError
from holdfast.simulation.run import Outage, Simulation, begin, run


def simulate(
    folder: Annotated[Path, typer.Argument(help="The resilience folder.")],
    service: Annotated[str, typer.Option(help="The service that fails.")],
    person: Annotated[str, typer.Option("--as", help="Who adopts the folder.")],
    lasts: Annotated[str, typer.Option(help="How long it fails.")] = "2 h",
    start: Annotated[
        datetime | None, typer.Option(help="The simulated start, in UTC.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run the folder's policy through an outage that nobody attends to."""
    length = parse_duration(lasts)
    began = (start or datetime.now(UTC)).replace(tzinfo=UTC)
    simulation = begin(read_folder(folder), person, began)
    known = {s.id for s in simulation.situation().rules.catalogue.services}
    if service not in known:
        raise HoldfastError(
            f"no business service {service} is declared",
            f"Declared are: {', '.join(sorted(known))}.",
        )
    outage = Outage(service, parse_duration("5 min"), length)
    run(simulation, [outage], length + parse_duration("1 h"))
    _tell(simulation, json=json)


def _tell(simulation: Simulation, *, json: bool) -> None:
    duties = [duty for duty in simulation.duties() if duty.incident is not None]
    sent = {name: len(channel.sent) for name, channel in simulation.kept.items()}
    if json:
        print_json({"duties": [_plain(duty) for duty in duties], "messages": sent})
        return
    table = Table("Duty", "Due", "Done", box=None)
    for duty in sorted(duties, key=lambda d: d.due_at or simulation.clock.now()):
        due = f"{duty.due_at:%a %H:%M:%S}" if duty.due_at else ""
        done = f"{duty.done_at:%a %H:%M:%S}" if duty.done_at else "not done"
        table.add_row(duty.what, due, done)
    console().print(table)


def _plain(duty: Duty) -> dict[str, object]:
    return {
        "duty": duty.control,
        "what": duty.what,
        "due_at": duty.due_at.isoformat() if duty.due_at else None,
        "done_at": duty.done_at.isoformat() if duty.done_at else None,
    }
