"""Delivers what is due, at least once, each under a key that a repeat would show.

Order of writes: the attempt is counted and committed before anything is sent; the
receipt commits only while the claim's token is live. So a crash between a relay's
acceptance and our commit leads to one repeat under the same key, and it is recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta

from holdfast.domain.catalogue import Contact
from holdfast.domain.events.notice import (
    CUSTOMERS_OF,
    ChannelName,
    DeliveryFailed,
    NoticeDelivered,
    NoticeDue,
)
from holdfast.domain.memory.notices import Notice
from holdfast.domain.retries import retry_at
from holdfast.domain.rules import Rules
from holdfast.domain.separation import named
from holdfast.errors import HoldfastError
from holdfast.journal import Fact
from holdfast.operations.page import page_model
from holdfast.operations.ports.channel import Accepted, Message, Rejected
from holdfast.operations.ports.store import (
    Claim,
    Delivered,
    LeaseLostError,
    Parcel,
    Settlement,
)
from holdfast.operations.world import World

# A courier takes a breath after this long, so that a node can end in order.
ROUND = timedelta(seconds=5)
_SOMEBODY = ("person:", "customer:")
# Ours is a digest before the @, see `channels.mail_message.message_id`.
_MESSAGE_ID = re.compile(r"[0-9a-f]{40}@[\w.-]+")
_ADDRESS = re.compile(r"[^\s<>\"'(),:;]*@[^\s<>\"'(),:;]*")


def parcels_of(
    facts: Sequence[Fact], rules: Rules, *, erased: bool = False
) -> list[Parcel]:
    """Return the deliveries that the notices among the facts need.

    With ``erased``, those to customers of whom nothing is kept, too: a notice of before
    is closed once it is settled that they get none.
    """
    return [
        parcel
        for fact in facts
        if isinstance(fact.event, NoticeDue)
        for parcel in _parcels(fact.event, rules, erased=erased)
    ]


def deliver(world: World, channel: ChannelName) -> Sequence[Fact]:
    """Deliver what is due by the channel, longest overdue first.

    Each channel has a courier of its own: a relay that hangs delays no alert.
    """
    _close_settled(world, channel)
    until = world.clock.now() + ROUND
    while (now := world.clock.now()) < until:
        claims = world.store.claim(now=now, lease=world.lease, channel=channel)
        if not claims:
            break
        for claim in claims:
            _deliver_one(world, claim)
    _close_settled(world, channel)
    return ()


def publish_page(world: World) -> Sequence[Fact]:
    """Publish the status page as it should be now, though nothing is owed.

    So the page is there before the first incident, and confirms now and then that its
    publisher lives. A failure shows when a notice is delivered; this one is no duty.
    """
    channel = world.channels.get("status_page")
    situation = world.situation()
    if channel is not None and situation is not None:
        key = f"page/{situation.now:%Y%m%dT%H%M%S}"
        url = world.lookout.url if world.lookout else ""
        data = {**page_model(situation, url), "revision": key}
        channel.send(Message(key, "", "", data), "page:status")
    return ()


def _parcels(notice: NoticeDue, rules: Rules, *, erased: bool) -> list[Parcel]:
    payload = json.dumps({"subject": notice.subject, "text": notice.text})
    return [
        Parcel(
            key=f"{notice.notice}>{recipient}",
            notice=notice.notice,
            channel=notice.channel,
            recipient=recipient,
            payload=payload,
            not_before=notice.at,
        )
        for recipient in _recipients(notice, rules, erased=erased)
    ]


def _recipients(notice: NoticeDue, rules: Rules, *, erased: bool) -> list[str]:
    services = frozenset(
        recipient.removeprefix(CUSTOMERS_OF)
        for recipient in notice.recipients
        if recipient.startswith(CUSTOMERS_OF)
    )
    if not services:
        return list(notice.recipients)
    customers = rules.catalogue.affected_customers(services, erased=erased)
    return [f"customer:{customer.id}" for customer in customers]


def _deliver_one(world: World, claim: Claim) -> None:
    parcel = claim.parcel
    found = _contact(world, parcel.recipient)
    channel = world.channels.get(_channel_name(parcel.channel))
    if channel is None:
        result: Accepted | Rejected = Rejected(f"no {parcel.channel} is connected")
    elif isinstance(found, Rejected):
        result = found
    else:
        result = channel.send(_message(world, parcel), found.email)
    try:
        _settle(world, claim, result, found if isinstance(found, Contact) else None)
    except LeaseLostError:
        # Another courier holds the parcel now; it settles and counts the repeat.
        return


def _message(world: World, parcel: Parcel) -> Message:
    content = json.loads(parcel.payload)
    data: dict[str, object] = {}
    if parcel.channel == "status_page":
        # Always the newest page: an old parcel delivered late must not undo a new one.
        situation = world.situation()
        url = world.lookout.url if world.lookout else ""
        data = page_model(situation, url) if situation else {}
        data["revision"] = parcel.notice
    return Message(parcel.key, content["subject"], content["text"], data)


def _settle(
    world: World, claim: Claim, result: Accepted | Rejected, contact: Contact | None
) -> None:
    match result:
        case Accepted():
            receipt = _without(result.receipt, contact, claim.parcel.recipient)
            settled = Settlement(claim, "delivered", receipt=receipt)
            world.log.record([], settlements=[settled])
        case Rejected():
            failed = _failure(world, claim, result, contact)
            settlement = Settlement(
                claim,
                "abandoned" if result.permanent else "again",
                receipt=failed.reason,
                not_before=failed.retry_at,
            )
            world.log.record([Fact(failed, failed.at)], settlements=[settlement])


def _failure(
    world: World, claim: Claim, result: Rejected, contact: Contact | None
) -> DeliveryFailed:
    now = world.clock.now()
    again = retry_at(now, claim.failures + 1, result.retry_after)
    return DeliveryFailed(
        notice=claim.parcel.notice,
        parcel=claim.parcel.key,
        attempt=claim.attempt,
        reason=_without_addresses(result.reason, claim, contact)[:500],
        permanent=result.permanent,
        uncertain=result.uncertain,
        retry_at=None if result.permanent else again,
        at=now,
    )


def _without(text: str, contact: Contact | None, reference: str) -> str:
    """Return the text with the recipient's reference for every word of the contact."""
    if contact is None or not reference.startswith(_SOMEBODY):
        return text
    for word in (contact.email, contact.name, contact.phone, contact.slack):
        if word:
            whole = rf"(?<!\w){re.escape(word)}(?!\w)"
            text = re.sub(whole, reference, text, flags=re.IGNORECASE)
    return _ADDRESS.sub(_unless_our_id, text)


def _unless_our_id(found: re.Match[str]) -> str:
    """Keep a message's own id: it looks like an address, and names nobody."""
    return found[0] if _MESSAGE_ID.fullmatch(found[0]) else "[address]"


def _without_addresses(text: str, claim: Claim, contact: Contact | None) -> str:
    """Return what the other side said, fit to stand in the log for ever.

    Relays like to quote addresses, whole or cut off; none of them may enter the log.
    """
    return _ADDRESS.sub("[address]", _without(text, contact, claim.parcel.recipient))


def _close_settled(world: World, channel: ChannelName) -> None:
    """Close the notices whose every parcel is settled, by whichever node."""
    notices = world.log.state().notices
    for name in notices.undelivered:
        if notices.all[name].due.channel == channel:
            _close(world, notices.all[name])


def _close(world: World, known: Notice) -> None:
    notice = known.due.notice
    unsettled, settled = world.store.deliveries(notice)
    if unsettled or not settled:
        return
    delivered = [d for d in settled if d.outcome == "delivered"]
    at = max(d.settled_at for d in settled)
    event = NoticeDelivered(
        notice=notice,
        delivered=len(delivered),
        abandoned=len(settled) - len(delivered),
        possible_repeats=known.uncertain
        + sum(max(0, d.attempt - d.failures - 1) for d in settled),
        receipts=world.store.put_blob(_sealed(settled)),
        at=at,
    )
    world.log.record([Fact(event, at)])


def _sealed(settled: Sequence[Delivered]) -> bytes:
    """Return the receipt file of a notice: references and receipts, no addresses."""
    rows = [
        {
            "recipient": d.recipient,
            "outcome": d.outcome,
            "attempts": d.attempt,
            "failures": d.failures,
            "receipt": d.receipt,
            "settled_at": d.settled_at.isoformat(),
        }
        for d in sorted(settled, key=lambda d: d.recipient)
    ]
    return json.dumps(rows, indent=1).encode()


def _channel_name(name: str) -> ChannelName:
    match name:
        case "slack" | "email" | "status_page":
            return name
        case _:
            raise AssertionError(f"no channel is called {name}")


def _contact(world: World, recipient: str) -> Contact | Rejected:
    """Return where to reach the recipient, looked up at the moment of sending.

    What was erased is settled for good. What is only missing here, after a recovery or
    for want of a key, is waited for: somebody is owed a letter.
    """
    if (known := world.addresses.get(recipient)) is not None:
        return Contact(known)
    situation = world.situation()
    if situation is None:
        return Rejected("nothing is adopted yet")
    if recipient in situation.state.erasures:
        return Rejected(f"{recipient} was erased", permanent=True)
    somebody = named(situation.rules.catalogue, recipient)
    if somebody is None:
        return Rejected("the recipient has no address any more", permanent=True)
    if somebody.contact is not None:
        return somebody.contact
    try:
        kept = world.log.people.kept(recipient)
    except HoldfastError as fault:
        return Rejected(str(fault))
    if kept is None:
        return Rejected(f"the personal data of {recipient} are not here; recover them")
    if kept.commitment(recipient) != somebody.commitment:
        # Put back, or never brought forward: it may lead to somebody else by now.
        return Rejected(f"what is kept of {recipient} is not what was adopted")
    return kept.contact
