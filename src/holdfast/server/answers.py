"""How the face answers: pages for people, JSON for programs, trouble told calmly.

Every answer carries the same headers: nothing is stored, nothing is framed, nothing
is loaded from elsewhere, no script or style stands inside a page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

import htpy as h
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from holdfast.evidence.as_json import Json
from holdfast.server.pages.trouble import trouble_page

# The policy for referrers is same-origin and not no-referrer: under the latter
# browsers send `Origin: null` with our own forms, and the check of the origin of a
# POST would have to let strangers pass.
SAFETY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}

_TROUBLE: dict[int, tuple[str, str]] = {
    400: ("this request was not understood", "Go back to Standing and try again."),
    401: ("you are not signed in", "Nothing was done. Sign in and try again."),
    403: (
        "this form did not come from this site",
        "Open the sign-in page of this Holdfast itself and send it from there.",
    ),
    404: ("there is no such page", "Standing holds everything that there is to see."),
    405: ("this page cannot be used that way", "Open it from Standing."),
    408: ("the request took too long to arrive", "Try again."),
    413: ("this form is too large", "Say it in fewer words."),
    421: (
        "this Holdfast does not answer under that name",
        "Open it by an address that its settings list.",
    ),
    422: ("something in this request is missing or wrong", "Go back and try again."),
    500: (
        "something went wrong inside Holdfast",
        "Reload the page. Clocks and notices do not depend on it.",
    ),
}


def page(content: h.Node, status: int = 200) -> HTMLResponse:
    """Answer with a page."""
    return HTMLResponse(str(h.fragment[content]), status, headers=SAFETY_HEADERS)


def data(value: Mapping[str, Json], status: int = 200) -> Response:
    """Answer with JSON."""
    body = json.dumps(value, ensure_ascii=False, indent=2)
    return Response(body, status, SAFETY_HEADERS, "application/json")


def see_other(place: str) -> Response:
    """Send the browser on to another page."""
    return RedirectResponse(place, HTTPStatus.SEE_OTHER, headers=SAFETY_HEADERS)


def trouble(
    request: Request, status: int, message: str | None = None, hint: str = ""
) -> Response:
    """Answer that something is amiss: what it is, and what to do now."""
    told = (message, hint) if message else _TROUBLE.get(status, _TROUBLE[400])
    answer = (
        data({"error": told[0], "hint": told[1]}, status)
        if wants_json(request)
        else page(trouble_page(*told), status)
    )
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers["www-authenticate"] = 'Cookie realm="holdfast"'
    return answer


def wants_json(request: Request) -> bool:
    """Say whether a program asks, by `Accept` or `?format=json`."""
    accepted = request.headers.get("accept", "")
    by_header = "application/json" in accepted and "text/html" not in accepted
    return by_header or request.query_params.get("format") == "json"


def wants_page(request: Request) -> bool:
    """Say whether a person's browser asks for a page to look at."""
    is_stream = "text/event-stream" in request.headers.get("accept", "")
    return not wants_json(request) and not is_stream
