"""The witness protocol: each status and body as c2sp.org/tlog-witness wants it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from tests.witness.rig import (
    COSIGNER,
    NOW,
    OTHER,
    SIGNER,
    RamMemory,
    SomeLog,
    stored,
    witness,
)

from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import Checkpoint, Signer, verify_checkpoint
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.note import parse_note
from holdfast.ledger.witness import (
    REQUEST_BYTES_MAX,
    SIZE_TYPE,
    Cosigner,
    Request,
    Witness,
    cosignature_of,
    cosigners,
    parse_request,
)
from holdfast.server.serving import serving
from holdfast.server.witness import create_witness_app

KNOWN = json.loads(
    (Path(__file__).parents[1] / "ledger" / "answers.json").read_text("utf-8")
)["checkpoints"]
LOG = SomeLog(20)
FORK = SomeLog(20, salt="fork", common=3)
FOREIGN = SomeLog(20, signer=OTHER)
STRANGER = Signer("nobody.example/log", bytes([9]) * 32)
IMPOSTOR = Signer(SIGNER.name, bytes([9]) * 32)
HASH = base64.b64encode(bytes(32)) + b"\n"


@contextmanager
def knocking(door: FastAPI) -> Iterator[httpx.Client]:
    """Serve the door on loopback, and yield who knocks at it."""
    with serving(door, port=0) as address, httpx.Client(base_url=address) as client:
        yield client


def resigned(old: int, size: int, signer: Signer) -> bytes:
    """Return a request that somebody else signed."""
    note = signer.sign(Checkpoint(signer.name, size, LOG.tree.root(size)).text())
    return Request(old, tuple(LOG.tree.consistency(old, size)), note).to_bytes()


def with_proof(old: int, size: int, proof: tuple[bytes, ...]) -> bytes:
    """Return a request with another proof."""
    return Request(old, proof, LOG.note(size)).to_bytes()


# Every row is asked of a witness that cosigned size 8.
TABLE: dict[str, tuple[bytes, int, str]] = {
    "grows": (LOG.request(8, 20), 200, ""),
    "stays": (LOG.request(8, 8), 200, ""),
    "unknown log": (resigned(8, 20, STRANGER), 404, ""),
    "wrong key": (resigned(8, 20, IMPOSTOR), 403, ""),
    "old above new": (LOG.request(9, 8), 400, ""),
    "behind": (LOG.request(0, 20), 409, "8\n"),
    "behind, proved": (LOG.request(7, 20), 409, "8\n"),
    "ahead": (LOG.request(9, 20), 409, "8\n"),
    "rolled back": (LOG.request(5, 6), 409, "8\n"),
    "fork of one size": (FORK.request(8, 8), 409, "8\n"),
    "fork": (FORK.request(8, 20), 422, ""),
    "no proof": (with_proof(8, 20, ()), 422, ""),
    "proof of nothing": (with_proof(8, 8, (bytes(32),)), 422, ""),
    "proof too long": (
        with_proof(8, 20, (*LOG.tree.consistency(8, 20), bytes(32))),
        422,
        "",
    ),
    "most lines": (b"old 8\n" + HASH * 63 + b"\n" + LOG.note(20), 422, ""),
    "too many lines": (b"old 8\n" + HASH * 64 + b"\n" + LOG.note(20), 400, ""),
    "empty": (b"", 400, ""),
    "no checkpoint": (b"old 8\n\n", 400, ""),
    "no blank line": (b"old 8\n" + LOG.note(20)[:20], 400, ""),
    "no old": (b"\n" + LOG.note(20), 400, ""),
    "leading zero": (LOG.request(8, 20).replace(b"old 8", b"old 08"), 400, ""),
    "negative": (LOG.request(8, 20).replace(b"old 8", b"old -1"), 400, ""),
    "two spaces": (LOG.request(8, 20).replace(b"old 8", b"old  8"), 400, ""),
    "huge": (LOG.request(8, 20).replace(b"old 8", b"old " + b"9" * 19), 400, ""),
    "not base64": (b"old 8\n!!\n\n" + LOG.note(20), 400, ""),
    "short hash": (b"old 8\nAAAA\n\n" + LOG.note(20), 400, ""),
    "not a checkpoint": (b"old 8\n\nexample.com/log\n\n" + LOG.note(20), 400, ""),
    "altered signature": (LOG.request(8, 20)[:-9] + b"AAAAAAAA\n", 403, ""),
    "half a signature line": (LOG.request(8, 20)[:-9], 400, ""),
    "not UTF-8": (b"old 8\n\n\xff" + LOG.note(20), 400, ""),
}


@pytest.mark.parametrize(("body", "status", "text"), TABLE.values(), ids=TABLE.keys())
def test_every_status(body: bytes, status: int, text: str, tmp_path: Path) -> None:
    """Through HTTP each kind of request gets its status, and a conflict the size."""
    memory = stored(tmp_path)
    door = create_witness_app(Witness(COSIGNER, memory), lambda: NOW)
    with knocking(door) as client:
        first = client.post("/add-checkpoint", content=LOG.request(0, 8))
        assert first.status_code == 200
        answer = client.post("/add-checkpoint", content=body)
    assert answer.status_code == status, answer.text
    if status == 200:
        offered = parse_request(body).note
        cosigned = offered + answer.content
        keys = [SIGNER.key, COSIGNER.key]
        assert len(verify_checkpoint(cosigned, keys).signed_by) == 2
    if status == 409:
        assert answer.headers["content-type"] == SIZE_TYPE
        assert answer.text == text
    latest = memory.latest(SIGNER.name)
    assert latest is not None
    assert latest.size == (20 if body == TABLE["grows"][0] else 8)
    memory.close()


def test_known_answer() -> None:
    """The cosignature of the published example comes out byte for byte."""
    own = KNOWN["cosigned"].splitlines(keepends=True)
    note = "".join(own[:-1]).encode()
    assert str(COSIGNER.key) == KNOWN["witness"]["key"]
    line = COSIGNER.cosign(parse_note(note).text, KNOWN["witness"]["time"]).line()
    assert line == own[-1]
    assert cosignature_of(note, line, COSIGNER.key) is not None
    assert cosigners(KNOWN["cosigned"].encode(), [COSIGNER.key]) == {COSIGNER.key}
    assert not cosigners(note, [COSIGNER.key])


def test_empty_log() -> None:
    """The empty log is cosigned, and one that claims another root is not."""
    asked = witness()
    good = Request(0, (), KNOWN["empty"].encode()).to_bytes()
    bad = SIGNER.sign(Checkpoint(SIGNER.name, 0, bytes(32)).text())
    assert asked.add_checkpoint(Request(0, (), bad).to_bytes(), NOW).status == 409
    assert asked.add_checkpoint(good, NOW).status == 200
    assert asked.add_checkpoint(LOG.request(0, 5), NOW).status == 200


def test_two_logs() -> None:
    """Each log has a size of its own, and neither key signs for the other."""
    asked = witness()
    assert asked.add_checkpoint(LOG.request(0, 9), NOW).status == 200
    assert asked.add_checkpoint(FOREIGN.request(0, 4), NOW).status == 200
    assert asked.add_checkpoint(FOREIGN.request(4, 5), NOW).status == 200
    assert asked.add_checkpoint(LOG.request(4, 10), NOW).body == "9\n"
    text = Checkpoint(OTHER.name, 6, FOREIGN.tree.root(6)).text()
    line = SIGNER.sign(Checkpoint(SIGNER.name, 6, FOREIGN.tree.root(6)).text())
    crossed = f"{text}\n".encode() + line.partition(b"\n\n")[2]
    body = Request(5, tuple(FOREIGN.tree.consistency(5, 6)), crossed).to_bytes()
    assert asked.add_checkpoint(body, NOW).status == 403


def test_extension_lines() -> None:
    """A log that adds lines to its checkpoint is cosigned with them."""
    text = f"{SIGNER.name}\n4\n{base64.b64encode(LOG.tree.root(4)).decode()}\nmore\n"
    data = SIGNER._private.sign(text.encode())
    field = base64.b64encode(SIGNER.key.id + data).decode()
    note = f"{text}\n— {SIGNER.name} {field}\n".encode()
    answer = witness().add_checkpoint(Request(0, (), note).to_bytes(), NOW)
    assert answer.status == 200
    assert cosignature_of(note, answer.body, COSIGNER.key) is not None


def test_two_keys_of_one_log(tmp_path: Path) -> None:
    """While a log's key changes, either of the two is enough."""
    memory = stored(tmp_path)
    memory.trust(IMPOSTOR.key)
    asked = witness(memory)
    assert asked.add_checkpoint(resigned(0, 3, IMPOSTOR), NOW).status == 200
    assert asked.add_checkpoint(LOG.request(3, 4), NOW).status == 200
    assert len(memory.logs()[0].keys) == 2
    memory.close()


def test_lost_race() -> None:
    """A request that was overtaken is judged anew, and gets the size that won."""

    class Overtaken(RamMemory):
        """Lets another request come first."""

        def advance(self, before: Checkpoint | None, after: Checkpoint) -> bool:
            """Let another request come first, once."""
            if not self.cosigned:
                self.cosigned[SIGNER.name] = Checkpoint(
                    SIGNER.name, 12, LOG.tree.root(12)
                )
            return super().advance(before, after)

    answer = witness(Overtaken()).add_checkpoint(LOG.request(0, 9), NOW)
    assert (answer.status, answer.body) == (409, "12\n")


def test_too_large_and_elsewhere() -> None:
    """A body over the limit is refused unread, and no other address exists."""
    with knocking(create_witness_app(witness(), lambda: NOW)) as client:
        large = client.post("/add-checkpoint", content=b"x" * (REQUEST_BYTES_MAX + 1))
        assert large.status_code == 413
        assert client.get("/add-checkpoint").status_code == 405
        for path in ("/", "/docs", "/openapi.json", "/add-checkpoint/"):
            assert client.post(path, content=b"").status_code == 404


def test_broken_memory() -> None:
    """A witness that cannot remember cosigns nothing, and says so inside."""

    class Broken(RamMemory):
        """Cannot remember."""

        def advance(self, before: Checkpoint | None, after: Checkpoint) -> bool:
            """Fail as a full disk does."""
            del before, after
            raise HoldfastError("the disk is full", "Make room.")

    told: list[str] = []
    door = create_witness_app(witness(Broken()), lambda: NOW, told.append)
    with knocking(door) as client:
        answer = client.post("/add-checkpoint", content=LOG.request(0, 9))
    assert answer.status_code == 503
    assert told == ["the disk is full"]


MUTATIONS: tuple[Callable[[bytes, int, int], bytes], ...] = (
    lambda body, at, byte: body[:at] + bytes([byte]) + body[at + 1 :],
    lambda body, at, byte: body[:at] + bytes([byte]) + body[at:],
    lambda body, at, _: body[:at],
    lambda body, at, _: body[:at] + body[at + 1 :],
    lambda body, at, _: body[at:] + body[:at],
)


@given(
    how=st.sampled_from(MUTATIONS),
    at=st.integers(0, len(LOG.request(8, 20)) - 1),
    byte=st.integers(0, 255),
)
def test_altered_requests(how, at: int, byte: int) -> None:
    """A request with a byte changed is cosigned only if it says the same."""
    body = LOG.request(8, 20)
    asked = witness()
    asked.add_checkpoint(LOG.request(0, 8), NOW)
    answer = asked.add_checkpoint(how(body, at, byte), NOW)
    assert answer.status in {200, 400, 403, 404, 409, 422}
    if answer.status == 200:
        assert parse_request(how(body, at, byte)) == parse_request(body)


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_any_bytes(body: bytes) -> None:
    """Whatever is sent, the answer is a refusal and never an exception."""
    assert witness().add_checkpoint(body, NOW).status in {400, 404}


def test_answers_of_others() -> None:
    """Of an answer only the line of the one known key counts, and only if it holds."""
    note = LOG.note(9)
    text = parse_note(note).text
    own = COSIGNER.cosign(text, NOW).line()
    other = Cosigner("x.example/w", bytes([7]) * 32).cosign(text, NOW).line()
    wrong = COSIGNER.cosign(parse_note(LOG.note(8)).text, NOW).line()
    found = cosignature_of(note, other + own, COSIGNER.key)
    assert found is not None
    assert found[0].line() == own
    assert found[1] == NOW
    for answer in ("", "\n", "garbage\n", other, wrong, own + wrong, own[:-1]):
        assert cosignature_of(note, answer, COSIGNER.key) is None


def test_key_in_form() -> None:
    """A name with a space or a seed of the wrong length makes no witness."""
    for name, size in (("a b", 32), ("", 32), ("a", 31)):
        with pytest.raises(LedgerError, match="a witness needs"):
            Cosigner(name, bytes(size))
