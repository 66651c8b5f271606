"""Approvals in a real browser on the real server: by keyboard, without scripts."""

from __future__ import annotations

import time

import pytest
from tests.operations.company import LEAD, RESPONDER
from tests.server.approving import PASSWORDS, Office, office
from tests.server.browser import FAINT, Page, browsing

from holdfast.domain.events.authority import ActApproved
from holdfast.server.serving import serving

OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
DEADLINE_SECONDS = 60.0
# Skip link, brand, three pages, sign-out, password.
TABS = 7


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory):
    """Provide a page of a browser for this file."""
    with browsing(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def sign_in(page: Page, url: str, person: str) -> None:
    """Sign in by the form of the page."""
    page.tell("Network.clearBrowserCookies")
    page.open(f"{url}/sign-in", width=390, scheme="light")
    page.ask(
        f'document.getElementById("user").value = "{person}";'
        f'document.getElementById("password").value = "{PASSWORDS[person]}"; true'
    )
    submit = 'document.querySelector("main form").requestSubmit()'
    page.tell("Runtime.evaluate", expression=submit)
    while "Standing" not in page.ask("document.title"):
        pass
    page.complaints.clear()


def wait_for_approval(room: Office) -> ActApproved:
    """Wait until the ledger holds it."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (found := room.events(ActApproved)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert isinstance(found[0], ActApproved)
    return found[0]


def test_the_second_person_approves_on_a_phone_by_keyboard_without_scripts(
    page: Page,
) -> None:
    """From the skip link on, seven steps of the keyboard lead to the password."""
    room = office()
    room.order()
    with serving(room.app, port=0) as url:
        sign_in(page, url, LEAD)
        page.open(f"{url}/approvals", width=390, scheme="dark", scripts=False)
        page.press("Tab", TABS)
        page.tell("Input.insertText", text=PASSWORDS[LEAD])
        page.press("Enter")
        approved = wait_for_approval(room)
        assert approved.by == LEAD
        page.open(f"{url}/approvals", width=390, scheme="dark", scripts=False)
        assert "approved by dora" in page.html()
        assert page.complaints == []


def test_it_fits_is_legible_and_can_be_hit(page: Page) -> None:
    """Everything unfolded, at every width and in both schemes."""
    room = office()
    room.order()
    with serving(room.app, port=0) as url:
        sign_in(page, url, RESPONDER)
        for width, scheme in ((320, "light"), (390, "dark"), (1280, "light")):
            page.open(f"{url}/approvals", width=width, scheme=scheme)
            page.ask('document.querySelectorAll("details").forEach(d => d.open = true)')
            assert page.ask(OVERFLOW) <= 0
            assert page.ask(FAINT) == []
            small = page.ask(
                '[...document.querySelectorAll("main :is(button, summary, input)")]'
                ".filter(e => e.checkVisibility())"
                ".filter(e => e.getBoundingClientRect().height < 44).length"
            )
            assert small == 0
        assert page.complaints == []
