"""P15: who may use which door. The table is written from the contract, not from the server's own table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from tests.street.right import Right, make
from tests.street.scene import Scene, document, furnish, report
from tests.street.serving import Answered, open_street

PRINCIPALS = ("anon", "app", "customer", "till", "crm", "marketer", "analyst", "admin", "pass", "wrong", "revoked")
NOBODY = {"anon", "wrong", "revoked"}
APPLES = "pass"
"""The word of Apple's wallets counts at their own doors alone: elsewhere they are nobody."""


GROUPS = {
    "everybody": set(PRINCIPALS),
    "readers": {"marketer", "analyst", "admin"},
    "authors": {"marketer", "admin"},
    "staff": {"till", "marketer", "analyst", "admin"},
}

# What each may do, and what a right request is answered (trust.md's matrix and the HTTP contract, routes of today).
TABLE = """
GET    /healthz                          200  everybody
GET    /readyz                           200  everybody
GET    /openapi.json                     200  everybody
GET    /docs                             200  everybody
GET    /static/{file}                    200  everybody
GET    /v1/limits                        200  everybody
GET    /                                 200  everybody
GET    /app                              200  everybody
GET    /app/scene                        404  everybody
PUT    /app/scene                        404  everybody
GET    /login                            200  everybody
POST   /login                            401  everybody
GET    /login/code                       303  everybody
POST   /login/code                       401  everybody
POST   /logout                           303  everybody
GET    /password                         303  everybody
POST   /password                         401  everybody
GET    /p/{link}                         200  everybody
GET    /counter                          200  till
GET    /counter/shell                    200  everybody
GET    /counter-worker.js                200  everybody
GET    /counter.webmanifest              200  everybody
GET    /dashboard                        200  readers
GET    /dashboard/calendar               200  readers
GET    /dashboard/offers                 200  readers
GET    /dashboard/offers/{id}            200  readers
GET    /dashboard/offers/new             200  authors
GET    /dashboard/offers/{id}/edit       200  authors
GET    /dashboard/why                    200  authors
GET    /dashboard/places                 200  readers
GET    /dashboard/admin                  200  admin
GET    /dashboard/admin/{section}        200  admin
GET    /dashboard/webhooks               200  admin
POST   /dashboard/webhooks               303  admin

POST   /v1/customers                     201  app
POST   /v1/pings                         200  customer
POST   /v1/events                        200  customer
GET    /v1/moments                       200  customer
GET    /v1/moments/stream                200  customer
POST   /v1/moments/{id}/pass             201  customer
POST   /v1/moments/{id}/snooze           200  customer
GET    /v1/passes                        200  customer
GET    /v1/passes/{serial}               200  customer
GET    /v1/passes/{serial}/face          200  customer
GET    /v1/passes/{serial}/qr.svg        200  customer
POST   /v1/places/names                  200  customer
PUT    /v1/devices/{device_id}           204  customer
DELETE /v1/devices/{device_id}           204  customer
GET    /v1/push/key                      200  app customer
GET    /v1/me                            200  customer
PATCH  /v1/me                            200  customer
DELETE /v1/me                            204  customer
GET    /v1/me/consents                   200  customer
PUT    /v1/me/consents                   200  customer
GET    /v1/me/decisions                  200  customer
POST   /v1/me/export                     200  customer

POST   /v1/redemptions                   201  till
POST   /v1/redemptions/check             200  till
POST   /v1/redemptions/{id}/reversal     201  till admin
GET    /v1/redemptions                   200  customer till admin
GET    /v1/redemptions/conflicts         200  till readers
GET    /v1/redemptions/offline           200  till
POST   /v1/redemptions/offline           200  till
GET    /v1/redemptions/offline/keys      200  admin
POST   /v1/redemptions/offline/keys      201  till
DELETE /v1/redemptions/offline/keys/{id} 204  admin
POST   /v1/passes/{serial}/void          200  admin

GET    /wallet/v1/devices/{dev}/registrations/{type}            204  everybody
POST   /wallet/v1/devices/{dev}/registrations/{type}/{serial}   201  pass
DELETE /wallet/v1/devices/{dev}/registrations/{type}/{serial}   200  pass
GET    /wallet/v1/passes/{type}/{serial}                        200  pass
POST   /wallet/v1/log                                           200  everybody
POST   /wallet/google/callback                                  200  google

GET    /v1/stores                        200  readers
POST   /v1/stores                        201  authors
GET    /v1/stores/{id}                   200  readers
PUT    /v1/stores/{id}                   200  authors
DELETE /v1/stores/{id}                   204  authors
GET    /v1/stores/export                 200  readers
POST   /v1/stores/import                 201  authors
GET    /v1/geofences                     200  readers
POST   /v1/geofences                     201  authors
GET    /v1/geofences/export              200  readers
GET    /v1/geofences/cells               200  readers
GET    /v1/geofences/{id}/offers         200  readers
GET    /v1/holidays                      200  readers
GET    /v1/geofences/{id}                200  readers
PUT    /v1/geofences/{id}                200  authors
DELETE /v1/geofences/{id}                204  authors
POST   /v1/geofences/import              201  authors
GET    /v1/offers                        200  readers
POST   /v1/offers                        201  authors
GET    /v1/offers/{id}                   200  readers
PUT    /v1/offers/{id}                   200  authors
GET    /v1/offers/{id}/versions          200  readers
GET    /v1/offers/{id}/versions/{n}      200  readers
GET    /v1/offers/{id}/diff              200  readers
GET    /v1/offers/{id}/passes-job        200  readers
POST   /v1/offers/{id}/publish           200  authors
POST   /v1/offers/{id}/approve           200  authors
POST   /v1/offers/{id}/pause             200  authors
POST   /v1/offers/{id}/end               200  authors
POST   /v1/offers/{id}/dry-run           200  authors
POST   /v1/offers/{id}/preview           200  authors
POST   /v1/preview                       200  authors
POST   /v1/dry-run                       200  authors
POST   /v1/offers/{id}/replay            202  authors
GET    /v1/replays/{id}                  200  authors
DELETE /v1/replays/{id}                  204  authors
GET    /v1/segments                      200  readers
POST   /v1/segments                      201  authors crm
GET    /v1/calendar                      200  readers
GET    /v1/programme                     200  readers
PUT    /v1/programme                     200  authors
GET    /v1/decisions                     200  authors
GET    /v1/reports/funnel                200  readers
GET    /v1/reports/passes                200  readers
GET    /v1/reports/heat                  200  readers
GET    /v1/reports/kpis                  200  readers
GET    /v1/reports/money                 200  readers
GET    /v1/reports/stores                200  readers
GET    /v1/reports/today                 200  readers
GET    /v1/reports/today/stream          200  readers
GET    /v1/reports/trend                 200  readers
GET    /v1/export/{type}                 200  admin

POST   /v1/external-sends                201  crm
POST   /v1/external-sends/batch          200  crm
PUT    /v1/customers/{external_id}          200  crm admin
GET    /v1/customers                        200  admin
POST   /v1/customers/import                 200  crm admin
POST   /v1/customers/{external_id}/events   200  crm
POST   /v1/purchases                        201  crm

GET    /v1/webhooks                      200  admin
POST   /v1/webhooks                      201  admin
GET    /v1/webhooks/{id}                 200  admin
PATCH  /v1/webhooks/{id}                 200  admin
DELETE /v1/webhooks/{id}                 204  admin
POST   /v1/webhooks/{id}/rotate          200  admin
POST   /v1/webhooks/{id}/test            202  admin
GET    /v1/webhooks/{id}/calls           200  admin
POST   /v1/webhooks/{id}/replay          202  admin

GET    /v1/deliveries                    200  admin
POST   /v1/deliveries/retry              200  admin
POST   /v1/deliveries/drop               200  admin
POST   /v1/deliveries/{id}/retry         200  admin
POST   /v1/deliveries/{id}/drop          200  admin
GET    /v1/users                         200  admin
POST   /v1/users                         201  admin
PATCH  /v1/users/{id}                    200  admin
DELETE /v1/users/{id}                    204  admin
GET    /v1/keys                          200  admin
POST   /v1/keys                          201  admin
DELETE /v1/keys/{id}                     204  admin
GET    /v1/audit                         200  admin
GET    /v1/audit/export                  200  admin
GET    /v1/audit/verification            200  admin
GET    /v1/settings                      200  admin
GET    /v1/certificates                  200  admin
GET    /v1/outbox                        200  admin
GET    /v1/sessions                      200  admin
DELETE /v1/sessions/{id}                 204  admin
DELETE /v1/users/{id}/sessions           204  admin

GET    /account                                      403  staff
GET    /v1/account                                   403  staff
GET    /v1/account/sessions                          403  staff
DELETE /v1/account/sessions/{id}                     403  staff
POST   /v1/account/reauthenticate                    403  staff
POST   /v1/account/second-factor                     403  staff
POST   /v1/account/second-factor/confirm             403  staff
POST   /v1/account/second-factor/recovery-codes      403  staff
DELETE /v1/account/second-factor                     403  staff
"""
"""Accounts are of people: the keys that knock here have none, and are told so (`tests/web/test_account.py` has people)."""

PAGES = {
    "GET /counter",
    "GET /account",
    "GET /dashboard",
    "GET /dashboard/calendar",
    "GET /dashboard/offers",
    "GET /dashboard/admin",
    "GET /dashboard/admin/{section}",
    "GET /dashboard/offers/{id}",
    "GET /dashboard/offers/new",
    "GET /dashboard/offers/{id}/edit",
    "GET /dashboard/places",
    "GET /dashboard/webhooks",
    "GET /dashboard/why",
}
"""What people open in a browser: nobody is sent to the log-in instead of being told 401."""


class Row(NamedTuple):
    """A line of the table."""

    status: int
    who: frozenset[str]


def _read(table: str) -> dict[str, Row]:
    rows = {}
    for line in filter(None, table.splitlines()):
        method, path, status, *names = line.split()
        who = frozenset().union(*(GROUPS.get(name, {name}) for name in names))
        rows[f"{method} {path}"] = Row(int(status), who)
    return rows


ROWS = _read(TABLE)


@pytest.fixture(scope="module")
async def scene(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("house")
    # Facts stay facts here: rows are counted, and the job would move them meanwhile.
    quiet = {"limits__webhooks": 10**6, "limits__requests_per_minute": 10**6, "limits__wallet_per_minute": 10**6}
    quiet |= {"jobs__rollup_s": 3600.0, "jobs__occasions_s": 3600.0, "jobs__passes_s": 3600.0}
    quiet |= {"replay__answer_s": 0.0, "replay__queue": 10**6}  # asked for and not waited for
    async with open_street(shared_dsn, folder, **quiet) as street:
        yield await furnish(street)


async def documented(scene: Scene) -> dict[str, dict[str, Any]]:
    """Give every operation of /openapi.json by its method and path."""
    found = (await scene.ask("GET", "/openapi.json")).json
    return {f"{method.upper()} {path}": said for path, of in found["paths"].items() for method, said in of.items()}


async def knock(scene: Scene, route: str, who: str, request: Right) -> Answered:
    """Make a request as somebody; of an endless answer the head alone is read."""
    method, template = route.split()
    path = request.path(template)
    by = None if who == "anon" else who
    if not route.endswith("/stream"):
        body = request.json if method not in ("GET", "DELETE") else None
        return await scene.ask(method, path, by=by, body=body, **request.options)
    headers = {"Authorization": f"Bearer {scene.street.tokens[by]}"} if by else {}
    async with scene.street.http.get(scene.street.url + path, headers=headers) as response:
        body = b"" if response.status == 200 else await response.read()
        return Answered(response.status, body, response.headers.copy())


def same(one: Answered, other: Answered) -> bool:
    """Whether two answers are alike but for the request's id."""

    def told(answer: Answered) -> tuple[int, bytes, str]:
        identifier = answer.json["request_id"].encode()
        return answer.status, answer.body.replace(identifier, b"ID"), answer.headers["Content-Type"]

    return told(one) == told(other) and len(one.body) == len(other.body)


async def test_every_route_of_the_documentation_is_in_the_table_with_those_who_may(scene: Scene) -> None:
    operations = await documented(scene)
    assert set(operations) == set(ROWS)
    everybody = {"anon", "app", "customer", "till", "crm", "marketer", "analyst", "admin", "pass", "google"}
    for route, said in operations.items():
        who = ROWS[route].who
        assert set(said["x-principals"]) == (everybody if who == set(PRINCIPALS) else who), route


@pytest.mark.parametrize("route", ROWS)
async def test_who_may_is_answered_and_who_may_not_is_refused_without_a_trace(scene: Scene, route: str) -> None:
    row, request = ROWS[route], await make(scene, route, "anon")
    before = await scene.counts()
    refused = [who for who in PRINCIPALS if who not in row.who]
    answers = await asyncio.gather(*(knock(scene, route, who, request) for who in refused))
    for who, answer in zip(refused, answers, strict=True):
        if who in NOBODY | {APPLES} and route in PAGES:
            assert (answer.status, answer.headers["Location"].partition("?")[0]) == (303, "/login")
            continue
        expected, code = (401, "unauthenticated") if who in NOBODY | {APPLES} else (403, "forbidden")
        assert (answer.status, answer.json["code"]) == (expected, code), who
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert ("WWW-Authenticate" in answer.headers) == (expected == 401)
    assert await scene.counts() == before
    for who in (each for each in PRINCIPALS if each in row.who):
        answer = await knock(scene, route, who, await make(scene, route, who))
        assert answer.status == row.status, (who, answer.body)
    if route == "DELETE /v1/me":
        await scene.sign_up("customer")


async def test_methods_that_a_path_does_not_have_are_refused(scene: Scene) -> None:
    known = {tuple(route.split()) for route in ROWS}
    for path in sorted({path for _, path in known}):
        request = await make(scene, next(f"{m} {p}" for m, p in sorted(known) if p == path), "anon")
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            if (method, path) in {*known, ("PUT", "/v1/customers/import")}:  # a brand's own number may be any word
                continue
            answer = await scene.ask(method, request.path(path), by="admin")
            # A word such as `import` in the place of an id is then an id that nobody has.
            assert answer.status in (
                {405, 404} if path.endswith(("/import", "/export", "/check", "/cells")) else {405}
            ), (
                method,
                path,
            )


async def test_metrics_are_not_on_the_public_listener(scene: Scene) -> None:
    for by in (None, "admin"):
        assert (await scene.ask("GET", "/metrics", by=by)).status == 404


@pytest.mark.parametrize(
    ("route", "by"),
    [
        ("POST /v1/moments/{}/pass", "customer"),
        ("POST /v1/moments/{}/snooze", "customer"),
        ("GET /v1/passes/{}", "customer"),
        ("GET /v1/passes/{}/face", "customer"),
        ("GET /v1/passes/{}/qr.svg", "customer"),
        ("POST /v1/redemptions/{}/reversal", "till"),
    ],
)
async def test_what_is_somebody_elses_is_answered_as_what_is_not_there(scene: Scene, route: str, by: str) -> None:
    method, path = route.split()
    own, foreign = await owned(scene, route, "customer", "till"), await owned(scene, route, "robin", "elsewhere")
    body = {"reversal": {"reason": "a mistake"}, "snooze": {"for": "PT1M"}}.get(path.rpartition("/")[2])
    before = await scene.counts()
    theirs = await scene.ask(method, path.format(foreign), by=by, body=body)
    unknown = await scene.ask(method, path.format(uuid4()), by=by, body=body)
    malformed = await scene.ask(method, path.format("not-an-id"), by=by, body=body)
    assert theirs.status == unknown.status == 404
    assert same(theirs, unknown)
    assert same(malformed, unknown)
    assert await scene.counts() == before
    mine = await scene.ask(method, path.format(own), by=by, body=body)
    assert mine.status in (200, 201), mine.body


async def owned(scene: Scene, route: str, who: str, till: str) -> str:
    """Make what a route is about, as its owner has it."""
    if "moments" in route:
        return str(await scene.moment(who))
    if "passes" in route:
        return str((await scene.taken(who))["serial"])
    return await scene.redeemed(who, by=till)


async def test_an_admin_reverses_what_any_store_redeemed(scene: Scene) -> None:
    for till in ("till", "elsewhere"):
        path = f"/v1/redemptions/{await scene.redeemed(by=till)}/reversal"
        assert (await scene.ask("POST", path, by="admin", body={"reason": "a mistake"})).status == 201


async def test_an_idempotency_key_is_its_principals_own(scene: Scene) -> None:
    own, foreign = await scene.moment("customer"), await scene.moment("robin")
    first = await scene.ask("POST", f"/v1/moments/{own}/pass", by="customer", key="same-key")
    other = await scene.ask("POST", f"/v1/moments/{foreign}/pass", by="robin", key="same-key")
    peek = await scene.ask("POST", f"/v1/moments/{own}/pass", by="robin", key="same-key-2")
    assert (first.status, other.status, peek.status) == (201, 201, 404)
    assert first.json["pass"]["serial"] != other.json["pass"]["serial"]


async def test_lists_hold_what_is_ones_own_alone(scene: Scene) -> None:
    mine, theirs = await scene.taken("customer"), await scene.taken("robin")
    here, there = await scene.redeemed("customer"), await scene.redeemed("robin", by="elsewhere")

    async def of(path: str, by: str, name: str) -> set[str]:
        return {item[name] for item in (await scene.ask("GET", path, by=by)).json["items"]}

    passes = await of("/v1/passes", "customer", "serial")
    assert mine["serial"] in passes
    assert theirs["serial"] not in passes
    assert not await of("/v1/moments", "customer", "id") & await of("/v1/moments", "robin", "id")
    for by, seen, hidden in (("customer", here, there), ("till", here, there), ("elsewhere", there, here)):
        ledger = await of("/v1/redemptions", by, "id")
        assert seen in ledger, by
        assert hidden not in ledger, by
    assert {here, there} <= await of("/v1/redemptions", "admin", "id")


async def test_an_export_of_oneself_names_nobody_else(scene: Scene) -> None:
    await scene.taken("robin")
    export = await scene.ask("POST", "/v1/me/export", by="customer")
    assert str(scene.customers["customer"]).encode() in export.body
    assert str(scene.customers["robin"]).encode() not in export.body


async def test_events_about_somebody_elses_moment_change_nothing(scene: Scene) -> None:
    foreign = await scene.moment("robin")
    told = []
    for moment in (str(foreign), str(uuid4())):
        event = {"id": str(uuid4()), "moment_id": moment, "type": "dismissed", "at": "2026-11-03T07:31:00Z"}
        answer = await scene.ask("POST", "/v1/events", by="customer", body={"events": [event]})
        told.append((answer.status, answer.json["accepted"], [each["code"] for each in answer.json["rejected"]]))
    assert told == [(200, 0, ["unknown_moment"])] * 2
    states = {item["id"]: item["state"] for item in (await scene.ask("GET", "/v1/moments", by="robin")).json["items"]}
    assert states[str(foreign)] == "delivered"


async def test_devices_of_the_same_name_are_each_their_customers_own(scene: Scene) -> None:
    for who, token in (("customer", "aa" * 32), ("robin", "bb" * 32)):
        body = {"platform": "ios", "push_token": token}
        assert (await scene.ask("PUT", "/v1/devices/shared-name", by=who, body=body)).status == 204
    assert (await scene.ask("DELETE", "/v1/devices/shared-name", by="customer")).status == 204
    async with scene.street.house.parts.pool.acquire() as db:
        left = await db.fetch("SELECT customer_id, push_token FROM devices WHERE device_id = 'shared-name'")
    assert [tuple(row) for row in left] == [(scene.customers["robin"], "bb" * 32)]


async def test_receipts_name_customers_to_admins_alone(scene: Scene) -> None:
    offer = (await scene.made("/v1/offers", document()))["id"]
    assert (await scene.ask("POST", f"/v1/offers/{offer}/publish", by="admin")).status == 200
    await scene.street.house.parts.rules.refresh()
    await scene.sign_up("passer-by")
    assert (await scene.ask("POST", "/v1/pings", by="passer-by", body=report())).status == 200
    for by, named in (("marketer", False), ("admin", True)):
        items = (await scene.ask("GET", f"/v1/decisions?offer_id={offer}", by=by)).json["items"]
        assert items, by
        assert any("customer_id" in item for item in items) == named
    by_customer = f"/v1/decisions?customer_id={scene.customers['passer-by']}"
    assert (await scene.ask("GET", by_customer, by="marketer")).status == 403
    assert (await scene.ask("GET", by_customer, by="admin")).status == 200


@pytest.mark.parametrize(
    "header", ["Basic a2Q6a2Q=", "Bearer", "Bearer ", "Bearer kd_", "kd_", "Bearer \u00fc", "ApplePass x"]
)
async def test_a_header_that_is_no_token_is_nobody(scene: Scene, header: str) -> None:
    answer = await scene.ask("GET", "/v1/users", headers={"Authorization": header})
    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")


async def test_a_token_is_taken_from_its_header_alone(scene: Scene) -> None:
    token = scene.street.tokens["admin"]
    asked = await scene.ask("GET", f"/v1/users?access_token={token}")
    assert asked.status == 401
    assert (await scene.ask("GET", "/v1/users", by="admin")).status == 200
    answer = await scene.ask("GET", "/v1/users", headers={"Cookie": f"sid={token}"})
    assert answer.status == 401
    assert token.encode() not in asked.body + answer.body
