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
from holdfast.domain.events.drill import Sabotage
from holdfast.errors import HoldfastError
from holdfast.evidence.as_json import as_json
from holdfast.evidence.drills import DrillView, drill_views
from holdfast.operations.rehearse import order_drill

app = typer.Typer(no_args_is_help=True)
POLL_SECONDS = 0.25
# A node beats every second; one that has not begun after this is not there.
TAKEN_UP_WITHIN = timedelta(seconds=60)
FAILED = 1


@app.command()
def run(
    datastore: Annotated[str, typer.Argument(help="The datastore to rehearse.")],
    person: PersonOption,
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
    reader = open_log(home_at(home))
    ordered = order_drill(
        reader.desk(person), datastore, repository=repository, sabotage=sabotage
    )
    view = _watch(reader, ordered.drill) if wait else _find(reader, ordered.drill)
    _show(view, json=json)
    if view.phase == "failed":
        raise typer.Exit(FAILED)


@app.command("list")
def list_drills(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """List all drills."""
    found = drill_views(open_log(home_at(home)).desk("").situation())
    if json:
        print_json([as_json(view) for view in found])
        return
    table = Table("Drill", "How", "Recovery time", "Data loss", box=None)
    for view in found:
        figures = (_length(view.recovery_time), _length(view.data_loss))
        table.add_row(escape(view.id), view.phase, *figures)
    console().print(table if found else "no drill so far")


@app.command()
def show(
    drill: Annotated[str, typer.Argument(help="Its id.")],
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Show one drill: what it measured, what was wrong, and where that stands."""
    _show(_find(open_log(home_at(home)), drill), json=json)


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
        if view.phase == "ordered" and _waited(reader, view) > TAKEN_UP_WITHIN:
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


def _waited(reader: Reader, view: DrillView) -> timedelta:
    return reader.log.now() - view.ordered_at


def _tell(err: Console, text: str, before: str) -> str:
    if text != before:
        err.print(escape(text))
    return text


def _show(view: DrillView, *, json: bool) -> None:
    if json:
        print_json(as_json(view))
        return
    out = console()
    out.print(f"[bold]{escape(view.id)}[/]: {view.phase}")
    for name, value in _lines(view):
        out.print(f"  {name:<15}{escape(value)}")
    for finding in view.findings:
        out.print(f"  [bold red]wrong[/]          {escape(finding)}")


def _lines(view: DrillView) -> list[tuple[str, str]]:
    lines = [
        ("ordered", f"{view.ordered_at:%Y-%m-%d %H:%M:%S} UTC by {view.ordered_by}"),
        ("from", f"repository {view.repository}"),
    ]
    if view.sabotage is not None:
        lines.append(("broken", f"{view.sabotage}, on purpose"))
    if view.recovery_time is not None:
        business = f"{_length(view.business_time)} of it business time"
        lines.append(("recovery time", f"{_length(view.recovery_time)}, {business}"))
        commits = "not counted"
        if view.commits_lost is not None:
            commits = f"{view.commits_lost:,} commits"
        lines.append(("data loss", f"{_length(view.data_loss)}, {commits}"))
        lines.append(("invariants", f"{len(view.invariants)} hold"))
    lines += [(step.name, _length(step.took)) for step in view.steps]
    if view.evidence is not None:
        lines.append(("evidence", view.evidence))
    lines.append(("ledger", ", ".join(f"#{index}" for index in view.indices)))
    return lines


def _length(length: timedelta | None) -> str:
    return "unknown" if length is None else f"{length.total_seconds():,.1f} s"
