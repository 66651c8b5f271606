"""Each control of section 5.1, RPO, RTO and drills: green by evidence, red when broken.

One company on the real engine is brought to green by its own duties. Each test breaks
one real thing, sees the control red for the true reason, mends it, and sees it green.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.drills.bucket import BUCKET, _client
from tests.drills.ports import until
from tests.drills.test_measure import a_standby
from tests.drills.test_tried import PLAIN
from tests.drills.watched import STANDBY, Watched, reset, sql, watched

from holdfast.domain.promises import ControlName
from holdfast.domain.rules import Rules
from holdfast.engines.account import unprivileged, write_private
from holdfast.engines.pgbackrest_command import call
from holdfast.engines.postgresql import postmaster, start_server
from holdfast.engines.protected import Protected, RepositoryAt
from holdfast.engines.repository import list_archive

pytestmark = [pytest.mark.engine, pytest.mark.drills]

PROMISES: tuple[ControlName, ...] = (
    "backups",
    "off_site",
    "redundancy",
    "recovery_time",
    "recovery_point",
    "drills",
)


@pytest.fixture(name="green", scope="module")
def _green() -> Iterator[Watched]:
    """Provide the company when all is shown: by its duties, a drill and a standby."""
    with watched() as made:
        sql(made.rig, "create table orders (id int primary key)")
        # What was not archived is kept, so that a test can mend what it broke.
        reset(made.rig, "wal_keep_size", "512MB")
        assert made.standing(*PROMISES) == {"unproven"}
        made.beat_until(lambda: made.standing("backups") == {"met"})
        made.beat_until(lambda: made.standing("off_site") == {"met"})
        assert made.standing("redundancy") == {"breached"}
        passed = made.drill()
        assert passed.passed, passed.detail
        with a_standby(made.rig, STANDBY) as made.standby:
            until(lambda: streams(made))
            yield made


@pytest.fixture(autouse=True)
def _as_it_was(green: Watched) -> Iterator[None]:
    """Begin and end with everything green."""
    green.look()
    assert green.standing(*PROMISES) == {"met"}, reasons(green)
    yield
    green.look()
    green.idle()
    assert green.standing(*PROMISES) == {"met"}, reasons(green)


def streams(made: Watched) -> bool:
    """Say whether the standby is seen to stream."""
    made.look()
    return made.standing("redundancy") == {"met"}


def reasons(made: Watched) -> dict[str, str]:
    """Return why each control stands as it does."""
    return {name: made.verdict(name).reason for name in PROMISES}


def assert_red(made: Watched, control: ControlName, standing: str, reason: str) -> None:
    """The control is red, and says why."""
    verdict = made.verdict(control)
    assert verdict.standing == standing, verdict
    assert reason in verdict.reason, verdict


def test_it_is_green_by_evidence(green: Watched) -> None:
    """Every verdict names its proofs, each one an entry of the log."""
    for control in PROMISES:
        verdict = green.verdict(control)
        assert verdict.proofs, control
        assert all(proof.index is not None for proof in verdict.proofs), verdict


def test_a_day_without_backup_is_breached(green: Watched) -> None:
    """Where nothing more is taken, 26 hours after the last one daily is broken."""
    newest = green.verdict("backups").next_due_at
    assert newest is not None
    left = newest - datetime.now(UTC)
    assert left <= timedelta(hours=26)
    late = green.verdict("backups", after=left + timedelta(seconds=1))
    assert (late.standing, "older than 26 hours" in late.reason) == ("breached", True)
    late = green.verdict("off_site", after=left + timedelta(seconds=1))
    assert (late.standing, "too old" in late.reason) == ("breached", True)


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("archive_command", "false", "archiving fails"),
        # It says yes, and nothing arrives: no failure is ever counted.
        ("archive_command", "true", "archiving fails"),
        ("archive_command", "", "point-in-time recovery is off"),
    ],
)
def test_archiving_that_does_not_arrive_is_breached(
    green: Watched, setting: str, value: str, reason: str
) -> None:
    """Failing, silently losing, or off: the next look says so, and the RPO follows."""
    reset(green.rig, setting, value)
    try:
        sql(green.rig, "select pg_switch_wal()", "create table lost ()")
        committed = datetime.now(UTC)
        sql(green.rig, "drop table lost")
        if value:
            sql(green.rig, "select pg_switch_wal()")
            until(lambda: counted(green, value))
        green.look()
        assert_red(green, "backups", "breached", reason)

        # All since the first commit that did not arrive counts as lost.
        [seen] = [known.seen for known in green.situation.state.datastores.values()]
        assert seen is not None
        assert seen.recoverable_to is not None
        assert seen.recoverable_to <= committed
        less = seen.at - committed - timedelta(microseconds=1)
        gauge = green.verdict("recovery_point", rules=lambda r: replace(r, rpo=less))
        assert (gauge.standing, "at stake" in gauge.reason) == ("breached", True)
    finally:
        reset(green.rig, setting, None)
        # What was refused the server offers again, what it was lied to about not.
        if value == "true":
            push_missed(green)
    green.rig.archive()


def push_missed(made: Watched) -> None:
    """Give the repositories by hand what the server still has and they have not."""
    held = set(list_archive(made.rig.protected, 1, "15-1")[0])
    with made.rig.connect() as session:
        rows = session.execute(
            "select name from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'"
            " and name < pg_walfile_name(pg_current_wal_lsn()) order by 1"
        ).fetchall()
    protected = made.rig.protected
    for name in (row[0] for row in rows if row[0] not in held):
        ran = call(
            protected,
            "archive-push",
            config=protected.production_config,
            arguments=(protected.cluster.data / "pg_wal" / name,),
        )
        assert ran.exited_well, ran.output


def counted(made: Watched, command: str) -> bool:
    """Say whether the archiver has given its word on the newest closed segment."""
    asked = (
        "select failed_count > 0 from pg_stat_archiver"
        if command == "false"
        else "select not exists (select from pg_ls_archive_statusdir()"
        " where name like '%.ready')"
    )
    with made.rig.connect() as session:
        row = session.execute(asked).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return bool(row[0])


def stored(made: Watched, kind: str) -> list[str]:
    """Return the names in the bucket of the backups' files, or of segments."""
    assert made.bucket is not None
    names = made.bucket.stored()
    if kind == "archive":
        return sorted(n for n in names if "/archive/" in n and n.endswith(".gz"))
    return sorted(n for n in names if "/bundle/" in n or "/pg_data/" in n)


def put(made: Watched, name: str, data: bytes) -> None:
    """Store an object behind the door, as whoever owns the bucket could."""
    assert made.bucket is not None
    client = _client((made.bucket.base / "behind").read_text())
    client.put_object(Bucket=BUCKET, Key=name, Body=data)


def delete(made: Watched, name: str) -> None:
    """Delete an object likewise."""
    assert made.bucket is not None
    client = _client((made.bucket.base / "behind").read_text())
    client.delete_object(Bucket=BUCKET, Key=name)


def test_a_damaged_copy_off_site_is_breached_and_fails_the_drill(
    green: Watched,
) -> None:
    """One byte: the reading back finds it, and so does a drill; both stay red until a
    good one.
    """
    assert green.bucket is not None
    objects = green.bucket.stored()
    names = stored(green, "backup")
    kept = {name: objects[name] for name in names if objects[name]}
    for name, data in kept.items():
        half = len(data) // 2
        put(green, name, data[:half] + bytes([data[half] ^ 0xFF]) + data[half + 1 :])
    assert not green.run("verify", 2).ok
    assert_red(green, "off_site", "breached", "reading the copy back failed")
    assert_red(green, "backups", "breached", "2 was not read back whole")
    failed = green.drill()
    assert not failed.passed
    assert_red(green, "drills", "breached", "the last drill failed")
    assert_red(green, "recovery_time", "breached", "not met the last time")
    assert_red(green, "recovery_point", "breached", "brought nothing back")

    for name, data in kept.items():
        put(green, name, data)
    assert green.run("verify", 2).ok
    # Whole again; but only a drill shows that it restores.
    assert green.standing("backups", "off_site") == {"met"}
    assert green.standing("drills", "recovery_time", "recovery_point") == {"breached"}
    assert green.drill().passed


def test_a_damaged_backup_on_site_is_breached(green: Watched) -> None:
    """It is no copy off-site that is hurt; the promise of backups is."""
    folder = green.rig.protected.repositories[0].path / "backup"
    files = [p for p in folder.glob("*/*F/**/*") if p.is_file()]
    victim = max(files, key=lambda p: p.stat().st_size)
    data = victim.read_bytes()
    half = len(data) // 2
    victim.write_bytes(data[:half] + bytes([data[half] ^ 0xFF]) + data[half + 1 :])
    assert not green.run("verify", 1).ok
    assert_red(green, "backups", "breached", "1 was not read back whole")
    assert green.standing("off_site") == {"met"}
    victim.write_bytes(data)
    assert green.run("verify", 1).ok


def test_a_plain_file_is_breached_whatever_the_settings_say(green: Watched) -> None:
    """The raw bytes decide: one readable file among the encrypted ones."""
    listing = green.rig.protected.repositories[0].path / "backup" / "orders-db"
    listing /= "backup.info.copy"
    data = listing.read_bytes()
    listing.write_bytes(b"[backup]\nplain=true\n")
    green.look()
    assert_red(green, "backups", "breached", "is not encrypted")
    listing.write_bytes(data)
    # What was once seen in plain stays so for that backup: a new one is needed.
    green.look()
    assert green.standing("backups") == {"breached"}
    assert green.run("backup", 1).ok
    assert green.run("verify", 1).ok


def test_a_hole_in_the_archive_is_seen_and_breaks_the_copy(green: Watched) -> None:
    """A segment gone from the middle: the window ends there, and the copy is broken."""
    for number in range(3):
        sql(green.rig, f"insert into orders values ({number})")
        green.rig.archive()
    green.look()
    assert green.bucket is not None
    name = stored(green, "archive")[-2]
    data = green.bucket.stored()[name]
    delete(green, name)
    green.look()
    segment = name.rsplit("/", 1)[1][:24]
    assert_red(green, "backups", "breached", "no backup in repository 2 leads")
    job = green.run("verify", 2)
    assert job.ended is not None
    assert (job.ok, segment in job.ended.detail) == (False, True)
    assert_red(green, "off_site", "breached", "reading the copy back failed")
    put(green, name, data)
    green.look()
    assert green.run("verify", 2).ok
    sql(green.rig, "delete from orders")


def with_off_site(
    change: Callable[[RepositoryAt], RepositoryAt],
) -> Callable[[Protected], Protected]:
    """Return a change of the settings of the repository off-site."""

    def changed(protected: Protected) -> Protected:
        on_site, off_site = protected.repositories
        return replace(protected, repositories=(on_site, change(off_site)))

    return changed


def as_the_keeper(place: RepositoryAt) -> RepositoryAt:
    """Give production the credentials that may delete."""
    assert place.s3 is not None
    assert place.s3.keeper is not None
    return replace(place, s3=replace(place.s3, credentials=place.s3.keeper))


def as_anothers(place: RepositoryAt) -> RepositoryAt:
    """Say that the bucket belongs to an account that it does not belong to."""
    assert place.s3 is not None
    return replace(place, s3=replace(place.s3, owner="999999999999"))


def with_another_key_in_escrow(place: RepositoryAt) -> RepositoryAt:
    """Let another key lie in the safe."""
    key = place.key_file.with_name("not-the-key")
    write_private(key, "not-the-key\n")
    return replace(place, escrow_file=key)


@pytest.mark.parametrize(
    ("change", "control", "standing", "reason"),
    [
        (as_the_keeper, "off_site", "at_risk", "credentials can delete the copy"),
        (as_anothers, "off_site", "breached", "not 999999999999"),
        (with_another_key_in_escrow, "backups", "breached", "escrowed key does not"),
    ],
)
def test_what_the_reading_back_tries_is_found_out(
    green: Watched,
    change: Callable[[RepositoryAt], RepositoryAt],
    control: ControlName,
    standing: str,
    reason: str,
) -> None:
    """A copy that can be deleted, is somebody else's, or whose key is lost, is none."""
    with green.settings(with_off_site(change)):
        green.run("verify", 2)
        assert_red(green, control, standing, reason)
    assert green.run("verify", 2).ok


def in_region(region: str) -> Callable[[Rules], Rules]:
    """Return the rules with the copy declared to lie in another region."""

    def changed(rules: Rules) -> Rules:
        places = tuple(
            replace(place, region=region) if place.id == "vault" else place
            for place in rules.catalogue.environments
        )
        return replace(rules, catalogue=replace(rules.catalogue, environments=places))

    return changed


def test_the_buckets_own_region_counts(green: Watched) -> None:
    """What the catalogue says of the copy's region is held against the bucket's word;
    a copy that is not elsewhere is none, though all of it reads back.
    """
    wrong = green.verdict("off_site", rules=in_region("us-east-1"))
    assert (wrong.standing, "lies in eu-west-3" in wrong.reason) == ("breached", True)

    def here(rules: Rules) -> Rules:
        production, vault, *others = rules.catalogue.environments
        same = replace(vault, account=production.account, region="eu-west-3")
        home = replace(production, region="eu-west-3")
        places = (home, same, *others)
        return replace(rules, catalogue=replace(rules.catalogue, environments=places))

    shared = green.verdict("off_site", rules=here)
    assert (shared.standing, "shares account" in shared.reason) == ("breached", True)


def test_a_copy_that_does_not_answer_proves_nothing_more(green: Watched) -> None:
    """Unreachable: production cannot be tried, and archiving to it fails."""

    def gone(protected: Protected) -> Protected:
        on_site, off_site = protected.repositories
        assert off_site.s3 is not None
        nowhere = replace(off_site, s3=replace(off_site.s3, endpoint="localhost:9"))
        limits = replace(protected.deadlines, short=timedelta(seconds=4))
        return replace(protected, repositories=(on_site, nowhere), deadlines=limits)

    with green.settings(gone):
        assert not green.run("verify", 2).ok
        assert_red(green, "off_site", "breached", "reading the copy back failed")
        assert_red(green, "backups", "breached", "2 was not read back whole")
    assert green.run("verify", 2).ok


def in_the_same_zone(rules: Rules) -> Rules:
    """Return the rules with the standby declared in the primary's own zone."""
    places = tuple(
        replace(place, zone="a") if place.id == "across" else place
        for place in rules.catalogue.environments
    )
    return replace(rules, catalogue=replace(rules.catalogue, environments=places))


def test_a_standby_in_the_same_zone_is_no_redundancy(green: Watched) -> None:
    """It streams, and would burn with the primary."""
    same = green.verdict("redundancy", rules=in_the_same_zone)
    assert (same.standing, "own zone" in same.reason) == ("breached", True)


def test_a_standby_that_stops_is_missed(green: Watched) -> None:
    """A standby that is declared and not there does not count; connected is not
    streaming either: who is still copying under its name is seen, and does not count.
    """
    home = green.rig.protected.cluster
    standby = green.rig.base / STANDBY
    pid = int((standby / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGINT)
    until(lambda: not (standby / "data" / "postmaster.pid").exists())
    until(lambda: not streams(green))
    assert_red(green, "redundancy", "breached", f"{STANDBY} is declared")

    account = unprivileged()
    where = f"host={home.socket_folder} port={home.port} user=postgres"
    with subprocess.Popen(
        [
            *(home.bin_folder / "pg_basebackup", "-d"),
            f"{where} application_name={STANDBY}",
            *("-D", green.rig.base / STANDBY / "copying", "--max-rate=64k"),
        ],
        env={"PGPASSFILE": str(home.passfile)},
        user=account.uid if account else None,
        group=account.gid if account else None,
        cwd="/",
        stderr=subprocess.DEVNULL,
    ) as copying:
        try:
            until(lambda: connected(green))
            green.look()
            assert_red(green, "redundancy", "breached", f"{STANDBY} is declared")
        finally:
            copying.terminate()
    assert green.standby is not None
    start_server(green.standby, green.rig.protected.deadlines)
    until(lambda: streams(green))


def connected(made: Watched) -> bool:
    """Say whether somebody copies under the standby's name, and fetches WAL for it."""
    with made.rig.connect() as session:
        row = session.execute(
            "select array_agg(state order by state) = '{backup,streaming}'"
            " from pg_stat_replication where application_name = %s",
            (STANDBY,),
        ).fetchone()
    assert row is not None
    return bool(row[0])


def test_a_standby_that_hangs_is_missed(green: Watched) -> None:
    """Its connection still says streaming; but nothing has been heard for a minute."""
    reset(green.rig, "wal_sender_timeout", "0")
    receiver = receiver_of(green)
    os.kill(receiver, signal.SIGSTOP)
    try:
        until(lambda: not streams(green), seconds=150)
        with green.rig.connect() as session:
            row = session.execute(
                "select count(*) > 0 from pg_stat_replication"
                " where application_name = %s and state = 'streaming'",
                (STANDBY,),
            ).fetchone()
        assert row == (True,)
        assert_red(green, "redundancy", "breached", f"{STANDBY} is declared")
    finally:
        os.kill(receiver, signal.SIGCONT)
        reset(green.rig, "wal_sender_timeout", None)
    until(lambda: streams(green))


def receiver_of(made: Watched) -> int:
    """Return the process of the standby that fetches WAL."""
    assert made.standby is not None
    parent = postmaster(made.standby)
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            ours = f"PPid:\t{parent}\n" in status.read_text()
            name = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if ours and b"walreceiver" in name:
            return int(status.parent.name)
    pytest.fail("the standby has no receiver")


def test_a_drill_that_was_broken_stays_red_until_a_retest_passes(
    green: Watched,
) -> None:
    """Broken on purpose it fails; time alone mends nothing, a good drill does."""
    for kind in ("missing-wal", "wrong-key"):
        failed = green.drill(kind)
        assert not failed.passed
        assert_red(green, "drills", "breached", "the last drill failed")
    later = green.verdict("drills", after=timedelta(days=100))
    assert (later.standing, later.reason) == (
        "breached",
        "orders-db: the last drill failed",
    )
    # It says nothing of the real repository.
    assert green.standing("recovery_time", "recovery_point") == {"met"}
    assert green.drill().passed
    overdue = green.verdict("drills", after=timedelta(days=184, seconds=60))
    assert (overdue.standing, "overdue" in overdue.reason) == ("breached", True)
    for control in ("recovery_time", "recovery_point"):
        old = green.verdict(control, after=timedelta(days=184, seconds=60))
        assert old.standing in {"stale", "breached"}, old


def test_too_slow_or_too_much_lost_is_breached(green: Watched) -> None:
    """A drill that restores all, held against objectives that it does not reach."""
    green.adopt(hurried)
    try:
        reset(green.rig, "archive_timeout", "1h")
        sql(green.rig, "insert into orders values (1)")
        over = datetime.now(UTC) + timedelta(seconds=1.1)
        until(lambda: datetime.now(UTC) > over)
        missed = green.drill()
        assert not missed.passed
        assert_red(green, "drills", "breached", "the last drill failed")
        assert_red(green, "recovery_time", "breached", "not met the last time")
        green.rig.archive()
        green.look()
        assert_red(green, "recovery_point", "breached", "a drill lost")
    finally:
        reset(green.rig, "archive_timeout", None)
        green.adopt()
    sql(green.rig, "delete from orders")
    green.rig.archive()
    assert green.drill().passed


def hurried(policy: str) -> str:
    """Return the policy with a second for both objectives."""
    changed = policy.replace("4 business hours", "1 second").replace(
        "**1 hour** of transactions", "**1 second** of transactions"
    )
    assert changed.count("1 second") == 2
    return changed


def test_a_repository_without_encryption_is_found_by_bytes_and_by_any_key() -> None:
    """The settings say a cipher and the tool uses none: nothing turns green."""

    def plain(protected: Protected, base: Path) -> Protected:
        program = base / "pgbackrest"
        program.write_text(PLAIN)
        program.chmod(0o755)
        return replace(protected, pgbackrest=program)

    with watched(plain) as made:
        made.beat_until(lambda: made.standing("backups") == {"breached"})
        assert_red(made, "backups", "breached", "is not encrypted")
        made.run("verify", 2)
        [known] = made.situation.state.datastores.values()
        assert known.examined[2].event.wrong_key == "opened"
