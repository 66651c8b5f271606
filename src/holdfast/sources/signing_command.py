"""A command that signs: a wrapper round a security module, an agent, a cloud's keys.

It is started by its argument list, without a shell. It gets the text to sign on
standard input and answers with the 64 bytes of the Ed25519 signature, in base64, on
standard output. The private key never comes near Holdfast.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from holdfast.ledger.note import VerifierKey, decode64
from holdfast.operations.ports.signer import SignerError

SIGNATURE_SIZE = 64
_MEND = "Run the command by hand; it reads the text and prints base64 of 64 bytes."


@dataclass(slots=True)
class SigningCommand:
    """A key that only a command can use.

    After a fault it rests: a module that counts wrong tries must not be locked by ours.
    """

    argv: Sequence[str]
    key: VerifierKey
    timeout: timedelta = timedelta(seconds=5)
    rest: timedelta = timedelta(seconds=5)
    _fault: SignerError | None = None
    _rests_until: float = 0.0

    def sign_bytes(self, message: bytes) -> bytes:
        """Return the command's signature, or raise `SignerError` by the deadline."""
        if self._fault is not None and monotonic() < self._rests_until:
            raise self._fault
        try:
            signature = self._signature(message)
        except SignerError as fault:
            self._fault = fault
            self._rests_until = monotonic() + self.rest.total_seconds()
            raise
        self._fault = None
        return signature

    def _signature(self, message: bytes) -> bytes:
        printed = self._run(message)
        text = printed.decode("ascii", errors="replace").strip()
        signature = decode64(text)
        if signature is None or len(signature) != SIGNATURE_SIZE:
            raise self._wrong("printed no signature: not base64 of 64 bytes")
        return signature

    def _run(self, message: bytes) -> bytes:
        try:
            process = subprocess.Popen(
                list(self.argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # What it complains of may hold secrets: it is its own log's.
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as fault:
            raise self._wrong(f"cannot be started ({fault.strerror})") from None
        with process:
            try:
                printed, _ = process.communicate(message, self.timeout.total_seconds())
            except subprocess.TimeoutExpired:
                seconds = self.timeout.total_seconds()
                raise self._wrong(f"did not answer within {seconds:g} s") from None
            finally:
                # What it started and left behind goes with it.
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
        if process.returncode:
            raise self._wrong(f"ended with status {process.returncode}")
        return bytes(printed)

    def _wrong(self, what: str) -> SignerError:
        return SignerError(f"the command that signs {what}", _MEND, self.argv[0])
