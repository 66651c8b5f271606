"""A stranger's verifier, in another language, accepts what is published, and no more.

`independent/verify.pl` knows the public specifications and nothing of Holdfast's code.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.witness.rig import COSIGNER, SIGNER

from holdfast.ledger.checkpoint import Checkpoint, Signer, signed_note
from holdfast.ledger.merkle import Tree
from holdfast.ledger.note import Note, Signature, parse_note
from holdfast.ledger.witness import Cosigner, Witness
from holdfast.operations.ports.store import Draft
from holdfast.operations.witnessing import Cosigned
from holdfast.server.serving import serving
from holdfast.server.witness import create_witness_app
from holdfast.sources.witness import HttpWitness
from holdfast.storage.audit import prove
from holdfast.storage.folder import export
from holdfast.storage.memory import MemoryStore
from holdfast.storage.witness import WitnessStore

PROGRAM = Path(__file__).parent / "independent" / "verify.pl"
SIZES = (0, 1, 255, 256, 257, 1_000, 65_536, 70_000)
NOW = datetime(2026, 11, 4, 9, tzinfo=UTC)
KEY = ("--key", SIGNER.verifier_key)
WITNESS = ("--witness", str(COSIGNER.key), "--quorum", "1")


def judge(*argv: object) -> tuple[bool, str]:
    """Run the stranger's verifier; return whether it accepts, and what it says."""
    command = ["perl", str(PROGRAM), *(str(one) for one in argv)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def _with(note: bytes, line: Signature) -> bytes:
    parsed = parse_note(note)
    return Note(parsed.text, (*parsed.signatures, line)).to_bytes()


@dataclass
class Company:
    """A log that grows, is signed, cosigned by a witness over HTTP, and published."""

    folder: Path
    witness: HttpWitness
    store: MemoryStore = field(default_factory=MemoryStore)
    before: int = 0

    def publish(self, size: int) -> None:
        """Grow to the size, and publish."""
        have = self.store.size()
        self.store.append(
            [Draft(f"k{at}", lambda _, at=at: b"entry %d" % at)
             for at in range(have, size)],
            now=NOW,
        )  # fmt: skip
        root = self.store.root()[1]
        note = SIGNER.sign(Checkpoint(SIGNER.name, size, root).text())
        tree = Tree(self.store.leaf_hashes(0, size))
        said = self.witness.cosign(note, size, self.before, tree.consistency)
        assert isinstance(said, Cosigned), said
        self.store.save_checkpoint(size, _with(note, said.signature))
        self.before = size
        export(self.store, self.folder)


@pytest.fixture(name="witness", scope="module")
def _witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWitness]:
    """Run a witness that trusts the log, and return who asks it."""
    memory = WitnessStore.create(tmp_path_factory.mktemp("witness") / "witness.sqlite")
    memory.trust(SIGNER.key)
    app = create_witness_app(Witness(COSIGNER, memory), lambda: int(NOW.timestamp()))
    with serving(app, port=0) as address:
        yield HttpWitness("auditor", address, COSIGNER.key)


def test_every_published_size_is_accepted(tmp_path: Path, witness: HttpWitness) -> None:
    """Each size is accepted with a quorum of one, and all older sizes as anchors."""
    company = Company(tmp_path / "log", witness)
    for count, size in enumerate(SIZES, 1):
        company.publish(size)
        accepted, said = judge("log", company.folder, *KEY, *WITNESS)
        assert accepted, said
        assert f": {size} entries" in said
        assert f"{count} checkpoints, 1 cosignatures" in said


@pytest.fixture(name="small", scope="module")
def _small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log of 300 entries, signed and cosigned at several sizes."""
    folder, store = tmp_path_factory.mktemp("small") / "log", MemoryStore()
    for size in (7, 256, 300):
        drafts = [Draft(f"k{at}", lambda _, at=at: b"%d" % at) for at in range(size)]
        store.append(drafts, now=NOW)
        text = Checkpoint(SIGNER.name, *store.root()).text()
        line = COSIGNER.cosign(text, int(NOW.timestamp()))
        store.save_checkpoint(size, _with(SIGNER.sign(text), line))
    export(store, folder)
    entry = store.read(280, 281)[0]
    (folder.parent / "entry").write_bytes(entry)
    (folder.parent / "proof").write_bytes(prove(store, 280).to_bytes())
    return folder


def test_any_altered_file_is_refused(small: Path) -> None:
    """One byte changed in any file of a log, and the stranger refuses it."""
    files = [path for path in sorted(small.rglob("*")) if path.is_file()]
    assert {path.parent.name for path in files} >= {"checkpoints", "0", "001.p"}
    for path in files:
        good = path.read_bytes()
        # Of a checkpoint every part, of a tile both ends and the middle.
        places = {0, len(good) // 2, len(good) - 1}
        if b"\n\n" in good:
            places |= {16, 20, good.index(b"\n\n"), good.index(b"\n\n") + 60}
        for at in places:
            path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
            accepted, said = judge("log", small, *KEY, *WITNESS)
            path.write_bytes(good)
            assert not accepted, (path, at)
            assert said
    assert judge("log", small, *KEY, *WITNESS)[0]


def test_files_missing_or_beyond_the_log_are_refused(small: Path) -> None:
    """A file that is gone, cut off, or of more than was signed is refused."""
    for name in ("checkpoint", "tile/0/000", "tile/entries/001.p/44", "tile/1/000.p/1"):
        path = small / name
        good = path.read_bytes()
        path.write_bytes(good[:-1])
        assert not judge("log", small, *KEY)[0]
        path.unlink()
        assert not judge("log", small, *KEY)[0]
        path.write_bytes(good)
    extra = small / "tile" / "0" / "002.p"
    extra.mkdir()
    (extra / "1").write_bytes(bytes(32))
    accepted, said = judge("log", small, *KEY)
    assert (accepted, said) == (False, "tile/0/002.p/1: beyond the end of the log")
    (extra / "1").unlink()
    extra.rmdir()
    assert judge("log", small, *KEY)[0]


def test_who_vouches_is_counted(small: Path) -> None:
    """Another log's key, another witness, or too great a quorum is not enough."""
    other = Signer("example.com/log", bytes(31) + b"x").verifier_key
    stranger = Cosigner("example.com/other", bytes(32)).key
    assert not judge("log", small, "--key", other)[0]
    for argv in (
        ("--witness", stranger),
        (*WITNESS, "--witness", stranger, "--quorum", 2),
    ):
        accepted, said = judge("log", small, *KEY, *argv)
        assert not accepted
        assert "cosignatures, not" in said


def test_a_proof_is_accepted_and_any_change_refused(small: Path) -> None:
    """A proof of ours holds for its entry; with one bit changed, for none."""
    proof, entry = small.parent / "proof", small.parent / "entry"
    argv = ("proof", proof, "--entry", entry, *KEY, *WITNESS)
    accepted, said = judge(*argv)
    assert (accepted, said) == (
        True,
        "entry 280 of 300 in example.com/log: all right",
    )
    good = proof.read_bytes()
    for at in range(0, len(good), 23):
        proof.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert not judge(*argv)[0], at
    proof.write_bytes(good)
    entry.write_bytes(b"281")
    assert not judge(*argv)[0]


def test_the_strangers_share_no_code() -> None:
    """The verifier is one file of Perl that starts nothing but openssl."""
    text = PROGRAM.read_text("utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert "holdfast" not in code.lower()
    assert code.count("system ") == 1
    assert "python" not in code


def test_a_rotation_is_accepted_by_whoever_knows_a_key_of_its_time(
    tmp_path: Path,
) -> None:
    """Two signature lines while both keys sign: either key will do, and one that signs
    no more, or not yet, will not.
    """
    new = Signer(SIGNER.name, bytes([44]) * 32)
    times = ((7, (SIGNER,)), (256, (SIGNER, new)), (300, (new,)))
    accepted = {}
    for size, signers in times:
        store = MemoryStore()
        drafts = [Draft(f"k{at}", lambda _, at=at: b"%d" % at) for at in range(size)]
        store.append(drafts, now=NOW)
        text = Checkpoint(SIGNER.name, *store.root()).text()
        store.save_checkpoint(size, signed_note(text, signers))
        export(store, tmp_path / str(size))
        accepted[size] = tuple(
            judge("log", tmp_path / str(size), "--key", one.verifier_key)[0]
            for one in (SIGNER, new)
        )
    assert accepted == {7: (True, False), 256: (True, True), 300: (False, True)}
