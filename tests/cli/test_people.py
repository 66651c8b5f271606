"""`holdfast people`: seen by those who may, erased once, and gone."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from tests.operations.company import SERVICE, company, texts
from typer.testing import CliRunner

from holdfast.assembly.keys import write_private
from holdfast.cli.main import app
from holdfast.domain.declare import parse_catalogue
from holdfast.domain.events.governance import CatalogueAdopted
from holdfast.domain.separation import contacts_of
from holdfast.errors import HoldfastError
from holdfast.journal import Fact, read
from holdfast.operations.authority import ForbiddenError
from holdfast.operations.govern import adopt
from holdfast.settings import Home
from holdfast.storage.opening import open_store

CONTACTS = contacts_of(parse_catalogue(texts().catalogue))


def run(*argv: object) -> str:
    """Run a command; return what it printed."""
    result = CliRunner().invoke(app, [str(one) for one in argv])
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture(name="home")
def _home(tmp_path: Path) -> Path:
    """Return a home whose company adopted its folder and lived through an outage."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "holdfast.toml").write_text("", "utf-8")
    write_private(home / "people.key", "00" * 32 + "\n")
    store = open_store(Home(home).store_url)
    made = company(store)
    made.turn(ok=False)
    made.beat(3)
    store.close()
    return home


def on_disk(home: Path) -> bytes:
    """Return every byte of the home's database."""
    return b"".join(one.read_bytes() for one in sorted(home.glob("holdfast.sqlite*")))


def test_who_is_known_is_listed_by_pseudonym(home: Path) -> None:
    """The list names ids, roles and services, and nobody's name or address."""
    found = json.loads(run("people", "list", "--home", home, "--json"))
    by_name = {one["reference"]: one for one in found}
    assert by_name.keys() == CONTACTS.keys()
    assert by_name["person:ana"]["roles"] == ["RC"]
    assert all(one["kept"] and one["erased_at"] is None for one in found)
    told = run("people", "list", "--home", home)
    assert "person:ana" in told
    assert CONTACTS["person:ana"].email not in told


def test_all_that_is_known_is_shown_to_who_may(home: Path) -> None:
    """Contact, commitment and the entries that name the pseudonym; not to everybody."""
    argv = ("people", "show", "ana", "--home", home, "--as")
    found = json.loads(run(*argv, "gus", "--json"))
    assert found["contact"]["email"] == CONTACTS["person:ana"].email
    assert found["matches"] is True
    kinds = {one["type"]: one for one in found["mentioned"]}
    assert kinds["catalogue.adopted"]["count"] == 1
    store = open_store(Home(home).store_url)
    for kind, one in kinds.items():
        for index in (one["first"], one["last"]):
            data = store.read(index, index + 1)[0]
            assert kind == read(index, data).event.TYPE
            assert b"ana" in data
    store.close()
    assert CONTACTS["person:ana"].email in run(*argv, "gus")
    with pytest.raises(ForbiddenError):
        run(*argv, "eli")


def test_somebody_is_erased_once_and_for_good(home: Path) -> None:
    """Row and key are gone from the file, one entry says so, a repeat is harmless."""
    store = open_store(Home(home).store_url)
    row, size = store.person("person:ana"), store.size()
    store.close()
    assert row is not None
    assert row.data in on_disk(home)
    argv = ("people", "erase", "ana", "--reason", "request", "--home", home)
    done = json.loads(run(*argv, "--as", "dora", "--json"))
    assert (done["index"], done["already"]) == (size, False)
    assert {one["type"] for one in done["mentioned"]} >= {"catalogue.adopted"}
    assert row.data not in on_disk(home)
    assert row.key not in on_disk(home)
    again = json.loads(run(*argv, "--as", "dora", "--json"))
    assert (again["index"], again["already"]) == (size, True)
    assert "was erased before" in run(*argv, "--as", "dora")
    store = open_store(Home(home).store_url)
    assert store.size() == size + 1
    (entry,) = store.read(size, size + 1)
    store.close()
    body = json.loads(entry)["body"]
    assert body["person"] == "person:ana"
    assert body["reason"] == "request"
    assert body["by"] == "dora"
    assert len(body["commitments"]) == 64
    found = json.loads(run("people", "list", "--home", home, "--json"))
    (ana,) = [one for one in found if one["reference"] == "person:ana"]
    assert (ana["kept"], ana["roles"]) == (False, [])
    assert ana["erased_at"]
    shown = json.loads(
        run("people", "show", "ana", "--as", "dora", "--home", home, "--json")
    )
    assert shown["contact"] is None
    assert shown["salt"] is None


def test_customers_are_erased_too(home: Path) -> None:
    """A customer is named by its reference, or by its id where that is clear."""
    name = next(one for one in CONTACTS if one.startswith("customer:"))
    short = name.partition(":")[2]
    argv = ("people", "erase", short, "--reason", "request", "--home", home)
    assert name in run(*argv, "--as", "dora")
    store = open_store(Home(home).store_url)
    assert store.person(name) is None
    store.close()


def test_what_is_refused_changes_nothing(home: Path) -> None:
    """An unknown person, a role that may not, a missing key: told, nothing lost."""
    store = open_store(Home(home).store_url)
    before = store.size(), list(store.people())
    store.close()
    argv = ("--reason", "request", "--home", home, "--as")
    with pytest.raises(HoldfastError, match='did you mean "dora"') as told:
        run("people", "erase", "dorra", *argv, "dora")
    assert "people list" in told.value.hint
    with pytest.raises(ForbiddenError):
        run("people", "erase", "ana", *argv, "eli")
    with pytest.raises(ForbiddenError):
        run("people", "erase", "ana", *argv, "mallory")
    (home / "people.key").unlink()
    with pytest.raises(HoldfastError, match="key of the personal data is gone") as told:
        run("people", "show", "ana", "--as", "dora", "--home", home)
    assert told.value.where.endswith("people.key")
    assert not (home / "people.key").exists()
    store = open_store(Home(home).store_url)
    assert (store.size(), list(store.people())) == before
    store.close()


def test_nobody_needs_the_key_to_erase(home: Path) -> None:
    """Where the home's key is lost, a person's wish is still carried out."""
    (home / "people.key").unlink()
    argv = ("people", "erase", "ana", "--reason", "request", "--home", home)
    assert "is erased" in run(*argv, "--as", "dora")


def test_the_last_seat_of_a_role_is_warned_of(home: Path) -> None:
    """Who holds a role alone is erased only where that was meant."""
    catalogue = parse_catalogue(texts().catalogue)
    leads = [p.id for p in catalogue.holders("PL")]
    argv = ("--reason", "left", "--home", home, "--as", "ana")
    for one in leads[1:]:
        run("people", "erase", one, *argv)
    with pytest.raises(HoldfastError, match="is the last one in the") as told:
        run("people", "erase", leads[0], *argv)
    assert "--yes" in told.value.hint
    assert "nobody holds the role PL" in run(
        "people", "erase", leads[0], *argv, "--yes"
    )


def test_old_catalogues_go_along(home: Path) -> None:
    """An adopted catalogue of an older Holdfast that holds the person is removed once
    it is not in force, its digest recorded; while it is in force that is told.
    """
    store = open_store(Home(home).store_url)
    made = company(store, adopted=False)
    made.clock.advance(timedelta(hours=1))
    now = made.clock.now()
    digest = store.put_blob(texts().catalogue.encode())
    made.world.log.record([Fact(CatalogueAdopted(digest, "ana", now), now)])
    argv = ("people", "erase", "eli", "--reason", "request", "--home", home)
    with pytest.raises(HoldfastError, match="with names and addresses in it") as told:
        run(*argv, "--as", "dora")
    assert "policy adopt" in told.value.hint
    made.clock.advance(timedelta(hours=1))
    adopt(made.world.log, made.clock, texts(), "ana")
    assert CONTACTS["person:eli"].email.encode() in on_disk(home)
    store.close()
    done = json.loads(run(*argv, "--as", "dora", "--json"))
    assert done["texts"] == [digest]
    assert CONTACTS["person:eli"].email.encode() not in on_disk(home)
    store = open_store(Home(home).store_url)
    assert store.blob(digest) is None
    made = company(store, adopted=False)
    made.clock.advance(timedelta(hours=3))
    made.turn(ok=True)
    made.beat(2)
    situation = made.world.situation()
    assert situation is not None
    assert situation.rules.catalogue.service(SERVICE)
    store.close()
