"""Adoption: all is checked first, told at once, and judged by who is in force."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.operations.company import COMMITTEE, LEAD, SUCCESS, Company, company, texts

from holdfast.errors import FaultsError, HoldfastError
from holdfast.operations.authority import ForbiddenError
from holdfast.operations.govern import Texts, adopt
from holdfast.storage.memory import MemoryStore


def adoptions(made: Company) -> list[str]:
    """Return the types of the entries so far."""
    return [entry.event.TYPE for entry in made.entries()]


def take(made: Company, given: Texts, person: str = COMMITTEE) -> None:
    """Adopt the texts, a moment later."""
    made.clock.advance(timedelta(seconds=1))
    adopt(made.world.log, made.clock, given, person)


def with_role(person: str, old: str, new: str) -> Texts:
    """Return the texts with another role for the person."""
    given = texts()
    before, name, after = given.catalogue.partition(f'id = "{person}"')
    assert name
    return replace(given, catalogue=before + name + after.replace(old, new, 1))


def test_first_adoption() -> None:
    """The first adoption puts policy, catalogue, overlay and holidays in force."""
    made = company()
    assert adoptions(made) == [
        "policy.adopted",
        "catalogue.adopted",
        "overlay.adopted",
        "holidays.adopted",
    ]
    assert {e.actor for e in made.entries()} == {f"person:{COMMITTEE}"}
    store = made.world.store
    for entry in made.entries():
        assert store.blob(entry.event.digest) is not None


def test_again() -> None:
    """What is in force already is not adopted again."""
    made = company()
    size = made.world.store.size()
    take(made, texts())
    assert made.world.store.size() == size


def test_what_changed() -> None:
    """Only the text that changed is adopted anew."""
    made = company()
    size = made.world.store.size()
    given = texts()
    take(made, replace(given, policy=given.policy + "\nA further sentence.\n"))
    assert adoptions(made)[size:] == ["policy.adopted"]
    take(made, given)
    assert adoptions(made)[size:] == ["policy.adopted"] * 2


def test_all_faults_at_once() -> None:
    """Every fault of every file is told in one go, with its place and a way out."""
    given = texts()
    broken = Texts(
        policy="",
        catalogue=given.catalogue.replace('roles = [\n    "RC",\n]', "roles = [7]")
        + '\n[[people]]\nid = "Ana B"\n',
        overlay=(given.overlay or "") + '\n[[decision]]\nquestion = "nonsense"\n',
    )
    made = company(adopted=False)
    with pytest.raises(FaultsError) as told:
        take(made, broken)
    files = {fault.where.partition(":")[0] for fault in told.value.faults}
    assert files == {"policy.md", "catalogue.toml", "overlay.toml"}
    assert all(fault.hint and fault.message for fault in told.value.faults)
    assert made.world.store.size() == 0


@pytest.mark.parametrize("name", ["catalogue", "overlay"])
@pytest.mark.parametrize("text", ["= nonsense", "\x00", "[[people]", 'company = "x"'])
def test_broken_text(name: str, text: str) -> None:
    """A text that cannot be read changes nothing that is in force."""
    made = company()
    size = made.world.store.size()
    with pytest.raises(FaultsError) as told:
        take(made, replace(texts(), **{name: text}))
    assert all(fault.hint for fault in told.value.faults)
    assert made.world.store.size() == size
    assert made.world.situation() is not None


@pytest.mark.parametrize("person", [LEAD, SUCCESS, "mallory", ""])
def test_only_the_committee(person: str) -> None:
    """Nobody but the Resilience Committee adopts, not even the first time."""
    for adopted in (False, True):
        made = company(adopted=adopted)
        size = made.world.store.size()
        with pytest.raises(ForbiddenError) as refused:
            take(made, texts(), person)
        assert refused.value.hint
        assert made.world.store.size() == size


def test_no_role_for_oneself() -> None:
    """A catalogue that gives its adopter the role is judged by the one in force."""
    made = company()
    size = made.world.store.size()
    grab = with_role(LEAD, '"PL"', '"RC"')
    with pytest.raises(ForbiddenError):
        take(made, grab, LEAD)
    assert made.world.store.size() == size
    take(made, grab, COMMITTEE)
    take(made, texts(), LEAD)
    assert adoptions(made)[size:] == ["catalogue.adopted"] * 2


def test_role_taken_away() -> None:
    """Who lost the role may not take it back."""
    made = company()
    ended = replace(with_role(COMMITTEE, '"RC"', '"CS"'), overlay=None)
    take(made, ended, "ben")
    with pytest.raises(ForbiddenError):
        take(made, texts(), COMMITTEE)


def test_overlay_removed() -> None:
    """An overlay that is gone takes its decisions out of force."""
    made = company()
    take(made, replace(texts(), overlay=None))
    situation = made.world.situation()
    assert situation is not None
    assert not any(
        term.approved for term in situation.rules.terms.values() if term.anchor
    )
    size = made.world.store.size()
    take(made, replace(texts(), overlay=None))
    assert made.world.store.size() == size


def test_rules_are_those_in_force() -> None:
    """The rules returned are the ones that every node reads from the log."""
    made = company(adopted=False)
    for given in (texts(), replace(texts(), overlay=None), texts()):
        made.clock.advance(timedelta(seconds=1))
        returned = adopt(made.world.log, made.clock, given, COMMITTEE)
        situation = made.world.situation()
        assert situation is not None
        assert {n: t.value for n, t in returned.terms.items()} == {
            n: t.value for n, t in situation.rules.terms.items()
        }


class Forgetful(MemoryStore):
    """A store that lost its texts."""

    def forget(self) -> None:
        """Lose every text."""
        self._blobs.clear()


def test_lost_text() -> None:
    """A text in force that is lost is told, and mended by adopting it again."""
    store = Forgetful()
    company(store)
    store.forget()
    fresh = company(store, adopted=False)
    with pytest.raises(HoldfastError, match="is not kept") as told:
        fresh.world.situation()
    assert "Adopt it again" in told.value.hint
    take(fresh, texts())
    assert fresh.world.situation() is not None
