"""Marks the forms that decide: each is for one session, one order, one ledger entry.

The origin of a form is the guard's business. The mark tells what that cannot: a form
that was made for another session, or for an order that is not the one shown any more.
"""

from __future__ import annotations

from itsdangerous import Signer

from holdfast.server.sessions import Session


class Forms:
    """Gives and checks marks."""

    def __init__(self, secret: bytes) -> None:
        self._signer = Signer(secret, salt="holdfast form", key_derivation="hmac")

    def mark(self, session: Session, order: str, index: int) -> str:
        """Return the mark of a form that decides about the order."""
        return self._signer.get_signature(_text(session, order, index)).decode()

    def is_ours(self, mark: str, session: Session, order: str, index: int) -> bool:
        """Say whether we gave this mark for this session, order and entry."""
        given = mark.encode("utf-8", "replace")
        return self._signer.verify_signature(_text(session, order, index), given)


def _text(session: Session, order: str, index: int) -> bytes:
    return f"{session.id}\n{session.user}\n{index}\n{order}".encode()
