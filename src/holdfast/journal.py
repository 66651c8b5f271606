"""The ledger, speaking events: where meaning meets bytes.

An entry is the canonical JSON (RFC 8785) of an envelope around one event. Signed bytes
can never be mended, so the envelope is fixed, golden bytes hold every type in place,
and old versions are read through upcasters, never rewritten.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar, get_args, get_origin

import cattrs
import rfc8785
from cattrs.gen import make_dict_structure_fn

from holdfast.domain.events.authority import NAME_ALONE
from holdfast.domain.events.kinds import EVENT_TYPES, Event
from holdfast.errors import HoldfastError

ENTRY_BYTES_MAX = 65_535
_WHOLE_MAX = 2**53 - 1


def _by_name_alone(body: dict[str, Any]) -> dict[str, Any]:
    """Lift an act on keys of the time when a name was enough."""
    return {**body, "signed_in": NAME_ALONE}


# From (type, version) to a function that lifts such a body to the next version.
UPCASTERS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {
    ("ledger.key_rotated", 1): _by_name_alone,
    ("ledger.key_retired", 1): _by_name_alone,
    ("ledger.closed", 1): _by_name_alone,
    ("witness.retired", 1): _by_name_alone,
}


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
        data = _canonical(envelope)
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
        return _read(index, data)
    except _WRONG as error:
        raise _broken(index, error) from error


def stamp(index: int, data: bytes) -> tuple[str, datetime]:
    """Return an entry's key and when it was recorded; the rest is not looked at.

    Raises `BrokenEntryError` for bytes that no Holdfast wrote.
    """
    try:
        found = _DECODE(data.decode())
        return _exactly(found["key"], str), _moment(found["recorded_at"])
    except _WRONG as error:
        raise _broken(index, error) from error


def _broken(index: int, error: Exception) -> BrokenEntryError:
    return BrokenEntryError(
        f"entry {index} is not an envelope of Holdfast ({type(error).__name__})",
        "Run holdfast ledger verify: the log may have been tampered with.",
    )


# What stands around every body; the same for every type, for ever.
_ENVELOPE = frozenset(
    {
        "type", "v", "id", "key", "cause", "actor", "node", "observed_at",
        "recorded_at", "clause", "body",
    }
)  # fmt: skip


def _read(index: int, data: bytes) -> Recorded:
    found = _DECODE(data.decode())
    if type(found) is not dict or found.keys() != _ENVELOPE:
        raise ValueError("not an envelope")
    kind, version = _exactly(found["type"], str), _exactly(found["v"], int)
    key, handle, body = _exactly(found["key"], str), found["id"], found["body"]
    if handle != entry_id(key):
        raise ValueError("the id does not follow from the key")
    if type(body) is not dict:
        raise TypeError("the body is not an object")
    is_current = (kind, version) in EVENT_TYPES and (kind, version) not in UPCASTERS
    # The quick look suffices where every value is then read as the type it must have.
    if not is_current or _ENCODE(found).encode() != data:
        _require_canonical(found, data)
    cause, clause = _optional(found["cause"]), _optional(found["clause"])
    actor, node = _exactly(found["actor"], str), _exactly(found["node"], str)
    observed_at = _moment(found["observed_at"])
    recorded_at = _moment(found["recorded_at"])
    if not is_current:
        kind, version, body = _lifted(kind, version, body)
        if (kind, version) not in EVENT_TYPES:
            raise UnknownEventError(
                f"entry {index} is of type {kind} version {version}, unknown here",
                "Another node runs a newer Holdfast; bring this one to the same "
                "version.",
            )
    event = _READERS[kind, version](body, EVENT_TYPES[kind, version])
    return Recorded(
        index, handle, key, cause, actor, node, observed_at, recorded_at, clause, event
    )


# What reading bytes that are not ours may raise. Nesting beyond reason is a
# RecursionError; an upcaster that misses a key is as broken as its body.
_WRONG = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
    cattrs.ForbiddenExtraKeysError,
)


# As RFC 8785 has it for text, whole numbers and ASCII keys: all that our events hold.
_ENCODE = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":")
).encode
_DECODE = json.JSONDecoder().decode


# Fractions, exponents, NaN and numbers of 16 digits: what RFC 8785 writes otherwise, or
# not at all. Text may look like it; then it is written the slow way.
_UNUSUAL = re.compile(
    r"[:,\[]-?(?:\d{16,}|\d+[.eE][\d.eE+-]+|NaN|Infinity)[,}\]]", re.ASCII
)


def _canonical(envelope: dict[str, Any]) -> bytes:
    """Return RFC 8785's bytes, five times as fast where plain JSON is the same.

    That it is the same wherever nothing unusual is found, a law among the tests holds.
    """
    text = _ENCODE(envelope)
    if text.isascii() and not _UNUSUAL.search(text):
        return text.encode()
    return rfc8785.dumps(envelope)


def _require_canonical(found: dict[str, Any], data: bytes) -> None:
    """Refuse bytes that are not the one way in which we write."""
    if rfc8785.dumps(found) != data:
        raise ValueError("not in canonical form")


def _lifted(
    kind: str, version: int, body: dict[str, Any]
) -> tuple[str, int, dict[str, Any]]:
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


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{6}Z", re.ASCII)


def _moment(text: Any, _: object = None) -> datetime:
    # The pattern is our one spelling; whether the day exists is for the parser to say.
    if type(text) is not str or not _MOMENT.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


_Plain = TypeVar("_Plain", str, int, bool)


def _exactly(value: object, kind: type[_Plain]) -> _Plain:
    """Return the value if it is of that very type: nothing is converted."""
    if type(value) is not kind:
        raise TypeError(f"not a {kind.__name__}")
    return value


def _whole(value: object, _: object = None) -> int:
    number = _exactly(value, int)
    if abs(number) > _WHOLE_MAX:
        raise ValueError("a number that readers would round")
    return number


def _optional(value: object) -> str | None:
    return None if value is None else _exactly(value, str)


def _one_of(value: object, kind: Any) -> str:
    text = _exactly(value, str)
    if text not in get_args(kind):
        raise ValueError(f"{text} is none of {get_args(kind)}")
    return text


def _array(value: object, kind: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise TypeError("not an array")
    (inner, _) = get_args(kind)
    if inner is str:
        return tuple(_exactly(each, str) for each in value)
    return tuple(_CONVERTER.structure(each, inner) for each in value)


def _is_array(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _is_literal(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _converter() -> cattrs.Converter:
    # One fault is enough: what is broken is shown by nobody field by field.
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=False)
    converter.register_structure_hook(str, _exactly)
    converter.register_structure_hook(bool, _exactly)
    converter.register_structure_hook(int, _whole)
    converter.register_structure_hook_func(_is_array, _array)
    converter.register_structure_hook_func(_is_literal, _one_of)
    converter.register_unstructure_hook(datetime, _moment_text)
    converter.register_structure_hook(datetime, _moment)
    return converter


_CONVERTER = _converter()


class _Readers(dict[tuple[str, int], Callable[[Any, Any], Any]]):
    """What reads the body of each type; made when the first such body comes."""

    def __missing__(self, name: tuple[str, int]) -> Callable[[Any, Any], Any]:
        self[name] = made = make_dict_structure_fn(
            EVENT_TYPES[name],
            _CONVERTER,
            _cattrs_forbid_extra_keys=True,
            _cattrs_detailed_validation=False,
        )
        return made


_READERS = _Readers()
