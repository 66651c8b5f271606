"""Tampering with every part of the log is found by the next check, named, and told.

On a real SQLite file and a real PostgreSQL, past the triggers, as only a superuser can;
the copy is a real folder. Each case then asks: the incident within one beat, the words,
one alert to the response team, nothing to customers or on the status page.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contracts.conftest import Home
from tests.contracts.tampering_rig import STRANGER, Rig, forged, joined, rig_at
from tests.operations.company import company

from holdfast.domain.controls import audit_log
from holdfast.domain.events.copies import PublishFailing, PublishRecovered
from holdfast.domain.events.incident import IncidentAcknowledged
from holdfast.domain.events.tampering import TamperingResolved
from holdfast.errors import HoldfastError
from holdfast.ledger.merkle import Frontier, leaf_hash
from holdfast.operations import settled, tampering
from holdfast.operations.attest import check_ledger, look
from holdfast.operations.copies import LOOK_EVERY
from holdfast.operations.respond import Desk

HEX = "[0-9a-f]{64}"
DATA = "UPDATE entry SET data = ? WHERE leaf_index = ?"
BOTH = "UPDATE entry SET data = ?, leaf_hash = ? WHERE leaf_index = ?"


def require_told(rig: Rig, part: str, words: str) -> None:
    """Hold the incident, the alert and the standing to what was done."""
    found = [one for one in rig.found() if one.part.startswith(part)]
    assert found, f"nothing was found, but of: {[one.part for one in rig.found()]}"
    assert re.search(words, found[0].detail), found[0].detail
    told = [text for text in rig.alerts() if re.search(words, text)]
    assert len(told) == 1, rig.alerts()
    assert not rig.made.kept["status_page"].sent
    assert not rig.made.kept["email"].sent
    situation = rig.made.world.situation()
    assert situation is not None
    verdict = audit_log.judge(situation)
    assert verdict.standing == "breached"
    assert f"incident {found[0].incident} is open" in verdict.reason


def changed(rig: Rig) -> None:
    """Change an entry's bytes."""
    data = rig.made.world.store.read(1, 2)[0]
    rig.sql(DATA, data.replace(b"ana", b"eve"), 1)


def removed(rig: Rig) -> None:
    """Remove an entry."""
    rig.sql("DELETE FROM entry WHERE leaf_index = ?", 1)


def reordered(rig: Rig) -> None:
    """Let two entries change places, hashes and all."""
    one, two = rig.made.world.store.read(1, 3)
    rig.sql(BOTH, two, leaf_hash(two), 1)
    rig.sql(BOTH, one, leaf_hash(one), 2)


def fitted(rig: Rig) -> None:
    """Change an entry's bytes, and its hash to fit."""
    data = rig.made.world.store.read(1, 2)[0].replace(b"ana", b"eve")
    rig.sql(BOTH, data, leaf_hash(data), 1)


def beheaded(rig: Rig) -> None:
    """Change the head's hashes."""
    size = rig.made.world.store.size()
    rig.sql("UPDATE head SET frontier = ?", bytes(32 * size.bit_count()))


def cut(rig: Rig) -> None:
    """Remove the newest entries."""
    size = rig.made.world.store.size()
    rig.sql("DELETE FROM entry WHERE leaf_index >= ?", size - 2)


def rolled_back(rig: Rig) -> None:
    """Remove the newest entries and checkpoints, and put the head back."""
    store = rig.made.world.store
    size = store.size() - 3
    front = Frontier().extend(store.leaf_hashes(0, size))
    rig.sql("DELETE FROM entry WHERE leaf_index >= ?", size)
    rig.sql("DELETE FROM checkpoint WHERE size > ?", size)
    rig.sql("UPDATE head SET size = ?, frontier = ?", size, front.to_bytes())


def newest_signed(rig: Rig) -> int:
    """Return the size of the newest checkpoint."""
    return max(size for size, _ in rig.made.world.store.checkpoints())


def resigned(rig: Rig) -> None:
    """Sign the newest checkpoint with another key."""
    size = newest_signed(rig)
    rig.sql("UPDATE checkpoint SET note = ? WHERE size = ?",
            forged(size, bytes(32), STRANGER), size)  # fmt: skip


def forked(rig: Rig) -> None:
    """Put another history's checkpoint, signed by the log's own key, among ours."""
    size = min(size for size, _ in rig.made.world.store.checkpoints())
    rig.sql("UPDATE checkpoint SET note = ? WHERE size = ?",
            forged(size, bytes(32)), size)  # fmt: skip


def unsigned(rig: Rig) -> None:
    """Remove an older checkpoint."""
    size = min(size for size, _ in rig.made.world.store.checkpoints())
    rig.sql("DELETE FROM checkpoint WHERE size = ?", size)


NAMED = f"entry 1 was changed: expected {HEX} as in file:.*, found {HEX}"
DATABASE: list[tuple[Callable[[Rig], None], bool, str]] = [
    (changed, True, f"entry 1 was changed: expected {HEX}, found {HEX}"),
    (removed, True, "entry 1 is missing"),
    (reordered, True, rf"signed at size \d+: expected root {HEX}.*{NAMED}"),
    (fitted, True, rf"signed at size \d+: expected root {HEX}.*{NAMED}"),
    (beheaded, False, f"counted by the head at size .*expected root {HEX}, found"),
    (cut, False, r"entry \d+ is missing|cut: it had \d+ entries, and holds fewer"),
    (rolled_back, False, r"rolled back or cut: it had \d+ entries"),
    (resigned, False, r"checkpoint of size \d+ is signed by northwind.example/log\+"),
    (forked, True, rf"not those signed at size \d+: expected root {'0' * 64}"),
    (unsigned, True, r"the checkpoint of size \d+ was there and is missing"),
]


@pytest.mark.parametrize(
    ("tamper", "in_full", "words"),
    DATABASE,
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_database(
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tamper: Callable[[Rig], None],
    in_full: bool,
    words: str,
) -> None:
    """What was done to the database is found by a look or by the daily reading."""
    monkeypatch.setattr(settled, "UNSETTLED", 1)
    rig = rig_at(home, tmp_path)
    tamper(rig)
    if in_full:
        assert not check_ledger(rig.made.world).ok
    rig.made.beat()
    require_told(rig, "database", words)
    rig.made.beat(3)
    assert len([one for one in rig.found() if one.part == "database"]) == 1
    rig.made.world.store.close()


@pytest.mark.parametrize("remembered", [True, False])
def test_a_checkpoint_that_went_while_nothing_ran(
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    remembered: bool,
) -> None:
    """The next start misses it, by what the last reading left in the home folder."""
    monkeypatch.setattr(settled, "UNSETTLED", 1)
    rig = rig_at(home, tmp_path)
    unsigned(rig)
    if not remembered:
        kept = (tmp_path / "settled").read_bytes().partition(b"\n")[2]
        (tmp_path / "settled").write_bytes(b"another.example/log\n" + kept)
    again = joined(rig.made, home, tmp_path)
    assert check_ledger(again.made.world).ok is not remembered
    again.made.beat(2)
    if remembered:
        require_told(again, "database", r"checkpoint of size \d+ was there and is miss")
    rig.made.world.store.close()


def test_a_copy_whose_disk_is_away(sqlite: Rig) -> None:
    """A folder that is not there was not tampered with: it is out of reach."""
    away = sqlite.folder.with_name("away")
    sqlite.folder.rename(away)
    sqlite.made.clock.advance(2 * LOOK_EVERY)
    sqlite.made.beat(3)
    assert not sqlite.found()
    (failing,) = sqlite.made.events(PublishFailing)
    assert "the folder of the copy is not there" in str(failing)
    assert not sqlite.folder.exists()
    away.rename(sqlite.folder)
    sqlite.made.clock.advance(2 * LOOK_EVERY)
    sqlite.made.beat(3)
    assert len(sqlite.made.events(PublishRecovered)) == 1
    assert not sqlite.found()


def test_a_newest_checkpoint_that_is_gone(home: Home, tmp_path: Path) -> None:
    """The mark tells of it; two looks in a row, since a signature may be under way."""
    rig = rig_at(home, tmp_path)
    rig.sql("DELETE FROM checkpoint WHERE size = ?", newest_signed(rig))
    look(rig.made.world)
    rig.made.beat()
    require_told(rig, "database", r"checkpoint of size \d+ was signed and is missing")
    rig.made.world.store.close()


@pytest.fixture(name="sqlite")
def _sqlite(new_home: Callable[[str], Home], tmp_path: Path) -> Rig:
    """Return a company on a file."""
    return rig_at(new_home("sqlite"), tmp_path)


def saved_early(rig: Rig) -> Path:
    """Return a copy of the database, after which the log went on, signed."""
    saved = rig.database.with_name("saved")
    rig.made.world.store.close()
    shutil.copy(rig.database, saved)
    rig.made.turn(ok=True)
    rig.made.beat(2)
    rig.made.world.store.close()
    return saved


@pytest.mark.parametrize("by_rename", [True, False])
def test_an_older_file_under_a_running_node(sqlite: Rig, by_rename: bool) -> None:
    """The node follows to the file that is there now, and tells that it is older."""
    saved = saved_early(sqlite)
    for beside in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{sqlite.database}{beside}").unlink()
    if by_rename:
        saved.replace(sqlite.database)
    else:
        shutil.copy(saved, sqlite.database)
    sqlite.made.beat()
    require_told(sqlite, "database", r"rolled back or cut: it had \d+ entries")


def test_an_older_file_under_a_stopped_node(sqlite: Rig, tmp_path: Path) -> None:
    """The mark outside the database remembers what was signed."""
    shutil.copy(saved_early(sqlite), sqlite.database)
    made = company(sqlite.home.open(), adopted=False)
    again = joined(made, sqlite.home, tmp_path)
    again.made.beat()
    require_told(again, "database", r"it was signed at size \d+, and holds fewer")
    assert again.made.world.notary.refusal is not None


def test_a_log_that_cannot_be_read(sqlite: Rig, tmp_path: Path) -> None:
    """Where nothing can be decided any more, the team is told past the log, once."""
    sqlite.sql(DATA, b"{}", 1)
    sqlite.made.world.store.close()
    made = company(sqlite.home.open(), adopted=False)
    again = joined(made, sqlite.home, tmp_path)
    for _ in range(3):
        with pytest.raises(HoldfastError, match="entry 1 is not an envelope"):
            again.made.beat()
    (told,) = again.alerts()
    assert "entry 1" in told
    assert "told without it" in told


def older(rig: Rig) -> None:
    """Put an older checkpoint in place of the newest."""
    sizes = sorted(int(path.name) for path in (rig.folder / "checkpoints").iterdir())
    shutil.copy(rig.folder / "checkpoints" / str(sizes[0]), rig.folder / "checkpoint")


def emptied(rig: Rig) -> None:
    """Remove everything."""
    shutil.rmtree(rig.folder)
    rig.folder.mkdir()


def replaced_key(rig: Rig) -> None:
    """Show a checkpoint signed by another key."""
    size, root = rig.made.world.store.root()
    (rig.folder / "checkpoint").write_bytes(forged(size, root, STRANGER))


def second_history(rig: Rig) -> None:
    """Show another history, signed by the log's own key."""
    size = rig.made.world.store.size()
    (rig.folder / "checkpoint").write_bytes(forged(size, bytes(32)))


def newest(rig: Rig, pattern: str) -> Path:
    """Return the file of a kind that is of the largest size."""
    found = list(rig.folder.glob(pattern))
    return max(found, key=lambda path: int(path.name))


def flipped(path: Path) -> None:
    """Flip a bit of a file's last byte."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def bundle(rig: Rig) -> None:
    """Change a bundle."""
    flipped(newest(rig, "tile/entries/000.p/*"))


def tile(rig: Rig) -> None:
    """Change a tile."""
    flipped(newest(rig, "tile/0/000.p/*"))


def partial(rig: Rig) -> None:
    """Remove a partial tile."""
    newest(rig, "tile/0/000.p/*").unlink()


def earlier(rig: Rig) -> None:
    """Put another history into a checkpoint's copy."""
    path = newest(rig, "checkpoints/*")
    path.write_bytes(forged(int(path.name), bytes(32)))


def unlisted(rig: Rig) -> None:
    """Remove a checkpoint's copy."""
    newest(rig, "checkpoints/*").unlink()


COPY: list[tuple[Callable[[Rig], None], bool, str]] = [
    (older, False, r"checkpoint is of size \d+, and was of size \d+"),
    (emptied, False, r"checkpoint is gone; it was of size \d+"),
    (replaced_key, False, "the copy's checkpoint is not ours"),
    (second_history, False, r"shows another log at size \d+: root"),
    (bundle, True, rf"entry \d+ does not fit: computed {HEX}, tile/0/000|not hold"),
    (tile, True, rf"tile/0/000.p/\d+ bytes .*computed {HEX}, .* says {HEX}"),
    (partial, True, r"tile/0/000.p/\d+: the tile is missing"),
    (
        earlier,
        True,
        rf"root at size \d+ does not fit: computed {HEX}, .* says {'0' * 64}",
    ),
    (unlisted, True, r"checkpoints/\d+: the checkpoint's copy is missing"),
]


@pytest.mark.parametrize(
    ("tamper", "in_full", "words"),
    COPY,
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_copy(
    sqlite: Rig, tamper: Callable[[Rig], None], in_full: bool, words: str
) -> None:
    """What was done to the copy is found by the next look, or by reading it back."""
    tamper(sqlite)
    sqlite.made.clock.advance(timedelta(days=1, hours=1) if in_full else timedelta())
    sqlite.made.clock.advance(timedelta(minutes=1))
    sqlite.made.beat(2)
    require_told(sqlite, "copy file://", words)


def test_a_person_ends_it(sqlite: Rig) -> None:
    """Nothing but a person with a reason does, and none before a check is good."""
    older(sqlite)
    sqlite.made.clock.advance(timedelta(minutes=1))
    sqlite.made.beat(2)
    desk = Desk(sqlite.made.world.log, sqlite.made.clock, "dora")
    name = sqlite.found()[0].incident
    assert tampering.acknowledge(desk) == name
    assert sqlite.made.events(IncidentAcknowledged)
    with pytest.raises(HoldfastError, match="still finds wrong: copy file"):
        tampering.resolve(desk, "put back")
    sqlite.made.clock.advance(timedelta(minutes=2))
    sqlite.made.beat(3)
    situation = sqlite.made.world.situation()
    assert situation is not None
    assert not situation.state.tampering.suspects
    assert audit_log.judge(situation).standing == "breached"
    with pytest.raises(HoldfastError, match="without a reason"):
        tampering.resolve(desk, "")
    assert tampering.resolve(desk, "an old backup of the bucket was restored") == name
    sqlite.made.beat(2)
    assert sqlite.made.events(TamperingResolved)
    assert "an old backup of the bucket was restored" in sqlite.alerts()[-1]
    situation = sqlite.made.world.situation()
    assert situation is not None
    assert audit_log.judge(situation).standing != "breached"
