"""The commands of the log's keys: made, rotated with an overlap, retired, misused."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.test_off_site import run
from tests.operations.company import START, texts

from holdfast.assembly.keys import signer_of, write_private
from holdfast.assembly.node import MARK, asked_witnesses
from holdfast.assembly.reading import SystemClock, open_log
from holdfast.errors import HoldfastError
from holdfast.ledger.checkpoint import parse_checkpoint
from holdfast.ledger.note import VerifierKey, parse_note, parse_verifier_key
from holdfast.ledger.witness import Cosigner, Witness
from holdfast.operations.govern import adopt
from holdfast.operations.keys import wrong_signer
from holdfast.operations.notary import Notary
from holdfast.operations.signing import Ring, introduce_key
from holdfast.operations.witnessing import Witnesses
from holdfast.server.serving import serving
from holdfast.server.witness import create_witness_app
from holdfast.settings import Home
from holdfast.storage.mark import FileMark
from holdfast.storage.passwords import hash_password
from holdfast.storage.witness import WitnessStore

ORIGIN = "northwind.example/log"


class House:
    """A home with a copy off-site and a witness, its node beaten by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "home"
        self.off_site = folder / "off-site"
        self.memory = WitnessStore.create(folder / "witness.sqlite")
        self.cosigner = Cosigner("auditor.example/w", bytes([9]) * 32)
        self.url = ""

    def make(self) -> None:
        """Make the home and adopt the policy."""
        self.folder.mkdir()
        self.off_site.mkdir()
        run("ledger", "key", "create", self.folder / "ledger.key", "--origin", ORIGIN)
        run("ledger", "escrow", "--home", self.folder)
        write_private(self.folder / "session.key", "00" * 32)
        write_private(self.folder / "password-ana", hash_password("three plain words"))
        write_private(self.folder / "words", "three plain words")
        self.configure()
        reader = open_log(self.home, create=True)
        adopt(reader.log, SystemClock(), texts(), "ana")
        reader.store.close()
        self.memory.trust(self.key())

    def configure(self, *lines: str) -> None:
        """Write the settings, with further lines at their beginning."""
        self.folder.joinpath("holdfast.toml").write_text(
            "\n".join([*lines, ""])
            + f'[[witnesses]]\nname = "auditor"\nurl = "{self.url}"\n'
            + f'key = "{self.cosigner.key}"\n'
            + '[web]\npasswords = { ana = "password-ana" }\n',
            "utf-8",
        )
        publish = f'[[publish]]\nurl = "{self.off_site.as_uri()}"\n'
        self.folder.joinpath("runner.toml").write_text(publish, "utf-8")

    def sign_in(self) -> None:
        """Have ana sign in, by her password."""
        words = ("--password-file", self.folder / "words", "--home", self.folder)
        run("sign-in", "--as", "ana", *words)

    @property
    def home(self) -> Home:
        """The home as its settings are now."""
        return Home(self.folder)

    def key(self, name: str = "ledger.vkey") -> VerifierKey:
        """Return a public key that lies in the home."""
        return parse_verifier_key((self.folder / name).read_text("utf-8"))

    def beat(self) -> None:
        """Sign, have it cosigned, publish, and do what a node's start does."""
        home, clock = self.home, SystemClock()
        reader = open_log(home)
        signer = signer_of(home, reader.log)
        introduce_key(reader.log, signer.verifier_key)
        mark = FileMark(self.folder / MARK)
        notary = Notary(reader.store, signer, mark)
        notary.sign()
        assert notary.fault is None, notary.fault
        assert notary.refusal is None
        Witnesses(
            reader.log,
            asked_witnesses(home),
            home.settings.witness_silent_after,
        ).ask(notary)
        notary.sign()
        assert clock.now() > START
        reader.store.close()
        run("ledger", "publish", "--home", self.folder)

    def signers(self) -> dict[int, set[str]]:
        """Return which keys' ids stand on each checkpoint that is kept."""
        reader = open_log(self.home)
        found = {
            parse_checkpoint(parse_note(note).text).size: {
                line.key_id.hex()
                for line in parse_note(note).signatures
                if line.name == ORIGIN
            }
            for _, note in reader.store.checkpoints()
        }
        custody = reader.log.state().custody
        for _, note in reader.store.checkpoints():
            assert wrong_signer(note, custody) is None
        reader.store.close()
        return found


@pytest.fixture(name="house")
def _house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Return a house whose witness really answers, and where ana has signed in."""
    monkeypatch.setenv("HOLDFAST_SESSIONS", str(tmp_path / "sessions"))
    house = House(tmp_path)
    judge = Witness(house.cosigner, house.memory)
    app = create_witness_app(judge, lambda: int(time.time()))
    with serving(app, port=0) as url:
        house.url = url
        house.make()
        house.sign_in()
        yield house
    house.memory.close()


def refused(*words: object) -> HoldfastError:
    """Return the error of a command that must fail."""
    with pytest.raises(HoldfastError) as raised:
        run(*words)
    assert raised.value.hint
    return raised.value


def test_a_rotation_from_end_to_end(house: House, tmp_path: Path) -> None:
    """Old, both, new: every step is verified by whoever has a key of its time, and the
    copy is recovered by the new key alone and by the old key alone.
    """
    at = ("--home", house.folder)
    who = ("--as", "ana", *at)
    house.beat()
    first = house.key()
    assert "only key" in str(refused("ledger", "key", "retire", *who))
    assert "no next key" in str(refused("ledger", "key", "rotate", *who))
    new_file = house.folder / "ledger-2.key"
    assert ORIGIN in run("ledger", "key", "create", new_file, *at)
    second = house.key("ledger-2.vkey")
    house.configure('next_key = "ledger-2.key"')
    house.beat()
    shown = json.loads(run("ledger", "key", "show", "--try", *at, "--json"))
    assert [one["signs"] for one in shown] == [True, False]
    outsider = refused("ledger", "key", "rotate", "--as", "eli", *at)
    assert "may not rotate key" in str(outsider)
    run("sign-out", *who)
    nobody = refused("ledger", "key", "rotate", *who)
    assert "to rotate key ana must sign in" in str(nobody)
    assert "--break-glass" in nobody.hint
    house.sign_in()
    assert "both keys sign" in run("ledger", "key", "rotate", *who)
    assert "under way already" in str(refused("ledger", "key", "rotate", *who))
    unseen = str(refused("ledger", "key", "retire", *who))
    assert "this log shows no checkpoint that both keys signed" in unseen
    house.beat()
    untold = refused("ledger", "key", "retire", *who)
    assert "auditor would not go on with the new key" in str(untold)
    assert f"holdfast witness trust '{second}'" in untold.hint
    house.memory.trust(second)
    assert "signs no more" in run("ledger", "key", "retire", *who)
    house.beat()
    house.configure('key = "ledger-2.key"')
    house.beat()
    old, new = first.id.hex(), second.id.hex()
    times = [ids for _, ids in sorted(house.signers().items())]
    assert times[0] == {old}
    assert {old, new} in times
    assert times[-1] == {new}
    listed = json.loads(run("ledger", "key", "list", *at, "--json"))
    assert [one["in_force"] for one in listed] == [False, True]
    assert listed[0]["to_size"] is not None
    assert "retired" in run("ledger", "key", "list", *at)
    assert house.folder.joinpath("ledger.vkey").read_text("utf-8") == (
        f"{first}\n{second}\n"
    )
    witnessed = ("--witness", str(house.cosigner.key), "--quorum", "1")
    both = house.folder / "ledger.vkey"
    stranger = run("ledger", "verify", house.off_site, "--key", both, *witnessed)
    assert "all sound" in stranger
    recover_by_each(house, tmp_path, first, second, len(times))


def recover_by_each(
    house: House, tmp_path: Path, first: object, second: object, checkpoints: int
) -> None:
    """Recover the copy by the new key, by the old one, and by both."""
    at = ("--home", house.folder)
    both = house.folder / "ledger.vkey"
    for words in ((house.off_site, "--key", both), at):
        assert "all sound" in run("ledger", "verify", *words)
    carried = ("holdfast.toml", "ledger-2.key", "escrow.key")
    for name, key in (("by-new", second), ("by-old", first), ("by-both", both)):
        place = tmp_path / name
        place.mkdir()
        for file in carried:
            shutil.copy(house.folder / file, place / file)
        words = ("--from", house.off_site.as_uri(), "--home", place, "--key", str(key))
        found = json.loads(run("ledger", "recover", *words, "--json"))
        assert found["ignored"] == []
        shown = run("ledger", "verify", "--home", place, "--key", both)
        assert f"{found['size']} entries, all sound" in shown
        reader = open_log(Home(place))
        assert len(list(reader.store.checkpoints())) == checkpoints
        signer = signer_of(Home(place), reader.log)
        notary = Notary(reader.store, signer, FileMark(place / MARK))
        notary.sign()
        assert notary.fault is None
        assert notary.refusal is None
        reader.store.close()


def test_a_copy_does_not_take_what_a_retired_key_signed(
    house: House, tmp_path: Path
) -> None:
    """Whoever stole the old key and may put into the copy does not lead a recovery
    astray: a checkpoint of the old key beyond its time is ignored by name.
    """
    at = ("--home", house.folder)
    house.beat()
    old = signer_of(house.home).holders[0]
    run("ledger", "key", "create", house.folder / "ledger-2.key", *at)
    house.configure('next_key = "ledger-2.key"')
    run("ledger", "key", "rotate", "--as", "ana", *at)
    house.memory.trust(house.key("ledger-2.vkey"))
    house.beat()
    run("ledger", "key", "retire", "--as", "ana", *at)
    house.beat()
    newest = max(house.signers())
    note = parse_note((house.off_site / "checkpoints" / str(newest)).read_bytes())
    forged = Ring([old]).sign(note.text)
    (house.off_site / "checkpoints" / str(newest)).write_bytes(forged)
    place = tmp_path / "place"
    place.mkdir()
    shutil.copy(house.folder / "escrow.key", place / "escrow.key")
    both = house.folder / "ledger.vkey"
    words = ("--from", house.off_site.as_uri(), "--home", place, "--key", both)
    found = json.loads(run("ledger", "recover", *words, "--json"))
    assert found["size"] == newest
    assert found["ignored"] == [f"checkpoints/{newest}"]


def test_what_cannot_be_rotated_to(house: House) -> None:
    """A key of another log, the same key, and a holder that signs nothing."""
    at = ("--as", "ana", "--home", house.folder)
    run(
        "ledger", "key", "create", house.folder / "o.key", "--origin", "other.example/l"
    )
    house.configure('next_key = "o.key"')
    assert "is of other.example/l" in str(refused("ledger", "key", "rotate", *at))
    house.configure('next_key = "ledger.key"')
    assert "is the log's key already" in str(refused("ledger", "key", "rotate", *at))
    public = house.key()
    argv = f'["{sys.executable}", "-c", "print(1)"]'
    house.configure(f'next_key = {{ command = {argv}, public = "{public}" }}')
    assert "printed no signature" in str(refused("ledger", "key", "rotate", *at))
    house.configure('next_key = "none.key"')
    assert "no key file" in str(refused("ledger", "key", "rotate", *at))
    house.configure('next_key = { file = "a", env = "B" }')
    assert "one place" in str(refused("ledger", "key", "rotate", *at))


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    """A second key of one name is refused, and the first is left as it was."""
    file = tmp_path / "k.key"
    words = ("ledger", "key", "create", file, "--origin", "a.example/l")
    shown = run(*words)
    before = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert before.split()[1].decode() not in shown
    assert "exists already" in str(refused(*words))
    assert file.read_bytes() == before
    nameless = refused("ledger", "key", "create", tmp_path / "n", "--home", tmp_path)
    assert "none is named" in str(nameless)
    file.unlink()
    assert "exists already" in str(refused(*words))
    assert not file.exists()
