"""`holdfast policy check` and `summary`, as a person or a program calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from holdfast.cli.policy import LARGEST, app
from holdfast.errors import HoldfastError

TEXT = "# Objectives\n\n- **RTO:** Services are restored within 4 hours.\n"
BLANK = TEXT + "- **RPO:** TBD\n"
REPORT = {
    "sentences",
    "placeholders",
    "open_questions",
    "contradictions",
    "unparsed",
    "defects",
    "digest",
    "title",
}


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """Return a folder with a small policy in it."""
    (tmp_path / "policy.md").write_text(TEXT)
    return tmp_path


def run(*words: str | Path) -> Result:
    """Run a command of the group, letting errors through as `main` gets them."""
    found = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(found.exception, HoldfastError):
        raise found.exception
    return found


def test_check_as_json(policy: Path) -> None:
    """The report names every sentence with its place, kind and obligations."""
    report = json.loads(run("check", policy, "--json").stdout)
    assert set(report) >= REPORT
    (sentence,) = report["sentences"]
    assert sentence["lines"] == [3, 3]
    assert sentence["kind"] == "target"
    assert sentence["obligations"][0]["within"]["text"] == "4 hours"
    assert report["lines"] == {"heading": 1, "blank": 2, "sentence": 1}


def test_summary_as_json(policy: Path) -> None:
    """The summary has the fields of a policy and what was left unparsed."""
    found = json.loads(run("summary", policy / "policy.md", "--json").stdout)
    assert found["rto"] == "4 hours"
    assert found["rpo"] is None
    assert found["unparsed"] == []


def test_people_see_sentences_and_findings(policy: Path) -> None:
    """Without JSON a table shows what each sentence is, and then what is open."""
    shown = run("check", policy).stdout
    assert "recovery_time" in shown
    assert "Contradictions: none" in shown
    assert "4 hours" in run("summary", policy).stdout


def test_findings_fail_only_a_strict_check(policy: Path) -> None:
    """A blank is reported with exit status 0, and with 1 when asked to be strict."""
    assert run("check", policy, "--strict").exit_code == 0
    (policy / "policy.md").write_text(BLANK)
    assert run("check", policy).exit_code == 0
    assert run("check", policy, "--strict").exit_code == 1


def test_the_digest_is_of_the_bytes(policy: Path) -> None:
    """Line endings are part of the file, so they are part of its digest."""
    before = json.loads(run("check", policy, "--json").stdout)["digest"]
    (policy / "policy.md").write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert json.loads(run("check", policy, "--json").stdout)["digest"] != before


def test_no_policy(tmp_path: Path) -> None:
    """A file that is not there and a folder without one are told apart."""
    with pytest.raises(HoldfastError, match="no policy here"):
        run("check", tmp_path / "missing.md")
    with pytest.raises(HoldfastError, match=r"holds no policy\.md"):
        run("summary", tmp_path)


def test_no_text(policy: Path) -> None:
    """A file that is not UTF-8 is refused with the line of its first bad byte."""
    (policy / "policy.md").write_bytes(b"# One\n\n\xff\n")
    with pytest.raises(HoldfastError, match="not UTF-8") as caught:
        run("check", policy)
    assert "line 3" in caught.value.hint


def test_too_large(policy: Path) -> None:
    """What is too large for a policy is refused before it is read."""
    with (policy / "policy.md").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(HoldfastError, match="larger than 5 MB"):
        run("check", policy)


def test_unreadable(policy: Path) -> None:
    """A file that the system does not give out is an error with its reason."""
    loop = policy / "loop.md"
    loop.symlink_to(loop)
    with pytest.raises(HoldfastError, match="cannot be read"):
        run("check", loop)
