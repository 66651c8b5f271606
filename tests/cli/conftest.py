"""What the tests of the command line share: a home, made once, to be copied."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.running import configure, copy_home, holdfast, write_folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home by the real command, with the company adopted in it."""
    folder = tmp_path_factory.mktemp("made")
    home = folder / "home"
    assert holdfast("init", "--home", home).status == 0
    configure(home)
    company = write_folder(folder / "company")
    adopted = holdfast("policy", "adopt", company, "--as", "ana", "--home", home)
    assert adopted.status == 0, adopted.errors
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """Return a home of one's own."""
    return copy_home(made, tmp_path / "home")


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """Return a resilience folder of one's own."""
    return write_folder(tmp_path / "company")
