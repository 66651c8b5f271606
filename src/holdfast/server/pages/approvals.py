"""Approvals: what waits for another person, told so that they can decide at 3 a.m.

First what would happen, in one sentence; then what is known of it; then the password
and the button. To refuse and to break the glass are folded away, so that no thumb hits
them by chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import htpy as h

from holdfast.evidence.approvals import (
    Act,
    ApprovalsView,
    DecidedView,
    OrderView,
    PathView,
    RestoreView,
    WaitingView,
)
from holdfast.evidence.parts import mark, when
from holdfast.evidence.words import about, ago, exact, span
from holdfast.operations.approving import WORDS_MAX
from holdfast.server.pages.layout import page

Mark: TypeAlias = Callable[[str, int], str]
"""Gives the mark of a form that decides about an order, by its entry."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the last attempt was refused, for which order, with what stood there."""

    order: str
    message: str
    hint: str
    act: Act | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class _Ways:
    """How an act is offered: its button, the question for words, what it means."""

    button: str
    ask: str = ""
    fold: str = ""
    means: str = ""


_WAYS: dict[Act, _Ways] = {
    "approve": _Ways("Approve"),
    "cancel": _Ways(
        "Refuse it for good",
        "Why",
        "Refuse",
        "The order becomes void. Whoever still wants it orders it anew.",
    ),
    "break_glass": _Ways(
        "Break the glass",
        "Why nobody else can be asked",
        "Go ahead without a second person",
        "For when nobody else answers. It goes ahead at once; committee and lead get a "
        "mail, and somebody else has to review it.",
    ),
    "review_glass": _Ways("Close the review", "What you found, and what follows"),
}

_WITHDRAW = _Ways(
    "Withdraw it",
    "Why",
    "Withdraw your order",
    "The order becomes void. Order anew what is still wanted.",
)


def approvals_page(
    view: ApprovalsView | None,
    user: str,
    sealed: Mark | None,
    problem: Problem | None = None,
) -> h.Element:
    """Render the whole page; without ``sealed`` it only shows."""
    if view is None:
        content: h.Node = h.p["No policy has been adopted yet: nothing can be ordered."]
        return page(
            "Approvals",
            h.div(".masthead")[h.h1["Approvals"]],
            content,
            user=user,
            here="/approvals",
        )
    shown = {order.order for order in view.waiting}
    return page(
        f"({len(_for_me(view))}) Approvals" if _for_me(view) else "Approvals",
        h.div(".masthead")[
            h.h1["Approvals"],
            h.p["As of ", when(view.as_of, view.zone, "full")],
        ],
        _alert(problem) if problem and problem.order not in shown else None,
        h.p(".lead")[_lead(view)],
        (
            _order(order, number, view, sealed, problem)
            for number, order in enumerate(view.waiting)
        ),
        _decided(view),
        user=user,
        here="/approvals",
    )


def waiting_banner(waiting: tuple[WaitingView, ...], user: str) -> h.Element:
    """Point to what waits, on other pages; what waits for the one who looks first."""
    mine = [each for each in waiting if user in each.who]
    others = [each for each in waiting if user not in each.who]
    return h.section("#waiting", aria_label="Waiting for approval", hidden=not waiting)[
        [_banner(each, "Waits for you") for each in mine],
        [_banner(each, "Waits for another person") for each in others],
    ]


def _banner(each: WaitingView, word: str) -> h.Element:
    asked = "a review" if each.waits_for == "review" else "approval"
    return h.p(".waits")[
        mark("owed", word),
        f" {each.what}: {asked} is asked for by {each.by}. ",
        h.a(href="/approvals")["Look and decide"],
    ]


def _for_me(view: ApprovalsView) -> list[OrderView]:
    wanted = {"approve", "review_glass"}
    return [order for order in view.waiting if wanted & set(order.may)]


def _lead(view: ApprovalsView) -> h.Node:
    mine, all_ = len(_for_me(view)), len(view.waiting)
    if mine:
        words = "1 order waits" if mine == 1 else f"{mine} orders wait"
        return mark("owed", f"{words} for you")
    if all_:
        words = "1 order waits" if all_ == 1 else f"{all_} orders wait"
        return mark("owed", f"{words} for another person, not for you")
    return mark("met", "nothing waits for anybody")


def _order(
    order: OrderView,
    number: int,
    view: ApprovalsView,
    sealed: Mark | None,
    problem: Problem | None,
) -> h.Element:
    title = f"order-{number}"
    ours = problem if problem and problem.order == order.order else None
    return h.article(".order", aria_labelledby=title)[
        h.p(".phase")[_phase(order, view)],
        h.h2(id=title)[order.what],
        _asked(order, view),
        _restore(order.restore, view) if order.restore else None,
        h.p(".quiet")[
            "Order ",
            h.code[order.order],
            f", entry #{order.index}; {order.by} was ",
            f"known by {order.signed_in}.",
        ],
        _alert(ours) if ours else None,
        _not_you(order, view),
        sealed
        and [_form(order, act, number, view, (sealed, ours)) for act in order.may],
    ]


def _phase(order: OrderView, view: ApprovalsView) -> h.Node:
    if order.waits_for == "review":
        return "The glass was broken: waits for a review"
    return (
        f"Waits for a second person · lapses in {about(order.lapses_at - view.as_of)}"
    )


def _asked(order: OrderView, view: ApprovalsView) -> h.Element:
    if order.waits_for == "review" and order.broken_at is not None:
        return h.p[
            f"{order.broken_by} went ahead without a second person, ",
            ago(order.broken_at, view.as_of),
            f": “{order.reason}”",
        ]
    return h.p[
        f"Ordered by {order.by}, {ago(order.since, view.as_of)} (",
        when(order.since, view.zone, "exact"),
        ").",
    ]


def _restore(restore: RestoreView, view: ApprovalsView) -> h.Element:
    return h.dl(".pairs")[
        _pair("Overwrites", _overwrites(restore)),
        _pair("Back to", _target(restore, view)),
        _pair("Loses, by estimate", _loss(restore)),
        _pair("From", _source(restore, view)),
        _pair("Takes about", span(restore.takes) if restore.takes else "unknown"),
        _pair("Check beforehand", _check(restore)),
        _pair("Drills of this path", _path(restore.drills, view)),
        restore.held
        and _pair(
            "After approval",
            f"{' and '.join(restore.held)} still wait for a person's word in the "
            "terminal, as the runbook has it.",
        ),
    ]


def _pair(name: str, value: h.Node) -> h.Element:
    return h.div[h.dt[name], h.dd[value]]


def _overwrites(restore: RestoreView) -> h.Node:
    data = "with customer data" if restore.customer_data else "without customer data"
    services = ", ".join(restore.services) or "no declared service"
    return [
        h.strong[f"{restore.name} in production"],
        f" ({restore.datastore}; {restore.place}), {data}. {services} stands on it. ",
        h.span["What lies there now is put aside, not deleted."],
    ]


def _target(restore: RestoreView, view: ApprovalsView) -> h.Node:
    if restore.target is not None:
        return [h.strong[when(restore.target, view.zone, "exact")], ", as ordered"]
    if restore.until is None:
        return "the newest moment that the repository holds; unknown which"
    return [
        h.strong[when(restore.until, view.zone, "exact")],
        f", {ago(restore.until, view.as_of)}: ",
        h.span["the newest moment that it held at the last look"],
    ]


def _loss(restore: RestoreView) -> h.Node:
    if restore.loss is None:
        return f"unknown{f': {restore.why_not}' if restore.why_not else ''}"
    return [h.strong[span(restore.loss)], " of writes at most"]


def _source(restore: RestoreView, view: ApprovalsView) -> h.Node:
    where = {True: "off-site", False: "on-site", None: "unknown place"}
    first = f"repository {restore.repository}, {where[restore.off_site]}"
    if restore.backup_at is None:
        return f"{first}: {restore.why_not or 'no backup was seen there'}"
    return [
        f"{first}: backup ",
        h.code[restore.backup],
        " of ",
        when(restore.backup_at, view.zone),
    ]


def _check(restore: RestoreView) -> h.Node:
    states = {
        "under way": ("running", "under way: it touches nothing"),
        "good": ("met", "the restore can work"),
        "failed": ("breached", "the restore cannot work: nothing will be done"),
    }
    return [
        mark(*states[restore.check]),
        h.ul(".plain-list")[(h.li[check] for check in restore.checks)],
    ]


def _path(drills: tuple[PathView, ...], view: ApprovalsView) -> h.Node:
    if not drills:
        return [mark("unproven", "none"), ": nobody has rehearsed this path"]
    return h.ul(".plain-list")[
        (
            h.li[
                mark("met", "passed") if drill.passed else mark("breached", "failed"),
                f" {ago(drill.at, view.as_of)}",
                drill.recovery_time is not None
                and f": back in {exact(drill.recovery_time)}",
                drill.data_loss is not None and f", {exact(drill.data_loss)} lost",
                h.span(".index")[f" #{drill.index}"],
            ]
            for drill in drills
        )
    ]


def _form(
    order: OrderView,
    act: Act,
    number: int,
    view: ApprovalsView,
    given: tuple[Mark, Problem | None],
) -> h.Element:
    sealed, problem = given
    way = _WITHDRAW if act == "cancel" and order.own else _WAYS[act]
    name = f"{act}-{number}"
    tried = problem is not None and problem.act == act
    words = problem.words if problem and tried else ""
    form = h.form(".decide", method="post", action="/approvals", autocomplete="off")[
        h.input(type="hidden", name="order", value=order.order),
        h.input(type="hidden", name="entry", value=str(order.index)),
        h.input(type="hidden", name="mark", value=sealed(order.order, order.index)),
        h.input(type="hidden", name="act", value=act),
        # Nameless, so that it is not sent: for those who keep passwords.
        h.input(hidden=True, autocomplete="username", value=view.person),
        way.means and h.p[way.means],
        way.ask and _words(way.ask, name, words),
        h.label(for_=f"{name}-password")[f"Your password, {view.person}"],
        h.input(
            id=f"{name}-password",
            name="password",
            type="password",
            autocomplete="current-password",
            maxlength="1000",
            required=True,
            aria_describedby="problem" if tried else None,
        ),
        h.button(type="submit")[way.button],
    ]
    if not way.fold:
        return form
    return h.details(open=tried)[h.summary[way.fold], form]


def _words(ask: str, name: str, words: str) -> h.Fragment:
    return h.fragment[
        h.label(for_=f"{name}-words")[ask],
        h.input(
            id=f"{name}-words",
            name="words",
            value=words,
            autocomplete="off",
            maxlength=str(WORDS_MAX),
            required=True,
        ),
    ]


def _not_you(order: OrderView, view: ApprovalsView) -> h.Node:
    """Say why the one who looks cannot do what it waits for, and who can."""
    if {"approve", "review_glass"} & set(order.may):
        return None
    if view.person in order.who:
        return None
    who = ", ".join(order.who) or "nobody in the catalogue"
    verb = "review" if order.waits_for == "review" else "approve"
    why = "your role may not"
    if order.own:
        why = "you ordered it" if verb == "approve" else "you broke the glass"
    return h.p[f"You cannot {verb} it: {why}. Those who can: ", h.strong[who], "."]


def _alert(problem: Problem) -> h.Element:
    return h.p("#problem.problem", role="alert")[
        h.strong[problem.message], f" {problem.hint}"
    ]


_OUTCOMES = {
    "approved": "done",
    "glass broken": "at_risk",
    "cancelled": "quiet",
    "lapsed": "quiet",
}


def _decided(view: ApprovalsView) -> h.Element:
    return h.section(aria_labelledby="decided")[
        h.h2("#decided", tabindex="-1")["Decided in the last day"],
        h.ul(".decided")[(_one_decided(each, view) for each in view.decided)]
        if view.decided
        else h.p(".quiet")["Nothing."],
    ]


def _one_decided(each: DecidedView, view: ApprovalsView) -> h.Element:
    by = f" by {each.by}" if each.by else ""
    return h.li[
        mark(_OUTCOMES[each.how], f"{each.how}{by}"),
        " ",
        each.what,
        f", ordered by {each.ordered_by}",
        each.reason and f": “{each.reason}”",
        h.span(".quiet")[
            " · ",
            when(each.at, view.zone),
            " · ",
            h.code[each.order],
            f" #{each.index}",
        ],
    ]
