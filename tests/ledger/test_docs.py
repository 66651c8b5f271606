"""The page for auditors: its commands are run as they stand, and they find harm."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.ledger.checkpoint import Checkpoint, Signer
from holdfast.ledger.merkle import Tree, leaf_hash
from holdfast.ledger.proof import Proof

PAGE = Path(__file__).parents[2] / "docs" / "auditing" / "verify-by-hand.md"
COMMANDS = re.findall(
    r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
)
PROGRAM = """#!{python}
import typer
from holdfast.cli.ledger import app as ledger
app = typer.Typer()
app.add_typer(ledger, name="ledger")
app()
"""

Run = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, publish, signer: Signer) -> Path:
    """Return a folder as an auditor has it: log, key, an entry and its proof."""
    entries = [b'{"entry":%d}' % at for at in range(300)]
    for path, data in publish(entries, [7]).files.items():
        target = tmp_path / "log" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    tree = Tree(leaf_hash(entry) for entry in entries)
    note = signer.sign(Checkpoint(signer.name, tree.size, tree.root()).text())
    proof = Proof(3, tuple(tree.inclusion(3)), note)
    (tmp_path / "key.txt").write_text(signer.verifier_key + "\n", "utf-8")
    (tmp_path / "entry-3").write_bytes(entries[3])
    (tmp_path / "3.tlog-proof").write_bytes(proof.to_bytes())
    return tmp_path


@pytest.fixture(name="run")
def _run(folder: Path) -> Run:
    """Return the function that runs a command of the page in the folder."""
    program = folder / "bin" / "holdfast"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable), "utf-8")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-ec", command],
            cwd=folder,
            env={**os.environ, "PATH": path},
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_the_page_proves_a_good_log(run: Run, folder: Path) -> None:
    """Every command of the page succeeds on a good log, with the words it promises."""
    results = [run(command) for command in COMMANDS]
    assert [result.returncode for result in results] == [0] * 7, results
    tool, proof, signature, text, entry, digest, root = (one.stdout for one in results)
    assert "300 entries, all sound" in tool
    assert "Entry 3 is in example.com/log" in proof
    assert "Signature Verified Successfully" in signature
    assert text.startswith("example.com/log\n300\n")
    assert '{"entry":3}\n' in entry
    assert entry.endswith(" fits\n")
    assert leaf_hash((folder / "entry-3").read_bytes()).hex() in digest
    assert root.endswith(" fits\n")


def test_the_page_finds_an_altered_entry(run: Run, folder: Path) -> None:
    """After one byte of an entry is changed, each way of the page says so."""
    bundle = folder / "log" / "tile" / "entries" / "000"
    bundle.write_bytes(bundle.read_bytes().replace(b'{"entry":3}', b'{"entry":4}'))
    tool, _, _, _, entry, _, root = (run(command) for command in COMMANDS)
    assert tool.returncode != 0
    assert "DOES NOT FIT" in entry.stdout
    assert "DOES NOT FIT" in root.stdout


def test_the_page_finds_an_altered_checkpoint(run: Run, folder: Path) -> None:
    """After the size is changed, the signature no longer fits."""
    note = folder / "log" / "checkpoint"
    note.write_bytes(note.read_bytes().replace(b"\n300\n", b"\n299\n"))
    tool, _, signature, *_ = (run(command) for command in COMMANDS)
    assert tool.returncode != 0
    assert signature.returncode != 0
