"""`holdfast policy check` and `summary`: how a policy is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from holdfast.cli.common import JsonOption, console, print_json, read_text
from holdfast.cli.lazily import lazily
from holdfast.domain.policy.compiler import compile_policy
from holdfast.domain.policy.model import CompiledPolicy, Sentence
from holdfast.domain.policy.report import check_report, needs_mending
from holdfast.domain.policy.summary import summarise
from holdfast.domain.runbook import parse_runbook
from holdfast.errors import FaultsError, HoldfastError

app = typer.Typer(
    help="Read the policy and put it in force.",
    no_args_is_help=True,
    cls=lazily(
        {
            "bind": "holdfast.cli.binding:bind",
            "adopt": "holdfast.cli.adopting:adopt_folder",
        }
    ),
)

LARGEST = 5 * 1024 * 1024
PolicyArgument = Annotated[
    Path, typer.Argument(help="The policy, or the folder that holds policy.md.")
]
_COLOURS = {"bound": "green", "ambiguous": "yellow", "placeholder": "red"}


@app.command()
def check(
    policy: PolicyArgument,
    json: JsonOption = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Fail where a blank or a doubt is left."),
    ] = False,
) -> None:
    """Read a policy, and show every sentence with what it obliges."""
    compiled = compile_policy(read_policy(policy))
    _check_runbooks(policy)
    if json:
        print_json(check_report(compiled))
    else:
        _show_check(compiled)
    if strict and needs_mending(compiled):
        raise typer.Exit(1)


@app.command()
def summary(policy: PolicyArgument, json: JsonOption = False) -> None:
    """Sum a policy up: its figures, and what was not understood."""
    found = summarise(compile_policy(read_policy(policy)))
    if json:
        print_json(found)
        return
    table = Table("field", "value", box=None)
    for field, value in found.items():
        table.add_row(field, escape(_shown(value)))
    console().print(table)


def _check_runbooks(folder: Path) -> None:
    """Read the folder's runbooks; raises `FaultsError` with all that is wrong."""
    faults: list[HoldfastError] = []
    for file in sorted((folder / "runbooks").glob("*.md")):
        try:
            parse_runbook(file.name, read_text(file, "runbook"), None)
        except FaultsError as fault:
            faults.extend(fault.faults)
    if faults:
        raise FaultsError("the runbooks have faults", tuple(faults))


def read_policy(path: Path) -> str:
    """Return a policy's text, byte for byte; raises `HoldfastError` if it is none."""
    path = _file(path)
    try:
        if path.stat().st_size > LARGEST:
            raise HoldfastError(
                "the policy is larger than 5 MB",
                "A policy is some pages of Markdown; name that file.",
                str(path),
            )
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        hint = "Name the policy's file, or the folder that holds policy.md."
        raise HoldfastError("no policy here", hint, str(path)) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        hint = f"Save it as UTF-8; line {line} has the first byte that is not."
        raise HoldfastError("the policy is not UTF-8 text", hint, str(path)) from error
    except OSError as error:
        reason = f"the policy cannot be read ({error.strerror})"
        hint = "Check the path and its permissions."
        raise HoldfastError(reason, hint, str(path)) from error


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    inside = path / "policy.md"
    if not inside.is_file():
        hint = "Name the policy's file, or the folder that holds policy.md."
        raise HoldfastError("this folder holds no policy.md", hint, str(path))
    return inside


def _show_check(policy: CompiledPolicy) -> None:
    out = console()
    table = Table(box=None, expand=True)
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("section", max_width=7, no_wrap=True)
    table.add_column("sentence", ratio=1)
    table.add_column("what it is", no_wrap=True)
    for sentence in policy.sentences:
        table.add_row(*_row(sentence))
    out.print(f"[bold]{escape(policy.title)}[/]\n{policy.digest}\n")
    out.print(table)
    for heading, lines in _findings(policy).items():
        out.print(f"\n[bold]{heading}[/]" if lines else f"\n{heading}: none")
        for line in lines:
            out.print(f"  {escape(line)}")


def _row(sentence: Sentence) -> tuple[str, str, str, str]:
    text = f"{sentence.label}: {sentence.text}" if sentence.label else sentence.text
    controls = list(dict.fromkeys(o.control for o in sentence.obligations))
    colour = _COLOURS.get(sentence.status, "dim")
    words = [*controls] if sentence.status == "bound" else [sentence.status, *controls]
    return (
        str(sentence.lines[0]),
        escape(sentence.section),
        escape(text),
        f"[{colour}]{chr(10).join(words)}[/]",
    )


def _findings(policy: CompiledPolicy) -> dict[str, list[str]]:
    return {
        "Placeholders": [f"line {p.line}: {p.text}" for p in policy.placeholders],
        "Contradictions": [
            f"{c.name}: {c.message}. {c.suggestion}" for c in policy.contradictions
        ],
        "Open questions": [
            f"{q.question}: {q.asks} (default {q.default}, {q.approver} approves)"
            for q in policy.open_questions
        ],
        "Unparsed": [
            f"lines {u.lines[0]}-{u.lines[1]}: {u.reason}" for u in policy.unparsed
        ],
        "Defects": [f"line {d.line}: {d.message}" for d in policy.defects],
    }


def _shown(value: object) -> str:
    match value:
        case None:
            return "-"
        case True:
            return "yes"
        case list():
            return "\n".join(_shown(each) for each in value) or "-"
        case dict():
            return ", ".join(f"{k} {v}" for k, v in value.items() if v is not None)
        case _:
            return str(value)
