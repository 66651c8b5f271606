"""A runbook that leads a recovery: Markdown that people wrote, read step by step.

A numbered item is a step. One that begins with the name of an operation in code marks
(`preflight`, `restore`, `verify`, `failover`) is Holdfast's to do; every other is a
person's, who confirms it. Read and checked before it is adopted, all faults at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from holdfast.domain.catalogue import Catalogue
from holdfast.domain.questions import ROLE_NAMES
from holdfast.errors import FaultsError, HoldfastError

Operation: TypeAlias = Literal["preflight", "restore", "verify", "failover"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
STEPS_MAX = 60
_TITLE = re.compile(r"^#\s+(\S.*)$")
_FIELD = re.compile(r"^(Datastore|Owner):\s*(.*)$", re.IGNORECASE)
_ITEM = re.compile(r"^(\d+)[.)]\s+(\S.*)$")
_BOUND = re.compile(r"^`([^`]*)`\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``operation`` is what Holdfast does in it, if it is Holdfast's."""

    number: int
    text: str
    operation: Operation | None


@dataclass(frozen=True, slots=True)
class Runbook:
    """A runbook, by the name of its file; ``owner`` is a role or a person's id."""

    name: str
    title: str
    datastores: tuple[str, ...]
    owner: str
    steps: tuple[Step, ...]


OWN_STEPS = Runbook(
    name="",
    title="Holdfast's own steps",
    datastores=(),
    owner="",
    steps=(
        Step(1, "Check that the restore can work.", "preflight"),
        Step(2, "Restore from the repository that was chosen.", "restore"),
        Step(3, "Verify the recovered data.", "verify"),
        Step(4, "Let the applications in again.", "failover"),
    ),
)
"""What leads where no runbook was adopted: on the worst day that stops nobody."""


def parse_runbook(name: str, text: str, catalogue: Catalogue | None) -> Runbook:
    """Return the runbook of a file; raises `FaultsError` with all that is wrong."""
    faults: list[HoldfastError] = []
    title, fields, steps = _read(name, text, faults)
    datastores = tuple(d.strip() for d in fields.get("datastore", "").split(","))
    datastores = tuple(d for d in datastores if d)
    owner = fields.get("owner", "")
    _check_head(name, title, datastores, owner, catalogue, faults)
    _check_steps(name, steps, faults)
    if faults:
        raise FaultsError(f"the runbook {name} has faults", tuple(faults))
    return Runbook(name, title, datastores, owner, tuple(steps))


def _read(
    name: str, text: str, faults: list[HoldfastError]
) -> tuple[str, dict[str, str], list[Step]]:
    title, fields, steps = "", dict[str, str](), list[Step]()
    for at, line in enumerate(text.splitlines(), 1):
        if (found := _TITLE.match(line)) and not title:
            title = found[1].strip()
        elif found := _FIELD.match(line):
            fields[found[1].lower()] = found[2].strip()
        elif found := _ITEM.match(line):
            steps.append(_step(name, at, found, faults))
        elif line.startswith("  ") and line.strip() and steps:
            last = steps[-1]
            steps[-1] = Step(last.number, f"{last.text} {line.strip()}", last.operation)
    return title, fields, steps


def _step(
    name: str, at: int, found: re.Match[str], faults: list[HoldfastError]
) -> Step:
    number, text = int(found[1]), found[2].strip()
    bound = _BOUND.match(text)
    if bound is None:
        return Step(number, text, None)
    for operation in OPERATIONS:
        if bound[1] == operation:
            return Step(number, bound[2] or operation, operation)
    # A command in code marks is for a person to type; only a bare word may be a slip.
    if re.fullmatch(r"[a-z]+", bound[1]):
        faults.append(
            HoldfastError(
                f"step {number} is bound to {bound[1]}, which Holdfast does not do",
                f"It does {', '.join(OPERATIONS)}; begin a person's step with a word.",
                f"{name}:{at}",
            )
        )
    return Step(number, text, None)


def _check_head(
    name: str,
    title: str,
    datastores: tuple[str, ...],
    owner: str,
    catalogue: Catalogue | None,
    faults: list[HoldfastError],
) -> None:
    if not title:
        hint = "Begin it with a heading: # Recover the orders database."
        faults.append(HoldfastError("the runbook has no title", hint, name))
    if not datastores:
        hint = "Write a line: Datastore: orders."
        faults.append(HoldfastError("the runbook names no datastore", hint, name))
    if not owner:
        hint = "Write a line: Owner: PL (a role, or a person's id)."
        faults.append(HoldfastError("the runbook has no owner", hint, name))
    if catalogue is None:
        return
    known = {d.id for d in catalogue.datastores}
    for datastore in datastores:
        if datastore not in known:
            there = ", ".join(sorted(known)) or "none"
            message = f"no datastore {datastore} is declared"
            faults.append(HoldfastError(message, f"Declared are: {there}.", name))
    people = {person.id for person in catalogue.people}
    if owner and owner not in ROLE_NAMES and owner not in people:
        message = f"the owner {owner} is no role and nobody in the catalogue"
        hint = f"Roles are: {', '.join(ROLE_NAMES)}."
        faults.append(HoldfastError(message, hint, name))


def _check_steps(name: str, steps: list[Step], faults: list[HoldfastError]) -> None:
    numbers = [step.number for step in steps]
    if numbers != list(range(1, len(steps) + 1)):
        hint = "Number the steps 1, 2, 3 ... without a gap."
        faults.append(HoldfastError("the steps are not numbered in order", hint, name))
    if len(steps) > STEPS_MAX:
        message = f"the runbook has {len(steps)} steps, more than {STEPS_MAX}"
        hint = "Nobody follows that on the worst day; put details on another page."
        faults.append(HoldfastError(message, hint, name))
    bound = [step.operation for step in steps if step.operation is not None]
    for operation in OPERATIONS:
        if bound.count(operation) != 1:
            count = "twice or more" if bound.count(operation) else "nowhere"
            faults.append(
                HoldfastError(
                    f"the step `{operation}` stands {count}",
                    f"Write it once: 1. `{operation}` and what it is for.",
                    name,
                )
            )
    if not faults and tuple(bound) != OPERATIONS:
        hint = f"Their order is: {', '.join(OPERATIONS)}."
        message = "Holdfast's steps are not in their order"
        faults.append(HoldfastError(message, hint, name))
