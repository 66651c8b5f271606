"""A process that has Holdfast loaded, and runs a command in a child for each order.

The child is what `python -m holdfast` would be, a second of imports later.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

from holdfast.cli.main import main


def run(words: list[str], out: str, errors: str) -> int:
    """Run a command in a child of ours; return its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for place, number in ((os.devnull, 0), (out, 1), (errors, 2)):
        mode = os.O_RDWR | os.O_CREAT
        os.dup2(os.open(place, mode, 0o600), number)
    sys.argv = ["holdfast", *words]
    status: object = 0
    try:
        main()
    except SystemExit as end:
        status = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter would.
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


for line in sys.stdin:
    order = json.loads(line)
    print(run(order["words"], order["out"], order["errors"]), flush=True)  # noqa: T201
