"""The ledger, speaking events: where meaning meets bytes.

An entry is the canonical JSON (RFC 8785) of an envelope around one event. Signed bytes
can never be mended, so the envelope is fixed, golden bytes hold every type in place,
and old versions are read through upcasters, never rewritten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar, get_args, get_origin

import cattrs
import rfc8785
from cattrs.gen import make_dict_structure_fn

from holdfast.domain.events.kinds import EVENT_TYPES, Event
from holdfast.errors import HoldfastError

ENTRY_BYTES_MAX = 65_535

# From (type, version) to a function that lifts such a body to the next version.
UPCASTERS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}


class UnknownEventError(HoldfastError):
    """The log holds an entry that this version of Holdfast cannot understand."""


class BrokenEntryError(HoldfastError):
    """The bytes of an entry are not an envelope as this room writes it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """An event about to be recorded, with what stands around it.

    ``cause`` is the id of the entry that led to this one, ``clause`` the anchor of the
    sentence that demands it, ``actor`` who did it ("holdfast", "person:ana").
    """

    event: Event
    observed_at: datetime
    actor: str = "holdfast"
    cause: str | None = None
    clause: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry as read back: its place, its envelope and its event."""

    index: int
    id: str
    key: str
    cause: str | None
    actor: str
    node: str
    observed_at: datetime
    recorded_at: datetime
    clause: str | None
    event: Event


def entry_id(key: str) -> str:
    """Return the short handle of a key, by which other entries name it as a cause.

    It follows from the key, so that a repeat after a crash has the same id.
    """
    return hashlib.sha256(key.encode()).hexdigest()[:24]


def seal(fact: Fact, node: str, recorded_at: datetime) -> bytes:
    """Return the entry's bytes.

    Raises `HoldfastError` where it would exceed 65,535 bytes.
    """
    event = fact.event
    envelope = {
        "type": event.TYPE,
        "v": event.V,
        "id": entry_id(event.key),
        "key": event.key,
        "cause": fact.cause,
        "actor": fact.actor,
        "node": node,
        "observed_at": _moment_text(fact.observed_at),
        "recorded_at": _moment_text(recorded_at),
        "clause": fact.clause,
        "body": _CONVERTER.unstructure(event),
    }
    try:
        data = rfc8785.dumps(envelope)
    except rfc8785.CanonicalizationError as error:
        raise HoldfastError(
            f"an entry of type {event.TYPE} cannot be written: {error}",
            "Text must be Unicode, and whole numbers below 2 to the power of 53.",
        ) from error
    if len(data) > ENTRY_BYTES_MAX:
        raise HoldfastError(
            f"an entry of type {event.TYPE} would have {len(data):,} bytes",
            f"An entry holds at most {ENTRY_BYTES_MAX:,}; keep the rest as evidence.",
        )
    return data


def read(index: int, data: bytes) -> Recorded:
    """Return what the entry's bytes say.

    Raises `UnknownEventError` for a type or version from another Holdfast, and
    `BrokenEntryError` for bytes that no Holdfast wrote.
    """
    try:
        envelope = _CONVERTER.structure(_canonical(data), _Envelope)
        kind, version, body = _lifted(envelope)
        if (kind, version) not in EVENT_TYPES:
            raise UnknownEventError(
                f"entry {index} is of type {kind} version {version}, unknown here",
                "Another node runs a newer Holdfast; bring this one to the same "
                "version.",
            )
        return Recorded(
            index=index,
            id=envelope.id,
            key=envelope.key,
            cause=envelope.cause,
            actor=envelope.actor,
            node=envelope.node,
            observed_at=envelope.observed_at,
            recorded_at=envelope.recorded_at,
            clause=envelope.clause,
            event=_CONVERTER.structure(body, EVENT_TYPES[kind, version]),
        )
    except _WRONG as error:
        raise BrokenEntryError(
            f"entry {index} is not an envelope of Holdfast ({type(error).__name__})",
            "Run holdfast ledger verify: the log may have been tampered with.",
        ) from error


@dataclass(frozen=True, slots=True)
class _Envelope:
    """What stands around every body; the same for every type, for ever."""

    type: str
    v: int
    id: str
    key: str
    cause: str | None
    actor: str
    node: str
    observed_at: datetime
    recorded_at: datetime
    clause: str | None
    body: dict[str, Any]

    def __post_init__(self) -> None:
        if self.id != entry_id(self.key):
            raise ValueError("the id does not follow from the key")


# What reading bytes that are not ours may raise. Nesting beyond reason is a
# RecursionError; an upcaster that misses a key is as broken as its body.
_WRONG = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
    cattrs.BaseValidationError,
)


def _canonical(data: bytes) -> dict[str, Any]:
    """Return the JSON object, refusing any but the one way in which we write it."""
    found = json.loads(data)
    if not isinstance(found, dict):
        raise TypeError("not an object")
    if rfc8785.dumps(found) != data:
        raise ValueError("not in canonical form")
    return found


def _lifted(envelope: _Envelope) -> tuple[str, int, dict[str, Any]]:
    kind, version, body = envelope.type, envelope.v, envelope.body
    while (kind, version) in UPCASTERS:
        body = UPCASTERS[kind, version](body)
        version += 1
    return kind, version, body


def _moment_text(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise HoldfastError(
            f"a moment without a time zone: {moment.isoformat()}",
            "Moments in entries are aware, so that every reader means the same one.",
        )
    text = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


def _moment(text: object, _: object = None) -> datetime:
    moment = datetime.fromisoformat(_exactly(text, str))
    if _moment_text(moment) != text:
        raise ValueError(text)
    return moment


_Plain = TypeVar("_Plain", str, int, bool)


def _exactly(value: object, kind: type[_Plain]) -> _Plain:
    """Return the value if it is of that very type: nothing is converted."""
    if type(value) is not kind:
        raise TypeError(f"not a {kind.__name__}")
    return value


def _array(value: object, kind: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise TypeError("not an array")
    (inner, _) = get_args(kind)
    return tuple(_CONVERTER.structure(each, inner) for each in value)


def _is_array(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for plain in (str, int, bool):
        converter.register_structure_hook(plain, _exactly)
    converter.register_structure_hook_func(_is_array, _array)
    converter.register_unstructure_hook(datetime, _moment_text)
    converter.register_structure_hook(datetime, _moment)
    for kind in (_Envelope, *EVENT_TYPES.values()):
        converter.register_structure_hook(
            kind,
            make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True),
        )
    return converter


_CONVERTER = _converter()
