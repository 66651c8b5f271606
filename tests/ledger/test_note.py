"""Signed notes and checkpoints: what is refused, and how precisely."""

from __future__ import annotations

import pytest

from holdfast.ledger import note as notes
from holdfast.ledger.checkpoint import (
    Checkpoint,
    Signer,
    parse_checkpoint,
    verify_checkpoint,
)
from holdfast.ledger.errors import LedgerError
from holdfast.ledger.witness import Cosigner

ROOT = "A" * 43 + "="
STRANGER = Signer("example.com/stranger", b"s" * 32)


def _signed(signer: Signer, size: int = 3) -> bytes:
    return signer.sign(Checkpoint(signer.name, size, bytes(32)).text())


def test_failing_known_signature_rejects_the_note(signer: Signer) -> None:
    """A changed text is refused, naming the signed bytes and the signature's."""
    good = _signed(signer)
    with pytest.raises(LedgerError) as caught:
        verify_checkpoint(good.replace(b"\n3\n", b"\n4\n"), [signer.key])
    text = len(good.rpartition(b"\n\n")[0]) + 1
    assert (
        caught.value.where == f"bytes 0-{text} signed by bytes {text + 1}-{len(good)}"
    )
    assert "signature of example.com/log does not fit" in str(caught.value)


def test_unknown_signatures_are_ignored(signer: Signer) -> None:
    """A line of a key or type that is not known does not harm the note."""
    line = notes.Signature("example.com/later", b"\x06later"[:4], b"x" * 2420).line()
    data = _signed(signer) + line.encode()
    assert verify_checkpoint(data, [signer.key]).checkpoint.size == 3


def test_second_line_of_a_known_key_is_checked_too(signer: Signer) -> None:
    """One good line does not excuse a failing one of the same key."""
    bad = notes.Signature(signer.name, signer.key.id, b"x" * 64).line()
    with pytest.raises(LedgerError, match="does not fit the text"):
        verify_checkpoint(_signed(signer) + bad.encode(), [signer.key])


def test_no_known_signature(signer: Signer) -> None:
    """A note that no given key signed is refused, and the signers are named."""
    with pytest.raises(LedgerError, match=r"signed by example\.com/log\+[0-9a-f]{8},"):
        verify_checkpoint(_signed(signer), [STRANGER.key])
    with pytest.raises(LedgerError, match="keys given are of nobody"):
        verify_checkpoint(_signed(signer), [])


def test_a_witness_alone_does_not_do(signer: Signer) -> None:
    """A checkpoint needs the log's own signature, whoever else signed."""
    text = Checkpoint("example.com/elsewhere", 3, bytes(32)).text()
    made = signer._private.sign(text.encode())
    line = notes.Signature(signer.name, signer.key.id, made)
    data = notes.Note(text, (line,)).to_bytes()
    with pytest.raises(LedgerError, match=r"log example\.com/elsewhere itself"):
        verify_checkpoint(data, [signer.key])


def test_another_key_of_the_right_name_is_named(signer: Signer) -> None:
    """Both ids are told, that of the note and that of the key given, and what to do."""
    other = Signer(signer.name, bytes([9]) * 32)
    note = signer.sign(Checkpoint(signer.name, 3, bytes(32)).text())
    for trusted in ([other.key], [other.key, Cosigner("w.example/w", bytes(32)).key]):
        with pytest.raises(LedgerError) as caught:
            verify_checkpoint(note, trusted)
        assert f"signed by {signer.name}+{signer.key.id.hex()}" in str(caught.value)
        assert f"{other.name}+{other.key.id.hex()}" in str(caught.value)
        assert "rotated" in caught.value.hint
        assert "ledger.vkey" in caught.value.hint
    witness = Cosigner("w.example/w", bytes(32))
    cosigned = note + cosignature_line(witness, note)
    with pytest.raises(LedgerError) as caught:
        verify_checkpoint(cosigned, [other.key, witness.key])
    assert f"signed {signer.name}+{signer.key.id.hex()}" in str(caught.value)
    assert f"a log are {other.name}+{other.key.id.hex()}" in str(caught.value)
    assert "rotated" in caught.value.hint


def cosignature_line(witness: Cosigner, note: bytes) -> bytes:
    """Return the witness's line for a note."""
    return witness.cosign(notes.parse_note(note).text, 1_700_000_000).line().encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\xe2\x80\x94 name YWJjZGVm",
        b"text\n\n\xe2\x80\x94 name YWJj\n",
        b"text\n\n\xe2\x80\x94 na+me YWJjZGVm\n",
        b"text\n\n\xe2\x80\x94 na me YWJjZGVm\n",
        b"text\n\n\xe2\x80\x94 name YWJjZGVm=\n",
        b"text\n\n- name YWJjZGVm\n",
        b"text\n\n\xe2\x80\x94  YWJjZGVm\n",
        b"te\rxt\n\n\xe2\x80\x94 name YWJjZGVm\n",
        b"te\xffxt\n\n\xe2\x80\x94 name YWJjZGVm\n",
        b"text\n\n" + b"\xe2\x80\x94 name YWJjZGVm\n" * 101,
        b"x" * 1_000_001,
    ],
)
def test_malformed_notes(data: bytes) -> None:
    """A note that is not in form is refused with a way out."""
    with pytest.raises(LedgerError) as caught:
        notes.parse_note(data)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        f"log\n3\n{ROOT}",
        f"log\n3\n{ROOT}\nmore\n",
        f"log\n03\n{ROOT}\n",
        f"log\n-3\n{ROOT}\n",
        f"log\n٣\n{ROOT}\n",
        f"log\n9223372036854775808\n{ROOT}\n",
        f"log\n{'9' * 5000}\n{ROOT}\n",
        f"lo g\n3\n{ROOT}\n",
        f"\n3\n{ROOT}\n",
        f"log\n3\n{ROOT[:-2]}B=\n",
        "log\n3\nAAAA\n",
        "\ud800\n3\nAAAA\n",
    ],
)
def test_malformed_checkpoints(text: str) -> None:
    """Only three lines, each in its one spelling, are a checkpoint."""
    with pytest.raises(LedgerError):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AAAA",
        "na me+00000000+" + "A" * 44,
        "name+00000000+" + "A" * 44,
        "name+00000000+Ag" + "A" * 42,
        "n\udc80+00000000+" + "A" * 44,
    ],
)
def test_malformed_keys(text: str) -> None:
    """A verifier key that is not in form, or not of its id, is refused."""
    with pytest.raises(LedgerError):
        notes.parse_verifier_key(text)


def test_mistyped_key_is_told(signer: Signer) -> None:
    """A key whose id does not belong to it says so."""
    text = signer.verifier_key.replace("/log+", "/lag+")
    with pytest.raises(LedgerError, match="key's id is"):
        notes.parse_verifier_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "0" * 64,
        "example.com/log\n" + "ab" * 32,
        "PRIVATE+KEY+example.com/log+deadbeef+c2VjcmV0",
        "xoxb-1234-secret",
        "+".join(["secret words"] * 3),
    ],
)
def test_what_is_no_key_is_not_quoted(text: str) -> None:
    """A private key, given in place of a public one, is not repeated."""
    with pytest.raises(LedgerError, match="not a verifier key") as caught:
        notes.parse_verifier_key(text)
    assert caught.value.where == ""


def test_a_mistyped_key_is_named_without_its_bytes(signer: Signer) -> None:
    """Name and id say which one was meant."""
    text = signer.verifier_key
    with pytest.raises(LedgerError, match="not a verifier key") as caught:
        notes.parse_verifier_key(text[:-4])
    assert caught.value.where == "+".join(text.split("+")[:2]) + "+…"


def test_signer_is_strict_and_silent(signer: Signer) -> None:
    """A signer signs only its own log's checkpoints and never shows its seed."""
    with pytest.raises(LedgerError, match="does not sign for"):
        signer.sign(Checkpoint("example.com/other", 0, bytes(32)).text())
    with pytest.raises(LedgerError):
        signer.sign("anything\n")
    with pytest.raises(LedgerError) as caught:
        Signer("a name", b"secret")
    assert "secret" not in f"{caught.value}{caught.value.hint}{signer!r}"
