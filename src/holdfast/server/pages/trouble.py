"""The page for everything that is amiss: what it is, and what to do now."""

from __future__ import annotations

import htpy as h

from holdfast.server.pages.layout import page


def trouble_page(message: str, hint: str) -> h.Element:
    """Say calmly that something is amiss."""
    return page(
        message.capitalize(),
        h.section(".narrow")[
            h.h1[f"{message[:1].upper()}{message[1:]}."],
            hint and h.p[hint],
            h.p[h.a(href="/")["Go to Standing"]],
        ],
    )
