"""Who is signed in: a signed cookie that ends twelve hours after it was given.

The cookie survives a restart of the node, since it is checked by its signature. It
dies with its time, with a change of the user's password, and with sign-out. Weaker
than it looks: sign-outs are remembered in memory only, so a copy of a cookie that was
signed out works again after a restart, until its twelve hours are over.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, URLSafeSerializer

from holdfast.storage.passwords import Passwords

LASTS = timedelta(hours=12)
_MAX_COOKIE = 1024


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of one user."""

    id: str
    user: str
    ends_at: datetime


class Sessions:
    """Gives, reads and ends sessions."""

    def __init__(self, secret: bytes, passwords: Passwords) -> None:
        self._signer = URLSafeSerializer(secret, salt="holdfast session")
        self.passwords = passwords
        self._ended: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def begin(self, user: str, now: datetime) -> str:
        """Begin a session and return the cookie's value."""
        return str(
            self._signer.dumps(
                {
                    "id": secrets.token_urlsafe(16),
                    "user": user,
                    "ends": int((now + LASTS).timestamp()),
                    "password": self.passwords.fingerprint(user),
                }
            )
        )

    def read(self, cookie: str | None, now: datetime) -> Session | None:
        """Return the session of a cookie; None unless it is ours and still alive."""
        if not cookie or len(cookie) > _MAX_COOKIE:
            return None
        session = self._parse(cookie)
        return session if session and self.alive(session, now) else None

    def alive(self, session: Session, now: datetime) -> bool:
        """Say whether a session has neither run out nor been ended."""
        with self._lock:
            return now < session.ends_at and session.id not in self._ended

    def end(self, session: Session, now: datetime) -> None:
        """End a session now; what is remembered of it goes when its time is over."""
        with self._lock:
            self._ended[session.id] = session.ends_at
            for key in [k for k, ends in self._ended.items() if ends <= now]:
                del self._ended[key]

    def _parse(self, cookie: str) -> Session | None:
        try:
            match self._signer.loads(cookie):
                case {
                    "id": str(key),
                    "user": str(user),
                    "ends": int(ends),
                    "password": str(password),
                } if password == self.passwords.fingerprint(user):
                    return Session(key, user, datetime.fromtimestamp(ends, UTC))
        except BadSignature:
            return None
        return None
