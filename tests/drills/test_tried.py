"""What the controls of section 5.1 rest on, on the real engine: shown, then broken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.engines.account import write_private
from holdfast.engines.pgbackrest import PgBackRest
from holdfast.engines.pgbackrest_command import call
from holdfast.engines.protected import Protected, Schedule
from holdfast.operations.ports.engine import Examination

from .rig import DATASTORE, Rig, a_rig

pytestmark = [pytest.mark.engine, pytest.mark.drills]
# As an operator who turned encryption off behind Holdfast's back.
PLAIN = """#!/bin/sh
for given in "$@"; do
  case "$given" in
    --config=*) sed -i /cipher/d "${given#--config=}";;
  esac
done
exec /usr/bin/pgbackrest "$@"
"""


@pytest.fixture
def rig() -> Iterator[Rig]:
    """Provide a protected server to break."""
    with a_rig() as made:
        yield made


def with_schedule(rig: Rig, schedule: Schedule) -> Rig:
    """Return the rig under another schedule."""
    protected = replace(rig.protected, schedule=schedule)
    return Rig(rig.base, protected, PgBackRest(rig.base / "work", (protected,)))


def examined(rig: Rig, name: str, repository: int = 2) -> Examination:
    """Read a repository back and return what was tried on it."""
    [found] = rig.run("verify", name, repository).examinations
    return found


def test_a_repository_is_tried_and_each_refusal_kept(rig: Rig) -> None:
    """A wrong key opens nothing, the escrowed key opens, another in its place fails;
    a folder of production's own account can be deleted from, and that is said.
    """
    assert rig.run("backup", "first", 2).ok
    found = examined(rig, "first-look")
    assert (found.read_back, found.cipher) == (True, "aes-256-cbc")
    assert (found.wrong_key, found.deletion, found.escrow) == (
        "refused",
        "possible",
        "opens",
    )
    refusals = [e for e in found.evidence if e.argv[-1] == "restore"]
    assert [e.exit_status for e in refusals] == [75]
    assert "unable to load info file" in refusals[0].output_tail
    on_site, off_site = rig.protected.repositories
    copy = on_site.key_file.with_name("escrowed")
    for key, verdict in ((off_site.key_file, "opens"), (on_site.key_file, "fails")):
        write_private(copy, key.read_text())
        place = replace(off_site, escrow_file=copy)
        protected = replace(rig.protected, repositories=(on_site, place))
        engine = PgBackRest(rig.base / "work", (protected,))
        again = Rig(rig.base, protected, engine)
        assert examined(again, f"escrow-{verdict}").escrow == verdict


def test_a_plain_repository_is_opened_by_any_key() -> None:
    """With encryption off the raw bytes and the wrong key both show it."""

    def plain(protected: Protected, base: Path) -> Protected:
        program = base / "pgbackrest"
        program.write_text(PLAIN)
        program.chmod(0o755)
        return replace(protected, pgbackrest=program)

    with a_rig(plain) as rig:
        backed_up = rig.run("backup", "first", 2)
        found = examined(rig, "look")

    assert not backed_up.ok
    assert "not encrypted" in backed_up.detail
    assert (found.cipher, found.wrong_key) == (None, "opened")


def test_a_folder_that_production_may_not_write_refuses(rig: Rig) -> None:
    """Where production's account has no right to the folder the refusal is seen."""
    assert rig.run("backup", "first", 2).ok
    place = rig.protected.repositories[1].path
    place.chmod(0o555)
    try:
        assert examined(rig, "look").deletion == "refused"
    finally:
        place.chmod(0o700)


def test_retention_removes_the_old_and_never_the_last_sound_backup(rig: Rig) -> None:
    """One full backup is kept: the older goes; with a hole behind the newest none."""
    always = timedelta(0)
    short = with_schedule(
        rig, Schedule(full_every=always, diff_every=always, retention_full=1)
    )
    for name in ("first", "second"):
        assert short.run("backup", name, 2).ok
    labels = [b.label for b in rig.engine.points(DATASTORE).repositories[1].backups]
    assert len(labels) == 2, "expiring is no part of a backup"

    gone = short.run("expire", "expiry", 2)

    assert gone.ok, gone.detail
    [expired] = gone.expired
    assert (expired.removed, expired.kept) == ((labels[0],), (labels[1],))
    assert short.run("backup", "third", 2).ok
    for number in range(3):
        rig.insert(number)
        rig.archive()
    window = rig.engine.points(DATASTORE).repositories[1].window
    assert window is not None
    assert (window.since is not None, window.holes) == (True, ())
    stored = sorted((rig.base / "away" / "archive").rglob("*.gz"))
    stored[-2].unlink()

    refused = short.run("expire", "after-the-hole", 2)

    assert not refused.ok
    assert "would leave no sound backup" in refused.detail
    points = rig.engine.points(DATASTORE)
    assert len(points.repositories[1].backups) == 2
    broken = points.repositories[1].window
    assert broken is not None
    assert (broken.since, broken.holes) == (None, (stored[-2].name[:24],))
    newest = max(b.started_at for b in points.repositories[1].backups)
    assert points.recoverable_to == newest


def test_the_kinds_follow_the_schedule(rig: Rig) -> None:
    """First a full backup, then differential ones, then incremental between them."""
    daily = with_schedule(rig, Schedule(diff_every=timedelta(0)))
    assert daily.run("backup", "one", 2).ok
    assert daily.run("backup", "two", 2).ok
    assert rig.run("backup", "three", 2).ok
    kinds = [b.kind for b in rig.engine.points(DATASTORE).repositories[1].backups]
    assert kinds == ["full", "diff", "incr"]
    assert rig.run("verify", "chain", 2).ok


def test_what_others_took_is_seen(rig: Rig) -> None:
    """A backup by pgBackRest alone, as from cron, shows like one of ours."""
    config = rig.protected.production_config
    ran = call(
        rig.protected,
        "backup",
        *("--repo=2", "--type=full"),
        config=config,
        deadline=timedelta(minutes=2),
    )
    assert ran.exited_well, ran.output

    repository = rig.engine.points(DATASTORE).repositories[1]

    assert len(repository.backups) == 1
    assert repository.cipher == "aes-256-cbc"
    assert repository.window is not None
    assert repository.window.since == repository.backups[0].finished_at
