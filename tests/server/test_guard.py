"""The guard: closed by default, deaf to strange names, forms and origins."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.server.house import DOOR, ORIGIN, FakeFace, make_app, member, visitor

from holdfast.errors import HoldfastError


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?show=met",
        "/live",
        "/nowhere",
        "/docs",
        "/openapi.json",
        "//",
        "/healthz",
    ],
)
def test_every_page_sends_a_visitor_to_sign_in(path):
    """Whoever is not signed in is sent to sign in, whether the page exists or not."""
    answer = visitor(make_app()).get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_programs_are_told_401(accept):
    """A program that is not signed in gets 401, not a page to look at."""
    answer = visitor(make_app()).get("/live", headers={"accept": accept})
    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize("path", ["/", "/sign-in", "/static/style.css", "/nowhere"])
def test_every_answer_carries_the_safety_headers(path):
    """No answer goes out without the policy that forbids inline script and style."""
    headers = visitor(make_app()).get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_pages_are_never_stored():
    """Standing is not left behind in a cache."""
    assert member(make_app()).get("/").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["evil.example", "", "127.0.0.1.evil.example", "[::1", "evil@evil"]
)
def test_strange_names_are_refused(host):
    """A name that the settings do not list is refused, also on the open page."""
    answer = visitor(make_app()).get("/sign-in", headers={"host": host})
    assert answer.status_code == 421


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost", "[::1]:9", "LOCALHOST"]
)
def test_own_names_are_answered(host):
    """The names of this machine are answered with any port and in any case."""
    answer = visitor(make_app()).get("/sign-in", headers={"host": host})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "http://127.0.0.1:9999", "http://127.0.0.1@x"],
)
def test_forms_from_elsewhere_are_refused(origin):
    """A form whose origin is not this very host is refused before it is read."""
    answer = visitor(make_app()).post(
        "/sign-in", data={"user": "x", "password": "y"}, headers={"origin": origin}
    )
    assert answer.status_code == 403
    assert "did not come from this site" in answer.text


def test_a_form_without_origin_is_refused():
    """A form that does not say where it comes from is refused."""
    answer = visitor(make_app()).post("/sign-in", data={"user": "x", "password": "y"})
    assert answer.status_code == 403


def test_huge_forms_are_refused():
    """A form beyond eight kilobytes is refused without being kept."""
    answer = visitor(make_app()).post(
        "/sign-in", data={"user": "x" * 100_000}, headers={"origin": ORIGIN}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("body", [b"\xff\xfe=&&&%%%", b"user=only", b"", b"{}"])
def test_broken_forms_get_a_calm_page(body):
    """A form that lacks something or is no form at all gets a page that says so."""
    answer = visitor(make_app()).post(
        "/sign-in",
        content=body,
        headers={
            "origin": ORIGIN,
            "content-type": "application/x-www-form-urlencoded",
        },
    )
    assert answer.status_code == 422
    assert "Traceback" not in answer.text


def test_a_broken_multipart_form_gets_a_calm_page():
    """A multipart form without its boundary gets a page, not a traceback."""
    answer = visitor(make_app()).post(
        "/sign-in",
        content=b"--x\r\n",
        headers={"origin": ORIGIN, "content-type": "multipart/form-data"},
    )
    assert answer.status_code in {400, 422}
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(method):
    """What is neither looked at nor sent as a form is refused."""
    answer = member(make_app()).request(method, "/", headers={"origin": ORIGIN})
    assert answer.status_code == 405


def test_an_unknown_page_is_told_calmly():
    """A page that does not exist is said to be missing, with the way out."""
    answer = member(make_app()).get("/nowhere")
    assert answer.status_code == 404
    assert "There is no such page." in answer.text
    assert "Go to Standing" in answer.text


def test_an_unknown_filter_is_told_calmly():
    """A filter that does not exist is told as a page, not as a list of errors."""
    answer = member(make_app()).get("/?show=<script>alert(1)</script>")
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text


def test_a_known_failure_shows_message_and_hint():
    """A failure with a way out is shown with it."""
    face = FakeFace()
    client = member(make_app(face))
    face.failure = HoldfastError("the ledger is locked", "Wait for the other node.")
    answer = client.get("/")
    assert answer.status_code == 503
    assert "The ledger is locked." in answer.text
    assert "Wait for the other node." in answer.text


def test_an_unknown_failure_shows_no_inside():
    """A failure that nobody foresaw shows nothing of the inside, headers and all."""
    face = FakeFace()
    client = member(make_app(face))
    face.failure = ValueError("inner secret")
    answer = client.get("/")
    assert answer.status_code == 500
    assert "inner secret" not in answer.text
    assert "content-security-policy" in answer.headers


def test_trouble_is_json_for_programs():
    """A program reads trouble as JSON."""
    answer = member(make_app()).get("/nowhere", headers={"accept": "application/json"})
    assert json.loads(answer.text)["error"] == "there is no such page"


def test_https_binds_the_cookie_and_the_browser():
    """Behind https the cookie is secure, bound to the host, and https is kept."""
    app = make_app(door=replace(DOOR, secure=True))
    client = visitor(app)
    answer = client.post(
        "/sign-in",
        data={"user": "mara", "password": "a long pass phrase"},
        headers={"origin": "https://127.0.0.1"},
    )
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-holdfast=")
    assert "Secure" in cookie
    assert "strict-transport-security" in answer.headers
