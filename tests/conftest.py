"""What holds for all tests: no clock of a busy machine, the long ones first, Ctrl-C."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

settings.register_profile("holdfast", deadline=None)
settings.load_profile("holdfast")

# A shell's background job ignores Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with tests that are given more time than others; the rest is by chance.

    So none of them is left to run alone when the other workers are done.
    """
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)
