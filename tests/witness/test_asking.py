"""Asking witnesses: what joins checkpoints, and what is recorded when it turns."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.operations.company import SEED, START, Company, company, entries, turns
from tests.witness.rig import RamMemory

from holdfast.domain.controls.all import CONTROLS
from holdfast.domain.controls.judging import Verdict
from holdfast.domain.controls.witnessing import judge_witnesses
from holdfast.domain.events.witness import (
    WitnessCosigned,
    WitnessDisagreed,
    WitnessSilent,
)
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.ledger.checkpoint import Signer, parse_checkpoint, verify_checkpoint
from holdfast.ledger.note import VerifierKey, parse_note, parse_verifier_key
from holdfast.ledger.witness import (
    Cosigner,
    Request,
    Witness,
    cosignature_of,
    cosigned_at,
)
from holdfast.operations import tampering
from holdfast.operations.attest import check_ledger
from holdfast.operations.notary import ForkError, Notary
from holdfast.operations.ports.store import Store
from holdfast.operations.respond import Desk
from holdfast.operations.witnessing import (
    Ahead,
    Cosigned,
    Disagrees,
    Prove,
    Said,
    Unanswered,
    Witnesses,
)
from holdfast.storage.mark import FileBookmark
from holdfast.storage.memory import MemoryStore

MINUTE = timedelta(minutes=1)
SILENT_AFTER = timedelta(minutes=10)
KINDS = (WitnessCosigned, WitnessSilent, WitnessDisagreed)


@dataclass
class NearWitness:
    """A real witness without the wire; ``mute`` makes it silent, ``off`` wrong in time.

    ``asked`` lists the old sizes that requests named.
    """

    made: Company
    name: str = "auditor"
    mute: bool = False
    off: timedelta = timedelta(0)
    asked: list[int] = field(default_factory=list)
    key: VerifierKey = field(init=False)
    judge: Witness = field(init=False)

    def __post_init__(self) -> None:
        cosigner = Cosigner(f"{self.name}.example/w", self.name.encode().ljust(32)[:32])
        self.key = cosigner.key
        log = parse_verifier_key(self.made.world.notary.verifier_key)
        self.judge = Witness(cosigner, RamMemory((log,)))

    def cosign(self, note: bytes, size: int, old: int, prove: Prove) -> Said:
        """Ask, and once more from the size that it names."""
        self.asked.append(old)
        if self.mute:
            return Unanswered("it cannot be reached")
        time = int((self.made.clock.now() + self.off).timestamp())
        body = Request(old, tuple(prove(old)), note).to_bytes()
        answer = self.judge.add_checkpoint(body, time)
        if answer.status == 409 and int(answer.body) != old:
            if int(answer.body) > size:
                return Ahead(int(answer.body))
            return self.cosign(note, size, int(answer.body), prove)
        if answer.status != 200:
            return Disagrees(f"status {answer.status}")
        found = cosignature_of(note, answer.body, self.key)
        assert found is not None
        return Cosigned(*found)


def watched(
    count: int = 1, store: Store | None = None
) -> tuple[Company, list[NearWitness]]:
    """Return the company with witnesses, adopted and not yet asked."""
    made = company(store, adopted=store is None)
    near = [NearWitness(made, name) for name in ("auditor", "bank", "court")[:count]]
    join(made, near)
    return made, near


def join(made: Company, near: Sequence[NearWitness]) -> None:
    """Let the company ask the witnesses from now on, as after a start."""
    log = made.world.log
    asked = Witnesses(log, near, SILENT_AFTER)
    made.world = replace(made.world, witnesses=asked)


def told(made: Company) -> list[object]:
    """Return what was recorded of witnesses."""
    found = (entry.event for entry in entries(made.world.store))
    return [event for event in found if isinstance(event, KINDS)]


def verdict(made: Company) -> Verdict:
    """Return how the audit log stands."""
    situation = made.world.situation()
    assert situation is not None
    return CONTROLS["audit_log"].judge(situation)


def until(made: Company, length: timedelta, each: Callable[[], None] | None = None):
    """Beat for a length of time."""
    end = made.clock.now() + length
    while made.clock.now() < end:
        made.beat()
        if each is not None:
            each()


def test_checkpoints_carry_every_cosignature() -> None:
    """What the notary signs is cosigned by all, and kept once."""
    made, near = watched(3)
    made.beat(3)
    note = made.world.store.checkpoint()
    assert note is not None
    keys = [parse_verifier_key(made.world.notary.verifier_key)]
    signed = verify_checkpoint(note, [*keys, *(one.key for one in near)])
    assert len(signed.signed_by) == 4
    assert signed.checkpoint.size == made.world.store.size()


def test_few_entries() -> None:
    """A witness that works is an entry when it begins and one a day, no more."""
    made, (near,) = watched()
    until(made, timedelta(minutes=30))
    assert len(told(made)) == 1
    assert len(near.asked) > 10
    until(made, timedelta(hours=23))
    assert len(told(made)) == 1
    until(made, timedelta(hours=2))
    assert [type(event) for event in told(made)] == [WitnessCosigned] * 2
    check_ledger(made.world)
    standing = verdict(made)
    assert "no witness" not in standing.reason
    assert any("witness auditor" in proof.text for proof in standing.proofs)
    made.clock.advance(timedelta(days=3))
    assert verdict(made).standing == "stale"
    # The log's own verification is as old by now: look at the witnesses alone.
    situation = made.world.situation()
    assert situation is not None
    alone = judge_witnesses(situation)
    assert alone is not None
    assert alone.reason == "witness auditor was not asked for too long"


def test_asked_again_from_where_it_was() -> None:
    """Each request continues the last, also after a restart, by one more question."""
    made, near = watched()
    made.beat(2)
    join(made, near)
    near[0].asked.clear()
    made.turn(ok=False)
    made.beat()
    first, again = near[0].asked
    assert (first, again > 0) == (0, True)
    near[0].asked.clear()
    made.turn(ok=True)
    made.beat()
    assert near[0].asked[0] >= again


def test_silence() -> None:
    """Silence is recorded once after its time, and is a risk until it ends."""
    made, (near,) = watched()
    made.beat(2)
    near.mute = True
    until(made, SILENT_AFTER - MINUTE)
    assert len(told(made)) == 1
    until(made, timedelta(hours=1))
    silent = told(made)[-1]
    assert isinstance(silent, WitnessSilent)
    assert len(told(made)) == 2
    standing = verdict(made)
    assert standing.standing == "at_risk"
    assert "witness auditor has cosigned nothing since" in standing.reason
    assert "it cannot be reached" in standing.reason
    near.mute = False
    until(made, MINUTE)
    assert isinstance(told(made)[-1], WitnessCosigned)
    assert verdict(made).standing != "at_risk"


def test_silent_from_the_start() -> None:
    """A witness that never answered is silent too, counted from the first question."""
    made, (near,) = watched()
    near.mute = True
    until(made, SILENT_AFTER + MINUTE)
    assert [type(event) for event in told(made)] == [WitnessSilent]
    join(made, [near])
    until(made, SILENT_AFTER + MINUTE)
    assert len(told(made)) == 1


def restarting(made: Company, near: list[NearWitness], each: timedelta) -> None:
    """Let an hour go by in which the node starts again and again."""
    for _ in range(timedelta(hours=1) // each):
        join(made, near)
        until(made, each)


def test_silence_is_told_by_a_node_that_starts_again_and_again() -> None:
    """The deadline runs from the last cosignature on record, not from the start."""
    made, near = watched(2)
    until(made, MINUTE)
    last = made.clock.now()
    near[0].mute = True
    restarting(made, near, SILENT_AFTER / 2 + MINUTE)
    (silent,) = made.events(WitnessSilent)
    assert isinstance(silent, WitnessSilent)
    assert silent.witness == near[0].name
    assert last - MINUTE <= silent.since <= last
    assert silent.at - last < 3 * SILENT_AFTER


def test_a_node_that_starts_lets_witnesses_start_as_well() -> None:
    """After a night without a node nobody is told of at once, and then not for long."""
    made, (near,) = watched()
    until(made, MINUTE)
    made.clock.advance(timedelta(hours=9))
    near.mute = True
    join(made, [near])
    until(made, SILENT_AFTER / 2 - MINUTE)
    assert made.events(WitnessSilent) == []
    near.mute = False
    until(made, MINUTE)
    near.mute = True
    until(made, SILENT_AFTER - 2 * MINUTE)
    assert made.events(WitnessSilent) == []
    until(made, 4 * MINUTE)
    assert len(made.events(WitnessSilent)) == 1


def test_a_cosignature_that_does_not_hold_vouches_for_nobody() -> None:
    """A line that somebody put into the database is no word of the witness."""
    made, (near,) = watched()
    until(made, MINUTE)
    note = parse_note(made.world.store.checkpoint() or b"")
    ours, theirs = note.signatures
    assert list(cosigned_at(note.to_bytes(), [near.key])) == [near.key]
    later = (theirs.data[:7] + b"\xff" + theirs.data[8:]).ljust(72, b"\0")
    forged = replace(note, signatures=(ours, replace(theirs, data=later)))
    assert cosigned_at(forged.to_bytes(), [near.key]) == {}


def test_one_of_two_is_silent() -> None:
    """A silent witness keeps no other from cosigning."""
    made, (one, other) = watched(2)
    one.mute = True
    made.beat(3)
    note = made.world.store.checkpoint()
    assert note is not None
    assert [line.name for line in parse_note(note).signatures][1:] == [other.key.name]


def older(store: MemoryStore) -> MemoryStore:
    """Return a copy of the store as it is now."""
    copied = MemoryStore()
    for name, value in vars(store).items():
        if name != "_lock":
            setattr(copied, name, copy.copy(value))
    return copied


def put_back(made: Company, near: NearWitness, saved: MemoryStore) -> Company:
    """Return the company on the older store, with the witness it had."""
    again = company(saved, adopted=False)
    again.clock.advance(made.clock.now() - again.clock.now())
    near.made = again
    join(again, [near])
    return again


def saved_early() -> tuple[Company, NearWitness, MemoryStore]:
    """Return the company of which a copy was made before it grew and was cosigned."""
    store = MemoryStore()
    made = company(store)
    made.beat()
    saved = older(store)
    near = NearWitness(made)
    join(made, [near])
    made.turn(ok=False)
    made.beat(3)
    assert store.size() > saved.size()
    return made, near, saved


def test_rollback() -> None:
    """An older log put back is a breach: recorded once, told once, no disruption."""
    made, near, saved = saved_early()
    again = put_back(made, near, saved)
    again.beat()
    disagreed = told(again)[0]
    assert isinstance(disagreed, WitnessDisagreed)
    assert "it cosigned size" in disagreed.detail
    until(again, timedelta(minutes=20))
    assert [type(event) for event in told(again)] == [WitnessDisagreed]
    standing = verdict(again)
    assert standing.standing == "breached"
    assert "witness auditor disagrees" in standing.reason
    sent = [one.message for one in again.kept["slack"].sent]
    assert len(sent) == 1
    assert sent[0].subject == "The audit log was tampered with"
    assert "witness auditor: it cosigned size" in sent[0].text
    situation = again.world.situation()
    assert situation is not None
    assert not situation.state.incidents
    assert not again.kept["status_page"].sent


def test_fork() -> None:
    """An older log that grew beyond what was cosigned is a breach just the same."""
    made, near, saved = saved_early()
    again = put_back(made, near, saved)
    join(again, [])
    size = made.world.store.size()
    while again.world.store.size() <= size:
        again.turn(ok=True)
        again.turn(ok=False)
        again.beat()
    join(again, [near])
    again.beat(2)
    disagreed = told(again)[0]
    assert isinstance(disagreed, WitnessDisagreed)
    assert disagreed.detail == "status 422"
    assert verdict(again).standing == "breached"


def test_way_back() -> None:
    """Once the witness cosigns the log again, a person may end the breach."""
    made, _, _ = saved_early()
    now = made.clock.now()
    made.world.log.record([Fact(WitnessDisagreed("auditor", 3, "a test", now), now)])
    assert verdict(made).standing == "breached"
    silent = WitnessSilent("auditor", now, "a test", now)
    made.world.log.record([Fact(silent, now)])
    assert verdict(made).standing == "breached"
    made.beat(2)
    desk = Desk(made.world.log, made.clock, "dora")
    until(made, 2 * MINUTE)
    assert len(told(made)) == 4
    assert verdict(made).reason == "incident tampering-20261104T030200 is open"
    with pytest.raises(HoldfastError, match="not ended without a reason"):
        tampering.resolve(desk, " ")
    tampering.resolve(desk, "a test of ours")
    assert verdict(made).standing != "breached"


def test_ahead_of_a_node_that_lags() -> None:
    """A witness that knows a newer checkpoint of another node is no disagreement."""
    made, (near,) = watched()
    made.beat(2)
    store = made.world.store
    lagging = Witnesses(made.world.log, [near], SILENT_AFTER)
    notes = [note for _, note in store.checkpoints()]
    old = notes[0]
    post = lagging._posts[0]
    offered = parse_checkpoint(parse_note(old).text)
    said = lagging._offer(post, old, offered)
    assert isinstance(said, Ahead)
    assert lagging._turned(post, said, offered) is None
    (heard,) = lagging.hear(old)
    assert (heard.name, heard.said, heard.detail) == ("auditor", said, None)


def signed_size(made: Company) -> int:
    """Return the size of the newest checkpoint that is kept."""
    note = made.world.store.checkpoint()
    assert note is not None
    return parse_checkpoint(parse_note(note).text).size


def test_nothing_is_signed_over_what_a_witness_saw() -> None:
    """A machine put back whole asks before it signs; recording goes on all the same."""
    made, near, saved = saved_early()
    again = put_back(made, near, saved)
    size = saved.size()
    notary = consulting(again)
    again.turn(ok=True)
    again.beat(3)
    assert saved.size() > size
    assert signed_size(again) < signed_size(made)
    assert notary.refusal is not None
    assert "witness auditor cosigned another log" in str(notary.refusal)
    assert "ledger recover" in notary.refusal.hint


def consulting(made: Company) -> Notary:
    """Have the company's notary ask the witnesses first, as a node's does."""
    witnesses = made.world.witnesses
    assert witnesses is not None
    store, clock = made.world.store, made.world.clock
    signer = Signer("northwind.example/log", SEED)
    notary = Notary(store, signer, None, clock, witnesses.consult)
    made.world = replace(made.world, notary=notary)
    return notary


def test_grown_beyond_what_a_witness_saw_before_it_is_asked() -> None:
    """Entries that came since the restore make the older log no longer one."""
    made, near, saved = saved_early()
    again = put_back(made, near, saved)
    while saved.size() <= made.world.store.size():
        again.world.log.record(turns(again.clock.now(), ok=True))
        again.clock.advance(timedelta(seconds=1))
    assert consulting(again).sign() == saved.checkpoint()
    assert signed_size(again) < signed_size(made)


def test_an_empty_database_under_a_key_that_a_witness_knows() -> None:
    """A log that begins anew is offered as what it is: nothing, signed."""
    made, near, _ = saved_early()
    again = put_back(made, near, MemoryStore())
    again.world.log.record([Fact(WitnessDisagreed("x", 1, "a test", START), START)])
    notary = consulting(again)
    assert notary.sign() is None
    assert "it cosigned size" in str(notary.refusal)


def test_a_witness_out_of_reach_holds_up_no_signature() -> None:
    """Where nobody answers, the mark here is all there is; later words still count."""
    made, near, saved = saved_early()
    again = put_back(made, near, saved)
    near.mute = True
    notary = consulting(again)
    again.beat(3)
    assert notary.refusal is None
    near.mute = False
    until(again, timedelta(minutes=2))
    assert isinstance(notary.refusal, ForkError)


@pytest.mark.parametrize("in_the_log", [True, False])
def test_what_a_witness_held_against_us_outlives_its_silence(
    tmp_path: Path, in_the_log: bool
) -> None:
    """A node that starts again signs nothing until that witness cosigns this log."""
    made, near, saved = saved_early()
    again = put_back(made, near, saved)
    kept = None if in_the_log else FileBookmark(tmp_path / "doubted")

    def start() -> Notary:
        asked = Witnesses(again.world.log, [near], SILENT_AFTER, 0, kept)
        again.world = replace(again.world, witnesses=asked)
        return consulting(again)

    first = start()
    if in_the_log:
        again.beat(2)
        assert isinstance(told(again)[0], WitnessDisagreed)
    else:
        first.sign()
    assert first.refusal is not None
    near.mute = True
    second = start()
    second.sign()
    assert "it cosigned size" in str(second.refusal)
    assert signed_size(again) < signed_size(made)
    if kept is not None:
        near.mute, near.judge = False, NearWitness(again).judge
        third = start()
        third.sign()
        assert third.refusal is None
        assert kept.read() is None


def test_wrong_clock() -> None:
    """A cosignature of another hour does not count, and the reason is told."""
    made, (near,) = watched()
    near.off = timedelta(hours=1)
    until(made, SILENT_AFTER + MINUTE)
    silent = told(made)[0]
    assert isinstance(silent, WitnessSilent)
    assert "clock" in silent.detail
    note = made.world.store.checkpoint()
    assert note is not None
    assert len(parse_note(note).signatures) == 1


def test_nothing_signed_yet() -> None:
    """Without a checkpoint nobody is asked."""
    made, (near,) = watched()
    assert made.world.witnesses is not None
    assert made.world.witnesses.ask(made.world.notary) == ()
    assert near.asked == []
