"""The guard at the door: everything passes here before any page sees it.

Closed unless opened: a path that is not named in `_is_open` needs a session, so that
a page added later cannot be forgotten. The order is fixed: the name that we are
called by, then the origin and size of a form, then the session.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.server.answers import SAFETY_HEADERS, see_other, trouble, wants_page
from holdfast.server.face import Door, Face
from holdfast.server.sessions import Session, Sessions

MAX_FORM_BYTES = 8192
_FORM_SECONDS = 10


class Guard:
    """Lets a request pass with its session, or answers in the page's place."""

    def __init__(
        self, app: ASGIApp, *, face: Face, door: Door, sessions: Sessions
    ) -> None:
        self._app = app
        self._face = face
        self._door = door
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        send = _with_headers(send, secure=self._door.secure)
        status = self._refusal(request)
        if status is None and request.method == "POST":
            status, receive = await _read_form(receive)
        session = self._session(request)
        scope.setdefault("state", {})["session"] = session
        if status is not None:
            await trouble(request, status)(scope, receive, send)
        elif session is None and not _is_open(scope["path"]):
            await _sign_in_first(request)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, request: Request) -> int | None:
        host = request.headers.get("host", "")
        if _name(f"//{host}") not in self._door.hosts:
            return HTTPStatus.MISDIRECTED_REQUEST
        if request.method in {"GET", "HEAD"}:
            return None
        # The scheme may differ behind a proxy that ends TLS; name and port may not.
        _, _, origin = request.headers.get("origin", "").partition("://")
        return None if origin == host else HTTPStatus.FORBIDDEN

    def _session(self, request: Request) -> Session | None:
        cookie = request.cookies.get(cookie_name(self._door))
        return self._sessions.read(cookie, self._face.now())


def cookie_name(door: Door) -> str:
    """Name the cookie; the prefix binds it to this host wherever https is used."""
    return "__Host-holdfast" if door.secure else "holdfast"


def _is_open(path: str) -> bool:
    return path == "/sign-in" or path.startswith("/static/")


def _sign_in_first(request: Request) -> Response:
    if wants_page(request) and request.method in {"GET", "HEAD"}:
        return see_other("/sign-in")
    return trouble(request, HTTPStatus.UNAUTHORIZED)


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _with_headers(send: Send, *, secure: bool) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SAFETY_HEADERS.items():
                headers.setdefault(name, value)
            if secure:
                headers["strict-transport-security"] = "max-age=31536000"
        await send(message)

    return send_with_headers


async def _read_form(receive: Receive) -> tuple[int | None, Receive]:
    """Read a whole form, at most so many bytes and seconds, and hand it on."""
    body = b""
    try:
        async with asyncio.timeout(_FORM_SECONDS):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > MAX_FORM_BYTES:
                    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, receive
                if not message.get("more_body", False):
                    return None, _replay(body, receive)
    except TimeoutError:
        return HTTPStatus.REQUEST_TIMEOUT, receive


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [
        {"type": "http.request", "body": body, "more_body": False}
    ]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
