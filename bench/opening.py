"""Opens a home's node as `holdfast serve` does, and says when its first beat was done.

Started by `ledger_verify.py` as a process of its own, so that all that it takes counts.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path


def main(folder: Path) -> None:
    """Open, beat once, print; then end in order."""
    # After the clock is read: loading the code is part of opening a node.
    from holdfast.assembly.node import join  # noqa: PLC0415
    from holdfast.operations.beat import beat  # noqa: PLC0415
    from holdfast.operations.world import Inbox  # noqa: PLC0415
    from holdfast.runner.hands import ThreadHands  # noqa: PLC0415
    from holdfast.settings import Home  # noqa: PLC0415

    inbox = Inbox()
    hands = ThreadHands(inbox)
    world = join(Home(folder), hands, inbox)
    with closing(world.store):
        beat(world)
        opened = time.perf_counter() - BEGAN
        hands.close()
        size = world.log.state().size
        kept = world.log.unkept < size // 2  # All but what this beat recorded.
        world.log.keep_fold()
    print(json.dumps({"opened": opened, "size": size, "kept": kept}))  # noqa: T201


if __name__ == "__main__":
    BEGAN = time.perf_counter()
    main(Path(sys.argv[1]))
