"""A witness process that dies by SIGKILL once it has remembered, before it answers."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from tests.witness.rig import COSIGNER, NOW

from holdfast.ledger.checkpoint import Checkpoint
from holdfast.ledger.witness import Witness
from holdfast.server.serving import serving
from holdfast.server.witness import create_witness_app
from holdfast.storage.witness import WitnessStore


class Deadly(WitnessStore):
    """A memory after whose commit the process is gone."""

    def advance(self, before: Checkpoint | None, after: Checkpoint) -> bool:
        """Remember, and die."""
        super().advance(before, after)
        os.kill(os.getpid(), signal.SIGKILL)
        return False


if __name__ == "__main__":
    memory = Deadly(Path(sys.argv[1]))
    door = create_witness_app(Witness(COSIGNER, memory), lambda: NOW)
    with serving(door, port=0) as address:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        threading.Event().wait()
