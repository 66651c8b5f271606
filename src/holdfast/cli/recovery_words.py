"""What `holdfast recover` shows: the plan, the steps, what failed, the figures.

Written for somebody who was woken: short lines, what is now, how long it has been, what
is next. At a terminal long lines hang under their label; elsewhere a line is a line.
"""

from __future__ import annotations

import textwrap
from datetime import datetime, timedelta

from rich.console import Console
from rich.markup import escape

from holdfast.cli.common import console
from holdfast.domain import recovering
from holdfast.domain.controls.judging import Situation
from holdfast.domain.leading import Figures, Stand
from holdfast.domain.memory.incidents import Recovery
from holdfast.domain.runbook import Step
from holdfast.errors import HoldfastError
from holdfast.evidence.words import due, exact, local_exact, local_short, span
from holdfast.operations.recover import Plan

LABEL, NARROWEST = 14, 30
_MARKS = {
    "done": "[green]done[/]",
    "now": "[bold]now[/]",
    "failed": "[bold red]failed[/]",
    "to come": "[dim]-[/]",
}
_HINTS = {
    "preflight_failed": "Nothing was touched. Mend it, or take another repository: "
    "holdfast recover {datastore} --repository N.",
    "lapsed": "Look at the situation again, and order it anew: holdfast recover "
    "{datastore}.",
    "cancelled": "Nothing was touched. Order it anew, if it is still wanted: holdfast "
    "recover {datastore}.",
    "restore_failed": "What lay there is put aside. Read the line, then order anew: "
    "holdfast recover {datastore}; nothing runs twice by itself.",
    "verify_failed": "The server stays closed to its applications. Go back to an "
    "earlier moment, or take another repository: holdfast recover {datastore} --to "
    "MOMENT. The closed server is stopped then, and its data are kept aside.",
    "failover_failed": "See the server's log; open it with PostgreSQL's own tools, or "
    "order anew: holdfast recover {datastore}.",
}


def tell_order(situation: Situation, datastores: tuple[str, ...]) -> None:
    """Show which datastores are recovered, and in which order."""
    catalogue = situation.rules.catalogue
    out = console()
    out.print(f"{len(datastores)} datastores, in the order of their functions' ranks:")
    for number, name in enumerate(datastores, 1):
        on = [s for s in catalogue.services if name in s.datastores]
        rank = min((catalogue.rank(s.id) for s in on), default=0)
        services = ", ".join(s.name for s in on)
        out.print(f"  {number}. {name} (rank {rank}: {services})", markup=False)
    out.print()


def tell_turn(datastore: str, number: int, count: int) -> None:
    """Say which of several datastores it is about now."""
    console().print(f"\n[bold]{number} of {count}: {escape(datastore)}[/]")


def tell_plan(situation: Situation, wanted: Plan, checks: tuple[str, ...]) -> None:
    """Show what would be restored, and what that costs."""
    out, source, backup = console(), wanted.source, wanted.backup
    zone = situation.rules.calendar.time_zone
    where = "off-site" if source.off_site else "on-site"
    title = wanted.runbook.title
    until = _moment(source.until) if source.until else "the last commit"
    lines = [
        ("datastore", wanted.datastore),
        ("from", f"repository {source.repository}, {where}"),
        ("backup", f"{backup.label} of {_moment(backup.finished_at)}"),
        ("window", f"{_moment(source.since)} to {until}"),
        ("to", _both(wanted.target, zone) if wanted.target else "the last commit"),
        ("lost by it", _lost(wanted)),
        ("takes about", _length(wanted.takes) if wanted.takes else "unknown: no drill"),
        ("runbook", title if wanted.runbook.name else f"none adopted; {title}"),
        *(("check", check) for check in checks),
    ]
    if checks:
        kept = "what lies in the data directory; nothing is deleted"
        lines.append(("put aside", kept))
    for name, value in lines:
        _hang(out, name, value)
    if checks:
        for step in wanted.runbook.steps:
            _hang(out, f"{step.number:>3}.", step.text, label=7)


def plan_json(wanted: Plan, ok: bool, checks: tuple[str, ...]) -> dict[str, object]:
    """Return the plan as JSON has it."""
    return {
        "datastore": wanted.datastore,
        "ok": ok,
        "repository": wanted.source.repository,
        "off_site": wanted.source.off_site,
        "backup": wanted.backup.label,
        "since": _iso(wanted.source.since),
        "until": _iso(wanted.source.until),
        "target": _iso(wanted.target),
        "loss_seconds": _seconds(wanted.loss),
        "estimated_seconds": _seconds(wanted.takes),
        "runbook": wanted.runbook.name or None,
        "checks": list(checks),
        "steps": [
            {"number": s.number, "text": s.text, "operation": s.operation}
            for s in wanted.runbook.steps
        ],
    }


def tell_clocks(situation: Situation, recovery: Recovery) -> None:
    """Show how long it has been, and until when services are due back."""
    incident = situation.state.incidents.get(recovery.ordered.incident)
    if incident is None or not incident.running:
        return
    now, declared = situation.now, incident.declared
    parts = [f"{span(now - incident.opened.began_at)} since the fault"]
    if declared is not None and declared.due_at is not None:
        zone = situation.rules.calendar.time_zone
        parts.append(
            f"{due(declared.due_at, now)} ({local_short(declared.due_at, zone)})"
        )
    out = console()
    _wrapped(out, f"{recovery.ordered.datastore}: {', '.join(parts)}", "bold")


def tell_steps(found: list[Stand]) -> None:
    """Show steps of the runbook, each with how it stands."""
    out = console()
    for stand in found:
        mark = _MARKS[stand.state]
        by = f" ({stand.by})" if stand.by else ""
        label = f"  {mark}{' ' * (7 - len(stand.state.replace('to come', '-')))}"
        text = f"{stand.step.number}. {stand.step.text}{by}"
        _hang(out, label, text, label=9)


def failure(situation: Situation, recovery: Recovery) -> HoldfastError | None:
    """Return what failed, where nothing follows any more but a person's order."""
    step = recovering.step(situation, recovery)
    if step not in _HINTS:
        return None
    name = recovery.ordered.recovery
    said = _said(situation, recovery)
    words = step.replace("_", " ")
    hint = _HINTS[step].format(datastore=recovery.ordered.datastore)
    return HoldfastError(f"{name}: {words}{said}", hint)


def tell_figures(situation: Situation, recovery: Recovery, found: Figures) -> None:
    """Show what the recovery came to."""
    out, rules = console(), situation.rules
    name = recovery.ordered.datastore
    business = found.business_from_fault
    out.print(f"[bold]{escape(name)} is in service again.[/]")
    _hang(
        out,
        "from the fault",
        f"{exact(found.from_fault)} on the wall, {exact(business)} business time",
        label=24,
    )
    if found.from_declaration is not None and found.business is not None:
        _hang(
            out,
            "from the declaration",
            f"{exact(found.from_declaration)} on the wall, "
            f"{exact(found.business)} business time"
            + (f"; {rules.rto.text} allowed" if rules.rto else ""),
            label=24,
        )
    lost = "" if found.writes_lost is None else f", {found.writes_lost:,} writes"
    allowed = f"; {span(rules.rpo)} allowed" if rules.rpo else ""
    loss = "unknown" if found.data_loss is None else exact(found.data_loss)
    _hang(out, "data loss", f"{loss}{lost}{allowed}", label=24)
    for line in notes(situation, recovery):
        _hang(out, "note", line, label=24)
    _hang(out, "next", f"a fresh backup: holdfast backup run {name}", label=24)


def notes(situation: Situation, recovery: Recovery) -> tuple[str, ...]:
    """Return what the restore said: what it brought back, what was put aside."""
    job = situation.state.jobs.all.get(f"{recovery.ordered.recovery}-restore")
    return tuple(job.ended.detail.split("; ")) if job and job.ended else ()


def figures_json(
    situation: Situation, recovery: Recovery, found: Figures | None
) -> dict[str, object]:
    """Return the figures as JSON has them."""
    if found is None:
        return {}
    return {
        "fault_at": _iso(found.fault_at),
        "declared_at": _iso(found.declared_at),
        "in_service_at": _iso(found.in_service_at),
        "recovered_to": _iso(found.recovered_to),
        "from_fault_seconds": _seconds(found.from_fault),
        "from_fault_business_seconds": _seconds(found.business_from_fault),
        "from_declaration_seconds": _seconds(found.from_declaration),
        "business_seconds": _seconds(found.business),
        "data_loss_seconds": _seconds(found.data_loss),
        "writes_lost": found.writes_lost,
        "notes": list(notes(situation, recovery)),
    }


def steps_json(
    situation: Situation, recovery: Recovery, found: tuple[Stand, ...]
) -> dict[str, object]:
    """Return where it stands as JSON has it."""
    return {
        "datastore": recovery.ordered.datastore,
        "at": recovering.step(situation, recovery),
        "steps": [_step_json(each.step, each) for each in found],
    }


def _step_json(step: Step, stand: Stand) -> dict[str, object]:
    return {
        "number": step.number,
        "text": step.text,
        "operation": step.operation,
        "state": stand.state,
        "by": stand.by,
    }


def _said(situation: Situation, recovery: Recovery) -> str:
    order = situation.state.orders.get(recovery.ordered.recovery)
    if order is not None and order.cancelled is not None:
        return f" by {order.cancelled.by}: {order.cancelled.reason}"
    preflight, verified = recovery.preflight, recovery.verified
    if preflight is not None and not preflight.ok:
        return ": " + "; ".join(c for c in preflight.checks if c.startswith("FAILED"))
    if verified is not None and not verified.ok:
        return ": " + "; ".join(verified.findings)
    for verb in ("failover", "restore"):
        job = situation.state.jobs.all.get(f"{recovery.ordered.recovery}-{verb}")
        if job is not None and job.ended is not None and not job.ok:
            return f": {job.ended.detail}"
    return ""


def _lost(wanted: Plan) -> str:
    if wanted.loss is None:
        return "unknown"
    since = "what was written in the last" if wanted.target else "about"
    return f"{since} {_length(wanted.loss)} before the fault"


def _hang(out: Console, name: str, value: str, *, label: int = LABEL) -> None:
    """Print a value beside its label; at a terminal its further lines hang below it."""
    lead = name if name.startswith("  ") else f"  {name:<{label - 2}}"
    lines = [value]
    if out.is_terminal:
        room = max(out.width - label, NARROWEST - LABEL)
        lines = textwrap.wrap(value, room, break_on_hyphens=False) or [""]
    out.print(f"{lead}{escape(lines[0])}")
    for line in lines[1:]:
        out.print(f"{' ' * label}{escape(line)}")


def _wrapped(out: Console, text: str, style: str) -> None:
    lines = [text]
    if out.is_terminal:
        lines = textwrap.wrap(text, max(out.width, NARROWEST), subsequent_indent="  ")
    for line in lines:
        out.print(f"[{style}]{escape(line)}[/]")


def _moment(moment: datetime | None) -> str:
    return "unknown" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _both(moment: datetime, zone: str) -> str:
    """Say a moment in UTC and in the company's zone: either may have been meant."""
    return f"{_moment(moment)}, that is {local_exact(moment, zone)}"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _length(length: timedelta) -> str:
    return span(length)


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
