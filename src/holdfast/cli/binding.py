"""`holdfast policy bind`: an overlay with a place for every decision still open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tomli_w
import typer

from holdfast.cli.common import JsonOption, console, print_json, read_text
from holdfast.domain.policy.compiler import compile_policy
from holdfast.domain.policy.model import CompiledPolicy, OpenQuestion
from holdfast.domain.questions import BY_NAME, ROLE_NAMES
from holdfast.errors import HoldfastError

HEAD = """\
# What the policy leaves open, decided. Until its role approves a decision (add
# approved_by and approved_on), it runs provisionally and no control that rests on it
# is met. docs/formats/overlay.md describes every key.
"""


def bind(
    folder: Annotated[Path, typer.Argument(help="The resilience folder.")],
    json: JsonOption = False,
) -> None:
    """Write overlay.toml with the default for every question the policy leaves open.

    An overlay that exists is not touched: then the decisions that it lacks are printed.
    """
    policy = compile_policy(read_text(folder / "policy.md", "policy"))
    target = folder / "overlay.toml"
    decided = read_text(target, "overlay") if target.exists() else ""
    missing = [o for o in policy.open_questions if f'"{o.question}"' not in decided]
    if json:
        print_json([_decision(asked) for asked in missing])
    elif target.exists():
        typer.echo("".join(_table(asked) for asked in missing), nl=False)
    else:
        write_overlay(target, policy)
        console().print(f"Wrote {len(missing)} decisions to {target}, none approved.")


def write_overlay(target: Path, policy: CompiledPolicy) -> None:
    """Write a fresh overlay with every open question at its default."""
    text = HEAD + "".join(_table(asked) for asked in policy.open_questions)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise HoldfastError(
            f"{target} cannot be written ({error.strerror})",
            "Name a folder that you may write to.",
        ) from error


def _table(asked: OpenQuestion) -> str:
    role = ROLE_NAMES[BY_NAME[asked.question].approver]
    body = tomli_w.dumps({"decision": [_decision(asked)]})
    return f"\n# {asked.asks.capitalize()}? ({role} approves.)\n{body}"


def _decision(asked: OpenQuestion) -> dict[str, str]:
    question = BY_NAME[asked.question]
    return {
        "question": question.name,
        "anchor": asked.anchor,
        "value": asked.default,
        "role": question.approver,
    }
