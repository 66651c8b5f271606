"""Standing in a real browser: live, at every width, and without scripts."""

from __future__ import annotations

import re

import pytest
from tests.evidence.protected import protected_view
from tests.evidence.sample_report import REPORT
from tests.server.browser import FAINT, browsing
from tests.server.house import PASSWORD, USER, FakeFace, make_app

from holdfast.evidence.report import render_report
from holdfast.server.serving import serving

OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
SIGN_IN = f"""
document.getElementById("user").value = "{USER}";
document.getElementById("password").value = "{PASSWORD}";
document.querySelector("main form").requestSubmit();
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of a browser that all tests of this file share."""
    with browsing(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def protected():
    """What the page *Recovery* shows."""
    return protected_view()


@pytest.fixture
def face(protected):
    """A face of its own for each test."""
    return FakeFace(protected=protected)


@pytest.fixture
def standing(page, face):
    """The address of a Holdfast that the browser has signed in to, by its form."""
    with serving(make_app(face), port=0) as url:
        page.tell("Network.clearBrowserCookies")
        page.open(f"{url}/sign-in", width=390, scheme="light")
        page.tell("Runtime.evaluate", expression=SIGN_IN)
        while page.ask("document.title") != "(1) Standing · Holdfast":
            pass
        page.complaints.clear()
        yield url
        page.tell("Page.navigate", url="about:blank")


def test_the_page_follows_the_ledger_without_a_reload(page, face, standing):
    """What is recorded appears by itself; focus and unfolded parts stay as they are."""
    page.open(standing, width=1600, scheme="light")
    page.until('document.getElementById("live").textContent === "Live"')
    page.ask('document.querySelector("#incidents details").open = true')
    page.ask('document.querySelector(".chip").focus()')
    face.grow(findings=("The supplier of the pager is late.",))
    page.until('document.getElementById("findings").textContent.includes("pager")')
    assert page.ask('document.querySelector("#ledger").textContent.includes("1853")')
    assert page.ask('document.querySelector("#incidents details").open')
    assert page.ask('document.activeElement.matches(".chip")')
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 390, 768, 1600])
@pytest.mark.parametrize("path", ["", "/recovery"])
def test_nothing_runs_over_the_edge(page, standing, width, scheme, path):
    """At every width and in both schemes a page fits, and its ground follows."""
    page.open(standing + path, width=width, scheme=scheme)
    assert page.ask(OVERFLOW) <= 0
    ground = page.ask("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(251, 251, 249)", "dark": "rgb(20, 24, 28)"}[scheme]
    assert page.ask(FAINT) == []
    assert page.complaints == []


@pytest.mark.parametrize("path", ["", "/recovery"])
def test_a_thumb_can_hit_everything(page, standing, path):
    """On a phone every button, filter and way to a page is at least 44 pixels high."""
    page.open(standing + path, width=360, scheme="light")
    small = page.ask(
        '[...document.querySelectorAll("button, .chip, .brand, nav a")]'
        ".filter(e => e.getBoundingClientRect().height < 44).length"
    )
    assert small == 0


def test_it_is_legible_without_scripts(page, standing):
    """Without scripts the page is whole and says how to get newer figures."""
    page.open(standing, width=390, scheme="light", scripts=False)
    html = page.html()
    assert len(re.findall(r'class="sentence[ "]', html)) == 36
    assert "Reload for newer figures." in html


def test_the_session_ending_is_told(page, standing):
    """Signed out elsewhere, the page says that it is not live any more."""
    page.open(standing, width=390, scheme="light")
    page.until('document.getElementById("live").textContent === "Live"')
    page.ask('fetch("/sign-out", {method: "POST"}).then(() => true)')
    page.until('document.getElementById("live").textContent.includes("signed out")')


@pytest.mark.parametrize("width", [360, 1600])
def test_the_report_fits(page, tmp_path, width):
    """The report fits a phone and a desk, from a file alone."""
    file = tmp_path / "report.html"
    file.write_text(render_report(REPORT))
    page.complaints.clear()
    page.open(file.as_uri(), width=width, scheme="dark")
    assert page.ask(OVERFLOW) <= 0
    assert page.complaints == []
