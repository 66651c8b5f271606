"""Can production delete the copies? Tried, on a file of ours that nobody needs.

Whoever takes production over has production's credentials, and a copy that they can
delete is none on that day. So the canary is stored and deleted with those credentials;
it is the refusal that is evidence.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
from pathlib import Path

from holdfast.domain.events.repository import Deletion
from holdfast.engines.account import own_folder, write_private
from holdfast.engines.bucket import FORBIDDEN, GONE, OK, Bucket
from holdfast.engines.evidence import Call, Ran, argv_of, run
from holdfast.engines.places import S3At, SftpAt
from holdfast.engines.protected import Protected, RepositoryAt
from holdfast.errors import HoldfastError
from holdfast.operations.ports.engine import Evidence

CANARY = "holdfast-canary"
CONTENT = b"Holdfast tries to delete this with production's credentials.\n"
Tried = tuple[Deletion, tuple[Evidence, ...]]


def try_to_delete(protected: Protected, place: RepositoryAt) -> Tried:
    """Store the canary as production would, and try to delete it likewise."""
    name = f"{str(place.path).strip('/')}/{CANARY}"
    if place.s3 is not None:
        return _in_bucket(place.s3, name)
    if place.sftp is not None:
        return _on_host(protected, place.sftp, f"{place.path}/{CANARY}")
    return _in_folder(protected, place.path / CANARY)


def _in_bucket(place: S3At, name: str) -> Tried:
    """Where deleting only hides, the version below is what must not go."""
    try:
        production = Bucket(place, place.credentials)
        stored = production.put(name, CONTENT)
        if stored.status != OK:
            return "unknown", (stored.evidence,)
        deleted = production.delete(name)
        evidence = (stored.evidence, deleted.evidence)
        version = stored.headers.get("x-amz-version-id")
        if deleted.status == GONE and version not in {None, "null"}:
            below = production.delete(name, version)
            return _verdict(below.status), (*evidence, below.evidence)
    except HoldfastError:
        return "unknown", ()
    return _verdict(deleted.status), evidence


def _verdict(status: int) -> Deletion:
    if status in {OK, GONE}:
        return "possible"
    return "refused" if status == FORBIDDEN else "unknown"


def _in_folder(protected: Protected, canary: Path) -> Tried:
    """Both commands run as production's account, which the permissions must stop."""
    stored = _run(protected, "/usr/bin/touch", canary)
    if not stored.exited_well:
        # Creating and deleting need the same right to the folder.
        refused = _is_refusal(stored.output)
        return "refused" if refused else "unknown", (stored.evidence,)
    deleted = _run(protected, "/usr/bin/rm", "--force", canary)
    evidence = (stored.evidence, deleted.evidence)
    if deleted.exited_well:
        return "possible", evidence
    return "refused" if _is_refusal(deleted.output) else "unknown", evidence


def _on_host(protected: Protected, place: SftpAt, canary: str) -> Tried:
    with tempfile.TemporaryDirectory(dir=own_folder(protected.folder / "sftp")) as made:
        Path(made).chmod(0o711)
        folder = own_folder(Path(made) / "own")
        write_private(folder / CANARY, CONTENT)
        scanned = _run(protected, "/usr/bin/ssh-keyscan", f"-p{place.port}", place.host)
        write_private(folder / "known", _known(scanned.output, place.host_key))
        stored = _sftp(protected, place, folder, f'put "{folder / CANARY}" "{canary}"')
        if not stored.exited_well:
            return "unknown", (stored.evidence,)
        deleted = _sftp(protected, place, folder, f'rm "{canary}"')
    evidence = (stored.evidence, deleted.evidence)
    if deleted.exited_well:
        return "possible", evidence
    return "refused" if _is_refusal(deleted.output) else "unknown", evidence


def _known(scanned: str, host_key: str) -> str:
    """Return the host's keys that have the fingerprint, as ssh wants to be told."""
    lines = [line for line in scanned.splitlines() if not line.startswith("#")]
    return "".join(f"{line}\n" for line in lines if _fingerprint(line) == host_key)


def _fingerprint(line: str) -> str:
    try:
        key = base64.b64decode(line.split()[2])
    except (IndexError, ValueError):
        return ""
    return hashlib.sha256(key).hexdigest()


def _sftp(protected: Protected, place: SftpAt, folder: Path, command: str) -> Ran:
    write_private(folder / "batch", command + "\n")
    options = {
        "BatchMode": "yes",
        "IdentitiesOnly": "yes",
        "ConnectTimeout": "10",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(folder / "known"),
        "Port": str(place.port),
    }
    return _run(
        protected,
        "/usr/bin/sftp",
        *("-q", "-F", "/dev/null", "-i", place.private_key),
        *(f"-o{name}={value}" for name, value in options.items()),
        *("-b", folder / "batch", f"{place.user}@{place.host}"),
    )


def _run(protected: Protected, *argv: str | Path) -> Ran:
    return run(Call(argv_of(*argv), protected.deadlines.short, protected.folder))


def _is_refusal(said: str) -> bool:
    return any(
        reason in said
        for reason in ("Permission denied", "not permitted", "Read-only", "unsupported")
    )
