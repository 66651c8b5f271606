"""Commands whose modules are imported when they are typed.

So each command costs the start of what it needs itself: `holdfast ledger verify` loads
no web server, and `holdfast policy check` no database.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group


def lazily(places: Mapping[str, str]) -> type[TyperGroup]:
    """Return a group with a command by each name, at "module:function" or "module:app".

    They stand after what the group's own module defines.
    """

    class Lazily(TyperGroup):
        """The group's own commands, and those that are elsewhere."""

        def list_commands(self, ctx: Any) -> list[str]:
            """Return all names, in the order of help."""
            own = [name for name in super().list_commands(ctx) if name not in places]
            return [*own, *places]

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """Return the command, imported at its first use."""
            known = cmd_name in self.list_commands(ctx)
            # To say what an unknown one may have meant takes all the names.
            for name in (cmd_name,) if known else places:
                if name in places and name not in self.commands:
                    _bring(self, name, places[name])
            return super().get_command(ctx, cmd_name)

    return Lazily


def _bring(group: TyperGroup, name: str, place: str) -> None:
    module, _, attribute = place.partition(":")
    # An import makes many objects and no garbage: to look for some takes a tenth of it.
    gc.disable()
    try:
        found = getattr(import_module(module), attribute)
    finally:
        gc.enable()
    around = typer.Typer()
    around.callback()(lambda: None)
    if isinstance(found, typer.Typer):
        around.add_typer(found, name=name)
    else:
        around.command(name)(found)
    group.add_command(get_group(around).commands[name])
