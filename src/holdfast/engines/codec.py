"""Values to JSON and back, for what engines leave in files."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cattrs import Converter

_T = TypeVar("_T")


def to_json(value: object) -> str:
    """Return a dataclass as JSON."""
    return json.dumps(_CONVERTER.unstructure(value), indent=1, sort_keys=True)


def from_json(text: str, kind: type[_T]) -> _T:
    """Return the value of that kind that the JSON holds."""
    return _CONVERTER.structure(json.loads(text), kind)


def _converter() -> Converter:
    converter = Converter()
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    converter.register_structure_hook(
        datetime, lambda text, _: datetime.fromisoformat(text)
    )
    converter.register_unstructure_hook(timedelta, timedelta.total_seconds)
    converter.register_structure_hook(
        timedelta, lambda seconds, _: timedelta(seconds=seconds)
    )
    converter.register_unstructure_hook(Path, str)
    converter.register_structure_hook(Path, lambda text, _: Path(text))
    return converter


_CONVERTER = _converter()
