"""From adoption entries to the rules in force: the texts kept beside the log, read by
the compiler and resolved. Every node and every auditor gets the same rules.
"""

from __future__ import annotations

from collections.abc import Collection

from holdfast.domain.declare import parse_catalogue
from holdfast.domain.holiday_table import parse_holiday_table
from holdfast.domain.overlay import adopted_overlay
from holdfast.domain.policy.compiler import compile_policy
from holdfast.domain.rules import Rules, resolve
from holdfast.domain.state import Adopted, State
from holdfast.errors import HoldfastError
from holdfast.operations.ports.store import Store


class Adoptions:
    """Resolves the rules once per set of adopted texts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: tuple[tuple[object, ...], Rules] | None = None

    def rules(self, state: State) -> Rules | None:
        """Return the rules that the state's adoptions put in force.

        ``None`` until a policy and a catalogue are adopted. Raises `HoldfastError`
        where an adopted text is no longer kept.
        """
        adopted = state.adopted
        if adopted.policy is None or adopted.catalogue is None:
            return None
        basis = (*_digests(adopted), *sorted(state.erasures))
        if self._kept is None or self._kept[0] != basis:
            self._kept = (basis, self._resolve(adopted, state.erasures))
        return self._kept[1]

    def _resolve(self, adopted: Adopted, erased: Collection[str]) -> Rules:
        assert adopted.policy is not None
        assert adopted.catalogue is not None
        policy = compile_policy(self._text(adopted.policy.digest))
        text = self._text(adopted.catalogue.digest)
        catalogue = parse_catalogue(text, adopted=True).without(erased)
        overlay = None
        if adopted.overlay is not None:
            overlay = adopted_overlay(self._text(adopted.overlay.digest), policy)
        holidays = None
        if adopted.holidays is not None:
            holidays = parse_holiday_table(self._text(adopted.holidays.digest))
        return resolve(policy, overlay, catalogue, holidays)

    def _text(self, digest: str) -> str:
        data = self._store.blob(digest)
        if data is None:
            raise HoldfastError(
                f"the adopted text {digest} is not kept beside the log",
                "Adopt it again from its file: holdfast policy adopt FOLDER.",
            )
        return data.decode()


def _digests(adopted: Adopted) -> tuple[str | None, ...]:
    texts = (adopted.policy, adopted.overlay, adopted.catalogue, adopted.holidays)
    return tuple(text.digest if text else None for text in texts)
