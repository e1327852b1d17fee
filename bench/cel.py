"""The same rule in the Common Expression Language, by the two libraries for Python that compile it in Rust and in C++.

    .venv/bin/pip install common-expression-language cel-expr-python

Both are asked in the two ways they have: with the values handed over as a dictionary, and with a context that was prepared
beforehand, which only serves where the same values are asked again. cel-python, in Python itself, takes milliseconds and
is left out.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

MISSING = "CEL is missing: .venv/bin/pip install common-expression-language cel-expr-python"

RULE = (
    "minute >= 0 && minute < 1439 && weekday in ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']"
    " && (temperature <= 12.0 || kind in ['rain']) && !(redemptions >= 1)"
)
"""What the first offer of `bench.town.document` asks, with the wall clock read and the events counted beforehand."""

VALUES: dict[str, Any] = {"minute": 720, "weekday": "tue", "temperature": 6.0, "kind": "rain", "redemptions": 0}


def questions() -> dict[str, Callable[[], object]]:
    """Give the ways to ask, by name; raises ImportError where a library is missing."""
    rust, google = importlib.import_module("cel"), importlib.import_module("cel_expr_python.cel")
    program, context = rust.compile(RULE), rust.Context(variables=VALUES)
    kinds = {int: google.Type.INT, str: google.Type.STRING, float: google.Type.DOUBLE}
    env = google.NewEnv(variables={name: kinds[type(value)] for name, value in VALUES.items()})
    expression, activation = env.compile(RULE), env.Activation(VALUES)
    asked = {
        "CEL (Rust), values handed over": lambda: program.execute(VALUES),
        "CEL (C++), values handed over": lambda: expression.eval(data=VALUES).plain_value(),
        "CEL (Rust), context prepared": lambda: program.execute(context),
        "CEL (C++), context prepared": lambda: expression.eval(activation).plain_value(),
    }
    for name, ask in asked.items():
        assert ask() is True, name
    return asked
