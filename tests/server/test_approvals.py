"""Approvals on the page: who sees what, who may do what, and what no form can do."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from tests.operations.company import COMMITTEE, LEAD, RESPONDER, SUCCESS
from tests.server.approving import (
    PASSWORDS,
    Office,
    decide,
    forms,
    office,
    post,
)
from tests.server.house import ORIGIN, FakeFace, make_app, member, visitor

from holdfast.domain import recovering
from holdfast.domain.events.authority import (
    ActApproved,
    GlassBroken,
    GlassReviewed,
    OrderCancelled,
)
from holdfast.operations import approving
from holdfast.server.throttle import PER_USER_AT_ADDRESS

DECISIONS = (ActApproved, GlassBroken, GlassReviewed, OrderCancelled)


@pytest.fixture(name="open_office")
def _open_office() -> Office:
    """Provide an office of one's own."""
    return office()


def test_what_waits_is_told_and_approved(open_office: Office) -> None:
    """The second person reads what, by whom, of which data, to when and at what loss;
    gives the password anew; and the restore goes ahead, with how they were known.
    """
    name = open_office.order()
    open_office.made.beat(times=2)
    browser = open_office.client(LEAD)
    text = browser.get("/approvals").text
    for words in (
        "1 order waits for you",
        "Restore Orders over production",
        "Ordered by eli, ",
        "Orders in production",
        "with customer data",
        "repository 2, off-site",
        "of writes at most",
        "the newest moment that it held",
        "the restore can work",
        ": nobody has rehearsed this path",
        name,
    ):
        assert words in text
    answer = decide(browser, forms(text)["approve"], LEAD)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/approvals#decided",
    )
    (approved,) = open_office.events(ActApproved)
    assert isinstance(approved, ActApproved)
    assert (approved.order, approved.by) == (name, LEAD)
    assert approved.signed_in.startswith("password on the web page at 2026-11-04T")
    text = browser.get("/approvals").text
    assert "nothing waits for anybody" in text
    assert "approved by dora" in text
    open_office.made.beat(times=40)
    situation = open_office.desk(LEAD).situation()
    recovery = situation.state.recoveries[name]
    assert recovering.step(situation, recovery) == "done"


def test_other_pages_point_to_what_waits_for_the_one_who_looks(
    open_office: Office,
) -> None:
    """Standing and Recovery say whose word is asked for, if it is."""
    quiet = open_office.client(LEAD)
    assert "Waits for" not in quiet.get("/").text
    open_office.order()
    for path in ("/", "/recovery"):
        text = quiet.get(path).text
        assert "Waits for you" in text
        assert 'href="/approvals"' in text
        text = open_office.client(RESPONDER).get(path).text
        assert "Waits for another person" in text


@pytest.mark.parametrize(
    ("person", "acts", "words"),
    [
        (RESPONDER, {"break_glass", "cancel"}, "you ordered it"),
        (LEAD, {"approve", "break_glass", "cancel"}, ""),
        (COMMITTEE, {"approve", "cancel"}, ""),
        (SUCCESS, set(), "your role may not"),
    ],
)
def test_each_is_offered_what_their_role_may(
    open_office: Office, person: str, acts: set[str], words: str
) -> None:
    """By the one table of roles; who cannot is told why, and who can."""
    open_office.order()
    text = open_office.client(person).get("/approvals").text
    assert set(forms(text)) == acts
    assert words in text
    if words:
        assert "dora" in text


@pytest.mark.parametrize("person", [RESPONDER, SUCCESS])
def test_a_form_that_was_never_offered_is_refused(
    open_office: Office, person: str
) -> None:
    """Neither one's own order nor one beyond the role is approved by a made-up form."""
    open_office.order()
    browser = open_office.client(person)
    given = forms(open_office.client(LEAD).get("/approvals").text)["approve"]
    mine = forms(browser.get("/approvals").text).get("cancel")
    answer = decide(browser, {**given, **(mine or {}), "act": "approve"}, person)
    assert answer.status_code == 403
    assert not open_office.events(*DECISIONS)


def test_the_form_of_another_session_is_refused(open_office: Office) -> None:
    """A form made for somebody else, or for an earlier session, decides nothing."""
    open_office.order()
    theirs = forms(open_office.client(COMMITTEE).get("/approvals").text)["approve"]
    earlier = forms(open_office.client(LEAD).get("/approvals").text)["approve"]
    browser = open_office.client(LEAD)
    for form in (theirs, earlier, {**earlier, "mark": "x"}, {**earlier, "mark": "é"}):
        answer = decide(browser, form, LEAD)
        assert answer.status_code == 403
        assert "made for another session" in answer.text
    assert not open_office.events(*DECISIONS)


def test_a_form_from_elsewhere_is_refused(open_office: Office) -> None:
    """A form that another site sends is refused, whatever it holds."""
    open_office.order()
    browser = open_office.client(LEAD)
    form = forms(browser.get("/approvals").text)["approve"]
    given = {**form, "password": PASSWORDS[LEAD]}
    for headers in ({}, {"origin": "http://evil.example"}, {"origin": "null"}):
        answer = browser.post("/approvals", data=given, headers=headers)
        assert answer.status_code == 403
    assert not open_office.events(*DECISIONS)


def test_a_session_alone_approves_nothing(open_office: Office) -> None:
    """Without the right password nothing happens; after five the door waits, for
    signing in too; and what was written as a reason is not lost.
    """
    open_office.order()
    browser = open_office.client(LEAD)
    form = forms(browser.get("/approvals").text)["break_glass"]
    for _ in range(PER_USER_AT_ADDRESS):
        given = {**form, "password": "a guess", "words": "nobody <answers>"}
        answer = post(browser, "/approvals", given)
        assert answer.status_code == 403
        assert "That is not your password." in answer.text
        assert "nobody &lt;answers&gt;" in answer.text
        assert "a guess" not in answer.text
    answer = decide(browser, form, LEAD, "nobody answers")
    assert answer.status_code == 429
    given = {"user": LEAD, "password": PASSWORDS[LEAD]}
    assert post(visitor(open_office.app), "/sign-in", given).status_code == 429
    assert not open_office.events(*DECISIONS)


def test_a_replayed_approval_is_told_and_not_counted_twice(
    open_office: Office,
) -> None:
    """The same form sent again, or somebody else's a moment later, changes nothing."""
    open_office.order()
    first, second = open_office.client(LEAD), open_office.client(COMMITTEE)
    form = forms(first.get("/approvals").text)["approve"]
    other = forms(second.get("/approvals").text)["approve"]
    assert decide(first, form, LEAD).status_code == 303
    for answer in (decide(first, form, LEAD), decide(second, other, COMMITTEE)):
        assert answer.status_code == 409
        assert "may go ahead already" in answer.text
    assert len(open_office.events(ActApproved)) == 1


def test_an_order_that_was_replaced_is_not_approved_by_the_old_form(
    open_office: Office,
) -> None:
    """Cancelled and ordered anew meanwhile, the old form approves neither of them."""
    old = open_office.order()
    browser = open_office.client(LEAD)
    form = forms(browser.get("/approvals").text)["approve"]
    approving.cancel(open_office.desk(RESPONDER), old, "another moment")
    new = open_office.order(target=open_office.made.clock.now() - timedelta(minutes=9))
    answer = decide(browser, form, LEAD)
    assert answer.status_code == 409
    assert "was cancelled" in answer.text
    assert new in answer.text
    for changed in ({"order": new}, {"entry": str(int(form["entry"]) + 1)}):
        assert decide(browser, {**form, **changed}, LEAD).status_code == 403
    assert not open_office.events(ActApproved)


def test_an_order_that_lapsed_is_told(open_office: Office) -> None:
    """After its hour the form is refused, and the page says what became of it."""
    open_office.order()
    browser = open_office.client(LEAD)
    form = forms(browser.get("/approvals").text)["approve"]
    open_office.made.clock.advance(timedelta(hours=1))
    answer = decide(browser, form, LEAD)
    assert answer.status_code == 409
    assert "lapsed at" in answer.text
    assert not open_office.events(ActApproved)


def test_a_session_that_ran_out_decides_nothing(open_office: Office) -> None:
    """Twelve hours later, or signed out, the form is refused with the way out."""
    open_office.order()
    browser = open_office.client(LEAD)
    form = forms(browser.get("/approvals").text)["approve"]
    cookie = browser.cookies["holdfast"]
    post(browser, "/sign-out", {})
    browser.cookies.set("holdfast", cookie)
    answer = decide(browser, form, LEAD)
    assert answer.status_code == 401
    assert "Nothing was done. Sign in and try again." in answer.text
    assert not open_office.events(*DECISIONS)


def test_to_refuse_takes_a_reason(open_office: Office) -> None:
    """A refusal makes the order void, and says by whom and why."""
    open_office.order()
    browser = open_office.client(COMMITTEE)
    form = forms(browser.get("/approvals").text)["cancel"]
    assert decide(browser, form, COMMITTEE, "  ").status_code == 409
    assert decide(browser, form, COMMITTEE, "the wrong moment").status_code == 303
    (cancelled,) = open_office.events(OrderCancelled)
    assert isinstance(cancelled, OrderCancelled)
    assert (cancelled.by, cancelled.reason) == (COMMITTEE, "the wrong moment")
    assert "cancelled by ana" in browser.get("/approvals").text


def test_a_broken_glass_is_reviewed_by_somebody_else(open_office: Office) -> None:
    """It goes ahead with a reason; the page then asks another person for a review."""
    name = open_office.order()
    mine = open_office.client(RESPONDER)
    form = forms(mine.get("/approvals").text)["break_glass"]
    assert decide(mine, form, RESPONDER, "").status_code == 409
    assert decide(mine, form, RESPONDER, "third call").status_code == 303
    situation = open_office.desk(LEAD).situation()
    assert situation.state.orders[name].warranted
    text = mine.get("/approvals").text
    assert forms(text) == {}
    assert "you broke the glass" in text
    theirs = open_office.client(LEAD)
    text = theirs.get("/approvals").text
    assert "third call" in text
    form = forms(text)["review_glass"]
    assert decide(theirs, form, LEAD, "the lead slept").status_code == 303
    (reviewed,) = open_office.events(GlassReviewed)
    assert isinstance(reviewed, GlassReviewed)
    assert reviewed.words == "the lead slept"
    assert "nothing waits for anybody" in theirs.get("/approvals").text


def test_a_restore_that_cannot_work_is_not_offered_for_approval(
    open_office: Office,
) -> None:
    """Once the check says that it cannot work, there is nothing to agree to."""
    name = open_office.order(repository=1)
    open_office.made.beat(times=2)
    text = open_office.client(LEAD).get("/approvals").text
    assert name in text
    assert "the restore cannot work" in text
    assert set(forms(text)) == {"cancel"}


@pytest.mark.parametrize(
    "changed",
    [
        {"act": "nonsense"},
        {"entry": "-1"},
        {"entry": "x"},
        {"order": "x" * 300},
        {"words": "x" * 3000},
        {"mark": ""},
    ],
)
def test_broken_fields_get_a_calm_page(
    open_office: Office, changed: dict[str, str]
) -> None:
    """What no page of ours sends is refused without a trace of the inside."""
    open_office.order()
    browser = open_office.client(LEAD)
    form = forms(browser.get("/approvals").text)["approve"]
    given = {**form, "password": PASSWORDS[LEAD], "words": "", **changed}
    answer = post(browser, "/approvals", given)
    assert answer.status_code in {403, 422}
    assert "Traceback" not in answer.text
    assert not open_office.events(*DECISIONS)


def test_a_program_reads_what_waits(open_office: Office) -> None:
    """The page's figures come as JSON; a refusal too."""
    name = open_office.order()
    browser = open_office.client(LEAD)
    headers = {"accept": "application/json", "origin": ORIGIN}
    told = browser.get("/approvals", headers=headers).json()
    assert [each["order"] for each in told["waiting"]] == [name]
    assert told["waiting"][0]["restore"]["loss_seconds"] >= 0
    given = {"order": name, "entry": "0", "mark": "x", "act": "approve"}
    answer = browser.post(
        "/approvals", data={**given, "password": "x"}, headers=headers
    )
    assert answer.status_code == 403
    assert "Nothing was recorded" in json.loads(answer.text)["hint"]


def test_a_visitor_sees_nothing(open_office: Office) -> None:
    """What waits is nobody's business outside."""
    open_office.order()
    assert visitor(open_office.app).get("/approvals").status_code == 303


def test_before_a_policy_it_says_so() -> None:
    """Nothing can be ordered before something is promised."""
    text = member(make_app(FakeFace())).get("/approvals").text
    assert "No policy has been adopted yet" in text


def test_of_two_words_at_one_instant_the_first_counts(
    open_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancellation that is recorded between the look and the word is seen."""
    name = open_office.order()
    desk = open_office.desk(LEAD)
    record = desk.log.record
    fired: list[str] = []

    def meanwhile(*given: object, **how: object) -> object:
        if not fired:
            fired.append(name)
            approving.cancel(open_office.desk(COMMITTEE), name, "no")
        return record(*given, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.log, "record", meanwhile)
    with pytest.raises(Exception, match="was cancelled"):
        approving.approve(desk, name)
    assert not open_office.events(ActApproved)
