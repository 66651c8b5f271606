"""The commands of the copies off-site, as an operator runs them on the bad day."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
import tomli_w
from tests.cli.running import holdfast
from tests.operations.company import SEED, company, entries
from typer.testing import CliRunner

from holdfast.assembly.keys import signer_of, write_private
from holdfast.assembly.node import join, witnesses_of
from holdfast.assembly.reading import RECOVERED, SystemClock
from holdfast.assembly.runner import join_runner
from holdfast.cli.main import app
from holdfast.cli.recovering import _bring_settings
from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import Signer
from holdfast.ledger.witness import Cosigner, Witness
from holdfast.operations.log import Log
from holdfast.operations.notary import ForkError, Notary
from holdfast.operations.ports.people import SealedRow
from holdfast.operations.witnessing import Cosigned
from holdfast.operations.world import Inbox
from holdfast.runner.hands import ThreadHands
from holdfast.server.serving import serving
from holdfast.server.witness import create_witness_app
from holdfast.settings import Home, RunnerHome
from holdfast.storage.keyring import HomeKeyring
from holdfast.storage.mark import FileMark
from holdfast.storage.opening import open_store
from holdfast.storage.passwords import hash_password
from holdfast.storage.witness import WitnessStore

ORIGIN = "northwind.example/log"


def run(*argv: object) -> str:
    """Run a command; return what it printed."""
    result = CliRunner().invoke(app, [str(one) for one in argv])
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture(name="off_site")
def _off_site(tmp_path: Path) -> Path:
    """Return the folder that stands for another machine's disk."""
    folder = tmp_path / "off-site"
    folder.mkdir()
    return folder


@pytest.fixture(name="home")
def _home(tmp_path: Path, off_site: Path) -> Path:
    """Return a home whose company lived through an outage, signed, not published."""
    home = tmp_path / "home"
    home.mkdir()
    # The key that the test company signs with.
    write_private(home / "ledger.key", f"{ORIGIN}\n{SEED.hex()}\n")
    write_private(home / "people.key", "00" * 32 + "\n")
    key = Signer(ORIGIN, SEED).verifier_key
    (home / "ledger.vkey").write_text(f"{key}\n", "utf-8")
    settings = f'[[publish]]\nurl = "{off_site.as_uri()}"\n'
    (home / "holdfast.toml").write_text("", "utf-8")
    (home / "runner.toml").write_text(settings, "utf-8")
    run("ledger", "escrow", "--home", home)
    live(home)
    return home


def live(home: Path, *, adopted: bool = True) -> None:
    """Let the home's company live through something, and sign its log."""
    store = open_store(Home(home).store_url)
    made = company(store, adopted=adopted)
    made.turn(ok=False)
    made.beat(3)
    made.owe(channel="slack", recipients=["channel:irt"])
    signer = signer_of(Home(home))
    Notary(store, signer, FileMark(home / "ledger.signed")).sign()
    store.close()


def carry_keys(home: Path, new: Path) -> None:
    """Bring to a new machine what lies in the safe."""
    new.mkdir()
    names = ("holdfast.toml", "runner.toml", "ledger.key", "ledger.vkey", "escrow.key")
    for name in names:
        shutil.copy(home / name, new / name)


def give_passwords(home: Path, *people: str) -> None:
    """Give each of them the password that lies in the file `word`."""
    write_private(home / "word", "three plain words\n")
    write_private(home / "session.key", "0" * 64 + "\n")
    hashed = hash_password("three plain words")
    for person in people:
        write_private(home / f"password-{person}", hashed + "\n")
    lines = "\n".join(f'{person} = "password-{person}"' for person in people)
    settings = home / "holdfast.toml"
    settings.write_text(f"{settings.read_text()}\n[web.passwords]\n{lines}\n")


def test_publish_status_recover(
    home: Path, off_site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is published is shown by `status`, verifies, and is recovered elsewhere
    with the same root; what was owed waits until a person releases it.
    """
    (before,) = json.loads(run("ledger", "status", "--home", home, "--json"))
    assert (before["size"], before["lag"]) == (None, None)
    (done,) = json.loads(run("ledger", "publish", "--home", home, "--json"))
    (after,) = json.loads(run("ledger", "status", "--home", home, "--json"))
    assert (after["size"], after["lag"], after["error"]) == (done["size"], 0, None)
    assert "0 files written" in run("ledger", "publish", "--home", home)
    assert str(done["size"]) in run("ledger", "status", "--home", home)
    new = tmp_path / "new"
    carry_keys(home, new)
    shutil.rmtree(home)
    argv = ("ledger", "recover", "--from", off_site.as_uri(), "--home", new)
    found = json.loads(run(*argv, "--json"))
    assert (found["size"], found["root"]) == (done["size"], done["root"])
    assert found["added"] == done["size"]
    assert found["evidence"] >= 4
    assert (found["evidence_absent"], found["evidence_damaged"]) == ([], [])
    verified = json.loads(run("ledger", "verify", "--home", new, "--json"))
    assert verified["root"] == done["root"]
    assert "added       0 entries" in run(*argv)
    listed = json.loads(run("ledger", "quarantine", "list", "--home", new, "--json"))
    assert len(listed) >= 1
    assert found["quarantined"] == sum(one["deliveries"] for one in listed)
    name = listed[0]["notice"]
    assert name[:20] in run("ledger", "quarantine", "list", "--home", new)
    release = ("ledger", "quarantine", "release", name, "--as", "dora", "--home", new)
    with pytest.raises(HoldfastError, match="dora must sign in"):
        run(*release)
    monkeypatch.setenv("HOLDFAST_SESSIONS", str(tmp_path / "sessions"))
    give_passwords(new, "dora", "eli")
    for person in ("dora", "eli"):
        given = ("--password-file", new / "word", "--home", new)
        run("sign-in", "--as", person, *given)
    waits = run(*release)
    assert "waits for a second person" in waits
    order = waits.split()[-1]
    with pytest.raises(HoldfastError, match="waits for a second person"):
        run(*release)
    with pytest.raises(HoldfastError, match="cannot approve"):
        run("approve", order, "--as", "dora", "--home", new)
    run("approve", order, "--as", "eli", "--home", new)
    assert "will be sent" in run(*release)


def test_check_and_rehearse(home: Path, off_site: Path) -> None:
    """Checks and rebuilds are done now, recorded, and fail the command where wrong."""
    result = CliRunner().invoke(app, ["ledger", "check", "--home", str(home), "--json"])
    assert result.exit_code == 1
    _, first = json.loads(result.stdout)
    assert (first["ok"], "nothing was published" in first["detail"]) == (None, True)
    run("ledger", "publish", "--home", home)
    text = run("ledger", "check", "--home", home)
    assert "sound  database: " in text
    assert "entries read back and verified" in text
    done = json.loads(run("ledger", "rehearse", "--home", home, "--json"))
    assert done["outcome"] == "whole"
    assert not list(home.glob("ledger.rehearsing-*"))
    (off_site / "checkpoint").write_bytes(b"another\n")
    result = CliRunner().invoke(app, ["ledger", "check", "--home", str(home)])
    assert result.exit_code == 1
    assert "WRONG  copy file://" in result.stdout
    with pytest.raises(HoldfastError, match="name one copy"):
        run("ledger", "rehearse", "--home", home, "--copy", "s3://other/log")
    with closing(open_store(Home(home).store_url)) as store:
        kinds = [type(entry.event).__name__ for entry in entries(store)]
    assert kinds.count("LedgerChecked") == 3
    assert kinds[-2:] == ["LedgerChecked", "PublishChecked"]
    assert "LedgerRebuilt" in kinds


def test_a_recovered_node_acts(home: Path, off_site: Path, tmp_path: Path) -> None:
    """A node that starts after a recovery gives up open jobs, signs and publishes; no
    runner takes them up before.
    """
    run("ledger", "publish", "--home", home)
    new = tmp_path / "new"
    carry_keys(home, new)
    found = json.loads(
        run(
            "ledger", "recover", "--from", off_site.as_uri(), "--home", new, "--json"
        )
    )  # fmt: skip
    inbox = Inbox()
    hands = ThreadHands(inbox)
    with pytest.raises(HoldfastError, match="no node has started since"):
        join_runner(RunnerHome(new), hands, inbox)
    world = join(Home(new), hands, inbox)
    join_runner(RunnerHome(new), hands, inbox).store.close()
    state = world.log.state()
    # The node gave up each open job, and named the log's key.
    assert state.size == found["size"] + len(found["jobs_given_up"]) + 1
    assert not state.jobs.open
    assert not (new / RECOVERED).exists()
    while world.notary.sign() is None or world.store.checkpoint() is None:
        pass
    hands.close()
    world.store.close()
    assert world.notary.refusal is None
    (done,) = json.loads(run("ledger", "publish", "--home", new, "--json"))
    assert done["size"] >= found["size"]


def test_settings_of_every_node_come_back(tmp_path: Path) -> None:
    """By the node's name, which may have dots; nothing leads out of the folder."""
    given = {
        "settings:holdfast.toml:node-1.eu": "first",
        "settings:holdfast.toml:node-2": "second",
        "settings:../up:node-3": "no",
        "settings:holdfast.toml:../up": "no",
    }
    names = ["holdfast.toml", "holdfast.node-2.toml"]
    assert _bring_settings(tmp_path, given) == names
    assert [(tmp_path / name).read_text() for name in names] == ["first", "second"]
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(names)


def test_an_old_database_comes_forward(
    home: Path, off_site: Path, tmp_path: Path
) -> None:
    """A restored database is brought forward by the same command; a fork is not."""
    old = tmp_path / "old.sqlite"
    shutil.copy(home / "holdfast.sqlite", old)
    live(home, adopted=False)
    run("ledger", "publish", "--home", home)
    shutil.copy(old, home / "holdfast.sqlite")
    argv = ("ledger", "recover", "--from", off_site.as_uri(), "--home", home)
    found = json.loads(run(*argv, "--json"))
    assert 0 < found["added"] < found["size"]
    shutil.copy(old, home / "holdfast.sqlite")
    store = open_store(Home(home).store_url)
    made = company(store, adopted=False)
    made.turn(ok=True)
    made.beat(1)
    store.close()
    with pytest.raises(HoldfastError, match=r"entry \d+ of the database is not"):
        run(*argv)


@contextmanager
def witnessing(home: Path, folder: Path) -> Iterator[WitnessStore]:
    """Run a witness of the home's log, which its settings name; yield its memory."""
    cosigner = Cosigner("auditor.example/w", bytes([1]) * 32)
    with closing(WitnessStore.create(folder / "witness.sqlite")) as memory:
        memory.trust(Signer(ORIGIN, SEED).key)
        door = create_witness_app(Witness(cosigner, memory), lambda: int(time.time()))
        with serving(door, port=0) as url:
            at = {"name": "auditor", "url": url, "key": str(cosigner.key)}
            (home / "holdfast.toml").write_text(tomli_w.dumps({"witnesses": [at]}))
            yield memory


def offer(home: Path) -> None:
    """Have the newest checkpoint cosigned, as a node does."""
    at = Home(home)
    with closing(open_store(at.store_url)) as store:
        witnesses = witnesses_of(at, Log(store, "node-1", SystemClock()))
        note = store.checkpoint()
        assert witnesses is not None
        assert note is not None
        (heard,) = witnesses.hear(note)
        assert isinstance(heard.said, Cosigned)


def signed_size(home: Path) -> int:
    """Return the size of the newest checkpoint that is kept."""
    with closing(open_store(Home(home).store_url)) as store:
        return max(size for size, _ in store.checkpoints())


def test_a_copy_behind_the_witness_is_rebuilt_and_not_signed_on(
    home: Path, off_site: Path, tmp_path: Path
) -> None:
    """What was cosigned and is in no copy is told, and no node signs over it."""
    with witnessing(home, tmp_path) as memory:
        run("ledger", "publish", "--home", home)
        offer(home)
        same = tmp_path / "same"
        carry_keys(home, same)
        argv = ("ledger", "recover", "--from", off_site.as_uri(), "--home")
        assert "auditor: it cosigned nothing beyond this" in run(*argv, same)
        live(home, adopted=False)
        offer(home)
        seen = memory.latest(ORIGIN)
        assert seen is not None
        new = tmp_path / "new"
        carry_keys(home, new)
        result = CliRunner().invoke(app, [str(one) for one in (*argv, new, "--json")])
        assert isinstance(result.exception, ForkError)
        assert f"it cosigned size {seen.size}" in result.exception.message
        assert "ledger succeed" in result.exception.hint
        size = json.loads(result.stdout)["size"]
        assert signed_size(new) == size < seen.size
        world = join(Home(new), ThreadHands(Inbox()), Inbox())
        made = company(world.store, adopted=False)
        while world.store.size() <= seen.size:
            made.turn(ok=True)
            made.turn(ok=False)
            made.world.inbox.hand_over(made.world.log.record)
            made.clock.advance(timedelta(seconds=30))
        made.clock.advance(timedelta(hours=1))
        world.notary.sign()
        assert "witness auditor cosigned another log" in str(world.notary.refusal)
        world.store.close()
        assert signed_size(new) == size
        with pytest.raises(HoldfastError, match="size"):
            run(*argv, new)
    # Out of reach now, it still said what it said; of another home nothing is known.
    with pytest.raises(ForkError, match="it cosigned size"):
        run(*argv, new)
    other = tmp_path / "other"
    carry_keys(home, other)
    again = json.loads(run(*argv, other, "--json"))
    assert "it cannot be reached" in again["witnesses"]["auditor"]


def elsewhere(home: Path, off_site: Path, new: Path) -> tuple[str, ...]:
    """Publish, and return what recovers the home's own database from another home."""
    run("ledger", "publish", "--home", home)
    carry_keys(home, new)
    database = f"sqlite:///{home / 'holdfast.sqlite'}"
    source = ("ledger", "recover", "--from", off_site.as_uri())
    return (*source, "--home", str(new), "--database", database)


def test_a_database_in_use_is_left_alone(
    home: Path, off_site: Path, tmp_path: Path
) -> None:
    """Neither the home of a running node is recovered into, nor its database."""
    new = tmp_path / "new"
    other = elsewhere(home, off_site, new)
    own = ("ledger", "recover", "--from", off_site.as_uri(), "--home", home)
    with closing(open_store(Home(home).store_url)) as store:
        before = store.people()
        for argv in (own, other):
            with pytest.raises(HoldfastError, match="in use by a node") as caught:
                run(*argv)
            assert "Stop every node" in caught.value.hint
        assert store.people() == before
    assert not (new / "people.key").exists()
    assert not (new / "ledger.recovering").exists()


def test_people_of_another_key_are_not_sealed_anew_unasked(
    home: Path, off_site: Path, tmp_path: Path
) -> None:
    """An old database keeps the rows that another node's key opens."""

    def rows() -> list[SealedRow]:
        with closing(open_store(Home(home).store_url)) as store:
            return list(store.people())

    new = tmp_path / "new"
    argv = elsewhere(home, off_site, new)
    before = rows()
    with pytest.raises(HoldfastError, match="is not here") as caught:
        run(*argv)
    assert "--new-people-key" in caught.value.hint
    assert not (new / "people.key").exists()
    write_private(new / "people.key", "11" * 32 + "\n")
    with pytest.raises(HoldfastError, match="do not open with this home's key"):
        run(*argv)
    assert rows() == before
    found = json.loads(run(*argv, "--new-people-key", "--json"))
    assert found["people"] > 0
    ring = HomeKeyring(bytes.fromhex("11" * 32), "people.key")
    opened = []
    for row in rows():
        with suppress(HoldfastError):
            opened.append(ring.open(row))
    assert len(opened) >= found["people"]


def test_status_says_what_ails_a_copy(home: Path, off_site: Path) -> None:
    """A disk that is away, a checkpoint that is gone: neither looks like a new copy."""

    def ails() -> str:
        (row,) = json.loads(run("ledger", "status", "--home", home, "--json"))
        return str(row["error"])

    away = off_site.with_name("away")
    off_site.rename(away)
    assert "the folder of the copy is not there" in ails()
    away.rename(off_site)
    run("ledger", "publish", "--home", home)
    assert ails() == "None"
    off_site.rename(away)
    assert "the folder of the copy is not there" in ails()
    away.rename(off_site)
    (off_site / "checkpoint").unlink()
    assert "checkpoint is gone" in ails()


def test_a_copy_that_fails_keeps_no_other_back(
    home: Path, off_site: Path, tmp_path: Path
) -> None:
    """All are tried; what failed is told of each, and in the exit code."""
    away = tmp_path / "away"
    lines = [f'[[publish]]\nurl = "{at.as_uri()}"\n' for at in (away, off_site)]
    (home / "runner.toml").write_text("".join(lines), "utf-8")
    said = holdfast("ledger", "publish", "--home", home, "--json")
    first, second = json.loads(said.out)
    assert (said.status, first["size"], first["files"]) == (1, None, None)
    assert "folder of the copy is not there" in first["error"]
    assert second["error"] is None
    assert second["size"] > 0
    assert "the folder of the copy is not there" in said.errors
    shown = holdfast("ledger", "publish", "--home", home)
    assert f"{away.as_uri()}: FAILED: the folder" in shown.out
    assert f"{off_site.as_uri()}: {second['size']} entries, 0 files" in shown.out
    away.mkdir()
    assert holdfast("ledger", "publish", "--home", home).status == 0


def test_what_was_published_is_told_though_the_personal_data_were_not_saved(
    home: Path, off_site: Path
) -> None:
    """One failing does not hide that the other is safe."""
    (home / "people.key").write_text("11" * 32)
    said = holdfast("ledger", "publish", "--home", home, "--json")
    (row,) = json.loads(said.out)
    assert said.status == 1
    assert row["size"] > 0
    assert row["error"] is None
    assert "do not open with this home's key" in row["people_error"]
    assert (off_site / "checkpoint").exists()


def altered(home: Path, index: int, old: str, new: str) -> None:
    """Change an entry past the triggers, and leave its hash as it was."""
    with closing(sqlite3.connect(home / "holdfast.sqlite")) as intruder:
        intruder.execute("DROP TRIGGER entry_keeps_data")
        intruder.execute(
            "UPDATE entry_row SET data = CAST(replace(CAST(data AS TEXT), ?, ?)"
            " AS BLOB) WHERE leaf_index = ?",
            (old, new, index),
        )
        intruder.commit()


@pytest.mark.usefixtures("off_site")
@pytest.mark.parametrize(
    ("old", "new"),
    [('"type":"', '"type":"x'), ('{"', "{"), ('"v":1', '"v":9')],
    ids=["type", "json", "version"],
)
def test_an_entry_that_cannot_be_read_is_named_as_altered(
    home: Path, old: str, new: str
) -> None:
    """The hashes are asked before anything believes what the entries say."""
    run("ledger", "publish", "--home", home)
    (home / "ledger.fold").unlink(missing_ok=True)
    altered(home, 3, old, new)
    said = holdfast("ledger", "check", "--home", home)
    assert said.status == 1
    assert "WRONG  database: entry 3 was changed" in said.out, said
    found = json.loads(holdfast("ledger", "check", "--home", home, "--json").out)
    assert found[0]["ok"] is False


def test_what_could_not_be_seen_is_unproven(home: Path, off_site: Path) -> None:
    """A check that saw not everything does not end as if all was sound."""
    run("ledger", "publish", "--home", home)
    assert holdfast("ledger", "check", "--home", home).status == 0
    off_site.rename(off_site.with_name("away"))
    said = holdfast("ledger", "check", "--home", home)
    assert said.status == 1
    assert "sound  database" in said.out
    assert "unproven  copy" in said.out


@pytest.mark.parametrize("name", ["people.key", "ledger.key", "escrow.key"])
@pytest.mark.parametrize("json_too", [True, False])
def test_a_private_key_in_place_of_a_public_one_is_not_shown(
    home: Path, off_site: Path, tmp_path: Path, name: str, json_too: bool
) -> None:
    """Whoever mixes up two files reads which one was wrong, and nothing of it."""
    run("ledger", "publish", "--home", home)
    secret = home / name
    for words in (
        ("verify", off_site, "--key", secret),
        ("verify", "--home", home, "--key", secret),
        ("verify", "--home", home, "--witness", secret),
        ("verify-proof", secret, "--entry", secret, "--key", secret),
        ("recover", "--from", off_site.as_uri(), "--home", tmp_path, "--key", secret),
    ):
        text = secret.read_text("utf-8").strip()
        for spelt in (text, text.split()[-1]):
            said = holdfast("ledger", *words[:-1], spelt)
            assert said.status == 1
            assert text.split()[-1][:12] not in said.out + said.errors
        argv = ["ledger", *map(str, words), *(["--json"] if json_too else [])]
        said = holdfast(*argv)
        assert said.status == 1
        shown = said.out + said.errors
        assert name in shown
        assert "not a verifier key" in shown
        for line in secret.read_text("utf-8").split()[-1:]:
            assert line[:12] not in shown


def test_errors_are_words(home: Path, off_site: Path, tmp_path: Path) -> None:
    """What is missing or wrong is told with a way out."""
    new = tmp_path / "empty"
    source = ("ledger", "recover", "--from", off_site.as_uri(), "--home", new)
    for argv, words in (
        (source, "public key is missing"),
        ((*source, "--key", home / "ledger.vkey"), "shows no checkpoint"),
        ((*source, "--key", "a+b+c"), "not a verifier key"),
        (("ledger", "escrow", "--home", home), "exists already"),
    ):
        with pytest.raises(HoldfastError, match=words) as caught:
            run(*argv)
        assert caught.value.hint
    (home / "runner.toml").write_text("", "utf-8")
    with pytest.raises(HoldfastError, match="no copy off-site is configured"):
        run("ledger", "publish", "--home", home)
