"""An S3 with object lock to test against: moto's server behind a proxy of ours.

moto keeps versions and refuses the delete of a version in compliance mode, as S3 does.
Three things it does otherwise, seen with moto 5: it answers GetObjectRetention with an
error of its own, it lets a retention be shortened, and it does not take a checksum for
the one that S3 demands of whoever puts into a locked bucket. For those the proxy stands
in as AWS publishes: the retention that the bucket's default gave, 403 for less of it,
and any checksum's header will do, while none is 400.
It also takes faults: a status for each request, or silence.
"""

from __future__ import annotations

import http.client
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

from moto.server import ThreadedMotoServer

from holdfast.storage.s3 import S3

KEEPS = ("content-type", "etag", "x-amz-version-id", "x-amz-delete-marker",
         "last-modified")  # fmt: skip
HANG = -1
CHECKSUM = "x-amz-checksum-"
Fault = Callable[[str, str], int]


def _no_fault(_: str, __: str) -> int:
    return 0


@dataclass
class LockedS3:
    """The server: address, faults, and what is kept until when."""

    address: str
    upstream: str
    fault: Fault = _no_fault
    days: dict[str, int] = field(default_factory=dict)
    kept: dict[tuple[str, str], datetime] = field(default_factory=dict)
    newest: dict[str, str] = field(default_factory=dict)
    lenient: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def options(self) -> dict[str, str]:
        """Return the options of a credentials file."""
        return {
            "access_key_id": "key",
            "secret_access_key": "very secret",
            "region": "us-east-1",
            "endpoint": self.address,
        }

    def s3(self, bucket: str) -> S3:
        """Return the calls on a bucket."""
        return S3(f"s3://{bucket}/log", self.options)

    def make(self, bucket: str, *, lock: str = "", days: int = 0) -> None:
        """Make a bucket, locked by default where a mode is given."""
        client = self.s3(bucket)._client
        client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=bool(lock))
        if lock:
            rule = {"DefaultRetention": {"Mode": lock, "Days": days}}
            client.put_object_lock_configuration(
                Bucket=bucket,
                ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
            )
            self.days[bucket] = days


@contextmanager
def locked_s3() -> Iterator[LockedS3]:
    """Run the server on loopback."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    _, port = moto.get_host_and_port()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    server.daemon_threads = True
    address = f"http://127.0.0.1:{server.server_port}"
    _Proxy.world = world = LockedS3(address, f"127.0.0.1:{port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    reset = f"http://127.0.0.1:{port}/moto-api/reset"
    urllib.request.urlopen(urllib.request.Request(reset, method="POST")).close()
    try:
        yield world
    finally:
        world.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
        moto.stop()


class _Proxy(BaseHTTPRequestHandler):
    """Passes on what moto answers rightly."""

    world: LockedS3
    protocol_version = "HTTP/1.1"

    def _take(self) -> None:
        world, parts = self.world, urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        status = world.fault(self.command, self.path)
        if status == HANG:
            world.stopped.wait(60)
            self.close_connection = True
        elif status:
            code = {301: "PermanentRedirect", 403: "AccessDenied", 503: "SlowDown"}
            self._answer(status, _error(code.get(status, "InternalError")))
        elif "retention" in query:
            self._retention(parts.path, query, body)
        else:
            self._pass_on(parts.path, body)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = _take  # noqa: N815

    def _retention(self, path: str, query: dict[str, list[str]], body: bytes) -> None:
        version = query.get("versionId", [self.world.newest.get(path, "")])[0]
        until = self.world.kept.get((path, version))
        if self.command == "GET":
            if until is None:
                self._answer(404, _error("NoSuchObjectLockConfiguration"))
                return
            text = (
                "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>"
                f"{until:%Y-%m-%dT%H:%M:%SZ}</RetainUntilDate></Retention>"
            )
            self._answer(200, text)
            return
        wanted = ET.fromstring(body).findtext("{*}RetainUntilDate")  # noqa: S314 - ours.
        asked = datetime.fromisoformat(wanted or "")
        if until is not None and asked < until and not self.world.lenient:
            self._answer(403, _error("AccessDenied"))
            return
        self.world.kept[path, version] = asked
        self._answer(200, "")

    def _pass_on(self, path: str, body: bytes) -> None:
        skipped = ("host", "content-length", "connection")
        headers = {k: v for k, v in self.headers.items() if k.lower() not in skipped}
        sums = [name for name in headers if name.lower().startswith(CHECKSUM)]
        if sums:
            # S3 asks for one of the two headers, moto for the other one.
            algorithm = sums[0].lower().removeprefix(CHECKSUM).upper()
            headers["x-amz-sdk-checksum-algorithm"] = algorithm
        upstream = http.client.HTTPConnection(self.world.upstream, timeout=30)
        try:
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            data = answer.read()
        finally:
            upstream.close()
        version = answer.headers.get("x-amz-version-id")
        days = self.world.days.get(path.split("/")[1], 0)
        if self.command == "PUT" and answer.status == 200 and version and days:
            until = datetime.now(UTC) + timedelta(days=days)
            self.world.kept[path, version] = until
            self.world.newest[path] = version
        self._answer(answer.status, data, dict(answer.headers))

    def _answer(
        self, status: int, body: str | bytes, headers: dict[str, Any] | None = None
    ) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in (headers or {}).items():
            if name.lower() in KEEPS or name.lower().startswith("x-amz-meta"):
                self.send_header(name, str(value))
        if self.command == "HEAD" and headers:
            self.send_header("Content-Length", headers.get("content-length", "0"))
        else:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _error(code: str) -> str:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
