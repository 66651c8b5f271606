"""Slack's own words, each as the value that the domain decides by."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest

from holdfast.channels.slack import Slack
from holdfast.channels.slack_text import TEXT_CHARACTERS_MAX, compose
from holdfast.errors import HoldfastError
from holdfast.operations.ports.channel import Accepted, Message, Rejected

from .receiving import answering, http, silent

TOKEN = "xoxb-not-a-secret-of-anybody"
NOTICE = Message("k/1", "Shop is down", "Since 08:12.")


def send_against(*answers: bytes) -> Accepted | Rejected:
    """Send the notice to a side that answers with these bytes."""
    with answering(*answers) as port:
        return slack_at(port).send(NOTICE, "C0IRT")


def slack_at(port: int) -> Slack:
    """Return the channel to a loopback port."""
    url = f"http://127.0.0.1:{port}/api/"
    return Slack(TOKEN, base_url=url, timeout=timedelta(seconds=60))


def said(**body: object) -> bytes:
    """Return Slack's usual answer: status 200 and a JSON object."""
    return http("200 OK", json.dumps(body).encode(), Content_Type="application/json")


def test_receipt_is_slacks_own_name_for_the_message():
    """The receipt is the conversation and the time stamp that Slack answered."""
    answer = send_against(said(ok=True, channel="C0IRT", ts="1700000000.000100"))
    assert isinstance(answer, Accepted)
    assert answer.receipt == "C0IRT/1700000000.000100"


@pytest.mark.parametrize(
    "error",
    [
        "account_inactive",
        "channel_not_found",
        "invalid_auth",
        "is_archived",
        "missing_scope",
        "not_in_channel",
        "restricted_action",
        "token_revoked",
    ],
)
def test_error_that_needs_a_person_is_permanent(error):
    """An error that no repetition mends is permanent and took nothing."""
    answer = send_against(said(ok=False, error=error))
    assert answer == Rejected(f"Slack answered {error}", permanent=True)


@pytest.mark.parametrize("error", ["fatal_error", "internal_error"])
def test_error_of_slacks_own_is_uncertain(error):
    """Slack says of its own faults that some of the work may have been done."""
    answer = send_against(said(ok=False, error=error))
    assert answer == Rejected(f"Slack answered {error}", uncertain=True)


@pytest.mark.parametrize("error", ["service_unavailable", "request_timeout"])
def test_passing_error_is_worth_another_try(error):
    """An error that passes by itself is neither permanent nor uncertain."""
    answer = send_against(said(ok=False, error=error))
    assert answer == Rejected(f"Slack answered {error}")


def test_rate_limit_tells_how_long_to_wait():
    """A 429 hands Slack's wish on to the domain."""
    body = json.dumps({"ok": False, "error": "ratelimited"}).encode()
    answer = send_against(http("429 Too Many Requests", body, Retry_After="37"))
    wait = timedelta(seconds=37)
    assert answer == Rejected("Slack asks to slow down", retry_after=wait)


@pytest.mark.parametrize("wish", ["soon", "-1", "", "1.5"])
def test_odd_retry_after_is_no_wish(wish):
    """A Retry-After that is no number of seconds counts as none."""
    answer = send_against(http("429 Too Many Requests", b"{}", Retry_After=wish))
    assert answer == Rejected("Slack asks to slow down")


@pytest.mark.parametrize(
    ("status", "uncertain"),
    [("500 No", True), ("502 No", True), ("503 No", False), ("504 No", True)],
)
def test_server_fault_may_have_taken_the_message(status, uncertain):
    """After a 5xx nobody knows, except for 503, which says that nothing was done."""
    answer = send_against(http(status, b"<html>oops</html>"))
    reason = f"Slack answered with status {status[:3]}"
    assert answer == Rejected(reason, uncertain=uncertain)


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        http("200 OK", b"<html>a portal</html>"),
        http("200 OK", b"[1]"),
        http("200 OK", b"\xff\xfe"),
        b"garbage\r\n\r\n",
    ],
)
def test_unreadable_answer_is_uncertain(bytes_sent):
    """An answer that says nothing leaves open whether the message was taken."""
    answer = send_against(bytes_sent)
    assert isinstance(answer, Rejected)
    assert (answer.uncertain, answer.permanent) == (True, False)


def test_redirect_is_not_followed_with_the_token():
    """A redirect to another server is a refusal; nobody is asked there."""
    with silent() as elsewhere:
        to = f"http://127.0.0.1:{elsewhere}/"
        answer = send_against(http("302 Found", b"", Location=to))
    assert answer == Rejected("Slack answered with status 302", permanent=True)


def test_environment_proxy_does_not_see_loopback(monkeypatch):
    """Loopback is asked directly, whatever proxy the environment names."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    answer = send_against(said(ok=True, channel="C0IRT", ts="1.2"))
    assert isinstance(answer, Accepted)


@pytest.mark.parametrize(
    "answer",
    [
        said(ok=False, error=f"bad token {TOKEN}"),
        http("400 Bad", TOKEN.encode()),
        http(f"500 {TOKEN}", b""),
        f"HTTP/1.1 {TOKEN}\r\n\r\n".encode(),
    ],
)
def test_token_is_in_no_text(answer, caplog, capfd):
    """An other side that echoes the token gets it into no reason, log or output."""
    with caplog.at_level(logging.DEBUG):
        rejected = send_against(answer)
    out, err = capfd.readouterr()
    everything = f"{rejected!r} {caplog.text} {out} {err} {slack_at(1)!r}"
    assert TOKEN not in everything


@pytest.mark.parametrize("token", ["", "xoxb-1\n", "xoxb 1", "xöxb", "x\r\nHost: evil"])
def test_token_that_is_none_is_refused_without_being_shown(token):
    """A damaged token is told at the start, and not repeated."""
    with pytest.raises(HoldfastError) as told:
        Slack(token)
    assert not token or token not in f"{told.value} {told.value.hint}"


def test_plaintext_address_is_refused():
    """A token is not sent unencrypted beyond this machine."""
    with pytest.raises(HoldfastError, match="is not https"):
        Slack(TOKEN, base_url="http://slack.example/api/")


def test_check_names_who_the_token_is():
    """The check answers with the bot and its team, or why not."""
    with answering(said(ok=True, user="holdfast", team="Box")) as port:
        good = slack_at(port).check()
    with answering(said(ok=False, error="invalid_auth")) as port:
        bad = slack_at(port).check()
    assert isinstance(good, Accepted)
    assert good.receipt == "holdfast@Box"
    assert bad == Rejected("Slack answered invalid_auth", permanent=True)


def test_markup_from_outside_is_shown_not_obeyed():
    """What Slack would take for a mention or a link arrives as plain text."""
    text = compose("<!here>", "<@U1> & <https://x|y>", "k")
    assert "<" not in text
    assert "&lt;@U1&gt; &amp; &lt;https://x|y&gt;" in text


def test_long_text_is_cut_within_slacks_limit_and_says_so():
    """A text that is too long ends with a note on where the rest is."""
    text = compose("s", "&" * 5000, "notice/7")
    assert len(text) <= TEXT_CHARACTERS_MAX
    assert text.endswith("in Holdfast under notice/7._")
    assert "&amp;…" in text
