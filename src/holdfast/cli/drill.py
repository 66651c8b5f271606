"""`holdfast drill`: rehearse a recovery beside production, and see how it went."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
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
    progress_console,
)
from holdfast.cli.drill_shown import in_seconds, lost, show_drill, show_rehearsal
from holdfast.domain import rehearsing
from holdfast.domain.events.drill import Sabotage
from holdfast.errors import HoldfastError
from holdfast.evidence.as_json import as_json
from holdfast.evidence.drills import DrillView, drill_views, ended_at
from holdfast.operations.rehearse import Wanted, order_rehearsal

app = typer.Typer(help="Rehearse a recovery, and measure it.", no_args_is_help=True)
POLL_SECONDS = 0.25
# A node beats every second; one that has not begun after this is not there.
TAKEN_UP_WITHIN = timedelta(seconds=60)
FAILED = 1


@app.command()
def run(
    person: PersonOption,
    datastores: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to rehearse, in the order of the functions' ranks; "
            "without a name all that is critical.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All datastores of the critical functions.")
    ] = False,
    region_loss: Annotated[
        bool,
        typer.Option(
            "--region-loss",
            help="Nothing on-site is left: off-site alone, with the key in escrow.",
        ),
    ] = False,
    repository: Annotated[
        int | None, typer.Option(help="Where to restore from; else off-site.")
    ] = None,
    sabotage: Annotated[
        Sabotage | None,
        typer.Option(help="Break this on purpose, in a copy: the drill has to fail."),
    ] = None,
    wait: Annotated[
        bool, typer.Option(help="Watch it to its end; exit status 1 if it failed.")
    ] = True,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Restore into a fenced place beside production, measure, verify, remove."""
    if every and datastores:
        raise HoldfastError(
            "--all and a name say two things", "Name the datastores, or none."
        )
    reader = open_log(home_at(home))
    wanted = Wanted(
        tuple(dict.fromkeys(datastores or ())),
        repository,
        sabotage,
        "region-loss" if region_loss else "restore",
    )
    names = [each.drill for each in order_rehearsal(reader.desk(person), wanted)]
    views = [_watch(reader, n) if wait else _find(reader, n) for n in names]
    if len(views) == 1:
        show_drill(views[0], json=json)
    else:
        show_rehearsal(views, json=json)
    if any(view.phase == "failed" for view in views):
        raise typer.Exit(FAILED)


@app.command("list")
def list_drills(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """List all drills."""
    found = drill_views(open_log(home_at(home)).desk("").situation())
    if json:
        print_json([as_json(view) for view in found])
        return
    table = Table("Drill", "Lost", "How", "Recovery time", "Data loss", box=None)
    for view in found:
        figures = (in_seconds(view.recovery_time), in_seconds(view.data_loss))
        table.add_row(escape(view.id), lost(view), view.phase, *figures)
    console().print(table if found else "no drill so far")


@app.command()
def show(
    drill: Annotated[str, typer.Argument(help="Its id.")],
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Show one drill: what it measured, what was wrong, and where that stands."""
    show_drill(_find(open_log(home_at(home)), drill), json=json)


def _find(reader: Reader, name: str) -> DrillView:
    for view in drill_views(reader.desk("").situation()):
        if view.id == name:
            return view
    raise HoldfastError(f"no drill {name}", "See them all with: holdfast drill list.")


def _watch(reader: Reader, name: str) -> DrillView:
    """Return the drill once it is over; tell how far it is meanwhile."""
    err, pause, said = progress_console(), threading.Event(), ""
    while True:
        view = _find(reader, name)
        if view.phase in {"passed", "failed"}:
            return view
        if _is_forgotten(reader, view):
            raise HoldfastError(
                f"no runner has taken up {name}",
                "Start the node and a runner: holdfast serve --with-runner.",
            )
        said = _tell(err, f"{name}: {_at(reader, view)}", said)
        pause.wait(POLL_SECONDS)


def _at(reader: Reader, view: DrillView) -> str:
    """Return where it is: the step that its runner told."""
    if view.phase != "running":
        return "waiting for a runner"
    job = reader.log.state().jobs.all.get(view.id)
    told = job.progressed if job else None
    if told is None:
        return view.phase
    share = "" if told.percent is None else f" {told.percent} %"
    return f"{told.step}{share}"


def _is_forgotten(reader: Reader, view: DrillView) -> bool:
    """Say whether no runner has taken it up, though its turn has come long ago."""
    situation = reader.desk("").situation()
    drill = situation.state.drills[view.id]
    if view.phase != "ordered" or not rehearsing.is_its_turn(situation, drill):
        return False
    before = [at for other in drill_views(situation) if (at := ended_at(other))]
    since = max((view.ordered_at, *before))
    return reader.log.now() - since > TAKEN_UP_WITHIN


def _tell(err: Console, text: str, before: str) -> str:
    if text != before:
        err.print(escape(text))
    return text
