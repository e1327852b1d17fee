"""Who may pass, from where, and how often."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from server.store import keys
from server.store.ids import new_token
from server.store.pool import Pool
from server.web.access import Access, Kind
from server.web.call import Call
from server.web.door import door
from server.web.gate import host_names, hostname
from tests.web.serving import NoPool, Served, away, serving, settings_with


class Seen(msgspec.Struct, frozen=True):
    who: str
    address: str


async def _seen(call: Call) -> Seen:
    return Seen(call.principal.id, call.address)


DOORS = [
    door("GET", path, answer=Seen)(_seen) for path in ("/v1/open", "/v1/admins", "/v1/tills", "/v1/me", "/healthz")
] + [door("POST", path, answer=Seen)(_seen) for path in ("/v1/customers", "/v1/pings")]
TABLE = {
    ("GET", "/v1/open"): Access(frozenset({Kind.ANON})),
    ("GET", "/healthz"): Access(frozenset({Kind.ANON})),
    ("GET", "/v1/admins"): Access(frozenset({Kind.ADMIN, Kind.MARKETER})),
    ("GET", "/v1/tills"): Access(frozenset({Kind.TILL})),
    ("GET", "/v1/me"): Access(frozenset({Kind.CUSTOMER}), owner="self"),
    ("POST", "/v1/customers"): Access(frozenset({Kind.APP})),
    ("POST", "/v1/pings"): Access(frozenset({Kind.APP})),
}


@pytest.fixture
async def served(pool: Pool) -> AsyncIterator[Served]:
    settings = settings_with(limits__requests_per_minute=5, limits__signups_per_minute=3)
    async with serving(DOORS, settings, pool, table=TABLE) as running:
        yield running


@pytest.fixture(scope="module")
async def roomy(shared_pool: Pool) -> AsyncIterator[Served]:
    async with serving(DOORS, settings_with(), shared_pool, table=TABLE) as running:
        yield running


async def a_token(pool: Pool, kind: str) -> dict[str, str]:
    async with pool.acquire() as db:
        made = await keys.create(db, kind=kind)
    assert made is not None
    return {"Authorization": f"Bearer {made.token}"}


@pytest.mark.parametrize(
    ("kind", "status"), [("admin", 200), ("marketer", 200), ("analyst", 403), ("crm", 403), ("app", 403)]
)
async def test_a_token_passes_where_its_kind_may(roomy: Served, shared_pool: Pool, kind: str, status: int) -> None:
    answered = await roomy.call("GET", "/v1/admins", headers=await a_token(shared_pool, kind))
    assert answered.status == status


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic a2ltOmtpbQ==",
        "bearer nonsense",
        pytest.param(f"Bearer {new_token('kd_')}", id="unknown"),
        "ApplePass x",
        "Bearer ä",
    ],
)
async def test_a_credential_that_does_not_count_is_a_401(roomy: Served, header: str) -> None:
    answered = await roomy.raw(
        f"GET /v1/admins HTTP/1.1\r\nHost: localhost\r\nAuthorization: {header}\r\nConnection: close\r\n\r\n".encode()
    )
    assert answered.startswith(b"HTTP/1.1 401 ")
    assert b"WWW-Authenticate: Bearer" in answered


async def test_the_scheme_may_be_written_in_any_case(served: Served, pool: Pool) -> None:
    headers = await a_token(pool, "admin")
    headers["Authorization"] = headers["Authorization"].replace("Bearer", "bEARER")
    assert (await served.call("GET", "/v1/admins", headers=headers)).status == 200


async def test_an_open_door_is_open_also_with_a_credential_that_does_not_count(served: Served) -> None:
    for headers in ({"Authorization": "Bearer nonsense"}, {"Cookie": "sid=nonsense"}):
        answered = await served.call("GET", "/v1/open", headers=headers)
        assert (answered.status, answered.json["who"]) == (200, "anon")


async def test_an_open_door_is_open_while_the_database_is_away() -> None:
    async with await away() as pool, serving(DOORS, settings_with(), pool, table=TABLE) as served:
        answered = await served.call("GET", "/v1/open", headers={"Cookie": f"sid={new_token('ks_')}"})
        assert answered.status == 200
        shut = await served.call("GET", "/v1/admins", headers={"Authorization": f"Bearer {new_token('kd_')}"})
        assert (shut.status, shut.headers["Retry-After"]) == (503, "1")


async def test_who_comes_too_often_is_told_to_wait_and_others_are_not(served: Served, pool: Pool) -> None:
    busy, calm = await a_token(pool, "admin"), await a_token(pool, "admin")
    statuses = [(await served.call("GET", "/v1/admins", headers=busy)).status for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    limited = await served.call("GET", "/v1/admins", headers=busy)
    assert limited.json["detail"] == "Too many requests: limits.requests_per_minute is 5."
    assert 1 <= int(limited.headers["Retry-After"]) <= 12
    assert (await served.call("GET", "/v1/admins", headers=calm)).status == 200


async def test_who_says_nothing_is_counted_by_address_and_health_is_not_counted(served: Served) -> None:
    assert [(await served.call("GET", "/v1/open")).status for _ in range(6)] == [200] * 5 + [429]
    assert {(await served.call("GET", "/healthz")).status for _ in range(10)} == {200}


async def test_sign_ups_have_a_limit_of_their_own_and_pings_another(served: Served, pool: Pool) -> None:
    app = await a_token(pool, "app")
    statuses = [(await served.call("POST", "/v1/customers", headers=app)).status for _ in range(4)]
    assert statuses == [200] * 3 + [429]
    assert {(await served.call("POST", "/v1/pings", headers=app)).status for _ in range(10)} == {200}


async def test_forwarded_addresses_are_believed_from_trusted_proxies_alone() -> None:
    forwarded = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.0.0.7"}
    async with serving(DOORS, settings_with(), NoPool(), table=TABLE) as served:
        assert (await served.call("GET", "/v1/open", headers=forwarded)).json["address"] == "127.0.0.1"
    trusting = settings_with(server__trusted_proxies=("127.0.0.1", "10.0.0.7"))
    async with serving(DOORS, trusting, NoPool(), table=TABLE) as served:
        for value, expected in (
            ("6.6.6.6, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
            ("203.0.113.9", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("10.0.0.7", "127.0.0.1"),
            ("nonsense", "127.0.0.1"),
            ("203.0.113.9, nonsense", "127.0.0.1"),
            ("", "127.0.0.1"),
        ):
            answered = await served.call("GET", "/v1/open", headers={"X-Forwarded-For": value})
            assert answered.json["address"] == expected, value


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Kairos.Example:8080", "kairos.example"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("a.", "a"),
        ("", ""),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_a_host_header_names_a_host(host: str, name: str) -> None:
    assert hostname(host) == name


def test_the_names_that_are_answered_come_from_the_settings() -> None:
    public = settings_with(
        mode="production",
        server__host="192.0.2.7",
        server__public_url="https://Kairos.example/x",
        server__hosts=("b.example",),
    )
    assert host_names(public) == {"kairos.example", "b.example", "192.0.2.7"}
    assert host_names(settings_with(mode="production")) == {"127.0.0.1", "localhost", "::1"}
    assert {"localhost", "192.0.2.1"} <= host_names(settings_with(server__host="192.0.2.1"))
