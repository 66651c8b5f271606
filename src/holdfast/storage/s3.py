"""The few calls of S3 that obstore has not: versions, and the lock on them.

Made by botocore, the library that AWS itself keeps. Each call has its own deadline;
what goes wrong out there is an `OutOfReachError` or `UnreadableError` without a word of
credentials.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from holdfast.operations.copies import OutOfReachError, UnreadableError

CONNECT_SECONDS = 5
READ_SECONDS = 15
TRIES = 3
DENIED = frozenset({"AccessDenied", "403", "Forbidden", "InvalidAccessKeyId",
                    "SignatureDoesNotMatch"})  # fmt: skip
MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
# Asked for and not there: that a bucket has no lock is an answer.
NO_LOCK = frozenset({"ObjectLockConfigurationNotFoundError",
                     "NoSuchObjectLockConfiguration", "InvalidRequest"})  # fmt: skip
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object."""

    key: str
    id: str
    at: datetime
    latest: bool


@dataclass(frozen=True, slots=True)
class Retention:
    """Until when a version stays, and how strictly; ``mode`` is S3's word."""

    mode: str
    until: datetime | None


class S3:
    """One bucket and prefix, by the credentials of a copy's private file."""

    def __init__(self, url: str, options: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self.name = url
        self.bucket = parts.netloc
        self.prefix = parts.path.strip("/")
        self._options = {
            key.lower().removeprefix("aws_"): value for key, value in options.items()
        }

    def key(self, path: str) -> str:
        """Return the object's key of a path in the copy."""
        return f"{self.prefix}/{path}" if self.prefix else path

    def versioning(self) -> str:
        """Return the bucket's versioning: "Enabled", "Suspended" or "off"."""
        answer = self._do(lambda s3: s3.get_bucket_versioning(Bucket=self.bucket))
        return str(answer.get("Status", "off"))

    def default_retention(self) -> tuple[str, int] | None:
        """Return mode and days of the bucket's object lock; ``None`` if it is off.

        Zero days where objects are not locked by default.
        """
        answer = self._do(
            lambda s3: s3.get_object_lock_configuration(Bucket=self.bucket),
            absent=NO_LOCK,
        )
        lock = (answer or {}).get("ObjectLockConfiguration", {})
        if lock.get("ObjectLockEnabled") != "Enabled":
            return None
        rule = lock.get("Rule", {}).get("DefaultRetention", {})
        days = rule.get("Days") or 365 * (rule.get("Years") or 0)
        return str(rule.get("Mode", "none")), int(days or 0)

    def retention(self, path: str, version: str | None = None) -> Retention | None:
        """Return how a version is kept; ``None`` where it is not."""
        answer = self._do(
            lambda s3: s3.get_object_retention(**self._at(path, version)),
            absent=NO_LOCK | MISSING,
        )
        kept = (answer or {}).get("Retention", {})
        until = kept.get("RetainUntilDate")
        return Retention(str(kept["Mode"]), until) if kept else None

    def put(self, path: str, data: bytes) -> str | None:
        """Put an object; return its version, if there are any."""
        answer = self._do(lambda s3: s3.put_object(**self._at(path), Body=data))
        version = answer.get("VersionId")
        return None if version is None else str(version)

    def delete_is_refused(self, path: str, version: str) -> bool:
        """Try to delete a version for good."""
        return self._is_refused(lambda s3: s3.delete_object(**self._at(path, version)))

    def shortening_is_refused(
        self, path: str, version: str, until: datetime, mode: str
    ) -> bool:
        """Try to let a version's retention end earlier."""
        kept = {"Mode": mode, "RetainUntilDate": until}
        return self._is_refused(
            lambda s3: s3.put_object_retention(
                **self._at(path, version), Retention=kept
            )
        )

    def versions(self, path: str = "") -> Iterator[Version]:
        """Yield every version under a path, those under delete markers too."""
        at = {"Bucket": self.bucket, "Prefix": self.key(path)}
        more: dict[str, str] = {}
        while True:
            page = self._do(partial(_listed, at | more))
            for one in page.get("Versions", []):
                key = one["Key"].removeprefix(f"{self.prefix}/" if self.prefix else "")
                yield Version(
                    key, one["VersionId"], one["LastModified"], one["IsLatest"]
                )
            if not page.get("IsTruncated"):
                return
            more = {
                "KeyMarker": page["NextKeyMarker"],
                "VersionIdMarker": page["NextVersionIdMarker"],
            }

    def read(self, version: Version) -> bytes | None:
        """Return the bytes of one version."""
        at = self._at(version.key, version.id)
        answer = self._do(lambda s3: s3.get_object(**at)["Body"].read(), absent=MISSING)
        return bytes(answer) if answer is not None else None

    @cached_property
    def _client(self) -> Any:
        # Here, since it takes half a second and most of Holdfast never needs it.
        from botocore.config import Config  # noqa: PLC0415
        from botocore.session import Session  # noqa: PLC0415

        at = self._options.get
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": TRIES, "mode": "standard"},
            s3={"addressing_style": "path" if at("endpoint") else "auto"},
        )
        return Session().create_client(
            "s3",
            region_name=at("region") or at("default_region"),
            endpoint_url=at("endpoint") or at("endpoint_url"),
            aws_access_key_id=at("access_key_id"),
            aws_secret_access_key=at("secret_access_key"),
            aws_session_token=at("session_token") or at("token"),
            config=config,
        )

    def _at(self, path: str, version: str | None = None) -> dict[str, str]:
        at = {"Bucket": self.bucket, "Key": self.key(path)}
        return at if version is None else {**at, "VersionId": version}

    def _is_refused(self, call: Callable[[Any], object]) -> bool:
        try:
            self._do(call)
        except UnreadableError:
            return True
        return False

    def _do(
        self, call: Callable[[Any], _T], absent: frozenset[str] = frozenset()
    ) -> Any:
        """Call; return ``None`` for what is absent, raise in our words otherwise."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            return call(self._client)
        except ClientError as fault:
            code = str(fault.response.get("Error", {}).get("Code", ""))
            if code in absent:
                return None
            if code in DENIED:
                raise UnreadableError(
                    f"S3 refuses {fault.operation_name} ({code})",
                    "See which rights the credentials need: off-site-copy.md.",
                    self.name,
                ) from None
            raise self._unreached(f"{fault.operation_name}: {code}") from None
        except (BotoCoreError, ValueError) as fault:
            raise self._unreached(type(fault).__name__) from None

    def _unreached(self, what: str) -> OutOfReachError:
        return OutOfReachError(
            f"S3 does not answer as it should: {what}",
            "Look at the network, the bucket's name, region and endpoint.",
            self.name,
        )


def _listed(at: Mapping[str, str], s3: Any) -> Any:
    return s3.list_object_versions(**at)
