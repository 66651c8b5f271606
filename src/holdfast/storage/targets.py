"""Where a copy of the log is published: a folder, or a bucket through obstore.

An immutable file is created, never replaced: the place itself refuses a second one, so
that no history of ours can overwrite another. Credentials that may only put suffice;
what may not be read back is told apart from what is not there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import unquote, urlsplit

import obstore
from obstore import exceptions as faults
from obstore.store import ObjectStore, from_url

from holdfast.operations.copies import DiffersError, OutOfReachError, UnreadableError
from holdfast.storage.errors import StoreError
from holdfast.storage.folder import Folder

TIMEOUT = timedelta(seconds=15)
BUCKETS = ("s3", "gs", "az")
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])[:/]")
_STATUS = re.compile(r"\b[45]\d\d [A-Z][A-Za-z ]{2,30}")
_HOW = re.compile(r"HttpError \{\s+kind: (\w+)")
_FORMS = (
    "Write file:///folder, s3://bucket/prefix, gs://bucket/prefix or "
    "az://container/prefix."
)
_KEYS = {
    "s3": "Its credentials file has access_key_id, secret_access_key and region.",
    "gs": "Its credentials file has service_account_key, or bearer_token.",
    "az": "Its credentials file has account_name, and account_key or sas_token.",
}
# What is not found is Python's own error, everything else obstore's.
_FAULTS = (faults.BaseError, OSError)
_KINDS = {
    "Connect": "it cannot be reached",
    "Timeout": "it did not answer in time",
    "GenericError": "no good answer came",
}
_REFUSED = (faults.PermissionDeniedError, faults.UnauthenticatedError)
_OTHER_BYTES = "Two histories of one log: keep both, and find out why."


class Target(Protocol):
    """A place for a copy's files. Faults of the place raise `OutOfReachError`."""

    @property
    def name(self) -> str:
        """Its address, without credentials."""
        ...

    def read(self, path: str) -> bytes | None:
        """Return the file, ``None`` if there is none.

        Raises `UnreadableError` where the credentials may not get.
        """
        ...

    def write_once(self, path: str, data: bytes) -> None:
        """Write an immutable file; raises `DiffersError` if it has other bytes."""
        ...

    def settle(self) -> None:
        """Return when all that was written survives."""
        ...

    def replace(self, path: str, data: bytes) -> None:
        """Write the one file that changes."""
        ...

    def signed_sizes(self) -> list[int]:
        """Return the sizes of the checkpoint copies; none where it may not list."""
        ...

    def versions(self, path: str) -> Sequence[bytes]:
        """Return the file in every version that the place can still show."""
        ...

    def names(self, under: str = "") -> list[str]:
        """Return the files directly in the place, or ``under`` a folder of it ("a/").

        None where it may not list.
        """
        ...

    def remove(self, path: str) -> bool:
        """Remove a file; say whether it is gone. A place may refuse that."""
        ...


@dataclass(frozen=True, slots=True)
class FolderTarget:
    """A folder, on a disk of another machine: synced before it counts as written."""

    name: str
    folder: Folder

    def read(self, path: str) -> bytes | None:
        """Return the file, ``None`` if there is none."""
        try:
            data = self.folder.read(path)
        except StoreError as fault:
            raise OutOfReachError(fault.message, fault.hint, self.name) from None
        if data is None:
            self._require_there()  # Nothing is missing from a disk that is not there.
        return data

    def write_once(self, path: str, data: bytes) -> None:
        """Write an immutable file."""
        held = self.read(path)
        if held is None:
            self._do(lambda: self.folder.write_once(path, data))
        elif held != data:
            raise _other_bytes(self.name, path)

    def settle(self) -> None:
        """Sync the folders of what was written."""
        self._do(self.folder.settle)

    def replace(self, path: str, data: bytes) -> None:
        """Write the one file that changes."""
        self._do(lambda: self.folder.replace(path, data))

    def signed_sizes(self) -> list[int]:
        """Return the sizes of the checkpoint copies."""
        self._require_there()
        return self.folder.signed_sizes()

    def names(self, under: str = "") -> list[str]:
        """Return the files directly in the folder."""
        self._require_there()
        return self.folder.names(under)

    def remove(self, path: str) -> bool:
        """Remove a file."""
        try:
            (self.folder.path / path).unlink(missing_ok=True)
        except OSError:
            return False
        return True

    def versions(self, path: str) -> Sequence[bytes]:
        """A folder has no versions but the file itself."""
        data = self.read(path)
        return [] if data is None else [data]

    def _require_there(self) -> None:
        if not self.folder.path.is_dir():
            raise OutOfReachError(
                "the folder of the copy is not there",
                "Mount its disk, or make the folder once.",
                self.name,
            )

    def _do(self, write: Any) -> None:
        # A folder of this name may be a disk that is not mounted: never make it.
        self._require_there()
        try:
            write()
        except (StoreError, OSError) as fault:
            words = fault.message if isinstance(fault, StoreError) else fault.strerror
            hint = "Look at the folder's disk and its permissions."
            raise OutOfReachError(str(words), hint, self.name) from None


@dataclass(frozen=True, slots=True)
class BucketTarget:
    """A bucket at S3, Google or Azure, or one that speaks like them."""

    name: str
    bucket: ObjectStore

    def read(self, path: str) -> bytes | None:
        """Return the object, ``None`` if there is none."""
        try:
            return bytes(obstore.get(self.bucket, path).bytes())
        except FileNotFoundError:
            return None
        except _REFUSED:
            raise UnreadableError(
                "the copy may not be read with these credentials",
                "Give others that may get: read_credentials in the settings, or "
                "--credentials.",
                self.name,
            ) from None
        except _FAULTS as fault:
            raise self._unreached("read", path, fault) from None

    def write_once(self, path: str, data: bytes) -> None:
        """Create an object; one that is there must have the same bytes."""
        try:
            obstore.put(self.bucket, path, data, mode="create", use_multipart=False)
        except (faults.AlreadyExistsError, faults.PreconditionError):
            self._require_same(path, data)
        except _REFUSED as fault:
            # Google may ask for the right to replace before it says "there already".
            if not self._holds(path, data):
                raise self._unreached("write", path, fault) from None
        except _FAULTS as fault:
            raise self._unreached("write", path, fault) from None

    def settle(self) -> None:
        """A bucket's answer is its word: nothing is left to wait for."""

    def replace(self, path: str, data: bytes) -> None:
        """Put the one object that changes."""
        text = {"Content-Type": "text/plain; charset=utf-8"}
        try:
            obstore.put(
                self.bucket,
                path,
                data,
                attributes=cast("Any", text),
                use_multipart=False,
            )
        except _REFUSED:
            raise OutOfReachError(
                f"{path} may not be replaced",
                "It is the one file that changes. Give the right to replace it, and "
                "no retention that covers the whole bucket at Google.",
                self.name,
            ) from None
        except _FAULTS as fault:
            raise self._unreached("write", path, fault) from None

    def signed_sizes(self) -> list[int]:
        """Return the sizes of the checkpoint copies; none where it may not list."""
        try:
            pages = obstore.list(self.bucket, "checkpoints")
            names = [one["path"].rsplit("/", 1)[-1] for page in pages for one in page]
        except _FAULTS as fault:
            if _is_refusal(fault):
                return []
            raise self._unreached("list", "checkpoints", fault) from None
        return sorted({int(name) for name in names if name.isdecimal()})

    def names(self, under: str = "") -> list[str]:
        """Return the objects directly under the prefix."""
        try:
            found = obstore.list_with_delimiter(self.bucket, under or None)["objects"]
        except _FAULTS as fault:
            if _is_refusal(fault):
                return []
            raise self._unreached("list", "", fault) from None
        return sorted(one["path"].rsplit("/", 1)[-1] for one in found)

    def remove(self, path: str) -> bool:
        """Delete the object, if the credentials may and nothing locks it."""
        try:
            obstore.delete(self.bucket, path)
        except FileNotFoundError:
            return True
        except _REFUSED:
            return False
        except _FAULTS as fault:
            raise self._unreached("remove", path, fault) from None
        return True

    def versions(self, path: str) -> Sequence[bytes]:
        """Only the newest: older ones are read by `versioned`."""
        data = self.read(path)
        return [] if data is None else [data]

    def _holds(self, path: str, data: bytes) -> bool:
        """Say whether the file is there with these bytes, as far as one may look."""
        try:
            held = self.read(path)
        except UnreadableError:
            return False
        if held is not None and held != data:
            raise _other_bytes(self.name, path)
        return held is not None

    def _require_same(self, path: str, data: bytes) -> None:
        try:
            held = self.read(path)
        except UnreadableError:
            return  # Put-only: whether it is the same is the auditor's to see.
        if held != data:
            raise _other_bytes(self.name, path)

    def _unreached(self, verb: str, path: str, fault: Exception) -> OutOfReachError:
        # Only what kind it was: an error's own text may quote an address with a token.
        status = _STATUS.search(str(fault))
        how = _HOW.search(str(fault))
        words = _KINDS.get(
            how[1] if how else type(fault).__name__, type(fault).__name__
        )
        return OutOfReachError(
            f"cannot {verb} {path}: {status[0].strip() if status else words}",
            "Look at the network, the bucket, and what its credentials may do.",
            self.name,
        )


def _is_refusal(fault: Exception) -> bool:
    """Say whether credentials may not; of a listing obstore tells it in words alone."""
    words = _STATUS.search(str(fault))
    said = words is not None and words[0].startswith(("401 ", "403 "))
    return said or isinstance(fault, _REFUSED)


def open_target(url: str, options: Mapping[str, str] | None = None) -> Target:
    """Return the target at an address; ``options`` are obstore's, credentials too.

    Nothing is reached yet. Raises `StoreError` for what is no address.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        scheme = url.partition(":")[0][:20]
        raise StoreError("not the address of a copy", _FORMS, scheme) from None
    if parts.scheme == "file" and not parts.netloc and parts.path.strip("/"):
        return FolderTarget(url, Folder(Path(unquote(parts.path))))
    plain = parts.username is None and not parts.query and not parts.fragment
    if parts.scheme not in BUCKETS or not parts.netloc or not plain:
        raise StoreError("not the address of a copy", _FORMS, parts.scheme[:20])
    settings = dict(options or {})
    if parts.scheme == "s3":
        # S3 takes no object without a checksum where objects are locked by default.
        settings.setdefault("checksum_algorithm", "SHA256")
    # Only a server of this very machine may be spoken to in the clear.
    ends = (settings.get(key, "") for key in ("endpoint", "base_url"))
    clear = any(_LOOPBACK.match(end) for end in ends)
    try:
        bucket = from_url(
            url,
            config=cast("Any", settings),
            client_options={"allow_http": clear, "timeout": TIMEOUT},
            retry_config={"max_retries": 2, "retry_timeout": TIMEOUT},
        )
    except (faults.BaseError, ValueError, TypeError) as fault:
        raise StoreError(
            f"the copy's settings are not understood ({type(fault).__name__})",
            _KEYS[parts.scheme],
            url,
        ) from None
    return BucketTarget(url, bucket)


def credentials_of(text: str) -> dict[str, str]:
    """Read a credentials file: TOML, obstore's keys, texts. Nothing is ever quoted."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        values = {"": None}
    if not all(isinstance(value, str) for value in values.values()):
        raise StoreError(
            "the credentials of a copy are not understood",
            'Each line of the file is a key and a text: region = "ap-southeast-2".',
        )
    return values


def _other_bytes(name: str, path: str) -> DiffersError:
    return DiffersError(
        f"{path} is published already, with other bytes", _OTHER_BYTES, name
    )
