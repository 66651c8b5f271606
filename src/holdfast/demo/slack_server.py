"""A Slack-compatible endpoint on loopback: the receiving side of the demo and tests.

It speaks the published protocol of the methods that Holdfast uses. Each message is on
disk, in ``messages.jsonl``, before it is acknowledged. The token comes from the
environment (``HOLDFAST_SLACK_TOKEN``), never from the command line.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from holdfast.demo.faults import Fault, Faults, parse
from holdfast.demo.process import arguments, bind, follow_parent, run, serve
from holdfast.errors import HoldfastError

MESSAGES = "messages.jsonl"
TOKEN_VARIABLE = "HOLDFAST_SLACK_TOKEN"  # noqa: S105 - the variable's name.
TEXT_CHARACTERS_MAX = 40_000
_CONVERSATION = re.compile(r"[CDGUW][A-Z0-9]{2,}|#[a-z0-9_-]+")
_BOT = {"user": "UHOLDFAST", "bot_id": "BHOLDFAST", "app_id": "AHOLDFAST"}


class _NoAnswer(Response):
    """Promises a body and breaks off, as a connection lost after the work was done."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        headers = [(b"content-type", b"application/json"), (b"content-length", b"99")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


class Workspace:
    """The messages that the endpoint has taken, and its ever-growing ``ts``."""

    def __init__(self, folder: Path, token: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.faults = Faults(folder)
        self._token = token
        self._path = folder / MESSAGES
        self._last_us = max(
            (int(str(m["ts"]).replace(".", "")) for m in messages(folder)), default=0
        )

    def refusal(self, request: Request, body: Mapping[str, object]) -> str | None:
        """Return the protocol's error for a call without the right token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given = token if scheme.lower() == "bearer" else str(body.get("token", ""))
        if not given:
            return "not_authed"
        right = secrets.compare_digest(given.encode(), self._token.encode())
        return None if right else "invalid_auth"

    def post(self, body: Mapping[str, object]) -> dict[str, object]:
        """Keep a message and return the protocol's answer for it."""
        channel = str(body.get("channel", ""))
        text = str(body.get("text", ""))
        if not _CONVERSATION.fullmatch(channel):
            return _error("channel_not_found")
        if not text and not body.get("blocks"):
            return _error("no_text")
        if len(text) > TEXT_CHARACTERS_MAX:
            return _error("msg_too_long")
        try:
            metadata = _decoded(body.get("metadata"))
            blocks = _decoded(body.get("blocks"))
        except ValueError:
            return _error("invalid_metadata_format")
        message: dict[str, object] = {"type": "message", **_BOT, "text": text}
        message["ts"] = self._next_ts()
        if blocks:
            message["blocks"] = blocks
        if metadata:
            message["metadata"] = metadata
        # A person's id opens the direct conversation with them, whose id starts with D.
        conversation = f"D{channel[1:]}" if channel[0] in "UW" else channel
        self._keep({"channel": conversation, "addressed": channel, **message})
        answer: dict[str, object] = {"ok": True, "channel": conversation}
        return {**answer, "ts": message["ts"], "message": message}

    def history(self, body: Mapping[str, object]) -> dict[str, object]:
        """Return a conversation's messages, newest first."""
        channel = str(body.get("channel", ""))
        if not _CONVERSATION.fullmatch(channel):
            return _error("channel_not_found")
        limit = int(str(body.get("limit", "100")))
        whole = str(body.get("include_all_metadata", "")).lower() in {"1", "true"}
        kept = [m for m in messages(self._path.parent) if m["channel"] == channel]
        hidden = {"channel", "addressed"} | (set() if whole else {"metadata"})
        shown = [{k: v for k, v in m.items() if k not in hidden} for m in kept[::-1]]
        answer: dict[str, object] = {"ok": True, "messages": shown[:limit]}
        return {**answer, "has_more": len(shown) > limit}

    def _next_ts(self) -> str:
        self._last_us = max(self._last_us + 1, time.time_ns() // 1000)
        seconds, micros = divmod(self._last_us, 1_000_000)
        return f"{seconds}.{micros:06d}"

    def _keep(self, message: Mapping[str, object]) -> None:
        with self._path.open("ab") as file:
            file.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def messages(folder: Path) -> list[dict[str, object]]:
    """Return the messages that an endpoint has kept, oldest first."""
    path = folder / MESSAGES
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    # What follows the last line end was torn by a crash and never acknowledged.
    return [json.loads(line) for line in lines[:-1] if line]


def application(workspace: Workspace) -> Starlette:
    """Return the endpoint: three methods of the API and ``/faults``."""

    async def post_message(request: Request) -> Response:
        """Keep a message, or commit the next fault."""
        body = await _body(request)
        if refused := workspace.refusal(request, body):
            return JSONResponse(_error(refused))
        fault = workspace.faults.next()
        if fault is None:
            return JSONResponse(workspace.post(body))
        return await _misbehave(workspace, fault, body)

    async def auth_test(request: Request) -> Response:
        """Say who the token is."""
        if refused := workspace.refusal(request, await _body(request)):
            return JSONResponse(_error(refused))
        home = {"url": str(request.base_url), "team": "Box", "team_id": "TBOX"}
        return JSONResponse({"ok": True, **home, "user": "holdfast", **_BOT})

    async def history(request: Request) -> Response:
        """Show a conversation."""
        body = {**dict(request.query_params), **await _body(request)}
        if refused := workspace.refusal(request, body):
            return JSONResponse(_error(refused))
        return JSONResponse(workspace.history(body))

    async def faults(request: Request) -> Response:
        """Queue faults."""
        try:
            wanted = parse(await request.json())
        except (HoldfastError, ValueError) as odd:
            return JSONResponse({"ok": False, "error": str(odd)}, status_code=400)
        if not wanted:
            workspace.faults.clear()
        workspace.faults.add(wanted)
        return JSONResponse({"ok": True, "queued": [asdict(f) for f in wanted]})

    async def unknown(request: Request) -> Response:
        """Answer for a method that is not here."""
        method = request.path_params["method"]
        return JSONResponse({**_error("unknown_method"), "req_method": method})

    both = ["GET", "POST"]
    return Starlette(
        routes=[
            Route("/api/chat.postMessage", post_message, methods=["POST"]),
            Route("/api/auth.test", auth_test, methods=both),
            Route("/api/conversations.history", history, methods=both),
            Route("/faults", faults, methods=["POST"]),
            Route("/api/{method}", unknown, methods=both),
        ]
    )


async def _misbehave(
    workspace: Workspace, fault: Fault, body: Mapping[str, object]
) -> Response:
    match fault.kind:
        case "answer":
            wait = fault.retry_after
            headers = {} if wait is None else {"Retry-After": str(wait)}
            code = fault.code
            said = _error("ratelimited" if code == 429 else "internal_error")  # noqa: PLR2004 - HTTP's own number.
            return JSONResponse(said, status_code=code, headers=headers)
        case "error":
            return JSONResponse(_error(fault.error))
        case "hang":
            await asyncio.sleep(fault.seconds)
            return _NoAnswer()
        case "drop":
            workspace.post(body)
            return _NoAnswer()
        case "duplicate":
            workspace.post(body)
            return JSONResponse(workspace.post(body))


async def _body(request: Request) -> dict[str, object]:
    if request.headers.get("content-type", "").startswith("application/json"):
        said = json.loads(await request.body() or b"{}")
        return dict(said) if isinstance(said, dict) else {}
    async with request.form() as form:
        return {key: str(value) for key, value in form.items()}


def _decoded(value: object) -> object:
    return json.loads(value) if isinstance(value, str) and value else value


def _error(name: str) -> dict[str, object]:
    return {"ok": False, "error": name}


def main() -> None:
    """Serve until SIGTERM."""
    parser = arguments("a Slack-compatible endpoint on loopback")
    given = parser.parse_args()
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise HoldfastError(
            f"{TOKEN_VARIABLE} is not set",
            "Put the token that callers must show into that environment variable.",
        )
    listener = bind(given.port)
    if given.with_parent:
        follow_parent()
    serve(application(Workspace(given.folder, token)), listener)


if __name__ == "__main__":
    run(main)
