"""The client: it gets its cosignature by the protocol, and believes nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.witness.rig import COSIGNER, NOW, SIGNER, SomeLog, stored, witness

from holdfast.ledger.note import parse_note
from holdfast.ledger.witness import Cosigner, Witness, parse_request
from holdfast.operations.witnessing import (
    Ahead,
    Cosigned,
    Disagrees,
    Said,
    Unanswered,
)
from holdfast.server.serving import serving
from holdfast.server.witness import create_witness_app
from holdfast.sources.witness import ANSWER_BYTES_MAX, HttpWitness, _Answer

LOG = SomeLog(30)
FORK = SomeLog(30, salt="fork", common=4)
SECOND = timedelta(seconds=1)
Reply = tuple[int, bytes]


def ask(url: str, size: int, old: int, log: SomeLog = LOG) -> Said:
    """Ask for a cosignature of a size."""
    client = HttpWitness("w", url, COSIGNER.key, 5 * SECOND)
    return client.cosign(
        log.note(size), size, old, lambda at: log.tree.consistency(at, size)
    )


@contextmanager
def answering(reply: Callable[[bytes], Reply]) -> Iterator[str]:
    """Serve answers as a function gives them, and yield the address."""

    class Handler(BaseHTTPRequestHandler):
        """Answers as it was told."""

        def do_POST(self) -> None:
            """Answer."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = reply(body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(name="url")
def _url(tmp_path: Path) -> Iterator[str]:
    """Return the address of a real witness that cosigned size 9."""
    with closing(stored(tmp_path)) as memory:
        witness(memory).add_checkpoint(LOG.request(0, 9), NOW)
        door = create_witness_app(Witness(COSIGNER, memory), lambda: NOW)
        with serving(door, port=0) as address:
            yield address


@pytest.mark.parametrize("old", [0, 5, 9, 20])
def test_from_any_size(url: str, old: int) -> None:
    """Whatever size the client believes, it comes back with the right proof."""
    said = ask(f"{url}/", 20, old)
    assert isinstance(said, Cosigned)
    assert said.time == NOW
    assert said.signature == COSIGNER.cosign(parse_note(LOG.note(20)).text, NOW)


def test_what_a_real_witness_refuses(url: str) -> None:
    """A fork is a disagreement; an older checkpoint finds the witness ahead."""
    assert isinstance(ask(url, 20, 0, FORK), Disagrees)
    assert ask(url, 9, 9, FORK) == Disagrees("it cosigned another log of size 9")
    assert ask(url, 7, 0) == Ahead(9)
    assert isinstance(ask(f"{url}/elsewhere", 20, 0), Unanswered)


OWN = COSIGNER.cosign(parse_note(LOG.note(20)).text, NOW).line().encode()
FOREIGN = Cosigner("x", bytes([5]) * 32).cosign(parse_note(LOG.note(20)).text, NOW)
BAD: dict[str, tuple[Reply, str]] = {
    "empty": ((200, b""), "no signature of its key"),
    "garbage": ((200, b"\xff\x00garbage"), "no signature of its key"),
    "altered": ((200, OWN[:-6] + b"AAA==\n"), "no signature of its key"),
    "stranger": ((200, FOREIGN.line().encode()), "no signature of its key"),
    "endless": ((200, OWN * (ANSWER_BYTES_MAX // 100)), "too long"),
    "forbidden": ((403, b""), "does not trust the key"),
    "unknown": ((404, b""), "does not know this log"),
    "malformed": ((400, b""), "form of the request"),
    "broken": ((503, b"<html>"), "answered 503"),
    "redirect": ((302, b""), "answered 302"),
    "conflict without size": ((409, b"many\n"), "without a size"),
    "conflict with nothing": ((409, b""), "without a size"),
    "conflict with the size given": ((409, b"0\n"), "without a size"),
}


@pytest.mark.parametrize(("reply", "words"), BAD.values(), ids=BAD.keys())
def test_bad_answers(reply: Reply, words: str) -> None:
    """What is not a good answer is told in our words, never in its own."""
    with answering(lambda _: reply) as url:
        said = ask(url, 20, 0)
    assert isinstance(said, Unanswered)
    assert words in said.detail


def test_moving_size() -> None:
    """A witness that names another size each time is given up on."""
    with answering(lambda body: (409, b"%d\n" % (parse_request(body).old + 1))) as url:
        assert ask(url, 20, 0) == Unanswered("it named another size each time")


def test_no_answer() -> None:
    """A dead, a slow and a nonsensical address each end in time, with the reason."""
    with answering(lambda _: (200, b"")) as url:
        pass
    assert ask(url, 20, 0) == Unanswered("it cannot be reached")
    assert ask("ftp://127.0.0.1/", 20, 0).detail.startswith("its address")
    stuck = threading.Event()

    def hang(_: bytes) -> Reply:
        stuck.wait(120)
        return 200, b""

    with answering(hang) as url:
        client = HttpWitness("w", url, COSIGNER.key, SECOND / 5)
        began = time.monotonic()
        said = client.cosign(LOG.note(20), 20, 0, lambda _: [])
        assert time.monotonic() - began < 60
        stuck.set()
    assert said == Unanswered("it did not answer in time")


@given(status=st.integers(100, 599), body=st.binary(max_size=200))
def test_any_answer(status: int, body: bytes) -> None:
    """Whatever comes back, it is a value, and never a cosignature."""

    class Deaf(HttpWitness):
        """Answers without a wire, as it was told."""

        def _post(self, body: bytes) -> _Answer | Unanswered:
            """Answer without a wire."""
            return _Answer(status, answer) if body else Unanswered("")

    answer = body
    said = Deaf("w", "http://w.example", COSIGNER.key).cosign(
        LOG.note(20), 20, 0, lambda at: LOG.tree.consistency(at, 20)
    )
    assert isinstance(said, Unanswered | Disagrees | Ahead)
    assert SIGNER.name not in str(said)


@pytest.mark.parametrize(
    ("reply", "old", "kind"),
    [
        ((422, b"no such field\n"), 0, Unanswered),
        ((409, b"0\n"), 0, Unanswered),
        ((422, b"does not fit\n"), 7, Disagrees),
    ],
)
def test_nobody_can_contradict_a_log_from_its_beginning(
    reply: Reply, old: int, kind: type[Said]
) -> None:
    """Every log continues one of no entries: who refuses that is no witness of ours."""
    with answering(lambda _: reply) as url:
        assert isinstance(
            ask(url, 0 if old == 0 and reply[0] == 409 else 30, old), kind
        )
