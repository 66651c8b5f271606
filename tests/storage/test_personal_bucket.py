"""The backup of the personal data in a bucket that keeps versions, put there by
credentials that may do nothing else, and brought back by others.

What this does not prove: the server is moto's, spoken to on loopback without TLS; it
checks no credentials (the proxy before it refuses by method, as a bucket's policy
would) and expires nothing: the rule of 28 days is stored, and never seen to work.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.storage.locked_s3 import LockedS3, locked_s3
from tests.torture.homes import contents, empty_machine, holdfast, make_home

from holdfast.errors import HoldfastError

BUCKET = "people"
RULE = {
    "ID": "short",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "Expiration": {"Days": 28},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
}


def put_only(method: str, path: str) -> int:
    """Refuse whatever does not put an object."""
    del path
    return 0 if method == "PUT" else 403


@pytest.fixture(name="server")
def _server() -> Iterator[LockedS3]:
    """Return a server with a bucket that keeps versions for a month."""
    with locked_s3() as server:
        server.make(BUCKET)
        client = server.s3(BUCKET)._client
        client.put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
        )
        client.put_bucket_lifecycle_configuration(
            Bucket=BUCKET, LifecycleConfiguration={"Rules": [RULE]}
        )
        yield server


@pytest.fixture(name="home")
def _home(tmp_path: Path, server: LockedS3) -> Path:
    """Return a home whose personal data go to the bucket."""
    home = make_home(tmp_path, tmp_path / "off-site")
    lines = "".join(f'{k} = "{v}"\n' for k, v in server.options.items())
    (home / "people.toml").write_text(lines, "utf-8")
    (home / "people.toml").chmod(0o600)
    with (home / "runner.toml").open("a") as file:
        file.write(f'personal = "s3://{BUCKET}/log"\n')
        file.write('personal_credentials = "people.toml"\n')
    return home


def recover(home: Path, new: Path, copy: Path) -> str:
    """Recover onto a new machine, the people from the bucket."""
    return holdfast(
        "ledger", "recover", "--from", copy.as_uri(), "--home", new,
        "--people-from", f"s3://{BUCKET}/log",
        "--people-credentials", home / "people.toml", "--json",
    )  # fmt: skip


def test_put_by_one_and_brought_back_by_another(
    server: LockedS3, home: Path, tmp_path: Path
) -> None:
    """Credentials that only put are enough to save; without the right to get nothing
    comes back and that is told; with it everybody does, and nothing lies there in
    the clear.
    """
    server.fault = put_only
    (first,) = json.loads(holdfast("ledger", "publish", "--home", home, "--json"))
    (second,) = json.loads(holdfast("ledger", "publish", "--home", home, "--json"))
    assert first["people_at"] == second["people_at"] == f"s3://{BUCKET}/log"
    assert first["people"] == second["people"] > 20
    # What may not be listed cannot be said to be gone.
    assert (first["people_left"], second["people_left"]) == (None, None)
    copy = tmp_path / "off-site"
    new = empty_machine(home, tmp_path / "new")
    with pytest.raises(HoldfastError, match="may not be read with these credentials"):
        recover(home, new, copy)
    server.fault = lambda *_: 0
    s3 = server.s3(BUCKET)
    versions = list(s3.versions())
    # Each save leaves a version behind: without a rule for those it would stay.
    assert len([one for one in versions if one.key == "newest.sealed"]) == 2
    assert not [one for one in versions if b"@client" in (s3.read(one) or b"")]
    found = json.loads(recover(home, new, copy))
    assert found["people_missing"] == found["people_older"] == []
    assert contents(new).people == contents(home, original=True).people
    # Whoever may put may put rubbish; the older one beside it is taken, by name.
    s3.put("newest.sealed", b"holdfast-personal-backup/v1\nrubbish\n")
    shutil.rmtree(new)
    found = json.loads(recover(home, empty_machine(home, new), copy))
    assert found["people_ignored"][0].startswith("newest.sealed: ")
    assert contents(new).people == contents(home, original=True).people
