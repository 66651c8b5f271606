"""The page *Approvals*: what waits for another person, and that person's word on it.

Whoever decides gives the password anew: a session alone, left open or stolen, approves
nothing. What they may do is asked of `operations.approving`, which the terminal uses
too; here is only the way there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import FastAPI, Form, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from holdfast.errors import HoldfastError
from holdfast.evidence.approvals import Act, ApprovalsView
from holdfast.evidence.as_json import as_json
from holdfast.evidence.words import span
from holdfast.operations import approving
from holdfast.operations.authority import ForbiddenError, SignIn
from holdfast.operations.respond import Desk
from holdfast.server.answers import data, page, see_other, trouble, wants_json
from holdfast.server.face import Desks, Face
from holdfast.server.forms import Forms
from holdfast.server.pages.approvals import Problem, approvals_page
from holdfast.server.sessions import Session
from holdfast.server.throttle import Throttle
from holdfast.storage.passwords import Passwords

METHOD = "password on the web page"
# For the one act that it was given for.
COUNTS_FOR = timedelta(minutes=1)
STALE = Problem(
    "",
    "This form was made for another session or for another order.",
    "Nothing was recorded. Read what waits now, and decide anew.",
)


class Decision(BaseModel):
    """What a form of the page says; ``mark`` is what we gave it."""

    order: str = Field(max_length=200)
    entry: int = Field(ge=0, lt=1 << 63)
    mark: str = Field(max_length=100)
    act: Act
    password: str = Field(max_length=1000, repr=False)
    words: str = Field("", max_length=2000)


@dataclass(frozen=True, slots=True)
class Deciding:
    """What the page needs besides the face."""

    face: Face
    desks: Desks | None
    forms: Forms
    passwords: Passwords
    throttle: Throttle


def add_approvals(app: FastAPI, parts: Deciding) -> None:
    """Add the page and its one form."""

    @app.get("/approvals")
    def approvals(request: Request) -> Response:
        session: Session = request.state.session
        view = parts.face.approvals(parts.face.now(), session.user)
        if wants_json(request):
            return data(as_json(view) if view is not None else {})
        return _show(parts, session, view)

    @app.post("/approvals")
    def decide(request: Request, given: Annotated[Decision, Form()]) -> Response:
        session: Session = request.state.session
        address = request.client.host if request.client else "unknown"
        now = parts.face.now()
        refused = (
            _is_stale(parts, session, given, now)
            or _is_stranger(parts, session.user, given.password, address, now)
            or _act(parts, session, given, now)
        )
        if refused is None:
            return see_other("/approvals#decided")
        status, problem = refused
        if wants_json(request):
            return trouble(request, status, problem.message, problem.hint)
        # Looked at again: what was decided meanwhile is shown beside the refusal.
        view = parts.face.approvals(now, session.user)
        told = replace(problem, order=given.order, act=given.act, words=given.words)
        return _show(parts, session, view, told, status)


def _show(
    parts: Deciding,
    session: Session,
    view: ApprovalsView | None,
    problem: Problem | None = None,
    status: int = 200,
) -> Response:
    def mark(order: str, index: int) -> str:
        return parts.forms.mark(session, order, index)

    sealed = mark if parts.desks is not None else None
    return page(approvals_page(view, session.user, sealed, problem), status)


_Refusal = tuple[int, Problem]


def _is_stale(
    parts: Deciding, session: Session, given: Decision, now: datetime
) -> _Refusal | None:
    """Refuse a form that was not made for this session and this very order."""
    if not parts.forms.is_ours(given.mark, session, given.order, given.entry):
        return HTTPStatus.FORBIDDEN, STALE
    view = parts.face.approvals(now, session.user)
    waiting = {each.order: each.index for each in view.waiting} if view else {}
    if waiting.get(given.order, given.entry) != given.entry:
        return HTTPStatus.CONFLICT, STALE
    return None


def _is_stranger(
    parts: Deciding, user: str, password: str, address: str, now: datetime
) -> _Refusal | None:
    """Refuse whoever does not know the password of the session's user."""
    if wait := parts.throttle.admit(user, address, now):
        told = f"Too many wrong passwords. Try again in {span(wait)}."
        return HTTPStatus.TOO_MANY_REQUESTS, Problem("", told, _AT_THE_TERMINAL)
    if not parts.passwords.check(user, password):
        told = "That is not your password."
        return HTTPStatus.FORBIDDEN, Problem("", told, "Nothing was recorded.")
    parts.throttle.succeeded(user, address)
    return None


_AT_THE_TERMINAL = "Or let somebody else decide, here or with holdfast approve."


def _act(
    parts: Deciding, session: Session, given: Decision, now: datetime
) -> _Refusal | None:
    if parts.desks is None:
        told = Problem("", "This page only shows.", "Decide with holdfast approve.")
        return HTTPStatus.FORBIDDEN, told
    signed = SignIn(session.user, METHOD, now, now + COUNTS_FOR, _known_as(session))
    desk = parts.desks(session.user, signed)
    try:
        _do(desk, given)
    except ForbiddenError as fault:
        return HTTPStatus.FORBIDDEN, _told(fault)
    except HoldfastError as fault:
        return HTTPStatus.CONFLICT, _told(fault)
    return None


def _do(desk: Desk, given: Decision) -> None:
    match given.act:
        case "approve":
            approving.approve(desk, given.order)
        case "break_glass":
            approving.break_glass(desk, given.order, given.words)
        case "review_glass":
            approving.review(desk, given.order, given.words)
        case "cancel":
            approving.cancel(desk, given.order, given.words)


def _told(fault: HoldfastError) -> Problem:
    message = f"{fault.message[:1].upper()}{fault.message[1:]}."
    return Problem("", message, fault.hint or "")


def _known_as(session: Session) -> str:
    """Return what tells sessions apart in the ledger, and opens none."""
    return hashlib.sha256(session.id.encode()).hexdigest()[:8]
