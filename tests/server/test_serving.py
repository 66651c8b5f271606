"""The real server: a port taken early, a stream that ends when the server does."""

from __future__ import annotations

import socket
import threading

import httpx
import pytest
from tests.server.house import FakeFace, make_app, member

from holdfast.errors import HoldfastError
from holdfast.server.serving import bind, serving


def test_it_serves_while_the_block_runs():
    """Inside the block pages are answered; after it the port is free again."""
    with serving(make_app(), port=0) as url:
        port = int(url.rpartition(":")[2])
        assert httpx.get(f"{url}/sign-in").status_code == 200
    bind("127.0.0.1", port).close()


def test_an_occupied_port_is_told_in_words():
    """A port in use is said to be, with the way out, before anything starts."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(HoldfastError) as caught,
            serving(make_app(), port=port),
        ):
            raise AssertionError("served on an occupied port")
    assert caught.value.message == f"port {port} on 127.0.0.1 is in use"
    assert "--port" in caught.value.hint


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_strange_address_is_told_in_words(host):
    """An address that is not this machine's is said to be, with the way out."""
    with pytest.raises(HoldfastError, match="cannot listen on"):
        bind(host, 0)


def test_leaving_ends_the_live_streams():
    """A page that watches does not keep the server from stopping."""
    app = make_app()
    cookie = member(app).cookies["holdfast"]
    ended = threading.Event()
    with serving(app, port=0) as url:
        client = httpx.Client(cookies={"holdfast": cookie}, timeout=30)
        with client, client.stream("GET", f"{url}/live?seen=1852") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "id: 1852"
            app.state.closing.set()
            assert not any("ended" in line for line in lines)
            ended.set()
    assert ended.is_set()


def test_a_stream_ends_at_sign_out():
    """Signing out ends what the same session watches elsewhere."""
    app = make_app()
    cookie = {"holdfast": member(app).cookies["holdfast"]}
    with (
        serving(app, port=0) as url,
        httpx.Client(cookies=cookie, timeout=30) as client,
        client.stream("GET", f"{url}/live") as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "id: 1852"
        httpx.post(f"{url}/sign-out", cookies=cookie, headers={"origin": url})
        assert "event: ended" in list(lines)


def test_the_id_that_a_browser_saw_last_is_honoured():
    """A browser that comes back with the current id is not sent the policy again."""
    app = make_app()
    cookie = {"holdfast": member(app).cookies["holdfast"]}
    with (
        serving(app, port=0) as url,
        httpx.Client(cookies=cookie, timeout=30) as client,
        client.stream("GET", f"{url}/live", headers={"last-event-id": "1852"}) as live,
    ):
        first = next(live.iter_text())
        assert live.headers["content-type"].startswith("text/event-stream")
        assert 'hx-target="#moment"' in first
        assert 'hx-target="#policy"' not in first


def test_too_many_who_watch_are_told(monkeypatch):
    """Beyond the places there are, a stream is refused and the page still works."""
    monkeypatch.setattr("holdfast.server.app.MAX_WATCHERS", 1)
    app = make_app(FakeFace())
    cookie = {"holdfast": member(app).cookies["holdfast"]}
    with (
        serving(app, port=0) as url,
        httpx.Client(cookies=cookie, timeout=30) as client,
        client.stream("GET", f"{url}/live") as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "id: 1852"
        assert client.get(f"{url}/live").status_code == 503
        assert client.get(f"{url}/").status_code == 200
