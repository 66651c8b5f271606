"""The web face: the pages *Standing*, *Recovery* and *Approvals*, behind one door.

A thin door: each handler parses, asks once, renders. What it may not do stands in
`guard`, which every request passes first.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from fastapi import FastAPI, Form, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response, StreamingResponse

from holdfast.errors import HoldfastError
from holdfast.evidence.as_json import as_json
from holdfast.evidence.words import span
from holdfast.server.answers import data, page, see_other, trouble, wants_json
from holdfast.server.assets import asset
from holdfast.server.deciding import Deciding, add_approvals
from holdfast.server.face import Desks, Door, Face
from holdfast.server.forms import Forms
from holdfast.server.guard import Guard, cookie_name
from holdfast.server.live import POLL_SECONDS, Latest, Watch, updates
from holdfast.server.pages.recovery import recovery_page
from holdfast.server.pages.sentences import Show
from holdfast.server.pages.sign_in import sign_in_page
from holdfast.server.pages.standing import standing_page
from holdfast.server.sessions import LASTS, Session, Sessions
from holdfast.server.throttle import Throttle
from holdfast.storage.passwords import Passwords

MAX_WATCHERS = 200


def create_app(face: Face, door: Door, desks: Desks | None = None) -> FastAPI:
    """Make the web face over ``face``, behind ``door``.

    Without ``desks`` it only shows: nobody decides anything on a page.
    `app.state.closing` is a `threading.Event`: once set, live streams end, so that a
    server can stop without waiting for browsers to leave.
    """
    passwords = Passwords(door.hashes)
    sessions = Sessions(door.secret, passwords)
    throttle = Throttle()
    guard = Middleware(Guard, face=face, door=door, sessions=sessions)
    app = FastAPI(
        title="Holdfast",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[guard],
    )
    app.state.closing = threading.Event()
    _add_standing(app, face)
    _add_recovery(app, face)
    add_approvals(app, Deciding(face, desks, Forms(door.secret), passwords, throttle))
    _add_live(app, face, sessions)
    _add_door(app, face, door, sessions, throttle)
    _add_assets(app)
    _add_trouble(app)
    return app


def _add_standing(app: FastAPI, face: Face) -> None:
    @app.get("/")
    def standing(request: Request, show: Show = "all") -> Response:
        view = face.standing(face.now())
        if wants_json(request):
            return data(as_json(view))
        return page(standing_page(view, show, _session(request).user))


def _add_recovery(app: FastAPI, face: Face) -> None:
    @app.get("/recovery")
    def recovery(request: Request) -> Response:
        view = face.protection(face.now())
        if wants_json(request):
            return data(as_json(view) if view is not None else {})
        return page(recovery_page(view, _session(request).user))


def _add_live(app: FastAPI, face: Face, sessions: Sessions) -> None:
    latest = Latest(face)
    places = asyncio.Semaphore(MAX_WATCHERS)

    @app.get("/live")
    async def live(
        request: Request,
        show: Show = "all",
        seen: Annotated[int | None, Query()] = None,
        last_event_id: Annotated[int | None, Header()] = None,
    ) -> Response:
        if places.locked():
            return trouble(
                request, 503, "too many pages are watching", "Reload the page instead."
            )
        session = _session(request)
        watch = Watch(
            show=show,
            user=session.user,
            seen=seen if last_event_id is None else last_event_id,
            is_signed_in=lambda: sessions.alive(session, face.now()),
            is_stopping=app.state.closing.is_set,
        )

        async def stream() -> AsyncIterator[bytes]:
            async with places:
                async for event in updates(latest, watch, _pause):
                    yield event

        return StreamingResponse(stream(), media_type="text/event-stream")


async def _pause() -> None:
    await asyncio.sleep(POLL_SECONDS)


def _add_door(
    app: FastAPI, face: Face, door: Door, sessions: Sessions, throttle: Throttle
) -> None:
    @app.get("/sign-in")
    def show_sign_in() -> Response:
        return page(sign_in_page())

    @app.post("/sign-in")
    def sign_in(
        request: Request,
        user: Annotated[str, Form(max_length=200)],
        password: Annotated[str, Form(max_length=1000)],
    ) -> Response:
        address = request.client.host if request.client else "unknown"
        if wait := throttle.admit(user, address, face.now()):
            problem = f"Too many attempts. Try again in {span(wait)}."
            return page(sign_in_page(problem=problem, user=user), 429)
        if not sessions.passwords.check(user, password):
            problem = "User and password do not match."
            return page(sign_in_page(problem=problem, user=user), 403)
        throttle.succeeded(user, address)
        answer = see_other("/")
        _give_cookie(answer, door, sessions.begin(user, face.now()))
        return answer

    @app.post("/sign-out")
    def sign_out(request: Request) -> Response:
        sessions.end(_session(request), face.now())
        answer = see_other("/sign-in")
        answer.delete_cookie(
            cookie_name(door), secure=door.secure, httponly=True, samesite="strict"
        )
        return answer


def _give_cookie(answer: Response, door: Door, value: str) -> None:
    answer.set_cookie(
        cookie_name(door),
        value,
        max_age=int(LASTS.total_seconds()),
        secure=door.secure,
        httponly=True,
        samesite="strict",
    )


def _add_assets(app: FastAPI) -> None:
    @app.get("/static/{name}")
    def static(request: Request, name: str, v: str = "") -> Response:
        found = asset(name)
        if found is None:
            return trouble(request, HTTPStatus.NOT_FOUND)
        headers = {"cache-control": found.cache_control(v)}
        return Response(found.body, 200, headers, found.media_type)


def _add_trouble(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        return trouble(request, error.status_code)

    @app.exception_handler(RequestValidationError)
    def wrong(request: Request, _: RequestValidationError) -> Response:
        return trouble(request, HTTPStatus.UNPROCESSABLE_ENTITY)

    @app.exception_handler(HoldfastError)
    def failed(request: Request, error: HoldfastError) -> Response:
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return trouble(request, status, error.message, error.hint)

    @app.exception_handler(Exception)
    def broke(request: Request, _: Exception) -> Response:
        return trouble(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def _session(request: Request) -> Session:
    session: Session = request.state.session
    return session
