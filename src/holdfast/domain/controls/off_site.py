"""Backups also lie in another account or region than production, and can be read back.

Shown by the off-site repository's own listing; by the catalogue's environments and,
where the place itself can tell, its own word on owner and region; by a verification
that read the copy back with the copy's credentials alone; and by a deletion with
production's credentials that was refused.
"""

from __future__ import annotations

from holdfast.domain.catalogue import Datastore
from holdfast.domain.controls import backups, reading_back
from holdfast.domain.controls.judging import (
    Duty,
    Proof,
    Situation,
    Verdict,
    unproven,
)
from holdfast.domain.events.job import JobFinished
from holdfast.domain.events.repository import RepositoryExamined
from holdfast.domain.memory.protection import ExaminedAt, SeenBackup

WORST_FIRST = ("breached", "at_risk", "stale", "unproven", "met")


def judge(situation: Situation) -> Verdict:
    """Judge every production datastore; the worst one decides."""
    verdicts = [
        judge_one(situation, datastore) for datastore in backups.covered(situation)
    ]
    if not verdicts:
        return unproven("the catalogue names no production datastore")
    return min(verdicts, key=lambda verdict: WORST_FIRST.index(verdict.standing))


def owes(situation: Situation) -> tuple[Duty, ...]:
    """Owe a daily read-back of every off-site copy."""
    return tuple(
        reading_back.duty(situation, datastore, number, "off_site")
        for datastore in backups.covered(situation)
        for number in sorted(_copies(situation, datastore))
    )


def separate(
    situation: Situation, datastore: Datastore, shown_region: str | None = None
) -> bool:
    """Say whether the copy's environment is another account or another region.

    The region that the place itself shows goes before the one that is declared.
    """
    environments = {e.id: e for e in situation.rules.catalogue.environments}
    here = environments.get(datastore.environment)
    there = environments.get(datastore.backup_environment or "")
    if here is None or there is None:
        return False
    return (here.provider, here.account) != (there.provider, there.account) or (
        here.region != (shown_region or there.region)
    )


def judge_one(situation: Situation, datastore: Datastore) -> Verdict:
    """Judge one datastore."""
    newest = _newest(situation, datastore)
    if newest is None:
        return unproven(f"{datastore.id}: no off-site backup has been seen yet")
    proof = Proof(
        f"{datastore.id}: off-site backup {newest.backup.label}",
        newest.index,
        newest.backup.finished_at,
    )
    tried = reading_back.examined(situation, datastore.id, newest.backup.repository)
    region = tried.event.region if tried else None
    if not separate(situation, datastore, region):
        reason = f"{datastore.id}: the copy shares account and region with production"
        return Verdict("breached", reason, (proof,))
    if tried is not None and (wrong := _elsewhere(situation, datastore, tried)):
        return Verdict("breached", f"{datastore.id}: {wrong}", (_shown(tried), proof))
    if situation.now - newest.backup.finished_at > backups.gap(situation):
        return Verdict("breached", f"{datastore.id}: the copy is too old", (proof,))
    return _by_read_back(situation, datastore, newest, proof)


def _by_read_back(
    situation: Situation, datastore: Datastore, newest: SeenBackup, proof: Proof
) -> Verdict:
    number = newest.backup.repository
    done = [
        job
        for job in reading_back.read_backs(situation, datastore.id, number)
        if isinstance(job.ended, JobFinished)
        and job.requested.at >= newest.backup.finished_at
    ]
    if not done:
        reason = f"{datastore.id}: the newest copy has not been read back yet"
        return unproven(reason, proof)
    last = done[-1]
    assert last.ended is not None
    read = Proof(f"{datastore.id}: read back", last.ended_index, last.ended.at)
    if not last.ok:
        reason = f"{datastore.id}: reading the copy back failed"
        return Verdict("breached", reason, (read, proof))
    due = last.ended.at + reading_back.COUNTS_FOR
    if situation.now > due:
        return Verdict("stale", f"{datastore.id}: last read back too long ago", (read,))
    tried = reading_back.examined(situation, datastore.id, number)
    if tried is None or tried.event.deletion == "unknown":
        reason = f"{datastore.id}: nobody could try whether production can delete it"
        return unproven(reason, proof, read)
    if tried.event.deletion == "possible":
        reason = f"{datastore.id}: production's own credentials can delete the copy"
        return Verdict("at_risk", reason, (_shown(tried), read, proof))
    reason = (
        f"{datastore.id}: {_where(tried.event)}, read back, "
        "and production cannot delete it"
    )
    return Verdict("met", reason, (proof, read, _shown(tried)), due)


def _elsewhere(
    situation: Situation, datastore: Datastore, tried: ExaminedAt
) -> str | None:
    """Say in words how the place contradicts what is declared of it."""
    owner, region = tried.event.owner, tried.event.region
    if owner is not None and owner.startswith("not "):
        return f"the bucket's owner is {owner}, as the settings say"
    environments = {e.id: e for e in situation.rules.catalogue.environments}
    there = environments.get(datastore.backup_environment or "")
    if region is not None and there is not None and region != there.region:
        return f"the copy lies in {region}; the catalogue says {there.region}"
    return None


def _where(found: RepositoryExamined) -> str:
    region = f"region {found.region} by its own word" if found.region else ""
    owner = f"account {found.owner} by its own word" if found.owner else ""
    shown = " and ".join(part for part in (region, owner) if part)
    return shown or "another account or region, as the catalogue declares"


def _shown(tried: ExaminedAt) -> Proof:
    return Proof("what was tried on the copy", tried.index, tried.event.at)


def _copies(situation: Situation, datastore: Datastore) -> set[int]:
    known = situation.state.datastores.get(datastore.id)
    held = known.backups if known else ()
    return {seen.backup.repository for seen in held if seen.backup.off_site}


def _newest(situation: Situation, datastore: Datastore) -> SeenBackup | None:
    known = situation.state.datastores.get(datastore.id)
    found = [s for s in (known.backups if known else ()) if s.backup.off_site]
    return found[-1] if found else None
