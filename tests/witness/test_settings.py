"""The settings of witnesses: what is accepted, and what is refused in words."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import ValidationError
from tests.witness.rig import COSIGNER, SIGNER

from holdfast.ledger.witness import Cosigner
from holdfast.settings import RunnerSettings, Settings

FIRST = {"name": "first", "url": "https://w.example/", "key": str(COSIGNER.key)}
OTHER_KEY = str(Cosigner("other.example/w", bytes([3]) * 32).key)
SECOND = {**FIRST, "name": "second", "key": OTHER_KEY}


def test_accepted() -> None:
    """Witnesses are named by address and key; a quorum may be less than all."""
    padded = {**FIRST, "key": f" {COSIGNER.key}\n"}
    values = {"witnesses": [padded, SECOND], "witness_quorum": 1}
    settings = Settings.model_validate(values)
    assert settings.witnesses[0].key == str(COSIGNER.key)
    assert settings.witness_quorum == 1
    assert Settings().witness_quorum is None


@pytest.mark.parametrize("kind", [Settings, RunnerSettings])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"witnesses": [{**FIRST, "key": "a+b+c"}]}, "not a verifier key"),
        ({"witnesses": [{**FIRST, "key": SIGNER.verifier_key}]}, "key of a log"),
        ({"witnesses": [{**FIRST, "url": "ftp://w.example"}]}, "pattern"),
        ({"witnesses": [{**FIRST, "name": "A b"}]}, "pattern"),
        ({"witnesses": [FIRST, {**SECOND, "name": "first"}]}, "must differ"),
        ({"witnesses": [FIRST, {**FIRST, "name": "second"}]}, "must differ"),
        ({"witnesses": [FIRST], "witness_quorum": 2}, "larger than"),
        ({"witness_quorum": 1}, "larger than"),
        ({"witnesses": [FIRST], "witness_quorum": 0}, "greater than or equal to 1"),
    ],
)
def test_refused(
    values: Mapping[str, object], words: str, kind: type[Settings | RunnerSettings]
) -> None:
    """A key that is none, a witness counted twice, a quorum that never comes."""
    with pytest.raises(ValidationError, match=words):
        kind.model_validate(values)
