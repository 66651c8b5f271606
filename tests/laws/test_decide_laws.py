"""Laws of deciding, over random stories: outages, relapses, sleep, people, refusals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.story import DAY, MINUTE, SERVICE, T0, VANTAGES, Story, rules
from tests.domain.test_lifecycle import two_services

from holdfast.domain.controls.all import judge_all, owed_by_all
from holdfast.domain.controls.judging import Situation
from holdfast.domain.decide import decide
from holdfast.domain.events.governance import NodeStarted
from holdfast.domain.events.incident import (
    IncidentAcknowledged,
    IncidentOpened,
    IncidentResolved,
    PreflightChecked,
    RecoveryVerified,
)
from holdfast.domain.events.job import JobFinished, JobLost
from holdfast.domain.events.notice import (
    DeliveryFailed,
    DutyEscalated,
    NoticeDelivered,
    NoticeDue,
)
from holdfast.domain.state import State, evolve

RULES = rules(edit=two_services)
SECTION_7 = ("alerting", "status_page", "customer_email")


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens, after a pause."""

    what: str
    minutes: int
    choice: int


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(
            [
                "red",
                "green",
                "red one",
                "deliver",
                "fail",
                "refuse",
                "acknowledge",
                "order",
                "preflight",
                "finish",
                "lose",
                "verify",
                "look",
                "backup",
                "restart",
                "sleep",
            ]
        ),
        st.sampled_from([0, 1, 3, 5, 6, 15, 16, 55, 61]),
        st.integers(0, 5),
    ),
    max_size=25,
)


def happen(story: Story, step: Step) -> None:
    """Let one thing happen; what makes no sense now does not."""
    story.after(step.minutes * MINUTE)
    service = (SERVICE, "invoices")[step.choice % 2]
    match step.what:
        case "red":
            story.turn(False, service=service)
        case "green":
            story.turn(True, service=service)
        case "red one":
            story.turn(False, VANTAGES[step.choice % 3], service=service)
        case "deliver":
            story.deliver()
        case "fail" | "refuse":
            refuse(story, step)
        case "look":
            story.look(running=step.choice % 2 == 0)
        case "backup":
            story.backup(1 + step.choice % 2)
        case "restart":
            story.tell(NodeStarted("n", "1", story.now))
        case "sleep":
            story.after(step.choice * DAY / 6)
        case _ if story.state.running:
            respond(story, step)
        case _:
            pass


def refuse(story: Story, step: Step) -> None:
    """Let one open notice fail, or be refused by everybody for good."""
    names = sorted(story.state.notices.undelivered)
    if not names:
        return
    name = names[step.choice % len(names)]
    permanent = step.what == "refuse"
    attempt = story.state.notices.all[name].failures + 1
    story.tell(
        DeliveryFailed(
            name, f"{name}>x", attempt, "no", permanent, False, None, story.now
        )
    )
    if permanent:
        story.tell(NoticeDelivered(name, 0, 1, 0, "sha256:00", story.now))


def respond(story: Story, step: Step) -> None:
    """Let a person or an engine do something in the running incident."""
    incident = story.state.running_incidents()[-1].id
    recoveries = sorted(story.state.recoveries)
    name = recoveries[-1] if recoveries else ""
    jobs = sorted(story.state.jobs.open)
    good = step.choice % 3 > 0
    at = story.now
    match step.what:
        case "acknowledge":
            story.tell(IncidentAcknowledged(incident, "eli", at))
        case "order":
            story.order(len(recoveries) + 1)
        case "preflight" if name:
            story.tell(PreflightChecked(name, good, (), "sha256:00", at))
        case "verify" if name:
            story.tell(
                RecoveryVerified(name, good, good, 2, at, (), (), "sha256:00", at)
            )
        case "finish" if jobs:
            story.tell(JobFinished(jobs[0], good, "", "sha256:00", at))
        case "lose" if jobs:
            story.tell(JobLost(jobs[0], "gone", at))
        case _:
            pass


def tell(steps: list[Step]) -> Story:
    """Tell a story; after each step what follows is recorded, as a beat does."""
    story = Story(RULES).adopt().turn(True).turn(True, service="invoices")
    for step in steps:
        happen(story, step)
        story.conclude()
    return story


def later(story: Story, length: timedelta) -> Situation:
    """Return the same knowledge at a later moment."""
    return Situation(story.rules, story.state, story.now + length)


LATER = st.integers(0, 3 * 24 * 60).map(lambda minutes: minutes * MINUTE)


@settings(deadline=None)
@given(STEPS)
def test_deciding_twice_gives_the_same(steps: list[Step]) -> None:
    """The same rules, state and moment give the same decision, in the same order."""
    story = tell(steps)
    again = State()
    for index, event in enumerate(story.told):
        again = evolve(again, event, index, story.now)
    situation = later(story, 70 * MINUTE)
    assert decide(situation) == decide(situation)
    known = situation.state
    if not any(service.maintenance for service in known.services.values()):
        refolded = Situation(situation.rules, again, situation.now)
        assert decide(refolded) == decide(situation)


@settings(deadline=None)
@given(STEPS)
def test_what_is_recorded_is_not_concluded_again(steps: list[Step]) -> None:
    """Concluding comes to an end, and then nothing follows at the same moment."""
    story = tell(steps)
    assert decide(story.situation).conclusions == ()


@settings(deadline=None)
@given(STEPS)
def test_no_notice_twice_per_key(steps: list[Step]) -> None:
    """No two conclusions at one moment share a key, nor with anything recorded."""
    story = tell(steps)
    keys = Counter(event.key for event in story.told)
    assert max(keys.values(), default=1) == 1
    for length in (timedelta(0), MINUTE, 30 * MINUTE, DAY):
        found = [c.event.key for c in decide(later(story, length)).conclusions]
        assert len(found) == len(set(found))
        assert not keys.keys() & set(found)


@settings(deadline=None)
@given(STEPS, LATER)
def test_more_time_never_removes_an_obligation(
    steps: list[Step], length: timedelta
) -> None:
    """What is owed stays owed until something is recorded that settles it."""
    story = tell(steps)
    before = owed_by_all(story.situation)
    after = {duty.key: duty for duty in owed_by_all(later(story, length))}
    for duty in before:
        assert duty.key in after
        assert after[duty.key].due_at == duty.due_at
        assert (after[duty.key].done_at is None) == (duty.done_at is None)


@settings(deadline=None)
@given(STEPS, LATER)
def test_no_due_duty_of_section_7_is_left_lying(
    steps: list[Step], length: timedelta
) -> None:
    """Each is done, or follows now, or its notice is open, or nobody will take it."""
    situation = later(tell(steps), length)
    notices = situation.state.notices
    for duty in owed_by_all(situation):
        if duty.control not in SECTION_7 or duty.done_at is not None:
            continue
        fallback = f"{duty.key}/fallback"
        is_open = {duty.key, fallback} & {*notices.undelivered, *notices.unseen}
        assert duty.conclusions or is_open or duty.unreached


@settings(deadline=None)
@given(STEPS, LATER)
def test_every_overdue_duty_of_an_incident_is_escalated_once(
    steps: list[Step], length: timedelta
) -> None:
    """Late means told: one escalation for each duty, neither none nor two."""
    story = tell(steps)
    story.after(length).conclude()
    told = Counter(e.duty for e in story.told if isinstance(e, DutyEscalated))
    assert max(told.values(), default=1) == 1
    for duty in owed_by_all(story.situation):
        if duty.incident is not None and duty.overdue(story.now):
            assert told[duty.key] == 1


@settings(deadline=None)
@given(STEPS, LATER)
def test_green_is_never_a_matter_of_waiting(
    steps: list[Step], length: timedelta
) -> None:
    """No control turns met by the mere passing of time."""
    story = tell(steps)
    before = judge_all(story.situation)
    after = judge_all(later(story, length))
    for name, verdict in after.items():
        assert verdict.standing != "met" or before[name].standing == "met"


@settings(deadline=None)
@given(STEPS)
def test_incidents_have_one_life(steps: list[Step]) -> None:
    """Each incident is opened once, resolved at most once, and never overlaps."""
    story = tell(steps)
    running: set[str] = set()
    for event in story.told:
        if isinstance(event, IncidentOpened):
            assert not running
            assert event.began_at <= event.detected_at
            running.add(event.incident)
        elif isinstance(event, IncidentResolved):
            running.remove(event.incident)
    assert running == set(story.state.running)


@settings(deadline=None)
@given(STEPS)
def test_customers_are_told_of_the_end_only_if_of_the_beginning(
    steps: list[Step],
) -> None:
    """Each last letter follows a first one to the same customers."""
    story = tell(steps)
    letters = {n.notice: n for n in story.notices() if n.duty == "customer_email"}
    for name, letter in letters.items():
        if letter.stage == "resolved":
            first = letters[name.removesuffix("/resolved")]
            assert letter.recipients == first.recipients
            assert letter.at >= first.at


@given(st.integers(1, 300))
@settings(max_examples=25, deadline=None)
def test_the_hour_decides_whether_customers_are_written_to(minutes: int) -> None:
    """Looked at every minute, letters go out exactly for outages above an hour."""
    story = Story(RULES).adopt().turn(True).after(DAY)
    start = story.turn(False).now
    story.beat_until(start + minutes * MINUTE)
    story.turn(True)
    story.beat_until(start + minutes * MINUTE + 30 * MINUTE)
    letters = [n for n in story.notices() if n.duty == "customer_email"]
    assert len(letters) == (2 if minutes > 60 else 0)
    assert not story.state.running
    assert story.now > T0


def test_the_steps_reach_what_they_are_for() -> None:
    """The stories really lead to letters, escalations, jobs and restorations."""
    pauses: list[tuple[str, int, int]] = [
        ("red", 1, 0), ("deliver", 6, 0), ("acknowledge", 1, 0), ("order", 5, 0),
        ("preflight", 1, 1), ("finish", 5, 1), ("verify", 61, 1), ("finish", 1, 1),
        ("green", 1, 0), ("deliver", 16, 0), ("deliver", 1, 0),
    ]  # fmt: skip
    steps: list[Any] = [Step(*each) for each in pauses]
    story = tell(steps)
    types = {event.TYPE for event in story.told}
    assert {
        "incident.resolved", "job.requested", "duty.escalated", "incident.declared",
        "incident.service_restored",
    } <= types  # fmt: skip
    assert any(
        isinstance(e, NoticeDue) and e.duty == "customer_email" for e in story.told
    )
