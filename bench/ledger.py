"""The ledger's figures, each held to its floor and its aim: `make bench-ledger`.

Prints the table and writes it into docs/performance.md between its two marks, with a
description of the machine. ``--quick`` runs everything on small logs, to see that it
runs, and writes nothing.
"""

from __future__ import annotations

import argparse

import ledger_append
import ledger_verify
from measure import machine, table, write_page

BEGIN, END = "<!-- bench-ledger: begin -->", "<!-- bench-ledger: end -->"
HEAD = ("Figure", "Holdfast", "Beside it", "Ratio", "Floor", "Aim", "Held", "Note")


def main() -> None:
    """Measure everything, print it, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small logs, no page")
    quick = parser.parse_args().quick
    rows = [*ledger_append.rows(quick=quick), *ledger_verify.rows(quick=quick)]
    text = f"{table(HEAD, [row.held_cells() for row in rows])}\n\n{machine()}\n"
    print(text)  # noqa: T201 - A bench speaks.
    if not quick:
        write_page(text, BEGIN, END)


if __name__ == "__main__":
    main()
