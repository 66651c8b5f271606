"""The browser's test exists only where a browser does."""

from __future__ import annotations

from tests.server.browser import CHROMIUM

collect_ignore = [] if CHROMIUM else ["test_browser.py", "test_approvals_browser.py"]
