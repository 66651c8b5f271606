"""The one page that opens without a session."""

from __future__ import annotations

import htpy as h

from holdfast.server.pages.layout import page


def sign_in_page(*, problem: str = "", user: str = "") -> h.Element:
    """Ask for user and password; ``problem`` says why the last attempt failed."""
    return page(
        "Sign in",
        h.section(".narrow")[
            h.h1["Sign in"],
            problem and h.p("#problem.problem", role="alert")[problem],
            h.form(method="post", action="/sign-in")[
                h.label(for_="user")["User"],
                h.input(
                    "#user",
                    name="user",
                    value=user,
                    autocomplete="username",
                    autocapitalize="none",
                    spellcheck="false",
                    maxlength="200",
                    required=True,
                    autofocus=not user,
                ),
                h.label(for_="password")["Password"],
                h.input(
                    "#password",
                    name="password",
                    type="password",
                    autocomplete="current-password",
                    maxlength="1000",
                    required=True,
                    autofocus=bool(user),
                    aria_describedby="problem" if problem else None,
                ),
                h.button(type="submit")["Sign in"],
            ],
            # A link from a chat arrives without the cookie, which is strict; a step
            # from this page to the next one brings it.
            h.p(".quiet")[
                "Came by a link and signed in already? ", h.a(href="/")["Open Standing"]
            ],
        ],
    )
