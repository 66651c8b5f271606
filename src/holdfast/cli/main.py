"""`holdfast`: every command a few lines over one operation.

An error is a message and a hint on standard error, and an exit status: 1 for what went
wrong, 2 for a command that was not understood. There is never a traceback.
"""

from __future__ import annotations

import json
import os
import sys

import typer
from rich.console import Console
from rich.markup import escape

from holdfast.cli.lazily import lazily
from holdfast.errors import FaultsError, HoldfastError

INTERRUPTED = 130
LAST_STREAM = 2
TRACEBACK = "HOLDFAST_TRACEBACK"

app = typer.Typer(
    name="holdfast",
    help="Reads a Business Resilience Policy, runs it, and proves it.",
    cls=lazily(
        {
            "policy": "holdfast.cli.policy:app",
            "ledger": "holdfast.cli.ledger:app",
            "witness": "holdfast.cli.witness:app",
            "incident": "holdfast.cli.incident:app",
            "pack": "holdfast.cli.pack:pack",
            "people": "holdfast.cli.people:app",
            "backup": "holdfast.cli.backup:app",
            "drill": "holdfast.cli.drill:app",
            "init": "holdfast.cli.node:init",
            "serve": "holdfast.cli.node:serve",
            "runner": "holdfast.cli.runner:runner",
            "runner-grants": "holdfast.cli.runner:grants",
            "password": "holdfast.cli.node:password",
            "sign-in": "holdfast.cli.approving:sign_in",
            "sign-out": "holdfast.cli.approving:sign_out",
            "approvals": "holdfast.cli.approving:approvals",
            "approve": "holdfast.cli.approving:approve",
            "break-glass": "holdfast.cli.approving:break_glass",
            "review": "holdfast.cli.approving:review",
            "cancel": "holdfast.cli.approving:cancel",
            "recover": "holdfast.cli.recover:recover",
            "standing": "holdfast.cli.standing:standing",
            "simulate": "holdfast.cli.simulate:simulate",
            "demo": "holdfast.cli.demo:demo",
        }
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
# Without a command of its own, a callback is what makes it a group.
app.callback()(lambda: None)


def main() -> None:
    """Run the command line."""
    _have_streams()
    try:
        app()
    except HoldfastError as error:
        _tell(error)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        Console(stderr=True, emoji=False).print("stopped")
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        # The reader of our output left; what follows has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        _tell(_of_the_system(error))
        raise SystemExit(1) from None
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        _tell(
            HoldfastError(
                f"a fault of Holdfast itself ({type(error).__name__})",
                f"Run it again with {TRACEBACK}=1 to see where, and report that.",
            )
        )
        raise SystemExit(1) from None


def _have_streams() -> None:
    """Open what whoever started us closed: else our first file would take its place."""
    while (spare := os.open(os.devnull, os.O_RDWR)) <= LAST_STREAM:
        pass
    os.close(spare)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))


def _of_the_system(error: OSError) -> HoldfastError:
    reason = (error.strerror or type(error).__name__).lower()
    return HoldfastError(
        reason,
        "Check that the place exists, who may write there, and that there is space.",
        str(error.filename or ""),
    )


def _tell(error: HoldfastError) -> None:
    if "--json" in sys.argv:
        sys.stderr.write(json.dumps(_as_json(error), indent=1) + "\n")
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    console.print(f"[bold red]error:[/] {escape(str(error))}")
    hints = [error.hint]
    if isinstance(error, FaultsError):
        hints = list(dict.fromkeys([*(f.hint for f in error.faults), error.hint]))
    for hint in hints:
        if hint:
            console.print(f"[bold]hint:[/] {escape(hint)}")


def _as_json(error: HoldfastError) -> dict[str, object]:
    faults = error.faults if isinstance(error, FaultsError) else ()
    return {
        "error": error.message,
        "hint": error.hint,
        "where": error.where,
        "faults": [_as_json(fault) for fault in faults],
    }
