"""The few files that pages load: read once, addressed by their digest.

Only what is listed here is served; no path of a request ever reaches the disk.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_YEAR = "public, max-age=31536000, immutable"
_LISTED = {
    "style.css": ("style.css", "text/css; charset=utf-8"),
    "live.js": ("live.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
    "htmx.js": ("htmx/htmx-4.0.1.min.js", "text/javascript; charset=utf-8"),
    "hx-sse.js": ("htmx/hx-sse-4.0.1.min.js", "text/javascript; charset=utf-8"),
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, what they are, and the start of their digest."""

    body: bytes
    media_type: str
    digest: str

    def cache_control(self, version: str) -> str:
        """Let browsers keep it for good when asked for by its right digest."""
        return _YEAR if version == self.digest else "no-cache"


@cache
def asset(name: str) -> Asset | None:
    """Return a listed file; None for any other name."""
    if name not in _LISTED:
        return None
    path, media_type = _LISTED[name]
    body = files("holdfast.server").joinpath("static", *path.split("/")).read_bytes()
    return Asset(body, media_type, hashlib.sha256(body).hexdigest()[:16])


def address(name: str) -> str:
    """Return where a page loads a listed file from."""
    found = asset(name)
    assert found is not None, f"{name} is not listed"
    return f"/static/{name}?v={found.digest}"
