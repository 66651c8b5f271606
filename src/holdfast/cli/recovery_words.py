"""What `holdfast recover` shows: the plan, the steps, what failed, the figures."""

from __future__ import annotations

from datetime import datetime, timedelta

from rich.markup import escape

from holdfast.cli.common import console
from holdfast.domain import recovering
from holdfast.domain.controls.judging import Situation
from holdfast.domain.leading import Figures, Stand
from holdfast.domain.memory.incidents import Recovery
from holdfast.errors import HoldfastError
from holdfast.operations.recover import Plan

_MARKS = {
    "done": "[green]done[/]",
    "now": "[bold]now[/]",
    "failed": "[bold red]failed[/]",
}
_HINTS = {
    "preflight_failed": "Nothing was touched. Mend it, or take another repository: "
    "holdfast recover --repository N.",
    "lapsed": "Look at the situation again, and order it anew: holdfast recover.",
    "cancelled": "Order it anew, if it is still wanted: holdfast recover.",
    "restore_failed": "What lay there is put aside. Read the line, then order anew: "
    "nothing runs twice by itself.",
    "verify_failed": "The server stays closed. Take an earlier moment with --to, or "
    "another repository.",
    "failover_failed": "See the server's log; open it with PostgreSQL's own tools, or "
    "order anew.",
}


def tell_plan(wanted: Plan, checks: tuple[str, ...]) -> None:
    """Show what would be restored, and what that costs."""
    out, source, backup = console(), wanted.source, wanted.backup
    where = "off-site" if source.off_site else "on-site"
    title = wanted.runbook.title
    lines = [
        ("datastore", wanted.datastore),
        ("from", f"repository {source.repository}, {where}"),
        ("backup", f"{backup.label} of {_moment(backup.finished_at)}"),
        ("window", f"{_moment(source.since)} to {_moment(source.until)}"),
        ("to", _moment(wanted.target) if wanted.target else "the last commit"),
        ("lost by it", _length(wanted.loss)),
        ("takes about", _length(wanted.takes) if wanted.takes else "unknown: no drill"),
        ("runbook", title if wanted.runbook.name else f"none adopted; {title}"),
    ]
    for name, value in lines:
        out.print(f"  {name:<12}{escape(value)}")
    for check in checks:
        out.print(f"  check       {escape(check)}")
    if checks:
        out.print("  put aside   what lies in the data directory; nothing is deleted")
        for step in wanted.runbook.steps:
            out.print(f"  {step.number:>3}. {escape(step.text)}")


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


def tell_steps(found: tuple[Stand, ...]) -> None:
    """Show where the recovery stands in its runbook."""
    out = console()
    for stand in found:
        mark = _MARKS.get(stand.state, "[dim]to come[/]")
        by = f" [dim]{escape(stand.by)}[/]" if stand.by else ""
        out.print(f"  {stand.step.number:>3}. {escape(stand.step.text)}  {mark}{by}")
    out.print()


def check_failure(situation: Situation, recovery: Recovery) -> None:
    """Raise `HoldfastError` where nothing follows any more but a person's order."""
    step = recovering.step(situation, recovery)
    if step not in _HINTS:
        return
    name = recovery.ordered.recovery
    said = _said(situation, recovery)
    words = step.replace("_", " ")
    raise HoldfastError(f"{name}: {words}{said}", _HINTS[step])


def tell_figures(situation: Situation, found: Figures) -> None:
    """Show what the recovery came to."""
    out = console()
    rules = situation.rules
    business = (
        f", {_length(found.business)} of it business time" if found.business else ""
    )
    out.print(
        f"  recovery time  {_length(found.from_fault)} from the fault, "
        f"{_length(found.from_declaration)} from the declaration{business}"
    )
    lost = "" if found.writes_lost is None else f", {found.writes_lost:,} writes"
    allowed = f"; {_length(rules.rpo)} allowed" if rules.rpo else ""
    out.print(f"  data loss      {_length(found.data_loss)}{lost}{allowed}")


def figures_json(found: Figures | None) -> dict[str, object]:
    """Return the figures as JSON has them."""
    if found is None:
        return {}
    return {
        "fault_at": _iso(found.fault_at),
        "declared_at": _iso(found.declared_at),
        "in_service_at": _iso(found.in_service_at),
        "recovered_to": _iso(found.recovered_to),
        "from_fault_seconds": _seconds(found.from_fault),
        "from_declaration_seconds": _seconds(found.from_declaration),
        "business_seconds": _seconds(found.business),
        "data_loss_seconds": _seconds(found.data_loss),
        "writes_lost": found.writes_lost,
    }


def _said(situation: Situation, recovery: Recovery) -> str:
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


def _moment(moment: datetime | None) -> str:
    return "unknown" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _length(length: timedelta | None) -> str:
    return "unknown" if length is None else f"{length.total_seconds():,.1f} s"


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
