"""Leads a person through a recovery: one question at a time, each step from the ledger.

Nothing is kept here between two looks. What was answered is recorded before anything
follows from it; so the next command goes on from there, whatever ended this one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import datetime

import typer

from holdfast.assembly import sign_in as signing_in
from holdfast.assembly.reading import Reader
from holdfast.cli.approving import signed_desk
from holdfast.cli.common import progress_console
from holdfast.cli.recovery_wait import Waiting
from holdfast.cli.recovery_words import (
    failure,
    figures_json,
    steps_json,
    tell_clocks,
    tell_figures,
    tell_plan,
    tell_steps,
)
from holdfast.domain import leading, recovering
from holdfast.domain.controls.judging import Situation
from holdfast.domain.leading import Stand
from holdfast.domain.memory.incidents import Incident, Recovery
from holdfast.domain.moments import parse_moment
from holdfast.errors import HoldfastError
from holdfast.operations import approving, respond
from holdfast.operations.authority import (
    NotSignedInError,
    require,
    require_signed_in,
)
from holdfast.operations.recover import (
    Plan,
    incident_of,
    led_by,
    order,
    plan,
    require_runner,
    services_on,
    size_of,
    sources,
    suspicion_of,
    to_follow,
)
from holdfast.operations.respond import Desk
from holdfast.settings import Home

# After these another moment or another repository may help, and a person is asked.
CHOICE_AFTER = frozenset({"preflight_failed", "restore_failed", "verify_failed"})


ASK_A_SECOND = """\
A second person signs in, looks, and agrees:
  holdfast approve {order}
or does not:
  holdfast cancel {order} --reason TEXT
If nobody answers:
  holdfast break-glass {order} --reason TEXT"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed. ``latest``: the last commit is wanted, whatever is suspected."""

    repository: int | None
    target: datetime | None
    latest: bool
    incident: str | None
    yes: bool
    wait: bool
    again: bool
    glass: str | None
    quiet: bool


class Leader:
    """Leads one person through recoveries."""

    def __init__(self, home: Home, reader: Reader, person: str, wish: Wish) -> None:
        self._home = home
        self._reader = reader
        self._person = person
        self._wish = wish
        self._shown: tuple[Stand, ...] = ()

    def recover(self, datastore: str) -> dict[str, object]:
        """Lead one datastore to its end, from wherever it stands."""
        wish, self._shown = self._wish, ()
        while True:
            recovery = self._find(datastore, wish) or self._begin(datastore, wish)
            situation, recovery, stand = self._follow(recovery.ordered.recovery)
            failed = failure(situation, recovery)
            if failed is None:
                return self._ended(situation, recovery, stand)
            at = recovering.step(situation, recovery)
            other = self._other_way(wish, failed) if at in CHOICE_AFTER else None
            if other is None:
                raise failed
            wish, self._shown = other, ()

    def _find(self, datastore: str, wish: Wish) -> Recovery | None:
        situation = self._situation()
        found = to_follow(situation, datastore, wish.repository, wish.target)
        if found is not None and wish.again:
            at = recovering.step(situation, found)
            return None if at in recovering.OVER else found
        return found

    def _follow(self, name: str) -> tuple[Situation, Recovery, Stand | None]:
        """Take step after step; return at the end, at a failure, or at a wait."""
        while True:
            situation = self._situation()
            recovery = situation.state.recoveries[name]
            runbook = led_by(self._reader.log, situation, recovery)
            found = leading.stands(situation, runbook, recovery)
            self._show(situation, recovery, found)
            stand = leading.next_step(found)
            if stand is None or failure(situation, recovery) is not None:
                return situation, recovery, stand
            if not self._advance(situation, recovery, stand):
                return situation, recovery, stand

    def _ended(
        self, situation: Situation, recovery: Recovery, stand: Stand | None
    ) -> dict[str, object]:
        name = recovery.ordered.recovery
        if stand is not None:
            return {
                "recovery": name,
                "waits": stand.step.text,
                **steps_json(situation, recovery, self._shown),
            }
        figures = leading.figures(situation, recovery)
        if figures is not None and not self._wish.quiet:
            tell_figures(situation, recovery, figures)
        return {
            "recovery": name,
            **figures_json(situation, recovery, figures),
            **steps_json(situation, recovery, self._shown),
        }

    def _situation(self) -> Situation:
        return self._desk().situation()

    def _desk(self) -> Desk:
        return signed_desk(self._home, self._reader, self._person)

    def _begin(self, datastore: str, wish: Wish) -> Recovery:
        """Have a person decide what only they can, then order it."""
        situation = self._situation()
        self._require_signed_in(situation)
        require_runner(situation)
        wanted = self._plan(situation, datastore, wish)
        incident = self._incident(situation, datastore, wish)
        if not wish.quiet:
            tell_plan(situation, wanted, ())
        to = wanted.target
        moment = f"{to:%Y-%m-%d %H:%M:%S} UTC" if to else "the last commit"
        self._must(
            f"Restore {datastore} over production from repository "
            f"{wanted.source.repository}, to {moment}?"
        )
        return self._order(wanted, incident)

    def _require_signed_in(self, situation: Situation) -> None:
        """Have it settled who asks before anything is asked of them."""
        require(situation.rules, self._person, "order_recovery")
        signed = signing_in.kept(self._home, self._person)
        now = situation.now
        try:
            require_signed_in(self._person, signed, "order_recovery", now)
        except NotSignedInError as error:
            if self._wish.yes or not sys.stdin.isatty():
                raise
            self._say(error.message)
            password = typer.prompt("Password", hide_input=True, err=True)
            fresh = signing_in.authenticate(self._home, self._person, password, now)
            signing_in.keep(self._home, fresh)

    def _incident(self, situation: Situation, datastore: str, wish: Wish) -> Incident:
        """Return the incident, declared; the clock of the policy runs from there."""
        services = services_on(situation, datastore)
        if not situation.state.running and wish.incident is None and services:
            self._must(
                f"No incident is running. Declare a disaster of {', '.join(services)}? "
                "The recovery clock starts."
            )
            declared = respond.declare(self._desk(), services=services)
            return self._situation().state.incidents[declared.incident]
        incident = incident_of(situation, wish.incident)
        if incident.declared is None:
            self._must("Declare a disaster? The recovery clock starts.")
            respond.declare(self._desk(), incident.id)
        return incident

    def _order(self, wanted: Plan, incident: Incident) -> Recovery:
        recovery = order(self._desk(), wanted, incident)
        name = recovery.ordered.recovery
        self._say(f"ordered: {name}")
        if self._wish.glass is not None:
            approving.break_glass(self._desk(), name, self._wish.glass)
            self._say("the glass is broken; committee and lead are told")
        return recovery

    def _plan(self, situation: Situation, datastore: str, wish: Wish) -> Plan:
        target = self._target(situation, datastore, wish)
        repository, there = wish.repository, sources(situation, datastore)
        if repository is None and len(there) > 1 and not wish.yes:
            self._require_terminal("which repository to restore from")
            for source in there:
                where = "off-site" if source.off_site else "on-site"
                reach = "" if source.reachable else ", not reachable at the last look"
                self._say(f"repository {source.repository}: {where}{reach}")
            first = there[0].repository
            repository = typer.prompt("Repository", default=first, type=int, err=True)
        return plan(self._reader.log, situation, datastore, repository, target)

    def _target(
        self, situation: Situation, datastore: str, wish: Wish
    ) -> datetime | None:
        """Return the moment to go back to; never the last one under suspicion unasked:
        it would bring the damage back.
        """
        sign = suspicion_of(situation, datastore)
        if wish.target is not None or wish.latest or sign is None:
            return wish.target
        good = sign.untouched_at
        known = f"{good:%Y-%m-%dT%H:%M:%SZ}" if good else ""
        told = f"ransomware is suspected in {datastore}: {sign.detail}"
        if wish.yes or not sys.stdin.isatty():
            advice = f"--to {known} (canaries were intact), or " if known else ""
            raise HoldfastError(
                told,
                f"Name the moment: {advice}--to MOMENT; --to latest brings back the "
                f"last commit with whatever was done. See {sign.incident}.",
            )
        self._say(told)
        text = typer.prompt(
            "Back to which moment (UTC)? Canaries were last intact then"
            if known
            else "Back to which moment (UTC)?",
            default=known or None,
            err=True,
        )
        return parse_moment(text)

    def _other_way(self, wish: Wish, failed: HoldfastError) -> Wish | None:
        """Ask what to do about what failed; ``None`` leaves it as it stands."""
        if wish.yes or wish.quiet or not sys.stdin.isatty():
            return None
        self._say(f"{failed.message}\n{failed.hint}")
        asked = "Another (m)oment, another (r)epository, or (s)top here?"
        match typer.prompt(asked, default="s", err=True).strip().lower()[:1]:
            case "m":
                text = typer.prompt("Back to which moment (UTC)?", err=True)
                return replace(wish, target=parse_moment(text), again=True)
            case "r":
                number = typer.prompt("Repository", type=int, err=True)
                return replace(wish, repository=number, again=True)
            case _:
                return None

    def _advance(self, situation: Situation, recovery: Recovery, stand: Stand) -> bool:
        """Do what the next step needs; false where a wait is not wished for."""
        name = recovery.ordered.recovery
        at = recovering.step(situation, recovery)
        if stand.step.operation is None:
            self._must(f"Step {stand.step.number}: {stand.step.text} Done?")
            approving.confirm(self._desk(), name, str(stand.step.number))
            return True
        if at == "restore_held" and stand.step.operation == "restore":
            self._must("The restore is approved. Go ahead? It overwrites production.")
            approving.confirm(self._desk(), name, "restore")
            return True
        if at == "failover_held" and stand.step.operation == "failover":
            self._must("The data are verified. Let the applications in?")
            approving.confirm(self._desk(), name, "failover")
            return True
        if at == "approval":
            self._say(ASK_A_SECOND.format(order=name))
        if not self._wish.wait:
            return False
        size = size_of(situation, recovery)
        Waiting(name, at, size, quiet=self._wish.quiet).run(self._situation)
        return True

    def _must(self, question: str) -> None:
        """Have a person say yes; raises `HoldfastError` where nobody can be asked."""
        if self._wish.yes:
            return
        self._require_terminal(question)
        if not typer.confirm(question, err=True):
            raise HoldfastError(
                f"stopped at your word, before: {question}",
                "Nothing of it was done. Type the same command to go on.",
            )

    def _require_terminal(self, question: str) -> None:
        if not sys.stdin.isatty():
            raise HoldfastError(
                f"a person must decide: {question}",
                "Type it at a terminal, or answer yes to all with --yes.",
            )

    def _show(
        self, situation: Situation, recovery: Recovery, found: tuple[Stand, ...]
    ) -> None:
        """Show all steps at first, and then each that moved."""
        if found != self._shown and not self._wish.quiet:
            tell_clocks(situation, recovery)
            tell_steps([s for s in found if s not in self._shown])
        self._shown = found

    def _say(self, text: str) -> None:
        if not self._wish.quiet:
            progress_console().print(text, markup=False)
