"""Signing in and out: even cost, short patience, twelve hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from itsdangerous import URLSafeSerializer
from tests.server.house import (
    DOOR,
    HASHES,
    ORIGIN,
    PASSWORD,
    USER,
    FakeFace,
    make_app,
    member,
    sign_in,
    visitor,
)
from tests.server.sample import NOW

from holdfast.errors import HoldfastError
from holdfast.server.throttle import PER_ADDRESS, PER_USER_AT_ADDRESS, WINDOW, Throttle
from holdfast.storage.passwords import Passwords, hash_password


def test_the_right_password_opens_standing():
    """User and password open the door, and the cookie is out of reach of scripts."""
    client = visitor(make_app())
    answer = sign_in(client)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("user", "password"),
    [(USER, "wrong"), ("nobody", PASSWORD), (USER, "x" * 999), ("\x00", "\ufffe?")],
)
def test_a_wrong_pair_is_refused_in_the_same_words(user, password):
    """A wrong password and an unknown user are told apart by nothing."""
    answer = sign_in(visitor(make_app()), user, password)
    assert answer.status_code == 403
    assert "User and password do not match." in answer.text
    assert "set-cookie" not in answer.headers


def test_an_unknown_user_costs_a_real_check():
    """An unknown user is checked against a decoy of the same cost."""
    passwords = Passwords(HASHES)
    decoy = passwords._decoy
    assert decoy.split("$")[:4] == HASHES[USER].split("$")[:4]
    assert not passwords.check("nobody", "nobody's password")


def test_a_password_can_be_hashed_and_checked():
    """A hash made for the settings opens the door again."""
    assert Passwords({USER: hash_password("péss phrase")}).check(USER, "péss phrase")


def test_a_hash_that_is_none_is_refused_at_start():
    """A setting that is no argon2 hash is named at once, without its value."""
    with pytest.raises(HoldfastError, match="hash of mara is no argon2") as caught:
        Passwords({USER: "plain text"})
    assert "plain text" not in str(caught.value)


def test_signing_out_ends_the_session():
    """After sign-out the cookie is gone, and a copy of it opens nothing."""
    client = member(make_app())
    copy = client.cookies["holdfast"]
    answer = client.post("/sign-out", headers={"origin": ORIGIN})
    assert answer.headers["location"] == "/sign-in"
    assert "holdfast" not in client.cookies
    client.cookies.set("holdfast", copy)
    assert client.get("/").status_code == 303


def test_a_session_ends_after_twelve_hours():
    """However busy, a session ends twelve hours after it began."""
    face = FakeFace()
    client = member(make_app(face))
    face.wait(timedelta(hours=11, minutes=59))
    assert client.get("/").status_code == 200
    face.wait(timedelta(minutes=1))
    assert client.get("/").status_code == 303


def test_a_session_survives_a_restart():
    """A restart of the node signs nobody out."""
    client = member(make_app())
    cookie = client.cookies["holdfast"]
    again = visitor(make_app())
    again.cookies.set("holdfast", cookie)
    assert again.get("/").status_code == 200


@pytest.mark.parametrize(
    "door",
    [
        replace(DOOR, secret=b"another secret"),
        replace(DOOR, hashes={USER: hash_password("changed")}),
        replace(DOOR, hashes={}),
    ],
    ids=["another secret", "another password", "no such user"],
)
def test_a_session_dies_with_what_it_rests_on(door):
    """Another secret, a changed password or a removed user ends the session."""
    cookie = member(make_app()).cookies["holdfast"]
    client = visitor(make_app(door=door))
    client.cookies.set("holdfast", cookie)
    assert client.get("/").status_code == 303


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "x",
        "." * 50,
        "x" * 5000,
        "eyJ1c2VyIjoibWFyYSJ9.AAAA",
        URLSafeSerializer(DOOR.secret, salt="holdfast session").dumps("mara"),
        URLSafeSerializer(DOOR.secret, salt="holdfast session").dumps({"user": 1}),
    ],
)
def test_bad_cookies_open_nothing(cookie):
    """A cookie that we did not give is as good as none."""
    client = visitor(make_app())
    answer = client.get("/", headers={"cookie": f"holdfast={cookie}"})
    assert answer.status_code == 303


def test_after_five_failures_the_door_waits():
    """The sixth attempt waits, even with the right password, until the window ends."""
    face = FakeFace()
    client = visitor(make_app(face))
    for _ in range(PER_USER_AT_ADDRESS):
        assert sign_in(client, password="wrong").status_code == 403
    answer = sign_in(client)
    assert answer.status_code == 429
    assert "Try again in 15 min." in answer.text
    face.wait(WINDOW)
    assert sign_in(client).status_code == 303


def test_an_address_has_a_limit_over_all_users():
    """Trying many users from one address is limited too."""
    throttle = Throttle()
    for number in range(PER_ADDRESS):
        assert not throttle.admit(f"user {number}", "10.0.0.1", NOW)
    assert throttle.admit("another", "10.0.0.1", NOW)
    assert not throttle.admit("another", "10.0.0.2", NOW)


def test_a_stranger_cannot_lock_out_a_user():
    """Failures from one address leave the user's own address alone."""
    throttle = Throttle()
    for _ in range(PER_ADDRESS):
        throttle.admit(USER, "203.0.113.9", NOW)
    assert not throttle.admit(USER, "10.0.0.1", NOW)


def test_success_takes_the_attempt_back():
    """Signing in often and rightly never reaches a limit."""
    throttle = Throttle()
    for _ in range(500):
        assert not throttle.admit(USER, "10.0.0.1", NOW)
        throttle.succeeded(USER, "10.0.0.1")


def test_the_throttle_forgets_the_oldest():
    """A flood of users and addresses cannot fill the memory."""
    throttle = Throttle()
    for number in range(12_000):
        throttle.admit(f"user {number}", f"address {number}", NOW)
    assert len(throttle._counts) == 10_000


def test_the_page_names_the_user_again_but_never_the_password():
    """After a failure the user stands in the form, escaped; the password does not."""
    answer = sign_in(visitor(make_app()), '"><script>x', "hunter-two")
    assert "hunter-two" not in answer.text
    assert "<script>x" not in answer.text
    assert 'role="alert"' in answer.text
