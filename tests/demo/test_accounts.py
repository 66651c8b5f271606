"""Two accounts of the box: each reads its own private files, not the other's."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.demo.accounts import Accounts, give, lend
from holdfast.errors import HoldfastError

pytestmark = pytest.mark.engine


@pytest.fixture(name="box")
def _box() -> Iterator[Path]:
    """Provide a folder that other accounts can pass."""
    with tempfile.TemporaryDirectory(prefix="holdfast-") as made:
        Path(made).chmod(0o711)
        yield Path(made)


def private(box: Path, name: str) -> Path:
    """Make a folder with a secret in it."""
    folder = box / name
    folder.mkdir(mode=0o711)
    secret = folder / "secret"
    secret.write_text("a secret")
    secret.chmod(0o600)
    return secret


def test_each_reads_its_own_and_not_the_others(box: Path) -> None:
    """As root; a file that is open to the other, or closed to its owner, is found."""
    hers, runners = private(box, "node"), private(box, "runner")
    accounts = lend(box)
    if isinstance(accounts, str):
        # Not root, or a machine that lends no accounts: then it is said why.
        assert os.geteuid() or "cannot run Holdfast" in accounts
        return
    with pytest.raises(HoldfastError, match="cannot read its own"):
        accounts.check([hers], [runners])
    give(hers.parent, accounts.node)
    give(runners.parent, accounts.runner)
    accounts.check([hers], [runners])
    with accounts.as_node():
        assert os.geteuid() == accounts.node.uid
        assert hers.read_text() == "a secret"
        with pytest.raises(PermissionError):
            runners.read_text()
    assert os.geteuid() == 0
    runners.chmod(0o644)
    with pytest.raises(HoldfastError, match=r"uid \d+ can read"):
        accounts.check([hers], [runners])


def test_both_write_the_store_and_nobody_else_sees_it(box: Path) -> None:
    """The store lies in a folder of their common group."""
    accounts = lend(box)
    if not isinstance(accounts, Accounts):
        return
    store = box / "store"
    store.mkdir(mode=0o700)
    (store / "log").write_text("x")
    accounts.share(store)
    for account in (accounts.node, accounts.runner):
        assert accounts.runs(account, ["sh", "-c", f"echo y >> {store}/log"])
        assert accounts.runs(account, ["touch", str(store / account.name[:3])])
    assert store.stat().st_mode & 0o007 == 0
