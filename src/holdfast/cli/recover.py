"""`holdfast recover`: the recovery itself, led step by step by the runbook.

All that it knows it reads from the ledger: run it again after any crash, here or at
another terminal, and it goes on where the recovery stands.
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from holdfast.assembly.reading import Reader, open_log
from holdfast.cli.approving import signed_desk
from holdfast.cli.common import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    PersonOption,
    home_at,
    print_json,
    progress_console,
)
from holdfast.cli.recovery_words import (
    check_failure,
    figures_json,
    plan_json,
    tell_figures,
    tell_plan,
    tell_steps,
)
from holdfast.domain import leading, recovering
from holdfast.domain.controls.judging import Situation
from holdfast.domain.leading import Stand
from holdfast.domain.memory.incidents import Incident, Recovery
from holdfast.errors import HoldfastError
from holdfast.operations import approving, respond
from holdfast.operations.recover import (
    Plan,
    ask,
    in_order,
    incident_of,
    led_by,
    order,
    plan,
    sources,
    under_way,
)
from holdfast.operations.respond import Desk
from holdfast.settings import Home

POLL_SECONDS = 0.25
ANSWERED_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed."""

    repository: int | None
    target: datetime | None
    incident: str | None
    yes: bool
    wait: bool
    glass: str | None
    quiet: bool


def recover(
    person: PersonOption,
    datastore: Annotated[
        str | None,
        typer.Argument(help="The datastore; else all that fail, by their ranks."),
    ] = None,
    repository: Annotated[
        int | None, typer.Option(help="Where to restore from; else you are asked.")
    ] = None,
    to: Annotated[
        datetime | None,
        typer.Option(help="The moment, in UTC; else the last recoverable one."),
    ] = None,
    incident: Annotated[
        str | None, typer.Option("--incident", help="Its id; needed if several run.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; say what would be done.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Answer yes where a person must decide.")
    ] = False,
    wait: Annotated[
        bool, typer.Option(help="Go on to the end; else return at the first wait.")
    ] = True,
    glass: Annotated[
        str | None,
        typer.Option("--break-glass", help="Why no second person can be asked."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Recover a datastore over production, led by its runbook; resumable."""
    at = home_at(home)
    reader = open_log(at)
    target = to.replace(tzinfo=UTC) if to else None
    wish = Wish(repository, target, incident, yes, wait, glass, json)
    names = in_order(reader.desk(person).situation(), datastore)
    if dry_run:
        found = [_dry_run(reader, person, name, wish) for name in names]
        if json:
            print_json(found)
        raise typer.Exit(0 if all(each["ok"] for each in found) else 1)
    leader = Leader(at, reader, person, wish)
    results = [leader.recover(name) for name in names]
    if json:
        print_json(results)


def _dry_run(
    reader: Reader, person: str, datastore: str, wish: Wish
) -> dict[str, object]:
    """Do all that changes nothing, and say what would follow."""
    desk = reader.desk(person)
    wanted = plan(reader.log, desk.situation(), datastore, wish.repository, wish.target)
    name = ask(desk, datastore, wanted.source.repository)
    answered = None
    limit = time.monotonic() + ANSWERED_WITHIN
    while answered is None:
        if time.monotonic() > limit:
            raise HoldfastError(
                "no runner has answered whether the restore can work",
                "Start one: holdfast runner, or holdfast serve --with-runner.",
            )
        threading.Event().wait(POLL_SECONDS)
        answered = reader.log.state().checks[name].answered
    if not wish.quiet:
        tell_plan(wanted, answered.checks)
    return plan_json(wanted, answered.ok, answered.checks)


class Leader:
    """Leads one person through recoveries."""

    def __init__(self, home: Home, reader: Reader, person: str, wish: Wish) -> None:
        self._home = home
        self._reader = reader
        self._person = person
        self._wish = wish
        self._told = ""

    def recover(self, datastore: str) -> dict[str, object]:
        """Lead one datastore to its end, from wherever it stands."""
        recovery = under_way(self._situation(), datastore)
        if recovery is None:
            recovery = self._begin(datastore)
        name = recovery.ordered.recovery
        while True:
            situation = self._situation()
            recovery = situation.state.recoveries[name]
            check_failure(situation, recovery)
            runbook = led_by(self._reader.log, situation, recovery)
            found = leading.stands(situation, runbook, recovery)
            self._show(found)
            stand = leading.next_step(found)
            if stand is None:
                break
            if not self._advance(situation, recovery, stand):
                return {"recovery": name, "waits": stand.step.text}
        figures = leading.figures(situation, recovery)
        if figures is not None and not self._wish.quiet:
            tell_figures(situation, figures)
        return {"recovery": name, **figures_json(figures)}

    def _situation(self) -> Situation:
        return self._desk().situation()

    def _desk(self) -> Desk:
        return signed_desk(self._home, self._reader, self._person)

    def _begin(self, datastore: str) -> Recovery:
        """Have a person decide what only they can, then order it."""
        situation = self._situation()
        incident = incident_of(situation, self._wish.incident)
        if incident.declared is None:
            self._must("Declare a disaster? The recovery clock starts.")
            respond.declare(self._desk(), incident.id)
        wanted = self._plan(situation, datastore)
        if not self._wish.quiet:
            tell_plan(wanted, ())
        moment = (
            f"{wanted.target:%Y-%m-%d %H:%M:%S} UTC" if wanted.target else "the end"
        )
        self._must(
            f"Restore {datastore} over production from repository "
            f"{wanted.source.repository}, to {moment}?"
        )
        return self._order(wanted, incident)

    def _order(self, wanted: Plan, incident: Incident) -> Recovery:
        recovery = order(self._desk(), wanted, incident)
        name = recovery.ordered.recovery
        self._say(f"ordered: {name}")
        if self._wish.glass is not None:
            approving.break_glass(self._desk(), name, self._wish.glass)
            self._say("the glass is broken; committee and lead are told")
        return recovery

    def _plan(self, situation: Situation, datastore: str) -> Plan:
        repository = self._wish.repository
        there = sources(situation, datastore)
        if repository is None and len(there) > 1 and not self._wish.yes:
            self._require_terminal("which repository to restore from")
            for source in there:
                where = "off-site" if source.off_site else "on-site"
                reach = "" if source.reachable else ", not reachable at the last look"
                self._say(f"repository {source.repository}: {where}{reach}")
            first = there[0].repository
            repository = typer.prompt("Repository", default=first, type=int, err=True)
        return plan(
            self._reader.log, situation, datastore, repository, self._wish.target
        )

    def _advance(self, situation: Situation, recovery: Recovery, stand: Stand) -> bool:
        """Do what the next step needs; false where a wait is not wished for."""
        name = recovery.ordered.recovery
        at = recovering.step(situation, recovery)
        if stand.step.operation is None:
            self._must(f"Step {stand.step.number}: {stand.step.text} Done?")
            approving.confirm(self._desk(), name, str(stand.step.number))
            return True
        if at in {"restore_held", "failover_held"}:
            if at == "restore_held" and stand.step.operation == "restore":
                self._must(
                    "The restore is approved. Go ahead? It overwrites production."
                )
                approving.confirm(self._desk(), name, "restore")
                return True
            if stand.step.operation == "failover":
                self._must("The data are verified. Let the applications in?")
                approving.confirm(self._desk(), name, "failover")
                return True
        if at == "approval":
            self._say(f"a second person has to agree: holdfast approve {name}")
        if not self._wish.wait:
            return False
        self._wait(recovery, at)
        return True

    def _wait(self, recovery: Recovery, at: recovering.Step) -> None:
        """Wait until it stands elsewhere; show how far a job is meanwhile."""
        name = recovery.ordered.recovery
        verb = {"restoring": "restore", "failing_over": "failover"}.get(at)
        shown = progress_console()
        hidden = self._wish.quiet or not shown.is_terminal
        columns = (TextColumn("{task.description}"), BarColumn())
        with Progress(*columns, console=shown, transient=True, disable=hidden) as bar:
            task = bar.add_task(at.replace("_", " "), total=None)
            while True:
                threading.Event().wait(POLL_SECONDS)
                situation = self._situation()
                known = situation.state.recoveries[name]
                if recovering.step(situation, known) != at:
                    return
                job = situation.state.jobs.all.get(f"{name}-{verb}") if verb else None
                told = job.progressed if job else None
                if told is not None:
                    total = None if told.percent is None else 100
                    bar.update(
                        task,
                        description=escape(told.step),
                        total=total,
                        completed=told.percent or 0,
                    )

    def _must(self, question: str) -> None:
        """Have a person say yes; raises `HoldfastError` where nobody can be asked."""
        if self._wish.yes:
            return
        self._require_terminal(question)
        typer.confirm(question, abort=True, err=True)

    def _require_terminal(self, question: str) -> None:
        if not sys.stdin.isatty():
            raise HoldfastError(
                f"a person must decide: {question}",
                "Type it at a terminal, or answer yes to all with --yes.",
            )

    def _show(self, found: tuple[Stand, ...]) -> None:
        """Show the steps, each time that one of them moved."""
        text = repr(found)
        if text != self._told and not self._wish.quiet:
            tell_steps(found)
        self._told = text

    def _say(self, text: str) -> None:
        if not self._wish.quiet:
            progress_console().print(text, markup=False)
