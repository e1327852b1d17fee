"""Why: a page for authors; looking at one customer is offered to admins alone."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.decision.conditions.rfm import PARTS
from server.decision.conditions.weather import QUANTITIES
from server.decision.finding import Gate
from server.store.pool import Pool
from server.web.languages import catalogue
from server.web.screens import why
from tests.web.authors import House, house


@pytest.fixture
async def at(cleared: Pool) -> AsyncIterator[House]:
    async with house(cleared, why) as served:
        yield served


@pytest.mark.parametrize(("kind", "customers"), [("marketer", False), ("admin", True)])
async def test_only_admins_are_offered_to_look_at_a_customer(at: House, kind: str, customers: bool) -> None:
    answer = await at.call(kind, "GET", "/dashboard/why", Accept_Language="de")
    assert answer.status == 200
    assert ('<option value="customer_id">' in answer.body.decode()) is customers
    assert "Nachsehen" in answer.body.decode()


async def test_analysts_have_no_way_in(at: House) -> None:
    assert (await at.call("analyst", "GET", "/dashboard/why")).status == 403


def compared() -> set[str]:
    """The names of all values that findings can hold, read out of the source that writes them."""
    names: set[Any] = set()
    for path in (*Path("server/decision").glob("**/*.py"), Path("server/store/expiry.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Finding") and len(node.args) > 3:
                names |= {
                    key.value
                    for each in ast.walk(node.args[3])
                    if isinstance(each, ast.Dict)
                    for key in each.keys
                    if isinstance(key, ast.Constant)
                }
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and isinstance(node.value, ast.Dict):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if ast.unparse(target) in ("values", "values: dict[str, object]"):
                    names |= {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
    return {name for name in names if name.isidentifier()}


def test_every_value_that_is_compared_has_a_name_in_both_languages() -> None:
    names = compared() | set(QUANTITIES) | set(PARTS)
    assert {"p_inside", "local_time", "used", "winner", "held_until"} <= names
    for words in catalogue("decision").values():
        assert [name for name in names if f"value_{name}" not in words] == []
        assert [gate for gate in Gate if f"gate_{gate}" not in words] == []
