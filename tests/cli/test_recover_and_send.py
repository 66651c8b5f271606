"""From the copy alone to a letter: the right address at a real SMTP server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import tomli_w
from tests.operations.company import SEED, company, texts
from typer.testing import CliRunner

from holdfast.assembly.keys import signer_of, write_private
from holdfast.assembly.node import MARK, join
from holdfast.cli.main import app
from holdfast.demo import mail_relay
from holdfast.demo.spawn import Spawned
from holdfast.domain.declare import parse_catalogue
from holdfast.domain.separation import contacts_of
from holdfast.ledger.checkpoint import Signer
from holdfast.operations.deliver import deliver
from holdfast.operations.notary import Notary
from holdfast.operations.world import Inbox
from holdfast.runner.hands import ThreadHands
from holdfast.settings import Home
from holdfast.storage.mark import FileMark
from holdfast.storage.opening import open_store

ORIGIN = "northwind.example/log"
CONTACTS = contacts_of(parse_catalogue(texts().catalogue))


def run(*argv: object) -> str:
    """Run a command; return what it printed."""
    result = CliRunner().invoke(app, [str(one) for one in argv])
    if result.exception:
        raise result.exception
    return result.stdout


def publish(home: Path, off_site: Path, relay_port: int) -> None:
    """Let a company owe two letters, erase one recipient, and publish all of it."""
    home.mkdir()
    write_private(home / "ledger.key", f"{ORIGIN}\n{SEED.hex()}\n")
    write_private(home / "people.key", "00" * 32 + "\n")
    (home / "ledger.vkey").write_text(f"{Signer(ORIGIN, SEED).verifier_key}\n")
    mail = {"host": "127.0.0.1", "port": relay_port, "sender": "we@northwind.example"}
    (home / "holdfast.toml").write_text(tomli_w.dumps({"mail": mail}))
    (home / "runner.toml").write_text(
        tomli_w.dumps({"publish": [{"url": off_site.as_uri()}]})
    )
    run("ledger", "escrow", "--home", home)
    store = open_store(Home(home).store_url)
    made = company(store)
    # As a node that starts does.
    text = (home / "holdfast.toml").read_text()
    made.world.log.people.keep_settings("node-1", text)
    made.owe(channel="email", recipients=["person:dora", "person:eli"])
    notary = Notary(store, signer_of(Home(home)), FileMark(home / MARK))
    notary.sign()
    run("ledger", "publish", "--home", home)
    erase = ("people", "erase", "eli", "--reason", "request", "--as", "dora")
    run(*erase, "--home", home)
    notary.sign()
    store.close()


def test_a_letter_reaches_the_right_address(tmp_path: Path) -> None:
    """A fresh home with the address of the copy, the verifier key and the escrow key
    gets settings and people back; what was owed waits, and goes to whoever is not
    erased, though the backup is from before the erasure.
    """
    off_site, home, new, mails = (
        tmp_path / name for name in ("off-site", "home", "new", "mails")
    )
    off_site.mkdir()
    mails.mkdir()
    with Spawned("mail_relay", "--folder", mails) as relay:
        publish(home, off_site, relay.port)
        older = tmp_path / "older"
        shutil.copytree(off_site / "personal", older)
        run("ledger", "publish", "--home", home)
        shutil.rmtree(off_site / "personal")
        older.rename(off_site / "personal")
        key = (home / "ledger.vkey").read_text().strip()
        seed = (home / "ledger.key").read_text()
        escrow = tmp_path / "escrow.key"
        shutil.copy(home / "escrow.key", escrow)
        shutil.rmtree(home)
        argv = ("ledger", "recover", "--from", off_site.as_uri(), "--home", new)
        argv = (*argv, "--key", key, "--escrow-key", escrow, "--json")
        found = json.loads(run(*argv))
        assert found["people"] == len(CONTACTS) - 1
        assert (found["people_missing"], found["people_older"]) == ([], [])
        assert sorted(found["settings"]) == ["holdfast.toml", "runner.toml"]
        assert (new / "people.key").stat().st_mode & 0o777 == 0o600
        assert found["quarantined"] == 2
        again = json.loads(run(*argv))
        assert (again["added"], again["people_missing"]) == (0, [])
        # Out of the safe, as the page says: without it nothing is signed.
        write_private(new / "ledger.key", seed)
        inbox = Inbox()
        hands = ThreadHands(inbox)
        world = join(Home(new), hands, inbox)
        deliver(world, "email")
        assert mail_relay.mails(mails) == []
        (notice,) = world.log.state().notices.undelivered
        assert world.store.release(notice, world.clock.now()) == 2
        deliver(world, "email")
        (closed,) = [
            one.delivered
            for name, one in world.log.state().notices.all.items()
            if name == notice
        ]
        hands.close()
        world.store.close()
        assert closed is not None
        assert (closed.delivered, closed.abandoned) == (1, 1)
        (letter,) = mail_relay.mails(mails)
        assert letter.recipients == (CONTACTS["person:dora"].email,)
