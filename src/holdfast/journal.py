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
from typing import Any

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
    data = rfc8785.dumps(
        {
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
    )
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
        envelope = json.loads(data)
        kind, version = envelope["type"], envelope["v"]
        body = envelope["body"]
    except (ValueError, KeyError, TypeError) as error:
        raise _broken(index, error) from error
    while (kind, version) in UPCASTERS:
        body = UPCASTERS[kind, version](body)
        version += 1
    if (kind, version) not in EVENT_TYPES:
        raise UnknownEventError(
            f"entry {index} is of type {kind} version {version}, unknown here",
            "Another node runs a newer Holdfast; bring this one to the same version.",
        )
    try:
        return Recorded(
            index=index,
            id=envelope["id"],
            key=envelope["key"],
            cause=envelope["cause"],
            actor=envelope["actor"],
            node=envelope["node"],
            observed_at=_moment(envelope["observed_at"]),
            recorded_at=_moment(envelope["recorded_at"]),
            clause=envelope["clause"],
            event=_CONVERTER.structure(body, EVENT_TYPES[kind, version]),
        )
    except (ValueError, KeyError, TypeError, cattrs.BaseValidationError) as error:
        raise _broken(index, error) from error


def _broken(index: int, error: Exception) -> BrokenEntryError:
    return BrokenEntryError(
        f"entry {index} is not an envelope of Holdfast ({type(error).__name__})",
        "Run holdfast ledger verify: the log may have been tampered with.",
    )


def _moment_text(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise HoldfastError(f"a moment without a time zone: {moment.isoformat()}")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(text: str) -> datetime:
    if len(text) != len("2026-01-01T00:00:00.000000Z") or text[-1] != "Z":
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook(datetime, _moment_text)
    converter.register_structure_hook(datetime, lambda text, _: _moment(text))
    for kind in EVENT_TYPES.values():
        converter.register_structure_hook(
            kind,
            make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True),
        )
    return converter


_CONVERTER = _converter()
