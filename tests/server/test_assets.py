"""The few files that pages load, and nothing else from the disk."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

import pytest
from tests.server.house import make_app, visitor

from holdfast.server.assets import _LISTED, address

STATIC = files("holdfast.server").joinpath("static")


@pytest.mark.parametrize("name", sorted(_LISTED))
def test_listed_files_are_served_and_kept(name):
    """A listed file comes without a session and may be kept under its digest."""
    answer = visitor(make_app()).get(address(name))
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert hashlib.sha256(answer.content).hexdigest()[:16] in address(name)


def test_another_version_is_not_kept():
    """A file asked for by a wrong digest is not kept for a year."""
    answer = visitor(make_app()).get("/static/style.css?v=old")
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/htmx/README.md",
        "/static/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/static//etc/passwd",
        "/static/style.css%00.png",
        "/static/",
    ],
)
def test_nothing_else_is_reached(path):
    """No path leads from the listed files to any other file."""
    answer = visitor(make_app()).get(path)
    assert answer.status_code in {303, 404}
    assert "root:" not in answer.text
    assert "import" not in answer.text


def test_vendored_files_are_what_the_table_says():
    """The digests in the README are those of the files beside it."""
    folder = STATIC.joinpath("htmx")
    rows = re.findall(
        r"\| `([\w.-]+)` \|.*`([0-9a-f]{64})`", folder.joinpath("README.md").read_text()
    )
    assert len(rows) == 2
    for name, digest in rows:
        assert hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest() == digest


def _luminance(colour: str) -> float:
    full = colour if len(colour) == 7 else "#" + "".join(2 * c for c in colour[1:])
    channels = (int(full[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


PALETTES = [
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block))
    for block in re.findall(
        r":root \{(.*?)\}", STATIC.joinpath("style.css").read_text(), re.DOTALL
    )[:2]
]


@pytest.mark.parametrize("palette", PALETTES, ids=["light", "dark"])
@pytest.mark.parametrize(
    "ink", ["ink", "quiet", "accent", "met", "risk", "bad", "open"]
)
def test_every_ink_is_legible_on_every_ground(palette, ink):
    """Text has at least the contrast of 4.5 to 1 that WCAG AA asks for."""
    for ground in ("paper", "card", "wash-bad", "wash-risk"):
        assert _contrast(palette[ink], palette[ground]) >= 4.5, ground


@pytest.mark.parametrize("palette", PALETTES, ids=["light", "dark"])
def test_shapes_and_buttons_are_legible(palette):
    """What is drawn on a mark or a button stands out from it."""
    for ground in ("accent", "met", "risk", "bad"):
        assert _contrast(palette["on-mark"], palette[ground]) >= 4.5, ground
