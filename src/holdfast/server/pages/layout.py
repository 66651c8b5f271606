"""The frame of every page: head, skip link, header, main, footer.

Pages work without JavaScript; scripts only keep them fresh.
"""

from __future__ import annotations

import htpy as h

from holdfast.server.assets import address

# Extensions are named so that no other script can register one; the rest is switched
# off because the content security policy forbids it or nothing here needs it.
_HTMX = (
    '{"extensions":"sse","includeIndicatorCSS":false,"history":false,'
    '"morphIgnore":["data-htmx-powered","open"],'
    '"sse":{"reconnectDelay":1000,"reconnectMaxDelay":5000}}'
)


def page(
    title: str,
    *content: h.Node,
    user: str | None = None,
    live: bool = False,
    here: str = "/",
) -> h.Element:
    """Put content into the frame; ``here`` is the page's own path."""
    return h.html(lang="en")[
        h.head[
            h.meta(charset="utf-8"),
            h.meta(name="viewport", content="width=device-width, initial-scale=1"),
            h.meta(name="color-scheme", content="light dark"),
            live and h.meta(name="htmx-config", content=_HTMX),
            h.title[f"{title} · Holdfast"],
            h.link(rel="icon", type="image/svg+xml", href=address("icon.svg")),
            h.link(rel="stylesheet", href=address("style.css")),
            live and [_script("htmx.js"), _script("hx-sse.js"), _script("live.js")],
        ],
        h.body[
            h.a(".skip", href="#main")["Skip to the content"],
            _header(user, here),
            h.main("#main", tabindex="-1")[content],
        ],
    ]


def _script(name: str) -> h.Element:
    return h.script(src=address(name), defer=True)


PAGES = {"/": "Standing", "/recovery": "Recovery", "/approvals": "Approvals"}


def _header(user: str | None, here: str) -> h.Element:
    return h.header(".top")[
        h.a(".brand", href="/")[
            h.img(src=address("icon.svg"), alt="", width="24", height="24"), "Holdfast"
        ],
        user
        and h.nav(aria_label="Pages")[
            (
                h.a(href=path, aria_current="page" if path == here else None)[name]
                for path, name in PAGES.items()
            )
        ],
        user
        and h.form(".who", method="post", action="/sign-out")[
            h.span[user], h.button(".plain", type="submit")["Sign out"]
        ],
    ]
