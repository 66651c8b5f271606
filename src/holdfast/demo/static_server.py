"""Serves the status page's folder on loopback, as a plain web server would.

It lists no folder, follows no path out of its own, and lets nothing be cached, so that
whoever looks sees the page as it is.
"""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from holdfast.demo.process import arguments, bind, follow_parent, run, serve

CURRENT = "current"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json; charset=utf-8",
}
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


def application(folder: Path) -> Starlette:
    """Return a server of what the folder's current version holds."""

    def get(request: Request) -> Response:
        found = _find(folder, request.path_params["path"])
        if found is None:
            return PlainTextResponse("not here", status_code=404, headers=_HEADERS)
        content, media_type = found
        # Anybody may read the page, and so may any page's script.
        headers = {**_HEADERS, "Access-Control-Allow-Origin": "*"}
        return Response(content, media_type=media_type, headers=headers)

    return Starlette(routes=[Route("/{path:path}", get, methods=["GET", "HEAD"])])


def _find(folder: Path, path: str) -> tuple[bytes, str] | None:
    wanted = Path(path or "index.html")
    media_type = _TYPES.get(wanted.suffix)
    if media_type is None or any(part.startswith(".") for part in wanted.parts):
        return None
    # The version may be replaced, and later removed, between resolving and reading.
    for _ in range(2):
        try:
            root = (folder / CURRENT).resolve(strict=True)
            place = (root / wanted).resolve(strict=True)
            if not root.is_relative_to(folder.resolve()):
                return None
            if not place.is_relative_to(root):
                return None
            return place.read_bytes(), media_type
        except (OSError, ValueError):
            continue
    return None


def main() -> None:
    """Serve until SIGTERM."""
    given = arguments("a static web server for the status page").parse_args()
    listener = bind(given.port)
    if given.with_parent:
        follow_parent()
    serve(application(given.folder), listener)


if __name__ == "__main__":
    run(main)
