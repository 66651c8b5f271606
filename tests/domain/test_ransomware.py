"""What counts as a sign of ransomware, what does not, and what was good before it."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.domain.story import DATASTORE, DAY, HOUR, MINUTE, Story
from tests.evidence.protected import rehearse

from holdfast.domain.events.drill import DrillFinished
from holdfast.domain.events.measure import BackupWeighed, Canaries
from holdfast.domain.memory.protection import Datastore
from holdfast.domain.ransomware import last_good, signs

LOOK = 5 * MINUTE
MIB = 1 << 20


def measured(
    written: list[int], canaries: Canaries | None = "intact"
) -> tuple[Story, Datastore]:
    """Tell looks, each with so much WAL since the last; the newest sees canaries."""
    story, position = Story().adopt(), 10 * MIB
    for number, amount in enumerate(written):
        position += amount
        last = number == len(written) - 1
        story.measure(
            wal_position=position, canaries=canaries if last else "intact"
        ).after(LOOK)
    return story, story.state.datastores[DATASTORE]


def names(datastore: Datastore) -> list[str]:
    """Return the names of the signs."""
    return [sign.name for sign in signs(datastore)]


def test_intact_canaries_and_usual_wal_are_no_sign() -> None:
    """A calm datastore shows nothing."""
    assert names(measured([MIB] * 30)[1]) == []


def test_canaries_that_are_touched_are_a_sign_from_the_first_look_on() -> None:
    """The sign is dated to the look that first saw it, and stays until mended."""
    story, store = measured([MIB] * 3, "changed")
    [sign] = signs(store)
    first = sign.at
    story.measure(wal_position=20 * MIB, canaries="gone").after(LOOK)
    [sign] = signs(story.state.datastores[DATASTORE])
    assert (sign.name, sign.at) == ("canaries", first)
    story.measure(wal_position=20 * MIB)
    assert names(story.state.datastores[DATASTORE]) == []


def test_a_burst_of_wal_is_a_sign_where_the_past_is_known() -> None:
    """Ten times the usual, and much at once; without a past nothing is unusual."""
    assert names(measured([MIB] * 20 + [400 * MIB])[1]) == ["wal_rate"]
    assert names(measured([MIB] * 5 + [400 * MIB])[1]) == []


def test_a_busy_datastore_and_a_small_burst_are_no_sign() -> None:
    """What is usual for it is not unusual; and little is never much."""
    assert names(measured([300 * MIB] * 20 + [400 * MIB])[1]) == []
    assert names(measured([1024] * 20 + [MIB])[1]) == []


def test_a_wal_position_that_fell_back_is_a_restore_and_no_sign() -> None:
    """After a restore WAL counts from elsewhere."""
    assert names(measured([MIB] * 20 + [-15 * MIB, 400])[1]) == []


def test_a_past_that_tells_nothing_makes_nothing_unusual() -> None:
    """Positions that only ever fell back, and sizes of nothing, stop no decision."""
    assert names(measured([-1024] * 20 + [400 * MIB])[1]) == []
    assert set(names(weighed(*[(0, 0, 0)] * 3, (100, 100, 30)))) == {"backup_growth"}


def weighed(
    *weights: tuple[int, int, int], kind: str = "full", repository: int = 1
) -> Datastore:
    """Tell daily backups by size, bytes copied, and bytes stored, in MiB."""
    story = Story().adopt()
    for number, (size, copied, stored) in enumerate(weights):
        story.tell(
            BackupWeighed(
                datastore=DATASTORE,
                repository=repository,
                label=f"b{number}",
                kind=kind,
                finished_at=story.now,
                size_bytes=size * MIB,
                copied_bytes=copied * MIB,
                stored_bytes=stored * MIB,
            )
        ).after(DAY)
    return story.state.datastores[DATASTORE]


USUAL = ((100, 100, 30), (101, 101, 30), (103, 103, 31))


def test_usual_backups_are_no_sign() -> None:
    """Slow growth at the usual compression shows nothing."""
    assert names(weighed(*USUAL, (106, 106, 32))) == []


def test_a_backup_that_no_longer_compresses_is_a_sign() -> None:
    """Encrypted data look like noise to a compressor; a little less is no leap."""
    assert names(weighed(*USUAL, (104, 104, 103))) == ["backup_entropy"]
    assert names(weighed(*USUAL, (104, 104, 70))) == ["backup_entropy"]
    assert names(weighed(*USUAL, (104, 104, 50))) == []


def test_data_that_never_compressed_are_no_sign() -> None:
    """A store of photographs is noise from its first day on."""
    noise = tuple((100, 100, 99) for _ in range(4))
    assert names(weighed(*noise)) == []


def test_sudden_growth_is_a_sign() -> None:
    """A datastore that grew by more than half since the usual backup is told."""
    assert names(weighed(*USUAL, (170, 170, 50))) == ["backup_growth"]


def test_an_incremental_backup_that_copies_everything_is_a_sign() -> None:
    """Where a little used to change, most of it changing at once is told."""
    usual = ((100, 5, 2), (100, 6, 2), (100, 4, 1))
    assert names(weighed(*usual, (101, 90, 30), kind="incr")) == ["backup_growth"]


def test_kinds_and_repositories_are_not_mixed() -> None:
    """A first full backup after incremental ones is no growth."""
    assert names(weighed((100, 100, 99))) == []


def test_a_restore_test_with_wrong_data_is_a_sign() -> None:
    """Invariants that fail in a restored copy speak of the data."""
    story = Story().adopt()
    rehearse(story, "d1", passed=True)
    assert names(story.state.datastores[DATASTORE]) == []
    broken = DrillFinished(
        drill="d2",
        datastore=DATASTORE,
        sabotage=None,
        started_at=story.now,
        recovery_time_us=None,
        business_time_us=None,
        from_fault_us=None,
        data_loss_us=None,
        commits_lost=None,
        passed=False,
        detail="",
        findings=("verify: totals agree: false",),
        evidence="sha256:00",
        at=story.now,
    )
    story.tell(broken)
    assert names(story.state.datastores[DATASTORE]) == ["invariants"]


def test_the_last_good_moments_are_named() -> None:
    """Before the first sign: when canaries were last intact, and what was restored."""
    story = Story().adopt()
    rehearse(story, "d1", passed=True)
    restored = story.state.datastores[DATASTORE].drills[0][0].started_at
    story.measure().after(HOUR)
    untouched = story.now
    story.measure().after(LOOK).measure(canaries="changed")
    store = story.state.datastores[DATASTORE]
    good = last_good(store, signs(store)[0].at)
    assert (good.untouched_at, good.restored_at) == (untouched, restored)


@given(st.lists(st.integers(0, 64), min_size=1, max_size=40))
def test_without_leaps_there_is_never_a_sign(amounts: list[int]) -> None:
    """However the work goes up and down, little WAL is no sign."""
    assert names(measured([amount * MIB for amount in amounts])[1]) == []


def test_signs_are_told_in_the_order_in_which_they_began() -> None:
    """The earliest comes first: it dates the last good moment."""
    story, _ = measured([MIB] * 20 + [400 * MIB])
    story.measure(wal_position=900 * MIB, canaries="gone").after(timedelta(seconds=1))
    told = signs(story.state.datastores[DATASTORE])
    assert [sign.at for sign in told] == sorted(sign.at for sign in told)
