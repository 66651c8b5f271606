"""Holds the house to its own plan: rooms, docstrings, words, and one file a system.

Floors and forbidden imports are import-linter's; this file has what it cannot say. It
reads the source as text and imports nothing of it.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from holdfast.domain.promises import ControlName

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
HOUSE = SRC / "holdfast"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PLAN = ROOT / "docs" / "ARCHITECTURE.md"
# Pages for engineers name files and functions; other pages name the operator's.
INSIDE = [
    PLAN,
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
]

ROOMS = (
    "cli",
    "server",
    "runner",
    "simulation",
    "demo",
    "assembly",
    "settings",
    "sources",
    "engines",
    "channels",
    "storage",
    "operations",
    "evidence",
    "journal",
    "domain",
    "ledger",
    "errors",
    "domain/policy",
    "domain/events",
    "domain/memory",
    "domain/controls",
    "domain/catalogue",
    "domain/calendar",
    "domain/state",
    "domain/decide",
    "operations/beat",
    "operations/respond",
    "operations/govern",
    "operations/attest",
    "operations/ports",
)

# Client libraries of outside systems, and the files that speak to them. More than one
# only for the reason given.
SPEAKERS = {
    "pycurl": {
        "engines/bucket.py",  # A bucket, asked directly who owns it and may delete.
        "sources/fetch.py",  # What a stranger sees, and nothing is ever sent.
        "sources/witness.py",  # A witness, to which checkpoints are posted.
    },
    "slack_sdk": {"channels/slack.py"},
    "aiosmtplib": {"channels/smtp.py"},
    "smtplib": set(),
    "psycopg": {
        "storage/postgresql.py",  # Holdfast's own log.
        "storage/prepared.py",  # The same log's appends, without the driver's cursor.
        "engines/postgresql.py",  # The database under protection: another server.
        "engines/acknowledged.py",  # The one who writes to it, as an application would.
        "demo/shop.py",  # The shop that customers use: not Holdfast's part.
        "demo/shop_schema.py",  # Its tables.
    },
    "subprocess": {
        "engines/evidence.py",  # Every outside command, with the proof how it went.
        "engines/fence.py",  # One trial, whether the kernel makes a fence for us.
        "engines/jobs.py",  # Our own detached process, which must outlive us.
        "sources/signing_command.py",  # Whoever holds the log's key in our stead.
        "cli/beside.py",  # The runner beside the node, of one command.
        "demo/accounts.py",  # A trial of what each of the box's accounts can read.
        "demo/box.py",  # Node and runner, to be killed and started again.
        "demo/spawn.py",  # The box's own parts.
        "demo/sweep.py",  # What clears up when all else was killed.
    },
    "tzdata": {"operations/govern.py"},
    "holidays": {"domain/holiday_table.py"},
}

# Words that mean nothing here, or mean two things, with the word that is meant.
BANNED_WORDS = {
    r"play-?books?": "runbook",
    r"(white|black)-?list(s|ed|ing)?": "say what is let in, or refused",
    r"sanity[- ]check(s|ed)?": "check",
    r"tamper-?proof ledger": "tamper-evident: it shows, it does not prevent",
    r"crash-?proof": "say what a crash leaves",
    r"(todo|fixme|xxx)(?=[:( ])": "an issue, or nothing",
}
# The compiler must know the words that other people's policies use.
READS_OTHERS = {"domain/policy/recognisers/people.py"}
BANNED_NAMES = {"utils", "util", "helpers", "misc", "manager", "handlers", "service"}


@cache
def modules() -> dict[str, Path]:
    """Return every module of the house by its dotted name."""
    return {
        ".".join(path.relative_to(SRC).with_suffix("").parts): path
        for path in sorted(HOUSE.rglob("*.py"))
    }


@cache
def tree(path: Path) -> ast.Module:
    """Return a file's syntax."""
    return ast.parse(path.read_text(encoding="utf-8"))


def short(path: Path) -> str:
    """Return a path as the plan writes it."""
    return path.relative_to(HOUSE).as_posix()


def imports(path: Path) -> set[str]:
    """Return every dotted name that the file imports, or imports from.

    Also those that it names in a string, as the command line does, to import them late.
    """
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(re.findall(r"^(holdfast(?:\.\w+)+):\w+$", node.value))
    return found


def is_started(path: Path) -> bool:
    """Say whether the file is a program of its own."""
    return path.stem == "__main__" or any(
        isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)
        for node in tree(path).body
    )


def missing_names(text: str) -> list[str]:
    """Return the files and functions that a page names and the house has not."""
    files = re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", text)
    folders = re.findall(r"`((?:[a-z_]+/)+)`", text)
    lost = [name for name in (*files, *folders) if not _there(name)]
    rooms = "|".join(room for room in ROOMS if "/" not in room)
    dotted = re.findall(rf"`((?:{rooms})(?:\.\w+)+)`", text)
    return lost + [
        name for name in dotted if not name.endswith(".py") and not _resolves(name)
    ]


def _there(name: str) -> bool:
    return any((place / name).exists() for place in (HOUSE, ROOT))


def _resolves(dotted: str) -> bool:
    if _there(f"{dotted.replace('.', '/')}.py"):
        return True
    module, _, rest = dotted.rpartition(".")
    path = HOUSE / f"{module.replace('.', '/')}.py"
    if path.exists():
        return rest in _defined(tree(path).body)
    owner, _, klass = module.rpartition(".")
    path = HOUSE / f"{owner.replace('.', '/')}.py"
    return path.exists() and any(
        isinstance(node, ast.ClassDef)
        and node.name == klass
        and rest in _defined(node.body)
        for node in tree(path).body
    )


def _defined(body: list[ast.stmt]) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in body if isinstance(node, kinds)}


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_of_the_plan_exists(room: str) -> None:
    """A room of the plan is there, and is not empty."""
    place = HOUSE / room
    inside = [path for path in place.glob("*.py") if path.name != "__init__.py"]
    assert inside or place.with_suffix(".py").exists()


def test_there_is_no_room_that_the_plan_does_not_name() -> None:
    """Every room of the house stands in the table of floors."""
    named = set(re.findall(r"`(\w+)`", PLAN.read_text(encoding="utf-8")))
    there = {
        path.stem
        for path in HOUSE.iterdir()
        if not path.name.startswith(("_", "."))
        and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert there - named == set()


def test_every_promise_has_a_module_of_its_own() -> None:
    """The folder of controls has all twenty promises, each judging and owing."""
    for name in get_args(ControlName):
        path = HOUSE / "domain" / "controls" / f"{name}.py"
        assert path.exists(), name
        assert {"judge", "owes"} <= _defined(tree(path).body), name
    assert len(get_args(ControlName)) == 20


def test_every_module_says_what_it_is_for() -> None:
    """Each module with code opens with a docstring."""
    silent = [
        name
        for name, path in modules().items()
        if path.name != "__init__.py" and not ast.get_docstring(tree(path))
    ]
    assert silent == []


def test_packages_hold_no_code() -> None:
    """An `__init__.py` has a docstring at most."""
    busy = [
        short(path)
        for path in modules().values()
        if path.name == "__init__.py"
        and any(not isinstance(node, ast.Expr) for node in tree(path).body)
    ]
    assert busy == []


def test_no_module_is_dead() -> None:
    """Each module is imported by another, or is a program that something starts."""
    wanted: set[str] = set()
    for name, path in modules().items():
        wanted |= {one for one in imports(path) if one != name}
    dead = [
        name
        for name, path in modules().items()
        if path.name != "__init__.py" and name not in wanted and not is_started(path)
    ]
    assert dead == []


@pytest.mark.parametrize("library", sorted(SPEAKERS))
def test_each_outside_system_is_one_file_or_says_why(library: str) -> None:
    """A client library is imported by the files listed here, and by no other."""
    speaking = {
        short(path)
        for path in modules().values()
        if any(one == library or one.startswith(f"{library}.") for one in imports(path))
    }
    assert speaking == SPEAKERS[library]


@pytest.mark.parametrize("word", sorted(BANNED_WORDS))
def test_words_that_mislead_are_not_used(word: str) -> None:
    """Code and pages keep to the glossary's words."""
    pattern = re.compile(rf"\b{word}\b", re.IGNORECASE)
    files = [*PAGES, *(p for p in modules().values() if short(p) not in READS_OTHERS)]
    found = [
        path.relative_to(ROOT).as_posix()
        for path in files
        if pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert found == [], f"instead: {BANNED_WORDS[word]}"


def test_modules_are_named_for_what_they_are() -> None:
    """No module or folder is called by a name that says nothing."""
    vague = [name for name in modules() if set(name.lower().split(".")) & BANNED_NAMES]
    assert vague == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_pages_are_short(page: Path) -> None:
    """A page has fewer than 200 lines."""
    assert len(page.read_text(encoding="utf-8").splitlines()) < 200


@pytest.mark.parametrize("page", INSIDE, ids=lambda p: p.name)
def test_pages_for_engineers_name_what_exists(page: Path) -> None:
    """Each file, folder and function that such a page names is there."""
    assert missing_names(page.read_text(encoding="utf-8")) == []


def test_a_name_that_is_gone_is_noticed() -> None:
    """A page that names a removed file, function or method is found out."""
    named = "`operations/beat.py` `operations.beat.beat` `runner.node.Node.once`"
    gone = ["operations/gone.py", "operations.beat.gone", "runner.node.Node.gone"]
    assert missing_names(named) == []
    assert missing_names(" ".join(f"`{name}`" for name in gone)) == gone


def test_pages_name_nothing_of_one_machine() -> None:
    """No page and no module holds a path of the machine that it was written on."""
    pattern = re.compile(r"(?<![\w.])/(work|home|root|Users)/\w")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in (*PAGES, *modules().values())
        if pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_decision_is_whole() -> None:
    """A decision record has context, options, a choice, and what it costs."""
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in records] == [
        f"{number:04}" for number in range(1, len(records) + 1)
    ]
    for path in records:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]}: "), path.name
        for heading in ("Context", "Options", "Choice", "What it costs"):
            assert f"\n## {heading}\n" in text, path.name
