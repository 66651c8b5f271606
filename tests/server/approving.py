"""A company in an outage, and the real page on which people decide what waits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI
from tests.operations.company import (
    COMMITTEE,
    DATASTORE,
    LEAD,
    RESPONDER,
    SUCCESS,
    Company,
    company,
    signed,
)
from tests.server.house import ORIGIN, Client, visitor

from holdfast.domain.events.kinds import Event
from holdfast.engines.scripted import Script
from holdfast.operations import respond
from holdfast.operations.respond import Desk
from holdfast.operations.window import Window
from holdfast.server.app import create_app
from holdfast.server.face import Door

HASHER = PasswordHasher(1, 8, 1)
PASSWORDS = {name: f"the words of {name}" for name in (COMMITTEE, LEAD, RESPONDER)}
PASSWORDS[SUCCESS] = f"the words of {SUCCESS}"
DOOR = Door(
    b"a secret of thirty-two bytes ....",
    {name: HASHER.hash(words) for name, words in PASSWORDS.items()},
)
FORM = re.compile(r'<form class="decide".*?</form>', re.DOTALL)
FIELD = re.compile(r'name="(\w+)" value="([^"]*)"')


@dataclass(slots=True)
class Office:
    """The company and its page."""

    made: Company
    app: FastAPI

    def order(self, target: datetime | None = None, repository: int = 2) -> str:
        """Order a restore over production, as the responder at a terminal."""
        return respond.order_recovery(
            self.desk(RESPONDER), DATASTORE, repository=repository, target=target
        ).recovery

    def desk(self, person: str) -> Desk:
        """Return a person's desk at a terminal."""
        now = self.made.clock.now()
        return Desk(self.made.world.log, self.made.clock, person, signed(person, now))

    def events(self, *kinds: type[Event]) -> list[Event]:
        """Return what was recorded of these kinds."""
        return [each for kind in kinds for each in self.made.events(kind)]

    def client(self, person: str) -> Client:
        """Return the browser of somebody who has signed in."""
        browser = visitor(self.app)
        given = {"user": person, "password": PASSWORDS[person]}
        assert post(browser, "/sign-in", given).status_code == 303
        return browser


def office() -> Office:
    """Open the office in an outage, with a backup to restore from."""
    made = company(script=Script())
    made.beat(times=20)
    made.engine.strike(DATASTORE)
    made.turn(ok=False)
    made.beat(times=4)
    log, clock = made.world.log, made.clock
    window = Window(log, clock, None, "northwind.example/log")
    app = create_app(window, DOOR, lambda *who: Desk(log, clock, *who))
    return Office(made, app)


def forms(text: str) -> dict[str, dict[str, str]]:
    """Return the fields of the page's forms, by what each does."""
    found = [dict(FIELD.findall(form)) for form in FORM.findall(text)]
    return {form["act"]: form for form in found}


def post(browser: Client, path: str, given: dict[str, str]) -> httpx.Response:
    """Send a form from the site itself."""
    return browser.post(path, data=given, headers={"origin": ORIGIN})


def decide(
    browser: Client, form: dict[str, str], person: str, words: str = ""
) -> httpx.Response:
    """Send a form of the page with the person's password."""
    given = {**form, "password": PASSWORDS[person], "words": words}
    return post(browser, "/approvals", given)
