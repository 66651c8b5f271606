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

from holdfast.cli import (
    adopting,
    approving,
    backup,
    binding,
    demo,
    drill,
    incident,
    ledger,
    ledger_key,
    ledger_witness,
    node,
    off_site,
    people,
    policy,
    recover,
    recovering,
    runner,
    self_proof,
    simulate,
    standing,
    succession,
    witness,
)
from holdfast.errors import FaultsError, HoldfastError

INTERRUPTED = 130
TRACEBACK = "HOLDFAST_TRACEBACK"

app = typer.Typer(
    name="holdfast",
    help="Reads a Business Resilience Policy, runs it, and proves it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
policy.app.command("bind")(binding.bind)
policy.app.command("adopt")(adopting.adopt_folder)
app.add_typer(policy.app, name="policy", help="Read the policy and put it in force.")
ledger.app.command("publish")(off_site.publish)
ledger.app.command("status")(off_site.status)
ledger.app.command("check")(self_proof.check)
ledger.app.command("rehearse")(self_proof.rehearse)
ledger.app.command("escrow")(off_site.escrow)
ledger.app.command("recover")(recovering.recover)
ledger.app.command("succeed")(succession.succeed_log)
ledger.app.command("succession")(succession.show_succession)
ledger.app.add_typer(
    off_site.quarantine, name="quarantine", help="What waits after a recovery."
)
ledger.app.add_typer(ledger_witness.app, name="witness", help="Who cosigns the log.")
ledger.app.add_typer(ledger_key.app, name="key", help="The log's keys.")
app.add_typer(ledger.app, name="ledger", help="Verify, export and prove the log.")
app.add_typer(witness.app, name="witness", help="Cosign other people's logs.")
app.add_typer(incident.app, name="incident", help="Acknowledge, declare, recover.")
app.add_typer(people.app, name="people", help="Personal data: see and erase it.")
app.add_typer(backup.app, name="backup", help="Take a backup, and see them all.")
app.add_typer(drill.app, name="drill", help="Rehearse a recovery, and measure it.")
app.command("init")(node.init)
app.command("serve")(node.serve)
app.command("runner")(runner.runner)
app.command("runner-grants")(runner.grants)
app.command("password")(node.password)
app.command("sign-in")(approving.sign_in)
app.command("sign-out")(approving.sign_out)
app.command("approvals")(approving.approvals)
app.command("approve")(approving.approve)
app.command("break-glass")(approving.break_glass)
app.command("review")(approving.review)
app.command("cancel")(approving.cancel)
app.command("recover")(recover.recover)
app.command("standing")(standing.standing)
app.command("simulate")(simulate.simulate)
app.command("demo")(demo.demo)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except HoldfastError as error:
        _tell(error)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped")
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
    console = Console(stderr=True, highlight=False, soft_wrap=True)
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
