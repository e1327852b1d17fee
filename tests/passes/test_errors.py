"""A refusal is read by programs through its code and by people through its sentence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import passes
from passes import errors
from passes.errors import ContentError, PassError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PassError)]


def test_a_refusal_says_where_what_and_by_which_code() -> None:
    error = ContentError("text.empty", "serialNumber", "is required and not empty")
    assert (error.code, error.field, error.rule) == ("text.empty", "serialNumber", "is required and not empty")
    assert str(error) == "serialNumber: is required and not empty [text.empty]"


@pytest.mark.parametrize("kind", KINDS)
def test_every_refusal_is_in_the_tree_that_is_drawn(kind: type[PassError]) -> None:
    assert kind.__name__ in str(errors.__doc__)
    assert kind.__doc__
    assert issubclass(kind, ValueError)


def test_one_word_catches_them_all() -> None:
    for kind in KINDS:
        with pytest.raises(PassError):
            raise kind("a.b", "c", "d")


def refusals() -> Iterator[str]:
    """The code of every refusal in the library as a pattern: `f"{name}.expired"` becomes `.+\\.expired`."""
    for path in Path(passes.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    yield re.escape(code.value)
                elif isinstance(code, ast.JoinedStr):
                    yield "".join(re.escape(p.value) if isinstance(p, ast.Constant) else "[a-z]+" for p in code.values)


NAMES = {kind.__name__ for kind in KINDS}


def test_every_code_is_one_that_a_test_asks_for() -> None:
    tests = "\n".join(path.read_text() for path in Path(__file__).parent.rglob("test_*.py"))
    codes = set(refusals())
    assert len(codes) > 90
    assert not sorted(code for code in codes if not re.search(f'"{code}"', tests))
