"""A stand-in for Google Cloud Storage's XML API, as far as a copy of the log needs it.

It keeps to what Google publishes of that API: objects put, got, listed (version 2) and
deleted; ``x-goog-if-generation-match: 0`` creates or is refused with 412; a bearer
token has IAM permissions; who replaces an object needs ``storage.objects.delete`` as
well; a retention policy refuses both. It answers 503 and hangs when told to.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

CREATE = frozenset({"create"})
READ = frozenset({"get", "list"})
ALL = CREATE | READ | {"delete"}
PAGE = 3


@dataclass
class Google:
    """Buckets, the rights of each token, and what shall go wrong."""

    buckets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    tokens: dict[str, frozenset[str]] = field(default_factory=dict)
    # Of one object alone, as by an IAM condition on its name: token and object.
    may_replace: set[tuple[str, str]] = field(default_factory=set)
    retained: bool = False
    # Google does not say which it asks first of an object that is there.
    rights_before_precondition: bool = False
    unavailable: int = 0
    hang: threading.Event = field(default_factory=threading.Event)
    hanging: bool = False
    address: str = ""

    def answer(
        self, verb: str, path: str, headers: Any, body: bytes
    ) -> tuple[int, str | bytes]:
        """Return the status and body of the answer."""
        if self.hanging:
            self.hang.wait(60)
        if self.unavailable:
            self.unavailable -= 1
            return 503, _fault("ServiceUnavailable")
        parts = urlsplit(path)
        bucket, _, name = unquote(parts.path).lstrip("/").partition("/")
        token = str(headers.get("authorization", "")).removeprefix("Bearer ")
        if token not in self.tokens:
            return 401, _fault("AuthenticationRequired")
        rights = self.tokens[token]
        if bucket not in self.buckets:
            return 404, _fault("NoSuchBucket")
        held = self.buckets[bucket]
        if verb == "PUT":
            return self._put(token, held, name, headers, body)
        if verb == "DELETE":
            if "delete" not in rights or self.retained:
                return 403, _fault("AccessDenied")
            return (
                (204, "")
                if held.pop(name, None) is not None
                else (404, _fault("NoSuchKey"))
            )
        if ("get" if name else "list") not in rights:
            return 403, _fault("AccessDenied")
        if name:
            return (200, held[name]) if name in held else (404, _fault("NoSuchKey"))
        return 200, _listing(held, parse_qs(parts.query, keep_blank_values=True))

    def _put(
        self, token: str, held: dict[str, bytes], name: str, headers: Any, body: bytes
    ) -> tuple[int, str]:
        rights = self.tokens[token]
        there = name in held
        replaces = "delete" in rights or (token, name) in self.may_replace
        refused = "create" not in rights or (there and not replaces)
        unmet = there and headers.get("x-goog-if-generation-match") == "0"
        if refused and (self.rights_before_precondition or not unmet):
            return 403, _fault("AccessDenied")
        if unmet:
            return 412, _fault("PreconditionFailed")
        if there and self.retained:
            return 403, _fault("RetentionPolicyNotMet")
        held[name] = body
        return 200, ""


def start(google: Google, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """Serve it on a free port of a loopback address; the caller shuts it down."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _any(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            status, told = google.answer(self.command, self.path, self.headers, body)
            data = told.encode() if isinstance(told, str) else told
            self.send_response(status)
            for name, value in (
                ("content-length", str(len(data))),
                ("last-modified", "Wed, 25 Nov 2026 10:00:00 GMT"),
                ("etag", '"1"'),
                ("x-goog-generation", "7"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_DELETE = do_HEAD = _any  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((host, 0), Door)
    google.address = f"http://{host}:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _listing(held: dict[str, bytes], query: dict[str, list[str]]) -> str:
    prefix = query.get("prefix", [""])[0]
    delimiter = query.get("delimiter", [""])[0]
    after = query.get("continuation-token", [""])[0]
    keys, folders = [], set()
    for key in sorted(held):
        if not key.startswith(prefix):
            continue
        rest = key[len(prefix) :]
        if delimiter and delimiter in rest:
            folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
        else:
            keys.append(key)
    page = [key for key in keys if key > after][:PAGE]
    more = page and page[-1] != keys[-1]
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(held[key])}</Size>"
        "<LastModified>2026-11-25T10:00:00.000Z</LastModified>"
        '<ETag>"1"</ETag></Contents>'
        for key in page
    )
    common = "".join(
        f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>"
        for one in sorted(folders)
    )
    token = (
        f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>"
        if more
        else ""
    )
    return f"<ListBucketResult>{contents}{common}{token}</ListBucketResult>"


def _fault(code: str) -> str:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
