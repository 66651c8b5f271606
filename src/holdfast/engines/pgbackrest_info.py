"""Read what pgBackRest says of its repositories: `info --output=json`.

Its exit status is 0 with a wrong key and with a repository that is gone; the truth is
in the status of each repository.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast

from holdfast.engines.complaints import meaning
from holdfast.engines.evidence import Ran, scrub, summarise
from holdfast.engines.pgbackrest_command import call, configure_recovery
from holdfast.engines.protected import Protected
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import Backup, Evidence

Json = dict[str, object]
# pgBackRest's own codes: nothing at that place; a stanza without backup; anything else.
NOTHING_THERE, NO_BACKUP, UNREADABLE = 1, 2, 99
Kind = Literal["full", "diff", "incr"]


@dataclass(frozen=True, slots=True)
class Info:
    """One repository's own account. ``status`` 0 is good; ``archive_id`` "15-1".

    ``system_id`` is the identifier of the cluster that it serves.
    """

    repository: int
    status: int
    message: str
    backups: tuple[Backup, ...]
    wal_max: str | None
    archive_id: str | None
    evidence: tuple[Evidence, ...]
    system_id: int | None = None

    @property
    def answers(self) -> bool:
        """Say whether the repository could be read with its key."""
        return self.status in {0, NO_BACKUP}

    @property
    def good_backups(self) -> tuple[Backup, ...]:
        """Return the backups that the repository itself does not doubt."""
        return tuple(b for b in self.backups if not b.error)


def read_info(protected: Protected, repository: int) -> Info:
    """Ask one repository, with the credentials of that repository only."""
    try:
        ran = call(
            protected,
            "info",
            f"--repo={repository}",
            "--output=json",
            "--log-level-console=off",
            "--log-level-stderr=error",
            config=configure_recovery(protected, repository),
        )
    except HoldfastError as error:
        return Info(repository, UNREADABLE, str(error), (), None, None, ())
    try:
        return _info(repository, _stanza(ran.output), ran)
    except (ValueError, KeyError, IndexError, TypeError):
        said = summarise(ran)
        return Info(repository, UNREADABLE, said, (), None, None, (ran.evidence,))


def _stanza(output: str) -> Json:
    # The message of a wrong key holds raw bytes, which strict JSON forbids.
    stanzas = json.loads(output, strict=False)
    return cast("Json", stanzas[0])


def _info(repository: int, stanza: Json, ran: Ran) -> Info:
    [status] = [r["status"] for r in _list(stanza, "repo") if r["key"] == repository]
    code, message = cast("Json", status)["code"], str(cast("Json", status)["message"])
    newest = max(_list(stanza, "archive"), key=_wal_max, default=None)
    return Info(
        repository=repository,
        status=int(cast("int", code)),
        message=_with_meaning(int(cast("int", code)), scrub(message).strip()),
        backups=tuple(_backup(b, repository) for b in _list(stanza, "backup")),
        wal_max=(_wal_max(newest) or None) if newest else None,
        archive_id=str(newest["id"]) if newest else None,
        evidence=(ran.evidence,),
        system_id=_system_id(stanza, repository),
    )


def _system_id(stanza: Json, repository: int) -> int | None:
    """Return the identifier of the cluster that the repository serves now."""
    known = [d for d in _list(stanza, "db") if d["repo-key"] == repository]
    newest = max(known, key=lambda d: int(cast("int", d["id"])), default=None)
    return int(cast("int", newest["system-id"])) if newest else None


def _with_meaning(code: int, message: str) -> str:
    words = meaning(message) if code not in {0, NO_BACKUP} else None
    return f"{words} ({message})" if words else message


def _backup(backup: Json, repository: int) -> Backup:
    times, wal = cast("Json", backup["timestamp"]), cast("Json", backup["archive"])
    weight = cast("Json", backup["info"])
    stored = cast("Json", weight["repository"])
    return Backup(
        label=str(backup["label"]),
        repository=repository,
        kind=cast("Kind", backup["type"]),
        started_at=_moment(times["start"]),
        finished_at=_moment(times["stop"]),
        size_bytes=int(cast("int", weight["size"])),
        wal_start=str(wal["start"]),
        wal_stop=str(wal["stop"]),
        error=bool(backup["error"]),
        copied_bytes=int(cast("int", weight["delta"])),
        stored_bytes=int(cast("int", stored["delta"])),
    )


def _list(stanza: Json, name: str) -> list[Json]:
    return cast("list[Json]", stanza[name])


def _wal_max(archive: Json) -> str:
    return str(archive["max"] or "")


def _moment(seconds: object) -> datetime:
    return datetime.fromtimestamp(cast("int", seconds), tz=UTC)
