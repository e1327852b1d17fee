"""Why: a page for authors; looking at one customer is offered to admins alone."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator
from itertools import chain
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from server.decision.conditions.rfm import PARTS
from server.decision.conditions.weather import QUANTITIES
from server.decision.finding import Gate
from server.model.context import Cause
from server.model.customer import BOUGHT
from server.model.offer import Calendar, Trigger, Trust
from server.model.weather import Kind
from server.pipeline.occasions.listening import BIRTHDAY, INACTIVITY
from server.store.budgets import ROLLING
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
    sources = (Path("server/decision").glob("**/*.py"), Path("server/pipeline/occasions").glob("*.py"))
    for path in (*chain(*sources), Path("server/store/expiry.py")):
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


def read() -> set[str]:
    """Words of the machine that stand as values, as `name_value`: of the types that they are of, and of the source."""
    places = "def _programme_caps", "\n\n\n"
    caps = Path("server/decision/limits.py").read_text("utf-8").partition(places[0])[2].partition(places[1])[0]
    flags = Path("server/decision/gates.py").read_text("utf-8")
    cause, trust = get_type_hints(Cause)["type"], get_type_hints(Trust)
    return {
        *(f"cap_{name}" for name in ("offer", *re.findall(r'yield "(\w+)"', caps))),
        *(f"period_{name}" for name in (*get_args(Calendar), ROLLING, "all")),
        *(f"trigger_{name}" for name in get_args(Trigger)),
        *(f"cause_{name}" for name in get_args(cause)),
        *(f"allowed_{name}" for name in (*get_args(trust["mock"]), *get_args(trust["teleport"]))),
        *(f"flag_{name}" for name in re.findall(r'"flag": "(\w+)"', flags)),
        *(f"programme_{name}" for name in re.findall(r'"programme": "(\w+)"', flags)),
        *(f"event_{name}" for name in (*BOUGHT, INACTIVITY, BIRTHDAY, "sign_up")),
        *(f"state_{name}" for name in ("draft", "live", "paused", "ended")),
    }


def test_every_word_of_the_machine_among_the_values_is_said_in_both_languages() -> None:
    names = read()
    assert {"cap_class", "cap_programme_week", "period_month", "flag_sent_before_captured", "allowed_hold"} <= names
    assert {"programme_paused", "cause_dwell_timer", "trigger_near", "event_inactivity"} <= names
    for words in catalogue("decision").values():
        assert {name.removeprefix("reads_") for name in words if name.startswith("reads_")} == names
        assert [kind for kind in get_args(Kind) if f"kind_{kind}" not in words] == []


def test_every_value_that_is_compared_has_a_name_in_both_languages() -> None:
    names = compared() | set(QUANTITIES) | set(PARTS)
    assert {"p_inside", "local_time", "used", "winner", "held_until", "ends_at"} <= names
    for words in catalogue("decision").values():
        assert [name for name in names if f"value_{name}" not in words] == []
        assert [gate for gate in Gate if f"gate_{gate}" not in words] == []
