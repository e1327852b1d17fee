"""Every door of the house against every kind of caller: who is not in the table gets in nowhere, and learns nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.model.ids import bucket_of
from server.store import keys
from server.store.ids import new_id, new_token
from server.store.pool import Pool
from server.web.access import ACCESS, Kind, access_to
from server.web.door import Door
from server.web.doors import all_doors
from server.web.way_back import way_to
from tests.web.house import House, a_store, housed
from tests.web.people import Clock
from tests.web.serving import Served, serving, settings_with

DOORS = all_doors()
IDS = re.compile(r"\{(id|serial|moment_id)\}")


@pytest.fixture(scope="module")
async def everything(shared_pool: Pool) -> AsyncIterator[Served]:
    """All doors. Nobody in these tests gets as far as a handler, so nothing stands behind them."""
    async with serving(DOORS, settings_with(limits__requests_per_minute=10**6), shared_pool, table=ACCESS) as served:
        yield served


@pytest.fixture(scope="module")
async def callers(shared_pool: Pool) -> dict[Kind, str]:
    """A token of each kind that has one."""
    tokens = {}
    store = await a_store(shared_pool)
    async with shared_pool.acquire() as db:
        for kind in keys.PREFIXES:
            made = await keys.create(db, kind=kind, store_id=store if kind == "till" else None)
            assert made is not None
            tokens[Kind(kind)] = made.token
        customer = new_id()
        tokens[Kind.CUSTOMER] = new_token("kc_", bucket=bucket_of(customer))
        await db.execute(
            "INSERT INTO customer_tokens (bucket, hash, customer_id) VALUES ($1, $2, $3)",
            bucket_of(customer),
            hashlib.sha256(tokens[Kind.CUSTOMER].encode()).digest(),
            customer,
        )
    return tokens


def path_of(door: Door) -> str:
    return re.sub(r"\{[^}]*\}", "x", IDS.sub(str(new_id()), door.path))


GUARDED = [door for door in DOORS if Kind.ANON not in access_to(door.method, door.path).principals]


@pytest.mark.parametrize("door", GUARDED, ids=lambda door: f"{door.method} {door.path}")
async def test_who_is_not_in_the_table_is_turned_away_before_anything_is_read(
    everything: Served, callers: dict[Kind, str], door: Door
) -> None:
    path = path_of(door)
    access = access_to(door.method, door.path)
    for authorization in (None, "Bearer nonsense", f"Bearer {new_token('kd_')}", "ApplePass x"):
        headers = {"Authorization": authorization} if authorization else {}
        answered = await everything.call(door.method, path, headers=headers, data=b"{no json")
        if door.produces == "text/html" and door.method == "GET":
            assert (answered.status, answered.headers["Location"]) == (303, way_to("/login", path))
        else:
            assert (answered.status, answered.json["code"]) == (401, "unauthenticated")
    for kind, token in callers.items():
        if kind not in access.principals:
            headers = {"Authorization": f"Bearer {token}"}
            answered = await everything.call(door.method, path, headers=headers, data=b"{no json")
            assert (answered.status, answered.json["code"]) == (403, "forbidden"), kind


def test_nearly_every_door_is_guarded() -> None:
    assert len(GUARDED) > 40
    assert len(DOORS) - len(GUARDED) < 24


async def test_a_method_that_a_path_does_not_have_says_nothing_of_who_may(everything: Served) -> None:
    for path in sorted({path_of(door) for door in GUARDED}):
        answered = await everything.call("TRACE", path)
        assert answered.status == 405, path
        assert "TRACE" not in answered.headers["Allow"]


# --- bad input over the house's own doors (trust.md P13, the small form) ---

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.uuids().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "email": JSON_VALUES | st.emails(),
        "name": JSON_VALUES,
        "roles": JSON_VALUES | st.lists(st.sampled_from(["admin", "counter", "analyst", "x"]), max_size=6),
        "store_id": JSON_VALUES,
        "kind": JSON_VALUES | st.sampled_from(["till", "crm"]),
        "not_after": JSON_VALUES | st.datetimes().map(str),
        "disabled": JSON_VALUES,
        "more": JSON_VALUES,
    },
)


@pytest.fixture(scope="module")
async def house(shared_pool: Pool) -> AsyncIterator[House]:
    async with housed(shared_pool, clock=Clock(), limits__requests_per_minute=10**6) as opened:
        yield opened


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(["POST", "PATCH", "DELETE"]),
    path=st.sampled_from(["/v1/users", "/v1/keys", f"/v1/users/{new_id()}", f"/v1/keys/{new_id()}", "/v1/users/x"]),
    body=BODIES,
)
async def test_whatever_an_admin_sends_is_answered_and_never_breaks(
    house: House, method: str, path: str, body: dict[str, object]
) -> None:
    answered = await house.call(method, path, json=body)
    assert answered.status < 500, answered.body
    if answered.status >= 400:
        assert answered.headers["Content-Type"] == "application/problem+json"
        assert set(answered.json) >= {"type", "title", "status", "detail", "code", "request_id"}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(["/v1/users", "/v1/keys", "/v1/audit", "/v1/limits", "/healthz", "/openapi.json"]),
    query=st.dictionaries(
        st.sampled_from(["limit", "cursor", "x", "from"]),
        st.text(st.characters(codec="utf-8"), max_size=30) | st.integers().map(str) | st.floats().map(str),
        max_size=3,
    ),
)
async def test_whatever_is_asked_for_is_answered_and_never_breaks(
    house: House, path: str, query: dict[str, str]
) -> None:
    answered = await house.call("GET", path, params=query)
    assert answered.status in (200, 422), answered.body


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(
        st.sampled_from(["email", "password", "csrf", "again", "current", "x"]),
        st.text(st.characters(codec="utf-8"), max_size=40),
        max_size=4,
    ),
    st.sampled_from(["/login", "/logout", "/password"]),
)
async def test_whatever_is_typed_into_a_form_is_answered_and_never_breaks(
    house: House, form: dict[str, str], path: str
) -> None:
    headers = {"X-Forwarded-For": "ignored"}
    answered = await house.served.call("POST", path, data=form, headers=headers)
    assert answered.status in (303, 401, 415, 422, 429, 400), answered.body
