"""A bucket behind TLS on loopback: nginx from Debian before moto's S3 server.

moto's own TLS breaks pgBackRest, and moto checks no credentials; so nginx ends TLS
and, as a bucket's policy would, refuses unknown keys, and deletes with production's.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.drills.ports import until, unused_port

from holdfast.engines.account import unprivileged, write_private
from holdfast.engines.places import S3At

PRODUCTION, KEEPER, BUCKET, REGION = "PRODUCTION1", "KEEPER1", "copies", "eu-west-3"
DENIED = (
    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code>'
    "<Message>{code}</Message></Error>"
)
NGINX = """
daemon off;
{user}
pid {base}/nginx.pid;
error_log {base}/nginx.log warn;
events {{ worker_connections 64; }}
http {{
  log_format asked '$who $request_method $request_uri';
  access_log {base}/access.log asked;
  client_max_body_size 0;
  client_body_temp_path {base}/t1;
  proxy_temp_path {base}/t2;
  fastcgi_temp_path {base}/t3;
  uwsgi_temp_path {base}/t4;
  scgi_temp_path {base}/t5;
  map $http_authorization $who {{
    default nobody;
    "~Credential={production}/" production;
    "~Credential={keeper}/" keeper;
  }}
  map "$who $request_method $is_args$args $http_x_amz_expected_bucket_owner" $refused {{
    default 0;
    "~^nobody" InvalidAccessKeyId;
    "~^production DELETE" AccessDenied;
    "~^production POST [?]delete" AccessDenied;
    "~ 999999999999$" AccessDenied;
  }}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {base}/server.pem;
    ssl_certificate_key {base}/server.key;
    default_type application/xml;
    error_page 403 = @denied;
    location / {{
      if ($refused != 0) {{ return 403; }}
      proxy_set_header Host $http_host;
      proxy_http_version 1.1;
      proxy_pass http://127.0.0.1:{behind};
    }}
    location @denied {{
      return 403 '{denied}';
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Bucket:
    """The server's port, and what a repository needs to know of the bucket."""

    base: Path
    port: int
    place: S3At

    def asked(self) -> list[list[str]]:
        """Return who asked for what so far: credential, method, address."""
        lines = (self.base / "access.log").read_text().splitlines()
        return [line.split(" ", 2) for line in lines]

    def stored(self) -> dict[str, bytes]:
        """Return every object as it is stored, asked of moto behind the door."""
        client = _client((self.base / "behind").read_text())
        names = [
            each["Key"]
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
            for each in page.get("Contents", ())
        ]
        return {
            name: client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
            for name in names
        }


@contextmanager
def a_bucket(base: Path) -> Iterator[Bucket]:
    """Start moto and nginx, make the bucket, and end both afterwards."""
    base.mkdir(mode=0o711)
    base.chmod(0o711)
    port, behind = unused_port(), unused_port()
    certify(base)
    account = unprivileged()
    text = NGINX.format(
        base=base,
        port=port,
        behind=behind,
        production=PRODUCTION,
        keeper=KEEPER,
        user=f"user {account.name};" if account else "",
        denied=DENIED.format(code="$refused"),
    )
    (base / "nginx.conf").write_text(text)
    (base / "behind").write_text(f"http://127.0.0.1:{behind}")
    with ExitStack() as stack:
        moto = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p"]
        stack.enter_context(_running([*moto, str(behind)]))
        until(lambda: _answers(behind))
        _client(f"http://127.0.0.1:{behind}").create_bucket(
            Bucket=BUCKET,
            CreateBucketConfiguration={"LocationConstraint": REGION},
        )
        stack.enter_context(
            _running(["/usr/sbin/nginx", "-p", str(base), "-c", f"{base}/nginx.conf"])
        )
        until((base / "nginx.pid").exists)
        yield Bucket(base, port, _place(base, port))


def certify(base: Path) -> None:
    """Make an authority of our own, and a certificate for loopback from it."""
    authority, authority_key = _certificate(None, None)
    server, server_key = _certificate(authority, authority_key)
    pem = serialization.Encoding.PEM
    (base / "ca.pem").write_bytes(authority.public_bytes(pem))
    (base / "server.pem").write_bytes(server.public_bytes(pem))
    (base / "server.key").write_bytes(
        server_key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (base / "ca.pem").chmod(0o644)


def _certificate(
    issuer: x509.Certificate | None, signer: ec.EllipticCurvePrivateKey | None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    common = "localhost" if issuer else "Holdfast's test authority"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(not issuer, None), critical=True)
        .add_extension(names, critical=False)
        .sign(signer or key, hashes.SHA256())
    )
    return made, key


def _place(base: Path, port: int) -> S3At:
    for name, key in (("production", PRODUCTION), ("keeper", KEEPER)):
        write_private(base / name, f'key = "{key}"\nsecret = "{key.lower()}-secret"\n')
    return S3At(
        bucket=BUCKET,
        endpoint=f"localhost:{port}",
        region=REGION,
        credentials=base / "production",
        keeper=base / "keeper",
        ca_file=base / "ca.pem",
        uri_style="path",
    )


def _client(url: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=KEEPER,
        aws_secret_access_key="any",
        region_name=REGION,
    )


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/").close()
    except (urllib.error.URLError, OSError):
        return False
    return True


@contextmanager
def _running(argv: list[str]) -> Iterator[None]:
    process = subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
