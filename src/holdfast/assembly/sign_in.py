"""Sign-in at a terminal: by the password of the web page, for half an hour.

The session is a file of the person's own account, signed with the home's session key
and bound to home, person and password. Weaker than it looks: whoever may read the home
folder's secrets can sign a session for anybody.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from itsdangerous import BadSignature, URLSafeSerializer

from holdfast.errors import HoldfastError
from holdfast.operations.authority import NotSignedInError, SignIn
from holdfast.settings import Home, read_private
from holdfast.storage.passwords import Passwords

LASTS = timedelta(minutes=30)
# After so many failures nobody signs in as that person at a terminal for a while.
FAILURES_MAX = 5
WAITS = timedelta(minutes=15)
FAILURES = "sign-in.failures"
FOLDER = "HOLDFAST_SESSIONS"


def authenticate(home: Home, person: str, password: str, now: datetime) -> SignIn:
    """Return the sign-in of a person whose password this is.

    Raises `NotSignedInError` for a wrong one, for a person without one, and, after
    some failures, for a while in any case.
    """
    passwords = _passwords(home)
    with _failures(home) as known:
        count, until = known.get(person, [0, 0.0])
        if count >= FAILURES_MAX and now.timestamp() < until:
            raise NotSignedInError(
                f"too many failures to sign in as {person}",
                f"Wait until {datetime.fromtimestamp(until, UTC):%H:%M} UTC.",
            )
        # Counted before it is looked at: attempts at one instant do not slip in.
        began = count if now.timestamp() < until else 0
        known[person] = [began + 1, (now + WAITS).timestamp()]
    if not passwords.check(person, password):
        raise NotSignedInError(
            "person and password do not match",
            "The password is set with holdfast password, and named in the settings.",
        )
    with _failures(home) as known:
        known.pop(person, None)
    session = secrets.token_hex(4)
    return SignIn(person, "password", now, now + LASTS, session)


def keep(home: Home, signed: SignIn) -> Path:
    """Keep the sign-in for the commands that follow; return where."""
    place = _place(home, signed.person)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = _signer(home).dumps(
        {
            "person": signed.person,
            "home": str(home.folder),
            "at": signed.at.timestamp(),
            "ends": signed.ends_at.timestamp(),
            "id": signed.id,
            "password": _passwords(home).fingerprint(signed.person),
        }
    )
    draft = place.with_name(f".{place.name}.{signed.id}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(str(text))
    draft.replace(place)
    return place


def kept(home: Home, person: str) -> SignIn | None:
    """Return the person's sign-in at this home, whether or not it has run out."""
    place = _place(home, person)
    if not place.exists():
        return None
    try:
        values = _signer(home).loads(read_private(place))
    except BadSignature:
        return None
    ours = (values["person"], values["home"]) == (person, str(home.folder))
    if not ours or values["password"] != _passwords(home).fingerprint(person):
        return None
    at, ends = (datetime.fromtimestamp(values[k], UTC) for k in ("at", "ends"))
    return SignIn(person, "password", at, ends, values["id"])


def forget(home: Home, person: str) -> None:
    """End the person's session here."""
    _place(home, person).unlink(missing_ok=True)


def _passwords(home: Home) -> Passwords:
    hashes = home.settings.web.passwords
    return Passwords({user: home.secret(path) for user, path in hashes.items()})


def _signer(home: Home) -> URLSafeSerializer:
    secret = home.secret(home.settings.web.session_key)
    return URLSafeSerializer(secret, salt="holdfast terminal")


def _place(home: Home, person: str) -> Path:
    if not person or not person.replace("-", "").replace("_", "").isalnum():
        raise HoldfastError(f"{person!r} is no id", "Use the id of the catalogue.")
    name = hashlib.sha256(str(home.folder).encode()).hexdigest()[:16]
    given = os.environ.get(FOLDER)
    folder = Path(given) if given else Path.home() / ".cache" / "holdfast"
    return folder / f"{name}-{person}.session"


@contextmanager
def _failures(home: Home) -> Iterator[dict[str, list[float]]]:
    """Hold the counts of failures, for one process at a time."""
    path = home.folder / FAILURES
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            known = json.loads(file.read() or "{}")
        except ValueError:
            known = {}
        yield known
        file.seek(0)
        file.truncate()
        file.write(json.dumps(known))
