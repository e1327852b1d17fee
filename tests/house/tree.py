"""What the house tests look at: the files of the two packages."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


def sources() -> list[Path]:
    """Give every Python file of the product."""
    return sorted(path for package in ("server", "passes") for path in (ROOT / package).rglob("*.py"))


def written_tests() -> list[Path]:
    """Give every Python file of the tests."""
    return sorted((ROOT / "tests").rglob("*.py"))


class Function(NamedTuple):
    """A function of a file, where it begins and how long it is."""

    name: str
    line: int
    lines: int


class Contents(NamedTuple):
    """What stands in a file."""

    docstring: str | None
    functions: tuple[Function, ...]
    """Nested ones too."""
    classes: tuple[str, ...]


@cache
def contents(path: Path) -> Contents:
    """Read a file; it is parsed once for all who ask, and its tree is not kept."""
    tree = ast.parse(path.read_text("utf-8"))
    functions, classes = [], []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.append(Function(node.name, node.lineno, (node.end_lineno or 0) - node.lineno + 1))
        elif isinstance(node, ast.ClassDef):
            classes.append(node.name)
    return Contents(ast.get_docstring(tree), tuple(functions), tuple(classes))
