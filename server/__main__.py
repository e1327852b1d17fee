"""The command line: `kairos COMMAND`, or `python -m server COMMAND`."""

from __future__ import annotations

import typer

from server.commands import demo, doctor, files, keys, send, users
from server.commands.migrate import migrate
from server.commands.serve import serve

app = typer.Typer(
    help="Kairos: the right offer at the right moment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(demo.demo)
app.command()(migrate)
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")
app.command("import")(files.import_)
app.command()(files.export)
app.command("replay")(send.send)
app.command()(doctor.doctor)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
