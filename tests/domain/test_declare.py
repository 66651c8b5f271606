"""Reading the catalogue: what is declared, and every fault at once."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from holdfast.domain.addresses import email_is_sound, forbidden_address, url_fault
from holdfast.domain.answers import Quorum
from holdfast.domain.declare import findings, parse_catalogue
from holdfast.domain.read_only_sql import sql_fault
from holdfast.errors import FaultsError, HoldfastError

SOUND = """
company = "Acme"
origin = "log.acme.example/holdfast"

[[people]]
id = "kim"
name = "Kim Lee"
email = "kim@acme.example"
roles = ["RC", "IRT"]
slack = "U024BE7LH"

[[functions]]
id = "platform"
rank = 1
name = "SaaS platform"

[[functions]]
id = "support"
rank = 2
name = "Customer support"

[[environments]]
id = "prod"
kind = "cloud"
provider = "aws"
account = "1111"
region = "ap-southeast-2"

[[environments]]
id = "vault"
kind = "cloud"
provider = "aws"
account = "2222"
region = "ap-southeast-2"

[[services]]
id = "app"
name = "The app"
function = "platform"
datastores = ["orders-db"]
[services.probe]
url = "https://app.acme.example/health"
every = "30 s"
timeout = "5 s"
expect_text = "ok"

[[services]]
id = "desk"
name = "Help desk"
function = "support"
customer_facing = false

[[datastores]]
id = "orders-db"
name = "Orders"
engine = "postgresql"
environment = "prod"
backup_environment = "vault"
[[datastores.invariants]]
name = "orders add up"
sql = "select count(*) >= 0 from orders;"

[[customers]]
id = "globex"
email = "it@globex.example"
services = ["app"]

[[suppliers]]
id = "cloud"
name = "Cloud Inc"
purpose = "hosting"
critical = true

[[vantage_points]]
id = "here"
region = "melbourne"
source_address = "127.0.0.2"
"""


def faults_of(text: str) -> dict[str, HoldfastError]:
    """Return the faults of a catalogue by their place."""
    with pytest.raises(FaultsError) as caught:
        parse_catalogue(text)
    return {
        fault.where.removeprefix("catalogue.toml: "): fault
        for fault in caught.value.faults
    }


def changed(old: str, new: str) -> str:
    """Return the sound catalogue with one thing changed."""
    assert old in SOUND
    return SOUND.replace(old, new, 1)


def test_a_sound_catalogue_is_read() -> None:
    """Everything declared arrives in the catalogue."""
    found = parse_catalogue(SOUND)
    assert (found.company, found.origin) == ("Acme", "log.acme.example/holdfast")
    assert found.people[0].roles == ("RC", "IRT")
    assert [function.rank for function in found.functions] == [1, 2]
    probe = found.service("app").probe
    assert probe is not None
    assert (probe.every, probe.timeout) == (timedelta(seconds=30), timedelta(seconds=5))
    assert (probe.expect_status, probe.expect_text) == (200, "ok")
    store = found.datastore("orders-db")
    assert store.invariants[0].sql == "select count(*) >= 0 from orders"
    assert found.customers[0].services == ("app",)
    assert found.suppliers[0].critical
    assert found.vantage_points[0].source_address == "127.0.0.2"


def test_what_is_left_out_means_the_stricter() -> None:
    """A datastore is productive with customers' data and a service faces customers."""
    found = parse_catalogue(SOUND)
    store = found.datastore("orders-db")
    assert store.production
    assert store.customer_data
    assert found.service("app").customer_facing
    assert not found.service("desk").customer_facing


def test_the_digest_is_that_of_the_bytes() -> None:
    """The digest is SHA-256 of the file's own bytes, so that anyone can check it."""
    text = changed("Kim Lee", "Kím Lee")
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert parse_catalogue(text).digest == f"sha256:{digest}"


def test_all_faults_are_told_at_once() -> None:
    """Faults in many places, of many kinds, come in one error with their places."""
    text = (
        SOUND.replace('company = "Acme"', "")
        .replace('roles = ["RC", "IRT"]', 'roles = ["IR"]')
        .replace("rank = 2", "rank = 3")
        .replace('datastores = ["orders-db"]', 'datastores = ["orders"]')
        .replace('services = ["app"]', 'service = ["app"]')
    )
    found = faults_of(text)
    assert list(found) == [
        "company",
        "people[1].roles",
        "customers[1].service",
        "functions",
        "services[1].datastores",
    ]
    assert 'did you mean "IRT"' in found["people[1].roles"].message
    assert 'did you mean "services"' in found["customers[1].service"].message
    assert 'did you mean "orders-db"' in found["services[1].datastores"].message
    assert found["functions"].message == "the ranks are 1, 3"
    assert all(fault.hint for fault in found.values())


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ('id = "kim"', 'id = "Kim Lee"', "people[1].id", "no id to refer by"),
        ('id = "kim"', "id = 7", "people[1].id", "wrong kind"),
        ('id = "kim"', 'id = ""', "people[1].id", "empty"),
        ("Kim Lee", "Kim\\u0007", "people[1].name", "control characters"),
        ("kim@acme.example", "kim at acme", "people[1].email", "no e-mail address"),
        ("U024BE7LH", "kim", "people[1].slack", "no Slack member id"),
        ('["RC", "IRT"]', '["RC", "RC"]', "people[1].roles", "twice"),
        ('["RC", "IRT"]', "[1]", "people[1].roles", "no text"),
        ('["RC", "IRT"]', '"RC"', "people[1].roles", "wrong kind"),
        ('id = "support"', 'id = "platform"', "functions[2].id", "is taken"),
        ("rank = 2", "rank = true", "functions[2].rank", "no number"),
        ("rank = 2", 'rank = "2"', "functions[2].rank", "wrong kind"),
        ("rank = 2", "", "functions[2].rank", "missing"),
        ('kind = "cloud"', 'kind = "clod"', "environments[1].kind", 'mean "cloud"'),
        ('kind = "cloud"', "", "environments[1].kind", "missing"),
        ('"platform"\ndata', '"plat"\ndata', "services[1].function", "no function"),
        (
            "customer_facing = false",
            'customer_facing = "no"',
            "services[2].customer_facing",
            "wrong kind",
        ),
        ("https://app", "ftp://app", "services[1].probe.url", "neither http nor https"),
        ('every = "30 s"', 'every = "often"', "services[1].probe.every", "no duration"),
        ('timeout = "5 s"', 'timeout = "31 s"', "services[1].probe.timeout", "longer"),
        (
            'expect_text = "ok"',
            "expect_status = 7",
            "services[1].probe.expect_status",
            "no HTTP status",
        ),
        (
            "[services.probe]",
            "probe = 1\n[services.prob]",
            "services[1].probe",
            "wrong kind",
        ),
        (
            'environment = "prod"',
            'environment = "prd"',
            "datastores[1].environment",
            'mean "prod"',
        ),
        (
            '"vault"\n[[data',
            '"volt"\n[[data',
            "datastores[1].backup_environment",
            'no backup environment "volt"',
        ),
        (
            "select count(*)",
            "delete from x",
            "datastores[1].invariants[1].sql",
            "begin with select",
        ),
        ('sql = "', 'sq = "', "datastores[1].invariants[1].sql", "missing"),
        (
            'services = ["app"]',
            'services = ["ap"]',
            "customers[1].services",
            'no service "ap"',
        ),
        ("critical = true", "", "suppliers[1].critical", "missing"),
        ("127.0.0.2", "localhost", "vantage_points[1].source_address", "no IP address"),
        (
            "[[vantage_points]]",
            "[[suppliers.points]]",
            "vantage_points",
            "no place to look from",
        ),
        (
            "log.acme.example",
            "https://log.acme.example",
            "origin",
            "cannot name a ledger",
        ),
        ("log.acme.example", "log+acme", "origin", "cannot name a ledger"),
        ("log.acme.example", "log acme", "origin", "cannot name a ledger"),
        (
            'company = "Acme"',
            'company = "Acme"\nsupliers = 1',
            "supliers",
            'mean "suppliers"',
        ),
        ('company = "Acme"', 'company = "Acme"\nzzz = 1', "zzz", "means nothing here"),
    ],
)
def test_each_fault_is_told_at_its_place(
    old: str, new: str, where: str, message: str
) -> None:
    """Every kind of fault names its place, what is wrong, and a way out."""
    fault = faults_of(changed(old, new))[where]
    assert message in fault.message
    assert fault.hint


def test_lists_must_hold_tables() -> None:
    """A list of names where tables belong is a fault, not a crash."""
    top = 'company = "Acme"\norigin = "acme"\nvantage_points = ["here"]\npeople = 1\n'
    found = faults_of(top)
    assert "no table" in found["vantage_points[1]"].message
    assert "wrong kind" in found["people"].message


@pytest.mark.parametrize(
    "text",
    [
        "company = ",
        "a = 1\na = 2",
        "x = " + "[" * 5000,
        "x = " + "9" * 5000,
        "d = 2026-02-30",
        "\x00",
        " " * ((1 << 20) + 1),
    ],
    ids=["open", "twice", "deep", "long-number", "no-day", "nul", "huge"],
)
def test_broken_toml_is_one_fault(text: str) -> None:
    """A file that is no TOML is refused with its name and a hint."""
    with pytest.raises(HoldfastError) as caught:
        parse_catalogue(text)
    assert caught.value.where == "catalogue.toml"
    assert caught.value.hint


def test_an_empty_catalogue_says_what_it_needs() -> None:
    """An empty file is told all that it lacks."""
    assert list(faults_of("")) == ["company", "origin", "vantage_points"]


def test_no_password_of_a_url_is_shown() -> None:
    """A password in a probe's URL is refused and never repeated in the message."""
    url = "https://kim:s3cret@app.acme.example/"
    text = changed("https://app.acme.example/", url)
    fault = faults_of(text)["services[1].probe.url"]
    assert "user name or password" in fault.message
    assert "s3cret" not in f"{fault} {fault.hint}"


@pytest.mark.parametrize(
    "url",
    [
        "https://app.acme.example/health?q=1",
        "http://127.0.0.1:8080/",
        "http://[::1]:8080/",
        "http://[::1]",
        "HTTP://LOCALHOST",
        "http://10.0.0.7/",
        "http://xn--caf-dma.example./",
    ],
)
def test_urls_that_a_probe_may_fetch(url: str) -> None:
    """Public, private and loopback addresses may be probed."""
    assert url_fault(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]/",
        "http://[::169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:a9fe:a9fe::]/",
        "http://[fe80::1%eth0]/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://169.254.43518/",
        "http://0251.0376.0251.0376/",
        "http://metadata.google.internal./computeMetadata",
        "http://METADATA/",
        "http://１６９.254.169.254/",
        "http://good.example@169.254.169.254/",
        "http://good.example\\@169.254.169.254/",
        "http://a b/",
        "http:///path",
        "http://-a.example/",
        "http://x:0/",
        "http://x:65536/",
        "http://x:1:2/",
        "http://[::1]880/",
        "http://x]y/",
        "file:///etc/passwd",
        "app.acme.example",
    ],
)
def test_urls_that_a_probe_must_not_fetch(url: str) -> None:
    """Metadata, link-local and disguised addresses are refused, and what is no URL."""
    assert url_fault(url) is not None


def test_resolved_addresses_are_judged_alike() -> None:
    """The source can ask again once a name is resolved."""
    assert forbidden_address("169.254.169.254")
    assert forbidden_address("::ffff:169.254.170.2")
    assert not forbidden_address("127.0.0.1")
    assert not forbidden_address("2001:db8::1")


@pytest.mark.parametrize(
    ("email", "sound"),
    [
        ("kim.lee+ops@acme.example", True),
        ("kim@a.b.example", True),
        ("kim@acme", False),
        ("kim@@acme.example", False),
        ("kim@acme..example", False),
        (".kim@acme.example", False),
        ("kim@acme.example\n", False),
        ("Kim <kim@acme.example>", False),
        ("kim@-acme.example", False),
    ],
)
def test_the_shape_of_an_email_address(email: str, sound: bool) -> None:
    """Addresses that a relay takes pass; names, line ends and slips do not."""
    assert email_is_sound(email) is sound


@pytest.mark.parametrize(
    "sql",
    [
        "select true",
        "  SELECT count(*) = 0 FROM orders WHERE state = 'delete; me' ".replace(
            ";", ""
        ),
        "with t as (select 1 as n) select n = 1 from t",
        'select "update" is not null from log',
        "select 'it''s' = 'x'",
    ],
)
def test_queries_that_only_read(sql: str) -> None:
    """Selects pass, also when quoted words look like changes."""
    assert sql_fault(sql) is None


@pytest.mark.parametrize(
    "sql",
    [
        "delete from orders",
        "select 1; drop table orders",
        "with gone as (delete from orders returning 1) select true from gone",
        "select * into copy_of from orders",
        "select 1 from orders for update",
        "select 1 -- and more",
        "select /* hidden */ 1",
        "select $$x$$",
        "select E'\\' delete'",
        "select 'open",
        'select "open',
        "selection",
        "select " + "1," * 4000,
    ],
)
def test_queries_that_might_write(sql: str) -> None:
    """What changes data, or hides what it does, is refused."""
    assert sql_fault(sql) is not None


def test_findings_name_what_will_be_hard_to_keep() -> None:
    """A sound catalogue with weak places is read, and its weak places are told."""
    assert findings(parse_catalogue(SOUND)) == (
        "only one person holds the role RC (Resilience Committee)",
        "nobody holds the role PL (Product/DevOps Lead)",
        "only one person holds the role IRT (Incident Response Team)",
        "nobody holds the role CS (Customer Success)",
        "service desk of function 2 has no probe",
        (
            "1 of the 3 vantage points are declared from which 2 must agree "
            "that a service is down"
        ),
    )


def test_findings_about_backups() -> None:
    """No backup environment, one beside production, or no invariant is a finding."""
    none = changed('backup_environment = "vault"', "")
    assert "production datastore orders-db has no backup environment" in findings(
        parse_catalogue(none)
    )
    beside = changed('account = "2222"', 'account = "1111"')
    assert (
        "backups of orders-db stay in production's own account and region"
        in findings(parse_catalogue(beside))
    )
    blind = SOUND[: SOUND.index("[[datastores.inv")] + SOUND[SOUND.index("[[cust") :]
    assert (
        "nothing tells whether a restored orders-db is right: no invariant"
        in findings(parse_catalogue(blind))
    )
    idle = changed('backup_environment = "vault"', "production = false")
    assert not [said for said in findings(parse_catalogue(idle)) if "orders-db" in said]


def test_findings_about_vantage_points() -> None:
    """Places that all look from one region are a finding, enough of them is none."""
    second = '[[vantage_points]]\nid = "there"\nregion = "melbourne"\n'
    said = findings(parse_catalogue(SOUND + second), Quorum(1, 2))
    assert said[-1] == "all vantage points look from one region and can fail together"
    apart = SOUND + second.replace("melbourne", "perth")
    assert "vantage" not in findings(parse_catalogue(apart), Quorum(2, 2))[-1]


def test_findings_when_nothing_faces_customers() -> None:
    """A catalogue whose services all face inwards would never see a disruption."""
    text = changed(
        'function = "platform"', 'function = "platform"\ncustomer_facing = false'
    )
    said = findings(parse_catalogue(text))
    assert "no service faces customers, so that no disruption will be seen" in said
