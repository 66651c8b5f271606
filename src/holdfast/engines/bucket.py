"""What a bucket says when it is asked directly: whose it is, and who may delete.

A few requests of S3's own protocol, signed by libcurl. Holdfast moves no backup
through here; pgBackRest does.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pycurl

from holdfast.engines.evidence import scrub
from holdfast.engines.pgbackrest_repository import credentials_in
from holdfast.engines.places import S3At
from holdfast.operations.ports.engine import Evidence

TIMEOUT = timedelta(seconds=15)
OK, GONE, FORBIDDEN = 200, 204, 403
TAIL = 500
Headers: TypeAlias = dict[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status of 0 where nobody answered."""

    status: int
    headers: Headers
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, spoken to with one credential."""

    place: S3At
    credentials: Path

    def look(self) -> Answer:
        """Ask for the bucket; one that another account owns is refused.

        ``x-amz-bucket-region`` in the answer is where it lies.
        """
        owner = self.place.owner
        expected = {"x-amz-expected-bucket-owner": owner} if owner else {}
        return self._ask("HEAD", "", headers=expected)

    def put(self, name: str, content: bytes) -> Answer:
        """Store a small object."""
        return self._ask("PUT", name, content)

    def delete(self, name: str, version: str | None = None) -> Answer:
        """Delete an object, or one version of it."""
        return self._ask("DELETE", name + (f"?versionId={version}" if version else ""))

    def _ask(
        self,
        method: str,
        name: str,
        content: bytes = b"",
        headers: Headers | None = None,
    ) -> Answer:
        curl, body = pycurl.Curl(), io.BytesIO()
        got: Headers = {}
        url = self._url(name)
        began = datetime.now(UTC)
        try:
            self._prepare(curl, method, url, content, headers or {})
            curl.setopt(pycurl.WRITEFUNCTION, body.write)
            curl.setopt(pycurl.HEADERFUNCTION, lambda line: _keep(got, line))
            curl.perform()
            status = curl.getinfo(pycurl.RESPONSE_CODE)
            said = body.getvalue().decode(errors="replace")
        except pycurl.error as error:
            status, said = 0, str(error.args[1])
        finally:
            curl.close()
        spent = datetime.now(UTC) - began
        told = f"HTTP {status} {scrub(said)}".strip()
        evidence = Evidence(
            argv=("s3", method, url),
            exit_status=0 if status else 1,
            output_digest=f"sha256:{hashlib.sha256(said.encode()).hexdigest()}",
            output_tail=told[-TAIL:],
            tool_version=pycurl.version.split(" ")[0],
            started_at=began,
            wall=spent,
            monotonic=spent,
        )
        return Answer(int(status), got, evidence)

    def _prepare(
        self,
        curl: pycurl.Curl,
        method: str,
        url: str,
        content: bytes,
        headers: Headers,
    ) -> None:
        found = credentials_in(self.credentials)
        lines = [f"{name}: {value}" for name, value in headers.items()]
        lines.append(f"x-amz-content-sha256: {hashlib.sha256(content).hexdigest()}")
        if "token" in found:
            lines.append(f"x-amz-security-token: {found['token']}")
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.AWS_SIGV4, f"aws:amz:{self.place.region}:s3")
        curl.setopt(pycurl.USERPWD, f"{found['key']}:{found['secret']}")
        curl.setopt(pycurl.TIMEOUT_MS, int(TIMEOUT.total_seconds() * 1000))
        curl.setopt(pycurl.NOSIGNAL, 1)
        if self.place.ca_file is not None:
            curl.setopt(pycurl.CAINFO, str(self.place.ca_file))
        if method == "HEAD":
            curl.setopt(pycurl.NOBODY, 1)
        elif method == "PUT":
            curl.setopt(pycurl.UPLOAD, 1)
            curl.setopt(pycurl.READFUNCTION, io.BytesIO(content).read)
            curl.setopt(pycurl.INFILESIZE, len(content))
        else:
            curl.setopt(pycurl.CUSTOMREQUEST, method)
        curl.setopt(pycurl.HTTPHEADER, [*lines, "Expect:"])

    def _url(self, name: str) -> str:
        place = self.place
        if place.uri_style == "path":
            return f"https://{place.endpoint}/{place.bucket}/{name}"
        return f"https://{place.bucket}.{place.endpoint}/{name}"


def _keep(headers: Headers, line: bytes) -> None:
    name, colon, value = line.decode("iso-8859-1").partition(":")
    if colon:
        headers[name.strip().lower()] = value.strip()
