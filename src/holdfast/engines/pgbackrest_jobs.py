"""What a detached job does: back up, verify, expire, restore, open, drill.

The verdict never is an exit status. A backup is judged by the repository's own
listing afterwards, a verification by what it printed and by the archive's listing, a
restore by the server itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from holdfast.engines.archive import read_archive
from holdfast.engines.complaints import meaning
from holdfast.engines.drill import drill
from holdfast.engines.evidence import summarise
from holdfast.engines.examine import examine
from holdfast.engines.expire import expire
from holdfast.engines.pgbackrest_command import call, configure_recovery
from holdfast.engines.pgbackrest_info import read_info
from holdfast.engines.protected import Protected
from holdfast.engines.raw_bytes import cipher_shown
from holdfast.engines.report import Ended, Report
from holdfast.engines.restore import failover, restore
from holdfast.engines.schedule import kind_due
from holdfast.operations.ports.engine import Job

_STATUS = re.compile(r"^\s*status: (\S+)", re.MULTILINE)
_FAULTS = re.compile(
    r"(?:invalid checksum|file missing|invalid size) '[^']*'|No usable [^\n]*"
)
SHOWN_FAULTS = 5


@dataclass(frozen=True, slots=True)
class Order:
    """What `job.json` holds: the job and the datastore, without any secret."""

    job: Job
    protected: Protected


def carry_out(order: Order, report: Report) -> Ended:
    """Do the job; every outside call leaves its evidence in the report."""
    job, protected = order.job, order.protected
    numbers = _numbers(job, protected)
    match job.verb:
        case "backup":
            return _all([_back_up(protected, job, n, report) for n in numbers])
        case "verify":
            return _all([_verify(protected, n, report) for n in numbers])
        case "expire":
            keep = job.keep_for
            return _all([expire(protected, n, report, keep) for n in numbers])
        case "restore":
            return restore(protected, job, report)
        case "failover":
            return failover(protected, report)
        case "drill":
            return drill(protected, job, report)


def _numbers(job: Job, protected: Protected) -> tuple[int, ...]:
    if job.repository is not None:
        return (protected.repository(job.repository).number,)
    return tuple(r.number for r in protected.repositories)


def _all(ends: list[Ended]) -> Ended:
    return Ended(
        all(end.ok for end in ends),
        "; ".join(end.detail for end in ends),
        examinations=tuple(found for end in ends for found in end.examinations),
        expired=tuple(gone for end in ends for gone in end.expired),
    )


def _back_up(protected: Protected, job: Job, number: int, report: Report) -> Ended:
    before = read_info(protected, number)
    # The repository counts whole seconds.
    began = datetime.now(UTC) - timedelta(seconds=1)
    kind = job.kind or kind_due(before, protected.schedule, began)
    report.step(f"backing up to repository {number} ({kind})")
    ran = report.keep(
        call(
            protected,
            "backup",
            f"--repo={number}",
            *(f"--type={kind}", "--log-level-console=info"),
            # The keeper's credentials: production's need not be able to delete.
            config=configure_recovery(protected, number),
            deadline=protected.deadlines.backup,
        )
    )
    info = read_info(protected, number)
    report.keep_all(info.evidence)
    fresh = [b for b in info.good_backups if b.started_at >= began]
    if not fresh:
        said = _complaint(ran.output) or summarise(ran)
        detail = f"repository {number}: no new backup: {meaning(ran.output) or said}"
        return Ended(ok=False, detail=detail)
    if cipher_shown(protected, info) is None:
        return Ended(ok=False, detail=f"repository {number}: not encrypted")
    return Ended(ok=True, detail=f"repository {number}: {fresh[-1].label}")


def _verify(protected: Protected, number: int, report: Report) -> Ended:
    report.step(f"verifying repository {number}")
    ran = report.keep(
        call(
            protected,
            "verify",
            f"--repo={number}",
            *("--output=text", "--verbose", "--log-level-console=info"),
            config=configure_recovery(protected, number),
            deadline=protected.deadlines.verify,
        )
    )
    faults = _verify_faults(ran.output) if not ran.timed_out else [summarise(ran)]
    damaged = bool(faults)
    faults += _archive_faults(protected, number, report)
    report.step(f"trying what repository {number} refuses")
    found = examine(protected, number, read_back=not damaged)
    report.keep_all(found.evidence)
    said = "; ".join(faults[:SHOWN_FAULTS]) or "backups and archive are whole"
    return Ended(not faults, f"repository {number}: {said}", examinations=(found,))


def _verify_faults(output: str) -> list[str]:
    """Return what the output complains of; output without a verdict is a complaint."""
    faults = list(dict.fromkeys(_FAULTS.findall(output)))
    statuses = _STATUS.findall(output)
    complaint = _complaint(output)
    if complaint:
        faults.append(complaint)
    if not faults and (not statuses or set(statuses) != {"ok"}):
        faults.append("pgbackrest gave no verdict that all is well")
    if not faults and "status: valid" not in output:
        faults.append("no backup was found valid")
    return faults


def _archive_faults(protected: Protected, number: int, report: Report) -> list[str]:
    info = read_info(protected, number)
    report.keep_all(info.evidence)
    if not info.answers:
        return [info.message.partition("\n")[0]]
    if not info.good_backups or info.archive_id is None:
        return ["no backup to restore from"]
    archive = read_archive(protected, info)
    report.keep_all(archive.evidence)
    oldest = next((b for b in info.good_backups if archive.leads_here(b)), None)
    if oldest is None:
        return ["no backup leads to the newest segment"]
    missing = archive.holes_after(oldest.wal_start)
    return [f"WAL segment {name} is missing" for name in missing]


def _complaint(output: str) -> str:
    found = re.search(r"ERROR: (\[\d+\]: .*)", output)
    return found.group(1).strip() if found else ""
