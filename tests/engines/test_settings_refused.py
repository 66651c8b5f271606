"""What an operator writes about datastores, and gets wrong, is refused by name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from holdfast.errors import HoldfastError
from holdfast.settings import RunnerHome, RunnerSettings, _checked

PAGE = Path("docs/operating/runner-settings.md")
WRONG = (None, "", "\n", "a\nb", 0, -1, 2.5, True, [], {}, "x" * 300, 10**30, "P1D")
Edit = Callable[[dict[str, Any]], object]


def whole() -> dict[str, Any]:
    """Return the page's example, which names every key."""
    found = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return tomllib.loads(found[1])


def loaded(folder: Path, settings: dict[str, Any]) -> RunnerHome:
    """Write the settings and read them as a runner does."""
    (folder / "runner.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
    return RunnerHome(folder)


@pytest.mark.parametrize(
    ("edit", "where", "said"),
    [
        (lambda d: d.update(id="Orders DB"), "pgbackrest.0", "is no id"),
        (lambda d: d.update(stanza="a b"), "pgbackrest.0", "is no stanza"),
        (lambda d: d.update(stanza="../x"), "pgbackrest.0", "is no stanza"),
        (lambda d: d.update(folder="orders"), "pgbackrest.0", "begin with a slash"),
        (
            lambda d: d.update(folder="/a b"),
            "pgbackrest.0",
            "stands in archive_command",
        ),
        (
            lambda d: d.update(folder="/a'b"),
            "pgbackrest.0",
            "stands in archive_command",
        ),
        (lambda d: d.update(hearbeat=False), "pgbackrest.0.hearbeat", "Unexpected"),
        (lambda d: d.update(repositories=[]), "pgbackrest.0", "without a repository"),
        (
            lambda d: d["repositories"][1].update(number=1),
            "pgbackrest.0",
            "differ in number and in place",
        ),
        (
            lambda d: d["repositories"][0].update(path=d["cluster"]["data"] + "/repo"),
            "pgbackrest.0",
            "lies in the data directory",
        ),
        (
            lambda d: d["repositories"][0].update(number=257),
            "repositories.0",
            "from 1 to 256",
        ),
        (
            lambda d: d["repositories"][1].update(
                escrow_file=d["repositories"][1]["key_file"]
            ),
            "",
            "is the key itself, no copy",
        ),
        (
            lambda d: d["repositories"][1].update(path="/o\nrepo2-cipher-type=none"),
            "repositories.1",
            "control character",
        ),
        (
            lambda d: d["repositories"][1]["s3"].update(endpoint="https://s3.example"),
            "repositories.1.s3",
            "without https://",
        ),
        (
            lambda d: d["repositories"][1]["s3"].update(keeper="keeper"),
            "repositories.1.s3",
            "begin with a slash",
        ),
        (
            lambda d: d["repositories"][2]["sftp"].update(host="copies@vault"),
            "repositories.2.sftp",
            "a name or an address alone",
        ),
        (
            lambda d: d["repositories"][2]["sftp"].update(port=0),
            "repositories.2.sftp",
            "is no port",
        ),
        (lambda d: d["cluster"].update(port=65536), "cluster", "is no port"),
        (lambda d: d["cluster"].update(data="data"), "cluster", "begin with a slash"),
        (lambda d: d["schedule"].update(retention_days=0), "schedule", "at least one"),
        (lambda d: d["schedule"].update(diff_every="-P1D"), "schedule", "less than"),
        (
            lambda d: d["schedule"].update(full_every="PT1H"),
            "schedule",
            "not be shorter",
        ),
        (lambda d: d["deadlines"].update(short=0), "deadlines", "short must be longer"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(
    tmp_path: Path, edit: Edit, where: str, said: str
) -> None:
    """The message says what is wrong and where; nothing of it is taken over."""
    settings = whole()
    edit(settings["pgbackrest"][0])
    with pytest.raises(HoldfastError) as refused:
        loaded(tmp_path, settings)
    told = str(refused.value)
    assert where in told
    assert said in told


@pytest.mark.parametrize("same", ["id", "folder", "data directory"])
def test_two_datastores_do_not_share(tmp_path: Path, same: str) -> None:
    """Two of one name, or over one another's files, are refused."""
    settings = whole()
    second = deepcopy(settings["pgbackrest"][0])
    if same != "id":
        second["id"] = "other"
    if same != "folder":
        second["folder"] += "-2"
    if same != "data directory":
        second["cluster"]["data"] += "-2"
    settings["pgbackrest"].append(second)
    with pytest.raises(HoldfastError, match=f"have one {same}"):
        loaded(tmp_path, settings)


def test_whatever_stands_in_a_place_there_is_a_message_and_no_traceback() -> None:
    """Every value of the datastore's settings, replaced by every kind of nonsense."""
    given = whole()
    places = _places(given["pgbackrest"][0])
    assert len(places) > 60
    for place in places:
        for wrong in WRONG:
            settings = deepcopy(given)
            inside = settings["pgbackrest"][0]
            for step in place[:-1]:
                inside = inside[step]
            if wrong is None:
                del inside[place[-1]]
            else:
                inside[place[-1]] = wrong
            try:
                _checked(settings, PAGE, RunnerSettings)
            except HoldfastError as refused:
                assert refused.hint  # noqa: PT017 # Any other error fails the test.


def _places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for name, each in inside:
        found.append((*above, name))
        if isinstance(each, (dict, list)):
            found += _places(each, (*above, name))
    return found
