"""What holds for all tests: no clock of a busy machine, and the long ones first."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("holdfast", deadline=None)
settings.load_profile("holdfast")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with tests that are given more time than others; the rest is by chance.

    So none of them is left to run alone when the other workers are done.
    """
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)
