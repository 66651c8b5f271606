"""Kill -9 of Holdfast, again and again, while it survives a real disaster.

Ten companies in a box lose their database; in each, node and runner are killed five
times at random moments of the response, with the real engine at work. ``HOLDFAST_SEED``
draws other moments. Run by `make torture`.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter

import pytest

from holdfast.assembly.reading import Reader
from holdfast.demo import northwind
from holdfast.demo.box import Box
from holdfast.domain.controls.all import owed_by_all
from holdfast.domain.events.job import JobStarted
from holdfast.domain.events.notice import NoticeDelivered, NoticeDue
from holdfast.journal import Recorded
from holdfast.ledger.note import parse_verifier_key
from holdfast.ledger.verify import verify_log
from holdfast.operations import respond
from holdfast.operations.approving import approve
from holdfast.storage.audit import audit
from holdfast.storage.folder import Folder, export

pytestmark = [pytest.mark.torture, pytest.mark.engine]

ROUNDS, KILLS = 10, 5
SEED = os.environ.get("HOLDFAST_SEED", "1")
GIVE_UP_SECONDS = 900
LONGEST_LIFE_SECONDS = 3.5
SECTION_7 = ("alerting", "status_page", "customer_email")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_kill_real(number: int) -> None:
    """After five kills the database is restored once and everybody is told once."""
    seed = f"{SEED}-{number}"
    box = Box.make()
    try:
        _survive(box, seed)
        box.stop()
        reader = box.reader()
        _check(box, reader, seed)
        reader.store.close()
    finally:
        box.close()


def _survive(box: Box, seed: str) -> None:
    chance = random.Random(seed)  # noqa: S311 - Moments, not secrets.
    box.prepare()
    box.start_database()
    box.start_company()
    box.start_node()
    box.start_runner()
    box.start_customers()
    reader = box.reader()
    _until(lambda: _is_protected(reader), box, seed)
    box.destroy_production()
    kills, ordered = 0, False
    dies_at = time.monotonic() + chance.uniform(0, LONGEST_LIFE_SECONDS)
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while kills < KILLS or not _is_over(reader):
        assert time.monotonic() < deadline, f"{seed}: {_log(box)}"
        if kills < KILLS and time.monotonic() >= dies_at:
            _kill(box)
            kills += 1
            box.start_node()
            box.start_runner()
            dies_at = time.monotonic() + chance.uniform(0, LONGEST_LIFE_SECONDS)
        if not ordered and reader.log.state().running:
            respond.acknowledge(reader.desk("eli"))
            respond.declare(reader.desk("chi"))
            ordered = respond.order_recovery(
                box.signed_in(reader, "chi"), northwind.DATASTORE, repository=2
            )
            approve(box.signed_in(reader, "eli"), ordered.recovery)
            ordered = True
        time.sleep(0.05)
    reader.store.close()


def _is_protected(reader: Reader) -> bool:
    state = reader.log.state()
    known = state.datastores.get(northwind.DATASTORE)
    numbers = {b.backup.repository for b in known.backups} if known else set()
    return {1, 2} <= numbers


def _is_over(reader: Reader) -> bool:
    state = reader.log.state()
    notices = state.notices
    ended = [n for n in notices.all if n.endswith("/status/resolved")]
    over = state.incidents and not state.running and ended
    return bool(over and not notices.undelivered and not notices.unseen)


def _kill(box: Box) -> None:
    for process in (box.runner, box.node):
        assert process is not None
        process.kill()
        process.wait()


def _until(condition, box: Box, seed: str) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{seed}: {_log(box)}"
        time.sleep(0.05)


def _log(box: Box) -> str:
    return (box.folder / "node.log").read_text(encoding="utf-8")[-4000:]


def _check(box: Box, reader: Reader, seed: str) -> None:
    size = reader.store.size()
    entries = [reader.window.entry(index) for index in range(size)]
    _check_duties(reader, seed)
    _check_notices(box, entries, seed)
    _check_restores(entries, seed)
    key = parse_verifier_key((box.home / "ledger.vkey").read_text().strip())
    audit(reader.store, [key])
    export(reader.store, box.folder / "export")
    verified = verify_log(Folder(box.folder / "export"), [key])
    assert verified.checkpoint.size == size, seed


def _check_duties(reader: Reader, seed: str) -> None:
    duties = owed_by_all(reader.desk("chi").situation())
    ours = [d for d in duties if d.incident and d.control in SECTION_7]
    assert ours, seed
    assert all(duty.done_at is not None for duty in ours), (seed, ours)


def _check_notices(box: Box, entries: list[Recorded], seed: str) -> None:
    due = [e.event.notice for e in entries if isinstance(e.event, NoticeDue)]
    assert len(due) == len(set(due)), seed
    closed = [e.event for e in entries if isinstance(e.event, NoticeDelivered)]
    assert Counter(c.notice for c in closed) == Counter(due), seed
    told = Counter(
        message["metadata"]["event_payload"]["key"] for message in box.slack_messages()
    )
    told += Counter(mail.key for mail in box.mails())
    assert {key.partition(">")[0] for key in told} <= set(due), seed
    for each in closed:
        counts = [n for key, n in told.items() if key.startswith(f"{each.notice}>")]
        repeats = sum(n - 1 for n in counts)
        assert repeats <= each.possible_repeats, (seed, each, told)


def _check_restores(entries: list[Recorded], seed: str) -> None:
    started = [e.event.job for e in entries if isinstance(e.event, JobStarted)]
    assert len(started) == len(set(started)), seed
    restores = [job for job in started if job.endswith("-restore")]
    assert len(restores) == 1, (seed, restores)
