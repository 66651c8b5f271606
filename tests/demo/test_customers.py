"""The customers' notes, and how they are held against a database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from holdfast.demo.customers import NOTES, acknowledged, compare
from holdfast.demo.spawn import Spawned

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LATE = NOW + timedelta(hours=1)


def noted(folder: Path, *numbers: int) -> Path:
    """Write the notes of one order a second; return where they are."""
    path = folder / NOTES
    with path.open("w") as file:
        for number in numbers:
            at = NOW + timedelta(seconds=number)
            note = {"at": at.isoformat(), "ref": f"crowd1-{number}"}
            file.write(json.dumps(note) + "\n")
    return path


def test_nothing_lost_is_no_data_loss(tmp_path):
    """Where every note is in the database, the loss is zero."""
    found = compare(
        noted(tmp_path, 1, 2, 3), ["crowd1-1", "crowd1-2", "crowd1-3"], LATE
    )
    assert (found.acknowledged, found.lost, found.extras) == (3, (), ())
    assert found.data_loss == timedelta(0)
    assert found.newest_recovered_at == NOW + timedelta(seconds=3)


def test_lost_writes_are_counted_and_measured(tmp_path):
    """The loss runs from the newest survivor to the newest promise that was lost."""
    found = compare(
        noted(tmp_path, 1, 2, 5, 9), ["crowd1-1", "crowd1-2", "seed-7"], LATE
    )
    assert [one.client_ref for one in found.lost] == ["crowd1-5", "crowd1-9"]
    assert found.newest_recovered_at == NOW + timedelta(seconds=2)
    assert found.newest_acknowledged_at == NOW + timedelta(seconds=9)
    assert found.data_loss == timedelta(seconds=7)
    assert found.extras == ()


def test_order_whose_answer_was_lost_is_an_extra(tmp_path):
    """An order that nobody noted, though later ones were, had lost its answer."""
    refs = ["crowd1-1", "crowd1-2", "crowd1-3", "crowd1-4", "seed-1"]
    found = compare(noted(tmp_path, 1, 3), refs, LATE)
    assert found.extras == ("crowd1-2",)
    assert found.lost == ()


def test_later_orders_are_not_the_question(tmp_path):
    """Orders after the moment asked about are neither promises, nor lost, nor extra."""
    until = NOW + timedelta(seconds=2)
    found = compare(noted(tmp_path, 1, 2, 5, 9), ["crowd1-1", "crowd1-5"], until)
    assert (found.acknowledged, found.extras) == (2, ())
    assert [one.client_ref for one in found.lost] == ["crowd1-2"]


def test_total_loss_has_no_measure(tmp_path):
    """Where nothing survived, no survivor says since when."""
    found = compare(noted(tmp_path, 1, 2), [], LATE)
    assert len(found.lost) == 2
    assert found.data_loss is None


def test_no_notes_are_no_promises(tmp_path):
    """Before anybody ordered, nothing can be lost."""
    found = compare(tmp_path / NOTES, ["seed-1"], LATE)
    assert (found.acknowledged, found.newest_acknowledged_at) == (0, None)
    assert found.data_loss == timedelta(0)


@given(cut=st.integers(0, 200))
def test_torn_notes_are_read_up_to_the_tear(tmp_path_factory, cut):
    """Wherever a crash cut the file, the whole lines before are the promises."""
    path = noted(tmp_path_factory.mktemp("notes"), 1, 2, 3)
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    assert len(acknowledged(path)) == whole[:cut].count(b"\n")


def test_customers_cut_a_torn_line_before_they_go_on(tmp_path):
    """Notes that a crash left half-written do not spoil the next ones."""
    path = noted(tmp_path, 1, 2)
    with path.open("ab") as file:
        file.write(b'{"at": "2026-')
    arguments = ("--folder", tmp_path, "--url", "http://127.0.0.1:9")
    with Spawned("customers", *arguments) as crowd:
        assert crowd.stop() == 0
    assert path.read_bytes().endswith(b"}\n")
    assert len(acknowledged(path)) == 2
