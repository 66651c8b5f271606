"""The answers that the public formats fix: ours, and the shared ones where they lie."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.ledger import merkle, note
from holdfast.ledger.checkpoint import Checkpoint, Signer, verify_checkpoint
from holdfast.ledger.tiles import (
    Tile,
    decode_bundle,
    encode_bundle,
    index_path,
    tiles_of,
)

OURS = Path(__file__).with_name("answers.json")
SHARED = Path(__file__).parents[3] / "shared" / "ledger-vectors.json"


def _from_shared(given: dict[str, Any]) -> dict[str, Any]:
    """Bring the shared answers into the shape of ours."""
    rows = zip(given["leaves"], given["leaf_hashes"], given["roots"], strict=True)
    signed = given["checkpoint"]
    return {
        "hashes": {
            "empty root": given["empty_root"],
            "leaf of nothing": given["leaf_of_empty"],
            "leaf of 'L123456'": given["leaf_of_L123456"],
            "node of 'N123' and 'N456'": given["node_of_N123_N456"],
        },
        "eight": [{"entry": e, "leaf": leaf, "root": root} for e, leaf, root in rows],
        "proofs": [
            {"of": "entry", "at": one["index"], **one} for one in given["inclusion"]
        ]
        + [{"of": "size", "at": one["old"], **one} for one in given["consistency"]],
        "counting": [
            {"size": int(size), "root": root}
            for size, root in given["counter_roots"].items()
        ],
        "paths": [[int(at), path] for at, path in given["tile_paths"].items()],
        "some tiles of 70000": given["tiles_of_70000"],
        "notes": [
            {"key": one["vkey"], "note": one["note"]} for one in given["notes"].values()
        ],
        "checkpoints": {
            "log": {"seed": signed["log_seed"], "key": signed["log_vkey"]},
            "witness": {"key": signed["witness_vkey"], "time": signed["time"]},
            "cosigned": signed["signed"],
            "empty": given["empty_checkpoint"],
        },
        "bundle": {
            "entries": given["bundle"]["entries_hex"],
            "bytes": given["bundle"]["bytes_hex"],
        },
    }


def _sources() -> dict[str, dict[str, Any]]:
    sources = {"ours": json.loads(OURS.read_text(encoding="utf-8"))}
    if SHARED.exists():
        sources["shared"] = _from_shared(json.loads(SHARED.read_text(encoding="utf-8")))
    return sources


SOURCES = _sources()


@pytest.fixture(params=SOURCES, name="answers")
def _answers(request: pytest.FixtureRequest) -> dict[str, Any]:
    return SOURCES[request.param]


def test_hashes(answers: dict[str, Any]) -> None:
    """Leaves and nodes are hashed under their own prefixes."""
    hashes = answers["hashes"]
    assert merkle.EMPTY_ROOT.hex() == hashes["empty root"]
    assert merkle.leaf_hash(b"").hex() == hashes["leaf of nothing"]
    assert merkle.leaf_hash(b"L123456").hex() == hashes["leaf of 'L123456'"]
    node = merkle.node_hash(b"N123", b"N456")
    assert node.hex() == hashes["node of 'N123' and 'N456'"]


def test_eight_roots(answers: dict[str, Any]) -> None:
    """Frontier, fold and tree give the known root at each of eight sizes."""
    frontier, leaves = merkle.Frontier(), []
    for row in answers["eight"]:
        leaf = merkle.leaf_hash(bytes.fromhex(row["entry"]))
        assert leaf.hex() == row["leaf"]
        leaves.append(leaf)
        frontier = frontier.append(leaf)
        assert frontier.root().hex() == row["root"]
        assert merkle.fold(leaves).hex() == row["root"]
        assert merkle.Tree(leaves).root().hex() == row["root"]


def test_proofs(answers: dict[str, Any]) -> None:
    """Inclusion and consistency proofs are the known ones, and verify."""
    rows = answers["eight"]
    leaves = [bytes.fromhex(row["leaf"]) for row in rows]
    roots = [merkle.EMPTY_ROOT, *(bytes.fromhex(row["root"]) for row in rows)]
    tree = merkle.Tree(leaves)
    for one in answers["proofs"]:
        at, size = one["at"], one["size"]
        if one["of"] == "entry":
            path = tree.inclusion(at, size)
            merkle.verify_inclusion(leaves[at], at, size, path, roots[size])
        else:
            path = tree.consistency(at, size)
            merkle.verify_consistency(at, roots[at], size, roots[size], path)
        assert [node.hex() for node in path] == one["path"]


def test_large_roots(answers: dict[str, Any]) -> None:
    """A log of counted entries has the known roots up to seventy thousand."""
    wanted = {row["size"]: row["root"] for row in answers["counting"]}
    entries = (at.to_bytes(8, "big") for at in range(max(wanted)))
    leaves = merkle.leaf_hashes(entries)
    frontier, grown = merkle.Frontier(), 0
    for size, root in sorted(wanted.items()):
        frontier, grown = frontier.extend(leaves[grown:size]), size
        assert base64.b64encode(frontier.root()).decode() == root
        assert base64.b64encode(merkle.fold(leaves[:size])).decode() == root


def test_paths(answers: dict[str, Any]) -> None:
    """Tile numbers are spelled in groups of three digits."""
    for index, path in answers["paths"]:
        assert index_path(index) == path


def test_tiles_of_a_size(answers: dict[str, Any]) -> None:
    """Seventy thousand entries give 273 full tiles and the known partial ones."""
    paths = [tile.path for tile in tiles_of(70_000)]
    assert set(answers["some tiles of 70000"]) <= set(paths)
    assert len(paths) == 273 + 1 + 1 + 1 + 1


def test_notes(answers: dict[str, Any]) -> None:
    """Notes signed by others verify, and are written back as they were."""
    for one in answers["notes"]:
        key = note.parse_verifier_key(one["key"])
        assert str(key) == one["key"]
        parsed = note.parse_note(one["note"].encode())
        assert note.verify(parsed, [key]) == (note.Verified(key),)
        assert parsed.to_bytes().decode() == one["note"]


def test_checkpoints(answers: dict[str, Any]) -> None:
    """A checkpoint is signed to the byte, and a witness's signature is checked."""
    given = answers["checkpoints"]
    signer = Signer("example.com/log", bytes.fromhex(given["log"]["seed"]))
    witness = note.parse_verifier_key(given["witness"]["key"])
    assert signer.verifier_key == given["log"]["key"]
    empty = Checkpoint(signer.name, 0, merkle.EMPTY_ROOT)
    assert signer.sign(empty.text()).decode() == given["empty"]
    signed = verify_checkpoint(given["cosigned"].encode(), [signer.key, witness])
    assert signed.checkpoint.size == 8
    assert [one.time for one in signed.signed_by] == [None, given["witness"]["time"]]
    own_lines = signer.sign(signed.checkpoint.text()).decode()
    assert given["cosigned"].startswith(own_lines)


def test_bundle(answers: dict[str, Any]) -> None:
    """A bundle is each entry after its length."""
    entries = [bytes.fromhex(entry) for entry in answers["bundle"]["entries"]]
    data = bytes.fromhex(answers["bundle"]["bytes"])
    assert encode_bundle(entries) == data
    assert decode_bundle(data, Tile(None, 0, len(entries))) == entries
