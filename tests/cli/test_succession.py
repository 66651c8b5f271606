"""After a theft of the key: the commands, on a real home with copies and a witness."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.test_ledger_key import House, _house, refused  # noqa: F401
from tests.cli.test_off_site import run
from tests.operations.company import START

from holdfast.assembly.node import join
from holdfast.assembly.reading import open_log
from holdfast.domain.events.custody import LedgerKeyIntroduced
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.world import Inbox
from holdfast.runner.hands import ThreadHands

NEW_ORIGIN = "northwind.example/log-2"


def settings(house: House, *, database: Path, off_site: Path) -> None:
    """Write what an operator writes by the runbook."""
    house.off_site = off_site
    house.configure('key = "ledger-2.key"', f'store = "sqlite://{database}"')


def test_a_compromise_from_end_to_end(house: House, tmp_path: Path) -> None:
    """Closed, gone on from, published beside, witnessed anew, checked by anybody."""
    at = ("--home", house.folder)
    house.beat()
    old_database = house.folder / "holdfast.sqlite"
    old_copy = {p: p.read_bytes() for p in house.off_site.rglob("*") if p.is_file()}
    old_place, new_place = house.off_site, tmp_path / "off-site-2"
    new_place.mkdir()
    run(
        "ledger", "key", "create", house.folder / "ledger-2.key",
        "--origin", NEW_ORIGIN,
    )  # fmt: skip
    words = (
        "ledger", "succeed", "--from", f"sqlite://{old_database}",
        "--reason", "a laptop with the key was stolen", "--as", "ana", *at,
    )  # fmt: skip
    assert "still name the old log's database" in str(refused(*words))
    database = house.folder / "holdfast-2.sqlite"
    settings(house, database=database, off_site=old_place)
    assert "is that of northwind.example/log" in str(refused(*words))
    settings(house, database=database, off_site=new_place)
    run("sign-out", "--as", "ana", *at)
    assert "to close ledger ana must sign in" in str(refused(*words))
    house.sign_in()
    done = json.loads(run(*words, "--json"))
    assert done["origin"] == NEW_ORIGIN
    assert "is closed" in run(*words)
    assert "went wrong" not in run("ledger", "succession", *at)
    shown = json.loads(run("ledger", "succession", *at, "--json"))
    assert shown["entries"] == done["entries"]
    assert shown["continues"] == "northwind.example/log"
    house.memory.trust(house.key("ledger-2.vkey"))
    house.beat()
    witness = ("--witness", str(house.cosigner.key), "--quorum", "1")
    sound = run("ledger", "verify", new_place, "--key", done["key"], *witness)
    assert f"{NEW_ORIGIN}: " in sound
    assert {p: p.read_bytes() for p in old_place.rglob("*") if p.is_file()} == old_copy
    closed = house.folder / "ledger-closed.vkey"
    old = ("--database", f"sqlite://{old_database}", "--key", closed)
    assert "all sound" in run("ledger", "verify", *old)
    assert "all sound" in run("ledger", "verify", *at)
    hands = ThreadHands(Inbox())
    world = join(house.home, hands, Inbox())
    assert world.notary.origin == NEW_ORIGIN
    assert world.log.state().adopted.policy is not None
    world.notary.sign()
    assert world.notary.refusal is None
    hands.close()
    world.store.close()


def test_a_node_does_not_start_on_a_closed_log(house: House, tmp_path: Path) -> None:
    """Whoever forgot to change the settings is told, and nothing is recorded."""
    house.beat()
    run(
        "ledger", "key", "create", house.folder / "ledger-2.key",
        "--origin", NEW_ORIGIN,
    )  # fmt: skip
    place = tmp_path / "off-site-2"
    place.mkdir()
    old_database = house.folder / "holdfast.sqlite"
    settings(house, database=house.folder / "holdfast-2.sqlite", off_site=place)
    run(
        "ledger", "succeed", "--from", f"sqlite://{old_database}", "--reason", "theft",
        "--as", "ana", "--home", house.folder,
    )  # fmt: skip
    house.configure()
    hands = ThreadHands(Inbox())
    with pytest.raises(HoldfastError, match="was closed by ana: theft"):
        join(house.home, hands, Inbox())
    hands.close()
    reader = open_log(house.home)
    late = Fact(LedgerKeyIntroduced("late", START), START)
    with pytest.raises(HoldfastError, match="the log is closed"):
        reader.log.record([late])
    reader.store.close()
