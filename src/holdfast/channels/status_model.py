"""What the status page shows, as plain values read from a notice's data.

The words are Statuspage's own, version 2, so that clients written for it understand
the page; ``revision`` is the key of the notice that made the page look like this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

from cattrs import Converter
from cattrs.errors import BaseValidationError
from cattrs.v import transform_error

Indicator = Literal["none", "minor", "major", "critical", "maintenance"]
ComponentStatus = Literal[
    "operational",
    "degraded_performance",
    "partial_outage",
    "major_outage",
    "under_maintenance",
]
IncidentStatus = Literal[
    "investigating", "identified", "monitoring", "resolved", "postmortem"
]
Impact = Literal["none", "minor", "major", "critical", "maintenance"]


class ModelError(ValueError):
    """The data of a notice that is no status page."""


@dataclass(frozen=True, slots=True)
class Page:
    """The page itself; ``updated_at`` is when what it tells last changed."""

    id: str
    name: str
    url: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Overall:
    """How things are, in one word and in one sentence."""

    indicator: Indicator
    description: str


@dataclass(frozen=True, slots=True)
class Component:
    """Something that customers use, and how it is."""

    id: str
    name: str
    status: ComponentStatus
    description: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """What was said about an incident at one moment."""

    id: str
    status: IncidentStatus
    body: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as customers are told of it."""

    id: str
    name: str
    status: IncidentStatus
    impact: Impact
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    shortlink: str | None = None
    incident_updates: tuple[Update, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it is still going on."""
        return self.status not in {"resolved", "postmortem"}

    @property
    def link(self) -> str | None:
        """Return the incident's own address, if it is one that a browser may open."""
        scheme = urlsplit(self.shortlink or "").scheme
        return self.shortlink if scheme in {"http", "https"} else None

    @property
    def newest_first(self) -> tuple[Update, ...]:
        """Return the updates in the order in which people want them."""
        return tuple(
            sorted(self.incident_updates, key=lambda u: u.created_at, reverse=True)
        )


@dataclass(frozen=True, slots=True)
class PageModel:
    """Everything on the page.

    ``revisions`` are earlier revisions that this one includes, newest first: an
    outside look that sees this page sees those notices too.
    """

    page: Page
    status: Overall
    revision: str
    components: tuple[Component, ...] = ()
    incidents: tuple[Incident, ...] = ()
    revisions: tuple[str, ...] = field(default=())


def parse(data: Mapping[str, object]) -> PageModel:
    """Read the page from a notice's data; raises `ModelError` naming each fault."""
    try:
        return _CONVERTER.structure(dict(data), PageModel)
    except BaseValidationError as faults:
        raise ModelError("; ".join(transform_error(faults))) from faults
    except (TypeError, ValueError, KeyError) as fault:
        raise ModelError(str(fault)) from fault


def unparse(model: PageModel) -> dict[str, object]:
    """Return the data from which `parse` makes this page again."""
    plain: dict[str, object] = _CONVERTER.unstructure(model)
    return plain


def moment(at: datetime | None) -> str | None:
    """Return a moment as Statuspage writes it."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_moment(value: object, _: type) -> datetime:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if at.tzinfo is None:
        raise ValueError(f"the moment {value} has no time zone")
    return at


def _read_text(value: object, _: type) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    # Lone surrogates have no bytes, and a page with a question mark beats no page.
    return value.encode("utf-8", "replace").decode("utf-8")


_CONVERTER = Converter()
_CONVERTER.register_structure_hook(datetime, _read_moment)
_CONVERTER.register_structure_hook(str, _read_text)
_CONVERTER.register_unstructure_hook(datetime, lambda at: at.isoformat())
