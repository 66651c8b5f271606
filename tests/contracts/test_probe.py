"""The probe against real servers that misbehave: every fault is a sample in words."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.demo.ports import free_port
from holdfast.domain.catalogue import Probe, VantagePoint
from holdfast.operations.ports.source import Sample
from holdfast.sources.address import refusal
from holdfast.sources.fetch import Fetcher
from holdfast.sources.http_probe import HttpProbe

from .receiving import answering, http, silent

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
NODE = VantagePoint("node", "eu-central")


def look(
    url: str, vantage: VantagePoint = NODE, *, seconds: float = 60, **probe: object
) -> Sample:
    """Look once, with patience for a busy machine unless the deadline is the test."""
    wanted = Probe(url, timedelta(seconds=60), timedelta(seconds=seconds), **probe)
    return HttpProbe(allow_loopback=True).look("shop", vantage, wanted, NOW)


def look_against(*answers: bytes, **probe: object) -> Sample:
    """Look at a server that answers with these bytes."""
    with answering(*answers) as port:
        return look(f"http://127.0.0.1:{port}/health", **probe)


@contextmanager
def dripping() -> Iterator[int]:
    """Serve an answer that comes one byte at a time and never ends."""
    ended = threading.Event()

    def drip(peer: socket.socket) -> None:
        with peer:
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
            try:
                while not ended.wait(0.05):
                    peer.sendall(b"x")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        thread = threading.Thread(target=lambda: drip(listener.accept()[0]))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def test_good_answer_is_a_good_sample():
    """The right status and text make a sample that is ok, dated to the look's begin."""
    sample = look_against(http("200 OK", b"all ok here"), expect_text="ok")
    assert (sample.ok, sample.detail) == (True, "ok")
    assert (sample.service, sample.vantage, sample.at) == ("shop", "node", NOW)
    assert sample.latency_ms > 0


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (http("503 No", b"away"), "status 503 instead of 200"),
        (http("200 OK", b"sorry"), "the body lacks the expected text"),
        (http("200 OK"), "the body lacks the expected text"),
        (b"", "the connection was closed without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nok", "the answer broke off"),
        (http("301 Moved", Location="http://evil.test/"), "redirected to another host"),
        (
            http("302 Found", Location="http://169.254.169.254/latest"),
            "redirected to another host",
        ),
    ],
)
def test_bad_answer_is_a_bad_sample(answer, detail):
    """An answer that is not the expected one says what was wrong with it."""
    sample = look_against(answer, expect_text="ok")
    assert (sample.ok, sample.detail) == (False, detail)


def test_refused_connection_is_a_sample():
    """A dead server is a sample, since an outage is what a probe is for."""
    sample = look(f"http://127.0.0.1:{free_port()}/")
    assert (sample.ok, sample.detail) == (False, "connection refused")


def test_silence_ends_at_the_deadline():
    """A server that takes connections and never answers costs one deadline."""
    with silent() as port:
        sample = look(f"http://127.0.0.1:{port}/", seconds=1)
    assert (sample.ok, sample.detail) == (False, "timed out")
    assert 900 < sample.latency_ms < 60_000


def test_deadline_covers_a_body_that_drips():
    """Bytes that keep coming do not prolong the deadline."""
    with dripping() as port:
        sample = look(f"http://127.0.0.1:{port}/", seconds=1)
    assert (sample.ok, sample.detail) == (False, "timed out")


def test_name_that_does_not_resolve_is_a_sample():
    """A name without an address says so."""
    sample = look("http://shop.invalid/")
    assert (sample.ok, sample.detail) == (False, "the name does not resolve")


@pytest.mark.parametrize(
    "url", ["", "::", "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x", "http://"]
)
def test_address_that_is_no_web_address_is_a_sample(url):
    """Only http and https are looked at, and nonsense is told in words."""
    sample = look(url)
    assert not sample.ok
    assert sample.detail in {"not an http or https address", "not a usable address"}


@given(st.text(max_size=60))
def test_any_text_as_a_host_is_a_sample(text):
    """Whatever a catalogue has for an address, a look never raises."""
    fetcher = Fetcher(allow_loopback=False)
    # The name is no name that anybody could resolve.
    url = f"http://{text}.invalid:1/"
    assert fetcher.fetch(url, timedelta(milliseconds=200)).latency_ms >= 0


def test_redirect_on_the_same_host_is_followed():
    """A site that sends its visitors to another path is looked at there."""
    sample = look_against(
        http("302 Found", Location="/there"), http("200 OK", b"ok"), expect_text="ok"
    )
    assert sample.ok


def test_expected_redirect_is_not_followed():
    """Where a redirect is what is expected, it is what is judged."""
    moved = http("301 Moved", Location="http://www.shop.test/")
    assert look_against(moved, expect_status=301).ok


def test_redirect_circle_ends():
    """A site that redirects for ever is a sample."""
    moved = http("302 Found", Location="/again")
    sample = look_against(moved, moved, moved, moved)
    assert (sample.ok, sample.detail) == (False, "redirected too often")


def test_endless_body_is_cut_and_judged_by_its_start():
    """Only the start of a large body is read, which is where the text must be."""
    with answering(http("200 OK", b"ok" + b"x" * 10_000)) as port:
        fetcher = Fetcher(allow_loopback=True, body_bytes_max=100)
        answer = fetcher.fetch(f"http://127.0.0.1:{port}/", timedelta(seconds=60))
    assert (answer.cut, len(answer.body), answer.status) == (True, 100, 200)


def test_environment_proxy_is_ignored(monkeypatch):
    """No proxy of the environment stands between the probe and the service."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert look_against(http("200 OK")).ok


def test_vantage_points_address_is_what_the_service_sees():
    """A look leaves from the vantage point's own address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen: list[str] = []

        def serve() -> None:
            peer, address = listener.accept()
            with peer:
                seen.append(address[0])
                peer.recv(1000)
                peer.sendall(http("200 OK"))

        thread = threading.Thread(target=serve)
        thread.start()
        second = VantagePoint("second", "eu-west", "127.0.0.2")
        sample = look(f"http://127.0.0.1:{listener.getsockname()[1]}/", second)
        thread.join()
    assert (sample.ok, sample.vantage) == (True, "second")
    assert seen == ["127.0.0.2"]


def test_address_that_is_not_ours_is_a_sample():
    """A vantage point whose address this machine lacks says so."""
    far = VantagePoint("far", "us", "192.0.2.77")
    sample = look("http://127.0.0.1:9/", far)
    assert not sample.ok
    assert sample.detail == "cannot look from the vantage point's address"


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "2852039166",
        "0xA9FEA9FE",
        "224.0.0.1",
    ],
)
def test_metadata_address_is_never_dialled(host):
    """However it is written, an address that hands out credentials is refused."""
    sample = look(f"http://{host}/latest/meta-data")
    assert not sample.ok
    assert sample.detail.startswith("refused to dial ")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1"])
def test_loopback_is_refused_unless_allowed(host):
    """The resolved address decides, so that a name that leads home is refused too."""
    probe = Probe(f"http://{host}:9/", timedelta(1), timedelta(seconds=1))
    sample = HttpProbe().look("shop", NODE, probe, NOW)
    assert sample.detail == "refused to dial a loopback address"


@pytest.mark.parametrize("address", ["93.184.216.34", "10.0.0.7", "2606:2800::1"])
def test_ordinary_address_may_be_dialled(address):
    """Public and private addresses are looked at."""
    assert refusal(address, allow_loopback=False) is None


@given(st.ip_addresses(v=4))
def test_carried_address_is_judged_like_the_bare_one(address):
    """An IPv4 address inside an IPv6 one is refused whenever it is bare."""
    bare = refusal(str(address), allow_loopback=False)
    for carried in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert refusal(carried, allow_loopback=False) == bare
