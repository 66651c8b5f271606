"""Mail's own words: encryption, identity, addresses, and the relay's refusals."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from holdfast.channels.mail_message import AddressError, compose, parse_address
from holdfast.channels.smtp import Relay, Smtp
from holdfast.demo.faults import Fault, ask
from holdfast.demo.mail_relay import Keeper, mails
from holdfast.errors import HoldfastError
from holdfast.operations.ports.channel import Accepted, Message, Rejected

PASSWORD = "not-a-secret-of-anybody"
NOTICE = Message("k/1", "Shop is down", "Since 08:12.\n.\nMore follows.")
SENDER = "status@a.test"
MOMENT = dt.datetime(2026, 11, 23, 8, 12, tzinfo=dt.UTC)


@contextmanager
def relay_in_a_thread(folder: Path, **options: object) -> Iterator[int]:
    """Run a relay that keeps mail in the folder, with options of aiosmtpd's."""
    loop = asyncio.new_event_loop()
    protocol = partial(SMTP, Keeper(folder), hostname="relay.test", loop=loop)
    open_ends: list[SMTP] = []

    def make() -> SMTP:
        open_ends.append(protocol(**options))
        return open_ends[-1]

    server = loop.run_until_complete(loop.create_server(make, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(server, open_ends), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server, open_ends: list[SMTP]) -> None:
    """Close the server and every conversation that is still open."""
    server.close()
    for one in open_ends:
        if one.transport is None:
            continue
        # Python 3.11.2 fails so on a TLS connection that the other side has ended.
        with suppress(AttributeError):
            one.transport.abort()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await server.wait_closed()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a certificate for 127.0.0.1 that nobody trusts by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.test")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "relay.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def server_tls(certificate):
    """Give the relay's side of TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trust(certificate):
    """Give a trust in the relay's certificate."""
    return ssl.create_default_context(cafile=str(certificate))


def send(port: int, **settings: object) -> Accepted | Rejected:
    """Send the notice through the relay at this port."""
    relay = Relay("127.0.0.1", port, SENDER, **settings)
    return Smtp(relay).send(NOTICE, "ana@a.test")


def test_mail_arrives_as_written(tmp_path):
    """Subject, text and recipient arrive whole, a line with one dot included."""
    with relay_in_a_thread(tmp_path) as port:
        assert isinstance(send(port), Accepted)
    (mail,) = mails(tmp_path)
    assert mail.recipients == ("ana@a.test",)
    assert mail.message["Subject"] == NOTICE.subject
    assert mail.message.get_content().replace("\r\n", "\n") == NOTICE.text + "\n"
    assert mail.message["Auto-Submitted"] == "auto-generated"


def test_every_attempt_has_the_same_message_id(tmp_path):
    """The Message-ID follows from the key, so that mail systems see the repeat."""
    with relay_in_a_thread(tmp_path) as port:
        receipts = [send(port), send(port)]
    first, second = (mail.message["Message-ID"] for mail in mails(tmp_path))
    assert first == second
    assert all(first in receipt.receipt for receipt in receipts)


@pytest.mark.parametrize(("code", "permanent"), [(451, False), (550, True)])
def test_relays_refusal_is_told_in_its_own_words(tmp_path, code, permanent):
    """A 4xx is worth another try, a 5xx is not; neither took the message."""
    with relay_in_a_thread(tmp_path) as port:
        ask(tmp_path, Fault("answer", code))
        answer = send(port)
    assert isinstance(answer, Rejected)
    assert (answer.permanent, answer.uncertain) == (permanent, False)
    assert answer.reason.startswith(f"the relay answered {code}")
    assert mails(tmp_path) == []


def test_encryption_is_taken_where_offered(tmp_path, server_tls, trust):
    """Left open, the mail goes encrypted through a relay that offers it."""
    with relay_in_a_thread(
        tmp_path, tls_context=server_tls, require_starttls=True
    ) as port:
        assert isinstance(send(port, trust=trust), Accepted)


def test_unknown_certificate_is_refused(tmp_path, server_tls):
    """A relay that nobody vouches for gets neither password nor mail."""
    with relay_in_a_thread(tmp_path, tls_context=server_tls) as port:
        answer = send(port)
    assert isinstance(answer, Rejected)
    assert "certificate" in answer.reason
    assert mails(tmp_path) == []


def test_demanded_encryption_that_is_not_offered_stops_the_mail(tmp_path):
    """Where encryption is demanded, nothing goes in plaintext."""
    with relay_in_a_thread(tmp_path) as port:
        answer = send(port, starttls=True)
    assert answer == Rejected(
        "the relay offers no STARTTLS, which is demanded", permanent=True
    )
    assert mails(tmp_path) == []


@pytest.mark.parametrize(("right", "accepted"), [(True, True), (False, False)])
def test_password_decides(tmp_path, server_tls, trust, right, accepted):
    """The right password lets mail through; the wrong one is in no reason."""

    def judge(*_: object) -> AuthResult:
        return AuthResult(success=right, handled=False)

    options = {"tls_context": server_tls, "authenticator": judge}
    with relay_in_a_thread(tmp_path, auth_required=True, **options) as port:
        answer = send(port, trust=trust, username="holdfast", password=PASSWORD)
    assert isinstance(answer, Accepted) is accepted
    assert PASSWORD not in repr(answer)
    if isinstance(answer, Rejected):
        assert answer.permanent


def test_password_is_not_sent_in_plaintext_beyond_this_machine(tmp_path, monkeypatch):
    """Without encryption a password stays here, whatever the relay asks for."""
    # A second machine is not at hand: what is loopback counts as far away.
    monkeypatch.setattr("holdfast.channels.smtp._on_loopback", lambda _: False)
    heard = []

    def judge(*arguments: object) -> AuthResult:
        heard.append(arguments)
        return AuthResult(success=True)

    options = {"auth_require_tls": False, "authenticator": judge}
    with relay_in_a_thread(tmp_path, **options) as port:
        answer = send(port, username="holdfast", password=PASSWORD)
    assert answer == Rejected(
        "the password is not sent over a plaintext connection", permanent=True
    )
    assert heard == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "@a.test",
        "ana@",
        "ana@a.test, bob@a.test",
        "ana@a.test\r\nRCPT TO:<eve@a.test>",
        "Ana <ana@a.test>",
        "ana@a..test",
        "ä@a.test",
        "a" * 250 + "@a.test",
    ],
)
def test_address_that_names_no_mailbox_is_permanent(address):
    """No relay is asked about something that is not one address."""
    answer = Smtp(Relay("127.0.0.1", 9, SENDER)).send(NOTICE, address)
    assert answer == Rejected(
        "the recipient's address is not an e-mail address", permanent=True
    )


@given(st.text(max_size=300))
def test_any_text_is_an_address_or_a_refusal(text):
    """Nothing that stands in a catalogue makes the channel stumble."""
    try:
        address = parse_address(text)
    except AddressError:
        return
    assert address.addr_spec.isascii()
    assert address.addr_spec.count("@") == 1


@given(subject=st.text(), text=st.text(), key=st.text(min_size=1))
def test_nothing_outside_adds_a_header(subject, text, key):
    """Whatever the words are, the mail has our headers and no other."""
    me = parse_address(SENDER)
    message = Message(key, subject, text)
    mail = compose(message, sender=me, recipient=me, at=MOMENT)
    head = mail.as_bytes().partition(b"\r\n\r\n")[0].decode()
    names = [
        line.partition(":")[0] for line in head.split("\r\n") if line[:1] not in " \t"
    ]
    assert sorted(names) == sorted(
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "X-Holdfast-Key",
            "Auto-Submitted",
            "X-Auto-Response-Suppress",
            "Content-Type",
            "Content-Transfer-Encoding",
            "MIME-Version",
        ]
    )


def test_settings_that_cannot_work_are_told_at_the_start():
    """A sender that is no address, or half a sign-in, never gets to a first mail."""
    with pytest.raises(HoldfastError, match="is not an e-mail address"):
        Smtp(Relay("127.0.0.1", 25, "nobody"))
    with pytest.raises(HoldfastError, match="but not both"):
        Smtp(Relay("127.0.0.1", 25, SENDER, username="holdfast"))


def test_check_hands_over_nothing(tmp_path):
    """The check goes as far as the relay's greeting and leaves no mail."""
    with relay_in_a_thread(tmp_path) as port:
        assert isinstance(Smtp(Relay("127.0.0.1", port, SENDER)).check(), Accepted)
    assert mails(tmp_path) == []


def test_relays_password_is_not_in_its_description():
    """A relay printed in an error or a log shows no password."""
    relay = Relay("127.0.0.1", 25, SENDER, username="me", password=PASSWORD)
    assert PASSWORD not in repr(relay)
