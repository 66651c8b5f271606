"""A terminal's session: bound to home, person, password and half an hour."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from holdfast.assembly import sign_in
from holdfast.assembly.keys import write_private
from holdfast.errors import HoldfastError
from holdfast.operations.authority import NotSignedInError, require_signed_in
from holdfast.settings import Home
from holdfast.storage.passwords import hash_password

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
WORD = "three plain words"
# One for all, so that no refusal rests on the password but the one of another.
HASHED = hash_password(WORD)


def a_home(folder: Path) -> Home:
    """Return a home in which chi and eli have the same password."""
    folder.mkdir()
    write_private(folder / "session.key", "0" * 64 + "\n")
    for person in ("chi", "eli"):
        write_private(folder / f"password-{person}", HASHED + "\n")
    (folder / "holdfast.toml").write_text(
        '[web.passwords]\nchi = "password-chi"\neli = "password-eli"\n'
    )
    return Home(folder)


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return a home, with a folder of sessions of our own."""
    monkeypatch.setenv("HOLDFAST_SESSIONS", str(tmp_path / "sessions"))
    return a_home(tmp_path / "home")


def signed_in(home: Home) -> Path:
    """Sign chi in; return where the session is."""
    return sign_in.keep(home, sign_in.authenticate(home, "chi", WORD, NOW))


def test_a_session_counts_for_half_an_hour(home: Home) -> None:
    """It is a private file of the person's own; signing out ends it."""
    place = signed_in(home)
    assert place.stat().st_mode & 0o777 == 0o600
    found = sign_in.kept(home, "chi")
    assert found is not None
    assert "password at 2026-11-25T12:00" in require_signed_in(
        "chi", found, "approve", NOW
    )
    with pytest.raises(NotSignedInError, match="has run out"):
        require_signed_in("chi", found, "approve", NOW + sign_in.LASTS)
    assert sign_in.kept(home, "eli") is None
    sign_in.forget(home, "chi")
    assert sign_in.kept(home, "chi") is None


def _as_another(home: Home, place: Path) -> Home:
    shutil.copy(place, place.with_name(place.name.replace("-chi", "-eli")))
    return home


def _at_another_home(home: Home, place: Path) -> Home:
    other = a_home(home.folder.with_name("other"))
    there = signed_in(other)
    shutil.copy(place, there)
    return other


def _with_another_password(home: Home, _: Path) -> Home:
    file = home.folder / "password-chi"
    file.unlink()
    write_private(file, hash_password("four other plain words") + "\n")
    return home


def _under_another_key(home: Home, _: Path) -> Home:
    file = home.folder / "session.key"
    file.unlink()
    write_private(file, "1" * 64 + "\n")
    return home


def _altered(home: Home, place: Path) -> Home:
    place.write_text(place.read_text().replace(".", "A.", 1))
    return home


@pytest.mark.parametrize(
    ("change", "person"),
    [
        (_as_another, "eli"),
        (_at_another_home, "chi"),
        (_with_another_password, "chi"),
        (_under_another_key, "chi"),
        (_altered, "chi"),
    ],
)
def test_a_session_that_is_not_this_one_does_not_count(
    home: Home, change: Callable[[Home, Path], Home], person: str
) -> None:
    """Copied to another name or home, of an old password or key, altered: nothing."""
    at = change(home, signed_in(home))
    assert sign_in.kept(at, person) is None


def test_what_others_may_read_or_no_id_is_refused(home: Home) -> None:
    """A session open to others is told; a name that leads elsewhere is none."""
    place = signed_in(home)
    place.chmod(0o644)
    with pytest.raises(HoldfastError, match="may be read by others"):
        sign_in.kept(home, "chi")
    for name in ("../chi", "chi/..", "", "."):
        with pytest.raises(HoldfastError, match="is no id"):
            sign_in.kept(home, name)
