"""Stand-ins by hand: `python -m tests.standins NAME [options]`, one file beside this one for each name.

Each prints `listening on URL` first, then one line of JSON for every request, and runs until it is stopped.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def main(arguments: list[str]) -> None:
    """Run the stand-in that is named first."""
    if not arguments or arguments[0] not in NAMES:
        sys.exit(f"python -m tests.standins {'|'.join(NAMES)} [--help]")
    importlib.import_module(f"tests.standins.{arguments[0]}").main(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
