"""Every sentence that decisions can write on receipts, read out of the source that writes them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SAYING = [
    *(Path("server/decision").glob("*.py")),
    *(Path("server/decision/conditions").glob("*.py")),
    Path("server/pipeline/occasions/held.py"),
    Path("server/store/expiry.py"),
]
"""Where receipts get their sentences from."""

SAMPLES = {
    "clock": "07:30",
    "self.window": "07:00–11:00",
    "opened:%A": "Monday",
    "day": "2026-12-25",
    "name": "Christmas",
    "place.name": "Mitte",
    "scene.place.name": "Mitte",
}
CHOICES = {
    "word": [["are", "are not", "are not known to be"], ["has asked for", "does not want"], ["", "not "]],
    "'up' if up else 'down'": [["up", "down"]],
    "'open' if truth is HOLDS else 'closed'": [["open", "closed"]],
    "f'a holiday ({name})' if holiday else 'no holiday'": [["a holiday (Christmas)", "no holiday"]],
}


def texts(node: ast.expr) -> Iterator[str]:
    """Write a literal or an f-string with samples in its gaps; every choice gives one more."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
        return
    if not isinstance(node, ast.JoinedStr):
        return
    found = [""]
    fixed = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
    for part in node.values:
        if isinstance(part, ast.Constant):
            found = [each + str(part.value) for each in found]
            continue
        assert isinstance(part, ast.FormattedValue)
        source = ast.unparse(part.value)
        if part.format_spec is not None:
            source += ":" + ast.unparse(part.format_spec)[2:-1]
        options = [SAMPLES.get(source, "…")]
        if source in CHOICES:
            sets = CHOICES[source]
            options = sets[
                0 if len(sets) == 1 or "attributes" in fixed or "purchases" in fixed else 2 if "places" in fixed else 1
            ]
        found = [each + option for each in found for option in options]
    yield from found


@cache
def sentences() -> dict[str, str]:
    """Collect the sentences that end on receipts: by text, the file that says it."""
    found = {}
    for path in SAYING:
        source = path.read_text("utf-8")
        if "Finding(" not in source and "_REASONS" not in source:
            continue
        nodes = list(ast.walk(ast.parse(source)))
        skip = {id(node.value) for node in nodes if isinstance(node, ast.Expr)} | {
            id(value) for node in nodes if isinstance(node, ast.JoinedStr) for value in node.values
        }
        hints = {
            id(each)
            for node in nodes
            if isinstance(node, ast.Call)
            and ast.unparse(node.func).rpartition(".")[2] in ("wrong", "text", "raise", "LookupError")
            for each in ast.walk(node)
        }
        conditions = {
            id(each)
            for node in nodes
            if isinstance(node, ast.FunctionDef) and node.name in ("sentence", "_say", "_words", "__post_init__")
            for each in ast.walk(node)
        }
        for node in nodes:
            if id(node) in skip | hints | conditions or not isinstance(node, ast.Constant | ast.JoinedStr):
                continue
            for text in texts(node):
                for filled in [text.format("weather", "…"), text.format("forecast", "…")] if "{0}" in text else [text]:
                    if re.fullmatch(r"([A-Z…]|\d\d:|\d{4}-).* .*([.]|…)", filled, re.DOTALL):
                        found[filled] = str(path)
    return found
