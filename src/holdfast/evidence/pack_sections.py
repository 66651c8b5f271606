"""The pages of the pack, from what is adopted, kept and configured."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.domain.catalogue import Catalogue, Contact
from holdfast.domain.questions import ROLE_NAMES
from holdfast.evidence.pack import Block, Boxes, Grid, Section, Typed, Words
from holdfast.evidence.pack_places import Places

NOT_KEPT = "nothing is kept of them here"


def sections_of(
    catalogue: Catalogue,
    people: Mapping[str, Contact],
    runbooks: Mapping[str, str | None],
    places: Places,
) -> tuple[Section, ...]:
    """Return all pages; ``people`` are by reference, ``runbooks`` are texts by name."""
    return (
        _first(places),
        _reach(catalogue, people),
        _order(catalogue),
        _databases(catalogue, places),
        *(_runbook(name, text) for name, text in sorted(runbooks.items())),
        _customers(catalogue, people),
        _holdfast(places),
        _keys(places),
        _checking(places),
        _suppliers(catalogue),
    )


def _first(places: Places) -> Section:
    pages = ", ".join(places.status_page) or "the folder that is served"
    return Section(
        "First",
        (
            Boxes(
                (
                    "Write down when it was noticed, declared, told and restored.",
                    "Call the response team (2). Say who leads.",
                    "Restore by hand (4), in this order of importance (3).",
                    f"Say it on the status page: put a plain index.html into {pages}.",
                    "Write to customers (see their list) from your own mail.",
                    "Then bring Holdfast back. It holds what it may have sent already.",
                )
            ),
        ),
    )


def _reach(catalogue: Catalogue, people: Mapping[str, Contact]) -> Section:
    rows = []
    for person in catalogue.people:
        contact = people.get(f"person:{person.id}")
        roles = ", ".join(ROLE_NAMES[role] for role in person.roles) or "no role"
        name = (contact.name if contact else None) or person.id
        details = (
            (contact.phone or "-", contact.email, contact.slack or "-")
            if contact
            else (NOT_KEPT, "-", "-")
        )
        rows.append((name, roles, *details))
    heads = ("Who", "Role", "Telephone", "E-mail", "Slack")
    words = Words("Acknowledge and declare are the response team's and the lead's.")
    return Section("Whom to reach", (words, Grid(heads, tuple(rows))))


def _order(catalogue: Catalogue) -> Section:
    rows = []
    for function in sorted(catalogue.functions, key=lambda one: one.rank):
        services = [s for s in catalogue.services if s.function == function.id]
        stores = sorted({name for one in services for name in one.datastores})
        rows.append(
            (
                f"{function.rank}. {function.name}",
                ", ".join(one.name for one in services) or "-",
                ", ".join(stores) or "-",
            )
        )
    heads = ("Function", "Services", "Stand on")
    return Section("What comes first", (Grid(heads, tuple(rows)),))


def _databases(catalogue: Catalogue, places: Places) -> Section:
    names = {one.id: one.name for one in catalogue.datastores}
    blocks: list[Block] = [
        Words(
            "Everything is plain pgBackRest. Make sure that the old server is off; "
            "restore into an empty folder on a machine with the same version of "
            "PostgreSQL."
        )
    ]
    for one in places.databases:
        rows = tuple(
            (
                str(r.number),
                "off-site" if r.off_site else "on-site",
                r.location,
                r.key,
                r.escrow,
            )
            for r in one.repositories
        )
        heads = ("No.", "Is", "Lies at", "Its key", "The key outside")
        blocks += [
            Words(f"{names.get(one.datastore, one.datastore)} ({one.datastore})"),
            Grid(heads, rows),
            Typed(
                (
                    "# pgbackrest.conf: [global] repo1-path=…, repo1-type=…,",
                    "#   repo1-cipher-type=aes-256-cbc, repo1-cipher-pass=THE KEY",
                    f"#   [{one.stanza}] pg1-path={one.data}",
                    f"pgbackrest --config=pgbackrest.conf --stanza={one.stanza} \\",
                    "  info        # then: restore",
                    "# to a moment before the damage:",
                    "#   --type=time --target-action=promote",
                    "#   --target='2026-11-23 14:05:00+00'",
                )
            ),
        ]
    if not places.databases:
        blocks.append(Words("No database with backups is configured here."))
    return Section("Bring a database back without Holdfast", tuple(blocks))


def _runbook(name: str, text: str | None) -> Section:
    gone = "The text is not kept any more: adopt the folder again."
    return Section(f"Runbook {name}", (Typed(tuple((text or gone).splitlines())),))


def _customers(catalogue: Catalogue, people: Mapping[str, Contact]) -> Section:
    names = {one.id: one.name for one in catalogue.services}
    rows = []
    for customer in catalogue.customers:
        contact = people.get(f"customer:{customer.id}")
        address = contact.email if contact else NOT_KEPT
        name = (contact.name if contact else None) or customer.id
        uses = ", ".join(names.get(one, one) for one in customer.services)
        rows.append((name, address, uses or "all"))
    if not rows:
        return Section("Customers", (Words("None are declared."),))
    heads = ("Customer", "E-mail", "Uses")
    return Section("Customers", (Grid(heads, tuple(rows)),))


def _holdfast(places: Places) -> Section:
    source = places.copies[0].url if places.copies else "ADDRESS OF A COPY"
    apart = places.copies and places.copies[0].personal not in ("", "in the copy")
    options = f" --people-from {places.copies[0].personal}" if apart else ""
    bucket = "" if source.startswith("file:") else " --credentials read.toml"
    blocks: list[Block] = [
        Words(
            "Make sure that the old node is off and stays off. On an empty machine "
            f"install Holdfast {places.version}, and put what lies in the safe into a "
            "new folder, each file with mode 0600:"
        ),
        Typed(
            (
                "mkdir -m 700 new",
                "cp SAFE/holdfast.toml SAFE/runner.toml new/",
                "cp SAFE/ledger.key SAFE/ledger.vkey SAFE/escrow.key new/",
                f"holdfast ledger recover --from {source}{bucket}{options} --home new",
                "holdfast ledger verify --home new",
                "holdfast ledger quarantine list --home new",
                "holdfast serve --with-runner --home new",
            )
        ),
        Words("If it is cut off, run recover again. Compare the root that it prints "
              "with the newest checkpoint in the team's channel."),
    ]  # fmt: skip
    if places.copies:
        rows = tuple((one.url, one.read_by, one.personal) for one in places.copies)
        heads = ("Copy of the log", "Read with", "Personal data")
        blocks.append(Grid(heads, rows))
    else:
        blocks.append(
            Words("There is NO COPY off-site: if the machine is lost, the log is lost.")
        )
    return Section("Bring Holdfast back", tuple(blocks))


def _keys(places: Places) -> Section:
    rows = tuple((one.what, one.where, one.without) for one in places.keys)
    return Section(
        "Where the keys are",
        (
            Words(
                f"Relative places start at {places.folder} on the lost machine. "
                "Tick what you have seen outside of it."
            ),
            Grid(("What", "Where", "Without it"), rows),
            Boxes(
                tuple(
                    f"{one.what}: kept at ______________, seen on ________"
                    for one in places.keys
                    if one.kept
                )
            ),
        ),
    )


def _checking(places: Places) -> Section:
    blocks: list[Block] = [
        Words("Public: whoever has these can check the log without us."),
        Typed(places.verifier_keys or ("the log's public key is not at hand here",)),
    ]
    if places.witnesses:
        rows = tuple((one.name, one.url, one.key) for one in places.witnesses)
        blocks.append(Grid(("Witness", "Address", "Its public key"), rows))
    else:
        blocks.append(Words("No witness is configured."))
    for one in places.copies[:1]:
        line = f"holdfast ledger verify {one.url} --key ledger.vkey"
        blocks.append(Typed((line,)))
    return Section("Check the log", tuple(blocks))


def _suppliers(catalogue: Catalogue) -> Section:
    rows = tuple(
        (one.name, one.purpose, "critical" if one.critical else "-")
        for one in catalogue.suppliers
    )
    if not rows:
        return Section("Suppliers", (Words("None are declared."),))
    return Section("Suppliers", (Grid(("Supplier", "Does", "Is"), rows),))
