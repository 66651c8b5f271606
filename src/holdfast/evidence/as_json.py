"""Views as JSON: moments in RFC 3339, lengths in seconds.

A length carries its unit in its name (`used` becomes `used_seconds`), so that nobody
who reads the JSON alone can take minutes for seconds.
"""

from __future__ import annotations

from dataclasses import Field, fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol, TypeAlias, cast

from holdfast.evidence.words import rfc3339

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


class View(Protocol):
    """Any view: a dataclass of plain values and further views."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def as_json(view: View) -> dict[str, Json]:
    """Write a view as an object of JSON, field by field in the view's own order."""
    return dict(_pair(field, getattr(view, field.name)) for field in fields(view))


def _pair(field: Field[Any], value: object) -> tuple[str, Json]:
    is_length = "timedelta" in str(field.type)
    return (f"{field.name}_seconds" if is_length else field.name, _value(value))


def _value(value: object) -> Json:
    match value:
        case None | str() | bool() | int() | float():
            return value
        case datetime():
            return rfc3339(value)
        case timedelta():
            seconds = value.total_seconds()
            return int(seconds) if seconds.is_integer() else seconds
        case tuple():
            return [_value(item) for item in value]
        case _:
            assert is_dataclass(value), f"a view holds no {type(value).__name__}"
            return as_json(cast("View", value))
