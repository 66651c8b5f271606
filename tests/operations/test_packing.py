"""The pack for the day on which Holdfast is dead: what it says, and when it is new."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.operations.company import COMMITTEE, Company, company, texts
from tests.storage.logs import FakeTarget

from holdfast.domain.events.custody import LedgerKeyIntroduced
from holdfast.domain.events.people import PackWritten, PersonErased
from holdfast.errors import HoldfastError
from holdfast.evidence.pack_places import (
    CopyPlace,
    DatabasePlace,
    KeyPlace,
    Places,
    RepositoryPlace,
    Witness,
)
from holdfast.journal import Fact
from holdfast.operations.beat import work
from holdfast.operations.govern import adopt
from holdfast.operations.packing import TRY_EVERY, Packer
from holdfast.operations.ports.people import PersonalChange
from holdfast.storage.errors import StoreError
from holdfast.storage.escrow import Escrow
from holdfast.storage.pack import PackFolder, SealedPack, open_pack
from holdfast.storage.personal import PersonalPlace

RUNBOOK = """# Recover <orders> & more

Datastore: orders
Owner: PL

1. `preflight` Look.
2. Telephone the hosting company.
3. `restore` Restore.
4. `verify` Check.
5. `failover` Open.
"""
PLACES = Places(
    version="0.1.0",
    folder="/srv/holdfast",
    verifier_keys=("northwind.example/log+c5f8ebb1+ATtqJ7zOtqQtYqOo0Cpv",),
    witnesses=(Witness("globex", "https://witness.example/", "w+f8063826+BAOh"),),
    copies=(CopyPlace("s3://bucket/log", "read.toml", "s3://people/log"),),
    keys=(
        KeyPlace("The log's private key", "ledger.key", "no more log", kept=True),
        KeyPlace("Slack's token", "slack.token", "make one"),
    ),
    databases=(
        DatabasePlace(
            "orders",
            "main",
            "/var/lib/postgresql",
            (RepositoryPlace(2, True, "s3://b/orders", "/k/2.key", "/safe/2.key"),),
        ),
    ),
)


@dataclass
class Shelf:
    """A place that keeps what it is given, unless it is broken."""

    name: str = "shelf"
    broken: bool = False
    given: list[tuple[str, str]] = field(default_factory=list)

    def put(self, page: str, text: str) -> None:
        """Keep it."""
        if self.broken:
            raise StoreError("the shelf fell", "Put it up again.", self.name)
        self.given.append((page, text))


def packing(made: Company, *targets: object) -> Packer:
    """Have the company's runner write the pack."""
    packer = Packer(made.world.log, made.clock, lambda: PLACES, targets)  # type: ignore[arg-type]
    made.world = replace(made.world, packer=packer)
    return packer


def told(made: Company) -> list[PackWritten]:
    """Return what the log says of the pack."""
    return [e for e in made.events(PackWritten) if isinstance(e, PackWritten)]


def round_of(made: Company) -> None:
    """Do two rounds of the runner: what the first found, the second records."""
    work(made.world)
    work(made.world)
    made.clock.advance(timedelta(seconds=1))


def test_what_it_says() -> None:
    """People and how to reach them, order, runbooks, commands, places of keys; escaped,
    in one file without script; what it needs to be checked, and no more.
    """
    made, shelf = company(), Shelf()
    folder = replace(texts(), runbooks=(("orders.md", RUNBOOK),))
    adopt(made.world.log, made.clock, folder, COMMITTEE)
    packing(made, shelf)
    round_of(made)
    ((page, text),) = shelf.given
    for words in (
        "eli@northwind.example",
        "Incident Response Team",
        "customer01@client.example",
        "1. SaaS platform",
        "Telephone the hosting company",
        "s3://b/orders",
        "/safe/2.key",
        "--stanza=main",
        "holdfast ledger recover --from s3://bucket/log --credentials read.toml",
        "--people-from s3://people/log --home new",
        "northwind.example/log+c5f8ebb1+ATtqJ7zOtqQtYqOo0Cpv",
        "w+f8063826+BAOh",
        "ledger.key",
    ):
        assert words in text, words
        assert words in page, words
    assert "Recover &lt;orders&gt; &amp; more" in page
    assert "<script" not in page
    assert 'src="' not in page
    assert "The log's private key: kept at" in text
    assert "Slack's token: kept at" not in text
    assert max(map(len, text.splitlines())) < 160


def test_it_is_new_after_each_change() -> None:
    """Once at the start, after an adoption, an erasure and a key; not otherwise."""
    made, shelf = company(), Shelf()
    packing(made, shelf)
    round_of(made)
    round_of(made)
    assert (len(shelf.given), len(told(made))) == (1, 1)
    changed = texts().catalogue.replace("gus@", "augustus@")
    adopt(made.world.log, made.clock, replace(texts(), catalogue=changed), COMMITTEE)
    round_of(made)
    assert "augustus@" in shelf.given[-1][1]
    now = made.clock.now()
    erased = PersonErased("customer:c01", "request", "", (), COMMITTEE, now)
    gone = PersonalChange(erase=("customer:c01",))
    made.world.log.record([Fact(erased, now)], personal=gone)
    round_of(made)
    assert "customer01@" in shelf.given[-2][1]
    assert "customer01@" not in shelf.given[-1][0] + shelf.given[-1][1]
    made.world.log.record([Fact(LedgerKeyIntroduced("k+00000000+AA", now), now)])
    round_of(made)
    round_of(made)
    assert (len(shelf.given), len(told(made))) == (4, 4)
    packing(made, shelf)
    round_of(made)
    # A runner that starts writes it anew, and that is no news.
    assert (len(shelf.given), len(told(made))) == (5, 4)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A place that fails is named with its reason, once, and tried again; the others
    have the pack meanwhile.
    """
    made, shelf, broken = company(), Shelf(), Shelf("broken", broken=True)
    packing(made, shelf, broken, PackFolder(tmp_path / "not-there"))
    round_of(made)
    made.clock.advance(TRY_EVERY)
    round_of(made)
    (event,) = told(made)
    assert event.written == ("shelf",)
    assert [one.partition(":")[0] for one in event.failed] == [
        "broken",
        str(tmp_path / "not-there"),
    ]
    assert "the shelf fell" in event.failed[0]
    broken.broken = False
    (tmp_path / "not-there").mkdir()
    made.clock.advance(TRY_EVERY)
    round_of(made)
    assert told(made)[-1].failed == ()
    for name in ("pack.html", "pack.txt"):
        mode = (tmp_path / "not-there" / name).stat().st_mode
        assert mode & 0o777 == 0o600


def test_off_site_it_is_sealed() -> None:
    """Whoever looks there reads nothing; the escrow key opens it, another does not."""
    target = FakeTarget()
    place = PersonalPlace(target, Escrow(bytes(range(32))), "personal/")
    with pytest.raises(StoreError, match="there is no pack"):
        open_pack(place)
    made, shelf = company(), Shelf()
    packing(made, shelf, SealedPack(place))
    round_of(made)
    assert b"northwind" not in target.files["personal/pack.sealed"]
    assert open_pack(place) == shelf.given[-1]
    with pytest.raises(HoldfastError, match="does not open"):
        open_pack(replace(place, escrow=Escrow(bytes(32))))
    target.files["personal/pack.sealed"] = b"cut off"
    with pytest.raises(HoldfastError, match="does not open"):
        open_pack(place)
