"""In words: could the company recover now, and what would it lose?

The answer is never better than what was looked at and rehearsed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast.evidence.drills import DrillView
from holdfast.evidence.recovery_views import DatastoreView, SummaryView
from holdfast.evidence.views import Standing
from holdfast.evidence.words import ago, exact, span

WORST_FIRST: tuple[Standing, ...] = (
    *("breached", "at_risk", "stale", "unbound", "unproven", "met"),
)


def summary(
    stores: tuple[DatastoreView, ...], drills: tuple[DrillView, ...], now: datetime
) -> SummaryView:
    """Say whether the company could recover now, and what it would lose."""
    if not stores:
        text = "the catalogue names no production datastore."
        return SummaryView("unproven", "Unknown", text)
    worst = min((s.gauge.standing for s in stores), key=WORST_FIRST.index)
    if lost := [s.name for s in stores if _is_lost(s)]:
        return SummaryView(worst, "No", f"nothing of {_and(lost)} can be restored.")
    if unseen := [s.name for s in stores if s.gauge.looked_at is None]:
        text = f"nobody has looked at {_and(unseen)} yet."
        return SummaryView(worst, "Unknown", text)
    most = max(stores, key=lambda s: s.gauge.lost_if_now or timedelta(0))
    assert most.gauge.lost_if_now is not None
    where = f" ({most.name})" if len(stores) > 1 else ""
    loss = f"{span(most.gauge.lost_if_now)} of writes{where}"
    if old := [s.name for s in stores if s.gauge.standing == "stale"]:
        text = f"the last look at {_and(old)} is old. {loss} or more are at stake."
        return SummaryView(worst, "Unknown", text)
    proved, told = _rehearsed(stores, drills, now)
    if not proved:
        standing: Standing = "unproven" if worst == "met" else worst
        text = f"by its backups it could, losing at most {loss}; but {told}."
        return SummaryView(standing, "Not proven", text)
    return SummaryView(worst, "Yes", f"it would lose at most {loss}. {told}.")


def _is_lost(store: DatastoreView) -> bool:
    return store.gauge.looked_at is not None and store.gauge.lost_if_now is None


def _rehearsed(
    stores: tuple[DatastoreView, ...], drills: tuple[DrillView, ...], now: datetime
) -> tuple[bool, str]:
    """Say what drills have proved of that; the newest of each datastore counts."""
    real = [d for d in drills if d.sabotage is None and d.phase in {"passed", "failed"}]
    newest = {d.datastore: d for d in reversed(real)}
    if never := [s.name for s in stores if s.id not in newest]:
        return False, f"no drill of {_and(never)} has been held"
    if failed := [s.name for s in stores if newest[s.id].phase == "failed"]:
        return False, f"the last drill of {_and(failed)} failed"
    held = [newest[s.id] for s in stores]
    longest = max(drill.recovery_time or timedelta(0) for drill in held)
    oldest = ago(min(drill.ordered_at for drill in held), now)
    when = oldest if len(held) == 1 else f"the oldest {oldest}"
    return True, f"The last drill, {when}, brought it back in {exact(longest)}"


def _and(names: list[str]) -> str:
    return " and ".join((*([", ".join(names[:-1])] if names[1:] else ()), names[-1]))
