"""The command line: `kairos COMMAND`, or `python -m server COMMAND`.

Only the command that is called is imported: a key is made in a fraction of the time that the whole house needs to load.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import typer
import typer.core

COMMANDS: Mapping[str, tuple[str, str]] = {
    "serve": ("serve", "serve"),
    "demo": ("demo", "demo"),
    "migrate": ("migrate", "migrate"),
    "keys": ("keys", "app"),
    "secrets": ("secrets", "app"),
    "users": ("users", "app"),
    "passes": ("passes", "app"),
    "outbox": ("outbox", "app"),
    "import": ("files", "import_"),
    "export": ("files", "export"),
    "replay": ("send", "send"),
    "doctor": ("doctor", "doctor"),
}
"""By the command's name, the module in server.commands and what it calls the command there."""


class Commands(typer.core.TyperGroup):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Name them in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load one; None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        found = getattr(importlib.import_module(f"server.commands.{module}"), name)
        if not isinstance(found, typer.Typer):
            single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            single.command(cmd_name)(found)
            found = single
        command = typer.main.get_command(found)
        command.name = cmd_name
        return command


app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def kairos() -> None:
    """Kairos: the right offer at the right moment."""


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
