"""What goes wrong in Holdfast, told so that a person under stress can act on it."""

from __future__ import annotations


class HoldfastError(Exception):
    """A failure with a way out: ``message`` says what, ``hint`` says what to do now.

    The message is lower case without a full stop; the hint is a sentence. Neither
    ever holds a secret, since both are shown and logged. ``where`` names the file,
    line or field when the fault lies in something a person wrote.
    """

    def __init__(self, message: str, hint: str = "", where: str = "") -> None:
        # All three, so that the error survives the way from another process.
        super().__init__(message, hint, where)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.message}"


class FaultsError(HoldfastError):
    """Every fault of one input, reported at once: a person mends them in one go."""

    def __init__(self, message: str, faults: tuple[HoldfastError, ...]) -> None:
        super().__init__(message, "Mend each place named and run the command again.")
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {fault}" for fault in self.faults)])
