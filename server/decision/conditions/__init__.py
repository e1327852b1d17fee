"""The kinds of conditions, one file each. A file in this folder is found by being there.

Each holds `NAME` (what documents call it) and a frozen `Condition` with `parse`, `truth`, `check` and `sentence`; a file that
speaks for several names lists them in `NAMES`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from server.decision.reading import Kind


def _find() -> Mapping[str, type[Kind]]:
    """Import every file of this folder and sort its conditions by the names that documents use."""
    found: dict[str, type[Kind]] = {}
    for each in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{each.name}")
        for name in getattr(module, "NAMES", None) or (module.NAME,):
            found[name] = module.Condition
    return found


KINDS: Mapping[str, type[Kind]] = _find()
"""Each kind of condition by the name that documents use for it."""
