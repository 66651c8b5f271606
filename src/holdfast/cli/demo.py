"""`holdfast demo`: a company in a box, a disaster, a recovery, and the proof."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from holdfast.assembly.reading import Reader
from holdfast.channels.smtp import Relay, Smtp
from holdfast.cli.common import JsonOption, console, print_json, progress_console
from holdfast.cli.standing import standing_table
from holdfast.demo import northwind
from holdfast.demo.box import Box
from holdfast.demo.outcome import (
    Proof,
    as_object,
    communications,
    recovery_view,
    report_view,
)
from holdfast.demo.story import Survived, tell
from holdfast.demo.telling import Teller
from holdfast.errors import HoldfastError
from holdfast.evidence.report import render_report
from holdfast.evidence.views import CommunicationView, StandingView
from holdfast.ledger.note import parse_verifier_key
from holdfast.ledger.verify import verify_log
from holdfast.simulation.run import Outage, begin, run
from holdfast.storage.folder import Folder, export

LASTS = timedelta(hours=2)
SIMULATED_START = datetime(2026, 4, 2, 5, 0, tzinfo=UTC)


def demo(
    yes: Annotated[
        bool, typer.Option("--yes", help="Answer yes where a person must decide.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Stay up for a look in the browser.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Where to put the evidence.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run the main job end to end on real parts, on this machine, in minutes."""
    if not yes and not sys.stdin.isatty():
        raise HoldfastError(
            "nobody is here to be asked: standard input is no terminal",
            "Run it in a terminal, or with --yes.",
        )
    # Also SIGINT: a shell that starts us in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    folder = _evidence_folder(output)
    partial = folder.with_name(f"{folder.name}.partial")
    teller = Teller(progress_console() if json else console())
    box = Box.make(partial)
    box.wants_two = True
    try:
        result = _run(box, teller, folder, partial, yes=yes)
        if json:
            print_json(result)
        if keep:
            _stay(box, teller)
    finally:
        # A second Ctrl-C must not stop us from cleaning up.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        box.close()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _evidence_folder(output: Path | None) -> Path:
    if output is not None and output.exists():
        raise HoldfastError(f"{output} exists already", "Name a new folder.")
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
    return output or Path(tempfile.gettempdir()) / f"holdfast-evidence-{stamp}"


def _run(
    box: Box, teller: Teller, folder: Path, partial: Path, *, yes: bool
) -> dict[str, object]:

    def agree(question: str) -> bool:
        return yes or typer.confirm(question, err=True)

    def show(view: StandingView) -> None:
        teller.show(standing_table(view))

    survived = tell(box, teller, agree, show)
    teller.step("5  What it came to")
    _tell_figures(teller, survived)
    teller.step("6  The outage that lasts, on a simulated clock")
    simulated = _simulate(box, teller)
    teller.step("7  The proof")
    proof = _prove(box, teller, survived, simulated, folder, partial)
    apart = not isinstance(box.accounts, str)
    return as_object(survived, simulated, proof, box.engine, apart=apart)


def _tell_figures(teller: Teller, survived: Survived) -> None:
    view = recovery_view(survived)
    outage = view.restored_at - view.fault_at
    teller.fact(
        f"recovery time  [bold]{_seconds(view.recovery_time)}[/] after the "
        f"declaration, {_seconds(outage)} after the fault; "
        f"{_seconds(view.recovery_time_business)} of business time, "
        f"{view.recovery_time_limit} allowed"
    )
    teller.fact(
        f"data loss      [bold]{_seconds(view.data_loss)}[/], "
        f"[bold]{view.acknowledged_writes_lost}[/] of {view.acknowledged_writes} "
        f"acknowledged writes; {view.data_loss_limit} allowed"
    )
    teller.show(_table(communications(survived.duties)))


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():,.1f} s"


def _table(views: tuple[CommunicationView, ...]) -> Table:
    table = Table("Communication", "Due", "Done", "", box=None, padding=(0, 2))
    for view in views:
        done = f"{view.done_at:%H:%M:%S}" if view.done_at else "not done"
        word = "[green]in time[/]" if view.met else "[bold red]late[/]"
        table.add_row(escape(view.duty), f"{view.due_at:%H:%M:%S}", done, word)
    return table


def _simulate(box: Box, teller: Teller) -> tuple[CommunicationView, ...]:
    """Run two hours of outage that nobody attends to; letters go to the real relay."""
    relay = Relay("127.0.0.1", box.ports.mail, "status@northwind.example")
    channel = Smtp(relay, name="email")
    simulation = begin(box.texts(), "ana", SIMULATED_START, {"email": channel})
    outage = Outage(northwind.SERVICE, timedelta(minutes=5), LASTS)
    teller.working(
        "two hours of outage, nobody attends to it",
        lambda: run(simulation, [outage], LASTS + timedelta(hours=1)),
    )
    letters = [m for m in box.mails() if ">customer:" in m.key]
    first = {m.recipients for m in letters if "/customers>" in m.key}
    keys = {m.key for m in letters}
    teller.fact(
        f"{len(first)} of {northwind.CUSTOMERS} customers written to once the hour had "
        f"passed, {len(letters)} letters in all, {len(letters) - len(keys)} repeated"
    )
    escalated = simulation.situation().state.notices.escalated
    names = sorted(key.partition("/")[2] for key in escalated)
    teller.fact(f"overdue and escalated: {', '.join(names)}")
    if len(first) != northwind.CUSTOMERS or len(letters) != len(keys) or not escalated:
        raise HoldfastError("the long outage was not told as the policy demands")
    views = communications(simulation.duties())
    teller.show(_table(views))
    return views


def _prove(
    box: Box,
    teller: Teller,
    survived: Survived,
    simulated: tuple[CommunicationView, ...],
    folder: Path,
    partial: Path,
) -> Proof:
    teller.working("Holdfast stops in order: samples sealed, log signed", box.stop)
    reader = box.reader()
    key = box.verifier_key()
    export(reader.store, partial / "ledger", verifier_key=key)
    found = verify_log(Folder(partial / "ledger"), [parse_verifier_key(key)])
    note = reader.store.checkpoint()
    assert note is not None
    (partial / "checkpoint").write_bytes(note)
    view = reader.window.ledger()
    proof = Proof(
        origin=found.checkpoint.origin,
        size=found.checkpoint.size,
        root=view.root,
        verifier_key=key,
        checkpoint=note.decode(),
        export=folder / "ledger",
        report=folder / "report.html",
    )
    _write_report(teller, reader, survived, simulated, proof, partial)
    reader.store.close()
    # All or nothing: what bears the final name is complete.
    partial.rename(folder)
    teller.fact(f"{proof.size} entries verified from the export, signature included")
    teller.fact(f"evidence    [bold]{folder}[/]")
    teller.fact(f"check it    holdfast ledger verify {proof.export} --key {key}")
    return proof


def _write_report(
    teller: Teller,
    reader: Reader,
    survived: Survived,
    simulated: tuple[CommunicationView, ...],
    proof: Proof,
    folder: Path,
) -> None:
    now = reader.window.now()
    standing = reader.window.standing(now)
    counts = Counter(s.standing for s in standing.sentences if s.standing)
    words = ", ".join(f"{n} {word}" for word, n in counts.most_common())
    teller.fact(f"the clauses now: {words.replace('_', ' ')}")
    view = report_view(survived, standing, simulated, proof, now)
    (folder / "report.html").write_text(render_report(view), encoding="utf-8")


def _stay(box: Box, teller: Teller) -> None:
    """Keep the company up until somebody ends it."""
    box.start_node()
    box.start_runner()
    teller.step("Up until Ctrl-C")
    teller.fact(f"Standing      http://127.0.0.1:{box.ports.web}/")
    teller.fact(f"sign in as    chi, password {box.password}")
    teller.fact(f"status page   http://127.0.0.1:{box.ports.status}/")
    try:
        signal.pause()
    except KeyboardInterrupt:
        teller.step("Ending")
