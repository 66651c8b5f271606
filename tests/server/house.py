"""A house to stand before: a fake face, a door with one user, a client."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI
from tests.server.sample import NOW, STANDING

from holdfast.evidence.approvals import ApprovalsView
from holdfast.evidence.recovery_views import ProtectionView
from holdfast.evidence.views import StandingView
from holdfast.server.app import create_app
from holdfast.server.face import Door

USER, PASSWORD = "mara", "a long pass phrase"
HOST = "127.0.0.1"
ORIGIN = f"http://{HOST}"
# Cheap on purpose: what is tested is the door, not argon2.
HASHES = {USER: PasswordHasher(1, 8, 1).hash(PASSWORD)}
DOOR = Door(b"a secret of thirty-two bytes ....", HASHES)


@dataclass(slots=True)
class FakeFace:
    """A face whose clock and ledger stand still until a test moves them."""

    view: StandingView = STANDING
    clock: datetime = NOW
    failure: Exception | None = None
    drawn: int = 0
    protected: ProtectionView | None = None
    awaited: ApprovalsView | None = None

    def now(self) -> datetime:
        """Return the clock."""
        return self.clock

    def size(self) -> int:
        """Return the size of the view."""
        return self.view.as_of_index

    def standing(self, now: datetime) -> StandingView:
        """Return the view as of now, or fail as told."""
        if self.failure is not None:
            raise self.failure
        self.drawn += 1
        return replace(self.view, as_of=now)

    def protection(self, now: datetime) -> ProtectionView | None:
        """Return what a test put there; its clock is its own."""
        del now
        return self.protected

    def approvals(self, now: datetime, person: str) -> ApprovalsView | None:
        """Return what a test put there, whoever looks."""
        del now, person
        return self.awaited

    def grow(self, **changes: object) -> None:
        """Let the ledger grow by one entry, with changes to what is shown."""
        size = self.view.as_of_index + 1
        self.view = replace(self.view, as_of_index=size, **changes)  # type: ignore[arg-type]

    def wait(self, length: timedelta) -> None:
        """Let time pass."""
        self.clock += length


def make_app(face: FakeFace | None = None, door: Door = DOOR) -> FastAPI:
    """Make the app over a fake face."""
    return create_app(face or FakeFace(), door)


class Client:
    """A browser's manners over the app itself: keeps cookies, follows nothing."""

    def __init__(self, app: FastAPI, host: str) -> None:
        self.app = app
        self.base_url = f"http://{host}"
        self.cookies = httpx.Cookies()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request and keep the cookies of the answer."""
        return asyncio.run(self._request(method, path, options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Look at a page."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """Send a form."""
        return self.request("POST", path, **options)

    async def _request(
        self, method: str, path: str, options: dict[str, Any]
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport,
            base_url=self.base_url,
            cookies=self.cookies,
            headers={"accept": "text/html"},
        ) as client:
            answer = await client.request(method, path, **options)
            self.cookies = httpx.Cookies(client.cookies)
            return answer


def visitor(app: FastAPI, host: str = HOST) -> Client:
    """Return a client that is not signed in."""
    return Client(app, host)


def member(app: FastAPI) -> Client:
    """Return a client that is signed in."""
    client = visitor(app)
    answer = sign_in(client)
    assert answer.status_code == 303
    return client


def sign_in(client: Client, user: str = USER, password: str = PASSWORD):
    """Send the form of the sign-in page."""
    return client.post(
        "/sign-in",
        data={"user": user, "password": password},
        headers={"origin": ORIGIN},
    )
