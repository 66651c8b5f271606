"""`holdfast backup`: take one now, see what lies where and since when it restores."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
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
from holdfast.domain.events.repository import BackupOrdered
from holdfast.errors import HoldfastError
from holdfast.evidence.as_json import as_json
from holdfast.evidence.backups import (
    BackupJobView,
    BackupsView,
    RepositoryView,
    StoredView,
    backups_views,
    job_view,
)
from holdfast.operations.backing_up import BusyError, order_backup
from holdfast.operations.ports.engine import BackupKind

app = typer.Typer(help="Take a backup, and see them all.", no_args_is_help=True)
POLL_SECONDS = 0.25
# A runner beats every second; one that has not begun after this is not there.
TAKEN_UP_WITHIN = timedelta(seconds=60)
FAILED = 1
MEGABYTE = 1_000_000


@app.command()
def run(
    datastore: Annotated[str, typer.Argument(help="The datastore to back up.")],
    person: PersonOption,
    repository: Annotated[
        int | None, typer.Option(help="To this repository; else to each in turn.")
    ] = None,
    kind: Annotated[
        BackupKind | None, typer.Option(help="Else what the schedule asks for.")
    ] = None,
    wait: Annotated[
        bool, typer.Option(help="Watch it to its end; exit status 1 if it failed.")
    ] = True,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Take a backup now, beside the schedule."""
    reader = open_log(home_at(home))
    order = partial(
        order_backup,
        reader.desk(person),
        datastore,
        repository=repository,
        kind=kind,
    )
    ordered = _once_free(order) if wait else order()
    view = _watch(reader, ordered.job) if wait else _job(reader, ordered.job)
    _show_job(view, json=json)
    if view.phase == "failed":
        raise typer.Exit(FAILED)


@app.command("list")
def list_backups(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """List all backups, the window that each repository restores, and its holes."""
    found = _views(open_log(home_at(home)))
    if json:
        print_json([as_json(view) for view in found])
        return
    out = console()
    for view in found:
        _show_datastore(out, view)
    if not found:
        out.print("the catalogue names no production datastore")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A backup's label, or a job's id.")],
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Show one backup wherever it lies, or one job on backups."""
    reader = open_log(home_at(home))
    if name in reader.log.state().jobs.all:
        _show_job(_job(reader, name), json=json)
        return
    held = [
        (view.datastore, repository, backup)
        for view in _views(reader)
        for repository in view.repositories
        for backup in repository.backups
        if backup.label == name
    ]
    if not held:
        raise HoldfastError(
            f"no backup and no job {name}", "See them all with: holdfast backup list."
        )
    if json:
        print_json(
            [
                {"datastore": datastore, "repository": place.number, **as_json(backup)}
                for datastore, place, backup in held
            ]
        )
        return
    for datastore, place, backup in held:
        _show_backup(console(), datastore, place, backup)


def _views(reader: Reader) -> tuple[BackupsView, ...]:
    return backups_views(reader.desk("").situation())


def _job(reader: Reader, name: str) -> BackupJobView:
    situation = reader.desk("").situation()
    return job_view(situation, situation.state.jobs.all[name])


def _once_free(order: Callable[[], BackupOrdered]) -> BackupOrdered:
    """Order once the schedule's own work is done; a recovery is not waited for."""
    pause, said = threading.Event(), ""
    while True:
        try:
            return order()
        except BusyError as busy:
            if not busy.passing:
                raise
            if str(busy) != said:
                progress_console().print(escape(f"waiting: {busy}"))
            said = str(busy)
        pause.wait(1)


def _watch(reader: Reader, name: str) -> BackupJobView:
    """Return the job once it is over; tell how far it is meanwhile."""
    err, pause, said = progress_console(), threading.Event(), ""
    while True:
        view = _job(reader, name)
        if view.phase in {"good", "failed"}:
            return view
        waited = reader.log.now() - view.ordered_at
        if view.phase == "ordered" and waited > TAKEN_UP_WITHIN:
            raise HoldfastError(
                f"no runner has taken up {name}",
                "Start the node and a runner: holdfast serve --with-runner.",
            )
        share = "" if view.percent is None else f" {view.percent} %"
        text = f"{name}: {view.step or 'waiting for a runner'}{share}"
        if text != said:
            err.print(escape(text))
        said = text
        pause.wait(POLL_SECONDS)


def _show_job(view: BackupJobView, *, json: bool) -> None:
    if json:
        print_json(as_json(view))
        return
    out = console()
    out.print(f"[bold]{escape(view.id)}[/]: {view.phase}")
    lines = [("ordered", f"{_moment(view.ordered_at)} by {view.ordered_by}")]
    if view.detail:
        lines.append(("outcome", view.detail))
    if view.evidence:
        lines.append(("evidence", view.evidence))
    lines.append(("ledger", ", ".join(f"#{index}" for index in view.indices)))
    for name, value in lines:
        out.print(f"  {name:<12}{escape(value)}")


def _show_datastore(out: Console, view: BackupsView) -> None:
    out.print(f"[bold]{escape(view.datastore)}[/]")
    out.print(f"  backups     {view.backups}: {escape(view.backups_reason)}")
    out.print(f"  off-site    {view.off_site}: {escape(view.off_site_reason)}")
    if view.kept_for is not None:
        out.print(f"  kept        for {view.kept_for.days} days, as the policy says")
    for job in view.jobs:
        if job.phase in {"ordered", "running"}:
            out.print(f"  under way   {escape(job.id)} {escape(job.step)}")
    for place in view.repositories:
        _show_repository(out, place)


def _show_repository(out: Console, place: RepositoryView) -> None:
    where = "off-site" if place.off_site else "on-site"
    out.print(f"  [bold]repository {place.number}[/], {where}: {_window(place)}")
    if place.tried is not None:
        tried = place.tried
        whole = "whole" if tried.read_back else "[bold red]not whole[/]"
        out.print(
            f"    tried {_moment(tried.at)}: {whole}; a wrong key {tried.wrong_key}; "
            f"a deletion by production {tried.deletion}"
        )
    table = Table("Backup", "Kind", "Finished (UTC)", "Size", "By", "Sound", box=None)
    for backup in place.backups:
        sound = "doubted" if backup.error else backup.cipher or "not encrypted"
        size = f"{backup.size_bytes / MEGABYTE:,.1f} MB"
        at = f"{backup.finished_at:%Y-%m-%d %H:%M:%S}"
        label, by = escape(backup.label), escape(backup.started_by)
        table.add_row(label, backup.kind, at, size, by, sound)
    out.print(table)


def _window(place: RepositoryView) -> str:
    if place.looked_at is None:
        return "nobody has looked from when on it restores"
    if place.restorable_since is None:
        window = "[bold red]no backup leads to now[/]"
    else:
        until = place.restorable_until
        end = _moment(until) if until else "its newest WAL"
        window = f"restorable from {_moment(place.restorable_since)} to {end}"
    if place.holes:
        window += f"; [bold red]missing[/] {', '.join(place.holes)}"
    return window


def _show_backup(
    out: Console, datastore: str, place: RepositoryView, backup: StoredView
) -> None:
    out.print(f"[bold]{escape(backup.label)}[/] of {escape(datastore)}")
    for name, value in (
        ("lies in", f"repository {place.number}"),
        ("kind", backup.kind),
        ("started by", backup.started_by),
        ("finished", f"{_moment(backup.finished_at)}"),
        ("took", f"{backup.took.total_seconds():,.0f} s"),
        ("size", f"{backup.size_bytes:,} bytes"),
        ("cipher shown", backup.cipher or "none"),
        ("doubted", "yes, by the repository itself" if backup.error else "no"),
        ("ledger", f"#{backup.index}"),
    ):
        out.print(f"  {name:<14}{escape(value)}")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
