"""The kinds of passes: every file of this folder is one, found by the folder.

A file holds one value, `STYLE`; its name is the file's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from passes.model import Style


def _found() -> Mapping[str, Style]:
    styles: dict[str, Style] = {}
    for module in iter_modules(__path__):
        style = import_module(f"{__name__}.{module.name}").STYLE
        if not isinstance(style, Style) or style.name != module.name:
            raise TypeError(f"passes/styles/{module.name}.py must hold a Style named {module.name!r}")
        styles[style.name] = style
    return MappingProxyType(styles)


STYLES = _found()
