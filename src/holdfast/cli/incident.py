"""`holdfast incident`: what people do on the worst day."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from holdfast.assembly.reading import Reader, open_log
from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    PersonOption,
    console,
    home_at,
    print_json,
)
from holdfast.domain.controls.all import owed_by_all
from holdfast.errors import HoldfastError
from holdfast.evidence.as_json import as_json
from holdfast.evidence.internal import lapse_view, suspicion_view, tampering_view
from holdfast.evidence.standing import incident_view
from holdfast.evidence.views import IncidentView
from holdfast.operations import lapses, respond, suspicions, tampering

app = typer.Typer(help="Acknowledge, declare, recover.", no_args_is_help=True)
IncidentOption = Annotated[
    str | None, typer.Option("--incident", help="Its id; needed if several run.")
]


def views(reader: Reader) -> list[IncidentView]:
    """Return every incident, oldest first."""
    situation = reader.desk("").situation()
    duties = owed_by_all(situation)
    ledger = reader.window.ledger()
    found = [
        *(
            incident_view(situation, incident, duties, ledger)
            for incident in situation.state.incidents.values()
        ),
        *(
            tampering_view(situation, incident, duties, ledger.read)
            for incident in situation.state.tampering.all.values()
        ),
        *(
            suspicion_view(situation, incident, duties, ledger.read)
            for incident in situation.state.suspicions.all.values()
        ),
        *(
            lapse_view(situation, incident, duties, ledger.read)
            for incident in situation.state.lapses.all.values()
        ),
    ]
    return sorted(found, key=lambda view: view.id)


@app.command("list")
def list_incidents(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """List all incidents."""
    found = views(open_log(home_at(home)))
    if json:
        print_json([as_json(view) for view in found])
        return
    table = Table("Incident", "Phase", "Services", "Began", box=None)
    for view in found:
        began = f"{view.began_at:%Y-%m-%d %H:%M:%S} UTC"
        table.add_row(view.id, view.phase, escape(", ".join(view.services)), began)
    console().print(table if found else "no incident so far")


@app.command()
def timeline(
    incident: Annotated[str, typer.Argument(help="Its id.")],
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Show what happened, each line with its ledger index."""
    for view in views(open_log(home_at(home))):
        if view.id == incident:
            if json:
                print_json(as_json(view))
                return
            for line in view.timeline:
                at = f"{line.at:%H:%M:%S}"
                console().print(f"{at}  {escape(line.text)}  [dim]#{line.index}[/]")
            return
    raise HoldfastError(
        f"no incident {incident}", "See them all with: holdfast incident list."
    )


@app.command()
def ack(
    person: PersonOption,
    incident: IncidentOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Take the running incident on."""
    desk = open_log(home_at(home)).desk(person)
    if tampering.is_meant(desk.situation(), incident):
        taken = tampering.acknowledge(desk)
    elif suspicions.is_meant(desk.situation(), incident):
        taken = suspicions.acknowledge(desk, incident)
    elif lapses.is_meant(desk.situation(), incident):
        taken = lapses.acknowledge(desk)
    else:
        taken = respond.acknowledge(desk, incident).id
    _say(json=json, text=f"{taken} acknowledged by {person}", incident=taken)


@app.command()
def declare(
    person: PersonOption,
    incident: IncidentOption = None,
    service: Annotated[
        list[str] | None,
        typer.Option(help="A failing service; it joins the running incident."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Declare a disaster: the recovery clock starts."""
    desk = open_log(home_at(home)).desk(person)
    declared = respond.declare(desk, incident, tuple(service or ()))
    due = f"{declared.due_at:%Y-%m-%d %H:%M} UTC" if declared.due_at else "unknown"
    _say(
        json=json,
        text=f"disaster declared; services are due back by {due}",
        incident=declared.incident,
        due_at=declared.due_at,
    )


@app.command()
def update(
    text: Annotated[str, typer.Argument(help="What customers should know.")],
    person: PersonOption,
    incident: IncidentOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Put your words on the public status page; the node publishes them."""
    notice = respond.update(open_log(home_at(home)).desk(person), text, incident)
    _say(json=json, text=f"recorded: {notice.notice}", notice=notice.notice)


@app.command()
def resolve(
    person: PersonOption,
    incident: IncidentOption = None,
    reason: Annotated[
        str | None,
        typer.Option(
            help="What was found and done; tampering and suspicion end with no less."
        ),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """End an incident that no probe can end; refused while a service is red."""
    desk = open_log(home_at(home)).desk(person)
    if tampering.is_meant(desk.situation(), incident):
        ended = tampering.resolve(desk, reason or "")
    elif suspicions.is_meant(desk.situation(), incident):
        ended = suspicions.resolve(desk, incident, reason or "")
    elif lapses.is_meant(desk.situation(), incident):
        lapses.refuse_to_resolve()
    else:
        ended = respond.resolve(desk, incident).id
    _say(json=json, text=f"{ended} resolved by {person}", incident=ended)


def _say(*, json: bool, text: str, **values: object) -> None:
    if json:
        print_json(values)
    else:
        console().print(escape(text))
