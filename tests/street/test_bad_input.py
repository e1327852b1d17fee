"""P13, small: whatever is sent to whichever door is refused with a problem that names the field, and nothing is stored.

The wrongness is generated from /openapi.json: a door that is added is tried without a line here.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import re
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple
from uuid import uuid4

import hypothesis
import hypothesis.strategies as st
import pytest
import requests
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.street.right import make
from tests.street.scene import Scene, furnish
from tests.street.serving import Answered, open_street, scheme_of

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
PROBLEM = "application/problem+json"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
CSV = "text/csv"
LEAKS = re.compile(rb"Traceback|asyncpg|msgspec|SELECT |INSERT |/server/|\.py\b|site-packages|postgres", re.IGNORECASE)
LIMITS = {
    "POST /v1/pings": 262_144,
    "POST /v1/events": 262_144,
    "POST /v1/stores/import": 16_777_216,
    "POST /v1/customers/import": 16_777_216,
    "POST /v1/geofences/import": 16_777_216,
}
USUAL_LIMIT = 65_536
OPEN = {"POST /v1/geofences/import"}
"""A GeoJSON object may have members that its reader does not know (RFC 7946 §6.1)."""


class Knocker(NamedTuple):
    """A route, what the documentation says of it, somebody who may use it, a path that exists."""

    route: str
    method: str
    path: str
    by: str | None
    said: dict[str, Any]
    scene: Scene

    @property
    def media(self) -> str:
        if self.route == "POST /logout":  # a form without fields
            return FORM
        return next(iter(self.said.get("requestBody", {}).get("content", {JSON: None})))

    @property
    def example(self) -> Any:
        content = self.said.get("requestBody", {}).get("content", {})
        return copy.deepcopy(next(iter(content.values()))["example"]) if content else {}

    async def send(self, body: bytes, media: str | None = JSON, *, path: str | None = None, **more: str) -> Answered:
        """Send these bytes, to the right path unless another is given."""
        headers = ({"Content-Type": media} if media else {}) | {name.replace("_", "-"): more[name] for name in more}
        key = "new" if self.method == "POST" and self.media == JSON else None
        skip = ["Content-Type"]
        return await self.scene.ask(
            self.method, path or self.path, by=self.by, headers=headers, data=body, skip_auto_headers=skip, key=key
        )


@pytest.fixture(scope="module")
async def scene(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    # Facts stay facts here: rows are counted, and the job would move them meanwhile.
    limits = dict.fromkeys(("requests_per_minute", "signups_per_minute", "wallet_per_minute", "webhooks"), 10**6)
    changes = {f"limits__{name}": value for name, value in limits.items()} | {
        "jobs__rollup_s": 3600.0,
        "jobs__occasions_s": 3600.0,
        "jobs__passes_s": 3600.0,
    }
    async with open_street(shared_dsn, tmp_path_factory.mktemp("house"), **changes) as street:
        yield await furnish(street)


@pytest.fixture(scope="module")
async def api(scene: Scene) -> dict[str, Any]:
    """The documentation."""
    found: dict[str, Any] = (await scene.ask("GET", "/openapi.json")).json
    return found


@pytest.fixture(scope="module")
async def knockers(scene: Scene, api: dict[str, Any]) -> list[Knocker]:
    """One for each route."""
    found = []
    for template, of in api["paths"].items():
        for method, said in of.items():
            route = f"{method.upper()} {template}"
            if route == GOOGLES:
                continue
            path = (await make(scene, route, "nobody")).path(template)
            found.append(Knocker(route, method.upper(), path, caller(said), said, scene))
    return found


GOOGLES = "POST /wallet/google/callback"
"""Whatever comes here without Google's signature is 401, right or wrong: tests/web/test_google.py sends it."""


def caller(said: dict[str, Any]) -> str | None:
    """Name somebody who may use a route."""
    may = said["x-principals"]
    return (
        None
        if "anon" in may
        else next(who for who in ("customer", "till", "app", "crm", "admin", "pass") if who in may)
    )


@pytest.fixture
async def nothing_stored(scene: Scene) -> AsyncIterator[None]:
    """Compare the number of rows of every table, before and after."""
    before = await scene.counts()
    yield
    assert await scene.counts() == before


def complaints(answer: Answered, statuses: Iterable[int], what: str, field: str | None = None) -> list[str]:
    """Say what is wrong with a refusal; nothing if it is right."""
    head = f"{what}: {answer.status} {answer.body[:300]!r}"
    if answer.status not in statuses or not answer.headers.get("Content-Type", "").startswith(PROBLEM):
        return [head]
    problem = answer.json
    if problem["status"] != answer.status or not {"type", "title", "detail", "code", "request_id"} <= set(problem):
        return [f"no problem: {head}"]
    if LEAKS.search(answer.body):
        return [f"leaks: {head}"]
    if field is not None and not any(each["field"].startswith(field) for each in problem.get("errors", ())):
        return [f"does not name {field}: {head}"]
    return []


UNREADABLE = {
    "cut off": b'{"a": ',
    "no JSON": b"a=1",
    "two values": b"{} {}",
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "NaN": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "1e999": b'{"a": 1e999}',
    "one key twice": b'{"a": 1, "a": 2}',
    "one key twice within": b'{"a": [{"b": 1, "b": 1}]}',
    "deep": b'{"a":' * 17 + b"1" + b"}" * 17,
    "very deep": b"[" * 30_000 + b"]" * 30_000,
    "NUL": b'{"a": "\\u0000"}',
    "NUL in a key": b'{"\\u0000": 1}',
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "a huge integer": b'{"a": 1' + b"0" * 30 + b"}",
    "an endless integer": b'{"a": 1' + b"0" * 9_000 + b"}",
}
"""What is no strict JSON: 400, whatever the door expects in it."""

NO_OBJECT = {"a list": b"[]", "a text": b'"a"', "a number": b"7", "null": b"null", "true": b"true"}


@pytest.mark.usefixtures("nothing_stored")
async def test_what_is_no_strict_json_is_unreadable_at_every_door(knockers: list[Knocker]) -> None:
    found: list[str] = []
    for each in (each for each in knockers if each.method in WRITES and each.media == JSON):
        for name, body in UNREADABLE.items():
            found += complaints(await each.send(body), {400}, f"{each.route} {name}")
        for name, body in NO_OBJECT.items():
            found += complaints(await each.send(body), {422}, f"{each.route} {name}")
    assert not found


@pytest.mark.usefixtures("nothing_stored")
async def test_an_unknown_field_is_refused_by_its_name_at_every_door(knockers: list[Knocker]) -> None:
    found: list[str] = []
    for each in (each for each in knockers if each.method in WRITES and each.route not in OPEN and each.media == JSON):
        body = json.dumps({**each.example, "no_such_field": 1}).encode()
        found += complaints(await each.send(body), {422}, each.route, "no_such_field")
    assert not found


def kinds(api: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    """List the JSON types that a schema allows."""
    while "$ref" in schema:
        schema = api["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return set().union(*(kinds(api, one) for one in schema["anyOf"]))
    if "enum" in schema:
        return {"string"}
    said = schema.get("type", ["object", "array"])
    return {said} if isinstance(said, str) else set(said)


def properties(api: dict[str, Any], each: Knocker) -> dict[str, set[str]]:
    """List the body's members with their types; of a document that is described elsewhere, those of its example."""
    schema = each.said["requestBody"]["content"][each.media]["schema"]
    while "$ref" in schema:
        schema = api["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "properties" in schema:
        return {name: kinds(api, of) for name, of in schema["properties"].items()}
    return {name: {"object" if isinstance(value, dict) else "string"} for name, value in each.example.items()}


@pytest.mark.usefixtures("nothing_stored")
async def test_a_member_of_a_wrong_type_is_refused_by_its_name_at_every_door(
    api: dict[str, Any], knockers: list[Knocker]
) -> None:
    found, tried = [], 0
    for each in (each for each in knockers if "requestBody" in each.said and each.media == JSON):
        for name, allowed in properties(api, each).items():
            for kind, value in (("number", 7.5), ("object", {"bad": []}), ("string", "yes"), ("boolean", True)):
                # A text is a right type of many forms, and any number is a right number: their values are tried below.
                if kind in allowed or (kind == "string" and allowed & {"string"}):
                    continue
                body = json.dumps({**each.example, name: value}).encode()
                found += complaints(await each.send(body), {422}, f"{each.route} {name}={value!r}", name)
                tried += 1
    assert not found
    assert tried > 100


@pytest.mark.usefixtures("nothing_stored")
async def test_another_media_type_is_refused_at_every_door_with_a_body(knockers: list[Knocker]) -> None:
    found: list[str] = []
    for each in (each for each in knockers if "requestBody" in each.said):
        for media in ("text/plain", "application/xml", "multipart/form-data; boundary=x", FORM, CSV, JSON, None):
            if media != each.media:
                found += complaints(await each.send(b"{}", media), {415}, f"{each.route} {media}")
        found += complaints(await each.send(b"{}", f"{each.media}; charset=utf-16"), {415, 422, 400}, each.route)
        for coding in ("gzip", "deflate", "br", "zstd"):
            packed = await each.send(b"\x1f\x8b" + b"\0" * 20, each.media, Content_Encoding=coding)
            found += complaints(packed, {415}, f"{each.route} {coding}")
    assert not found


@pytest.mark.usefixtures("nothing_stored")
async def test_a_body_over_the_limit_is_refused_at_every_door(knockers: list[Knocker]) -> None:
    found: list[str] = []
    for each in (each for each in knockers if each.method in WRITES):
        most = LIMITS.get(each.route, USUAL_LIMIT)
        promised = await announced(each, most + 1)
        if not promised.startswith(b"HTTP/1.1 413 "):
            found.append(f"{each.route}: {promised[:80]!r}")
        if most <= 262_144:
            body = b'{"a": "' + b"x" * most + b'"}'
            found += complaints(await each.send(body, each.media), {413}, each.route)
    assert not found


async def announced(each: Knocker, length: int) -> bytes:
    """Announce a body of so many bytes, send none of it, and give the answer's head."""
    token = f"Authorization: {scheme_of(each.by)} {each.scene.street.tokens[each.by]}\r\n" if each.by else ""
    head = f"{each.method} {each.path} HTTP/1.1\r\nHost: localhost\r\n{token}Idempotency-Key: {uuid4()}\r\n"
    return await raw(each.scene, f"{head}Content-Type: {each.media}\r\nContent-Length: {length}\r\n\r\n".encode())


async def raw(scene: Scene, data: bytes, *, end: bool = False) -> bytes:
    """Send bytes to the server's port, and give all that comes back until it is quiet or closed."""
    host, _, port = scene.street.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        await writer.drain()
        if end:
            writer.write_eof()
        answer = await asyncio.wait_for(reader.read(65_536), 15)
    finally:
        writer.close()
    return answer


@pytest.mark.usefixtures("nothing_stored")
async def test_forms_are_read_as_strictly(knockers: list[Knocker]) -> None:
    found: list[str] = []
    for each in (each for each in knockers if each.method in WRITES and each.media == FORM):
        for body, status in {
            b"a=%ff": 400,
            b"a=\xff": 400,
            b"&".join(b"f%d=1" % n for n in range(100)): 400,
            b"email=a&email=b": 422,
            b"no_such_field=1": 422,
            b"email=%00": 422,
        }.items():
            found += complaints(await each.send(body, FORM), {status}, f"{each.route} {body[:20]!r}")
    assert not found


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    ("table", "status"),
    [
        (b"", 422),
        (b"\xff\xfe\x00", 422),
        (b"name;lat\nA;1\n", 422),
        (b"name,name,lat,lon,radius_m\nA,B,1,1,100\n", 422),
        (b"name,lat,lon,radius_m\n" + b'"' + b"x" * 200_000, 422),
        (b"\0\0\0", 422),
    ],
)
async def test_a_table_that_cannot_be_read_is_refused_whole(knockers: list[Knocker], table: bytes, status: int) -> None:
    for each in (each for each in knockers if each.media == CSV):
        assert not complaints(await each.send(table, CSV), {status, 400}, repr(table[:30]))


@pytest.mark.usefixtures("nothing_stored")
async def test_rows_that_are_wrong_are_named_and_not_imported(knockers: list[Knocker]) -> None:
    table = next(each for each in knockers if each.route == "POST /v1/stores/import")
    rows = [
        "A,91,0,100",
        "B,0,181,100",
        "C,nan,0,100",
        "D,0,0,1e999",
        "E,1e2,0,100",
        ",0,0,100",
        "G,0,0,-5",
        "H,x,0,100",
    ]
    answer = await table.send(("name,lat,lon,radius_m\n" + "\n".join(rows)).encode(), CSV)
    assert answer.json["imported"] == []
    assert {each["index"] for each in answer.json["refused"]} == set(range(len(rows)))
    fences = next(each for each in knockers if each.route == "POST /v1/geofences/import")
    shapes: list[Any] = [7, {}, {"type": "Feature"}, feature([[[0, 0], [1, 1]]]), feature([[[0, 0]] * 4]), feature("x")]
    body = {"type": "FeatureCollection", "features": shapes}
    answer = await fences.scene.ask("POST", fences.path, by=fences.by, body=body, key=None)
    assert answer.json["imported"] == []
    assert {each["index"] for each in answer.json["refused"]} == set(range(len(shapes)))


def feature(coordinates: Any) -> dict[str, Any]:
    geometry = {"type": "Polygon", "coordinates": coordinates}
    return {"type": "Feature", "properties": {"name": "A"}, "geometry": geometry}


FIELDS = """
POST /v1/pings            pings                    []
POST /v1/pings            pings[0].id              "x"
POST /v1/pings            pings[0].lat             91
POST /v1/pings            pings[0].lat             "52"
POST /v1/pings            pings[0].lon             -180.5
POST /v1/pings            pings[0].accuracy_m      -1
POST /v1/pings            pings[0].captured_at     "yesterday"
POST /v1/pings            pings[0].captured_at     "2026-11-03T07:30:00"
POST /v1/pings            pings[0].captured_at     1762155000
POST /v1/pings            pings[0].speed_mps       1e300
POST /v1/pings            pings[0].os_event        {"type": "fly"}
POST /v1/pings            pings[0].nope            1
POST /v1/pings            app.foreground           "true"
POST /v1/pings            sent_at                  "2026-13-01T00:00:00Z"
POST /v1/events           events                   []
POST /v1/events           events[0].type           "seen"
POST /v1/events           events[0].moment_id      null
POST /v1/customers        consents.location        "yes"
POST /v1/customers        time_zone                "Mars/Base"
POST /v1/customers        attributes               {"a": {"b": 1}}
POST /v1/customers        external_id              ""
PATCH /v1/me              time_zone                "../../etc/passwd"
PATCH /v1/me              attributes               {"a": [1]}
PUT /v1/me/consents       location                 1
PUT /v1/devices/{device_id} platform               "fridge"
PUT /v1/devices/{device_id} push_token             ""
POST /v1/stores           lat                      90.01
POST /v1/stores           radius_m                 10
POST /v1/stores           name                     ""
POST /v1/stores           time_zone                "Mars/Base"
POST /v1/stores           hours                    {"mon": [["25:00", "26:00"]]}
POST /v1/stores           tags                     [1]
PUT /v1/stores/{id}       lon                      181
POST /v1/geofences        radius_m                 1e9
POST /v1/geofences        lat                      null
POST /v1/offers           name                     ""
POST /v1/offers           when.trigger             "fly"
POST /v1/offers           when.places              {"tag": "no-such-tag"}
POST /v1/offers           if                       {"all": [{"local_time": {"from": "25:00"}}]}
POST /v1/offers           if                       {"segment": "no-such-segment"}
POST /v1/offers           moment.fallback_locale   "fr-FR"
POST /v1/offers           reward.value.minor       -1
POST /v1/offers           reward.type              "car"
PUT /v1/offers/{id}       moment.content           {}
POST /v1/offers/{id}/end  void_passes              "no"
POST /v1/offers/{id}/dry-run at                    "noon"
POST /v1/moments/{id}/snooze for                    "an hour"
POST /v1/offers/{id}/preview locale               "german"
POST /v1/offers/{id}/preview formality            "du and Sie"
POST /v1/preview          placement                "sky"
POST /v1/preview          document                 null
POST /v1/dry-run          fix.lat                  91
POST /v1/dry-run          weather.kind             "frogs"
POST /v1/segments         name                     ""
POST /v1/segments         if                       {"trigger": "enter"}
POST /v1/users            email                    "kim"
POST /v1/users            roles                    []
POST /v1/users            roles                    ["king"]
POST /v1/users            store_id                 "x"
PATCH /v1/users/{id}      roles                    ["king"]
POST /v1/keys             kind                     "root"
POST /v1/keys             kind                     "till"
POST /v1/keys             not_after                "soon"
POST /v1/redemptions      code                     ""
POST /v1/redemptions      purchase.amount.currency "euro"
POST /v1/redemptions      purchase.amount.minor    -5
POST /v1/redemptions/offline records              []
POST /v1/redemptions/offline key_id               "x"
POST /v1/redemptions/offline records[0].n         0
POST /v1/redemptions/offline records[0].scanned_at "2026-11-28T08:05:00"
POST /v1/redemptions/offline/keys public_key      "x"
POST /v1/redemptions/check hold                    "PT6M"
POST /v1/redemptions/check hold                    "an hour"
POST /v1/redemptions/{id}/reversal reason          ""
POST /v1/passes/{serial}/void reason               ""
POST /wallet/v1/devices/{dev}/registrations/{type}/{serial} pushToken ""
POST /wallet/v1/devices/{dev}/registrations/{type}/{serial} pushToken "a token"
POST /wallet/v1/log       logs                     "all"
POST /wallet/v1/log       logs[0]                  7
"""


def put(whole: Any, path: str, value: Any) -> Any:
    """Give the example with the value at a path such as `pings[0].lat`."""
    *way, last = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", path)]
    at = whole
    for part in way:
        at = at.setdefault(part, {}) if isinstance(at, dict) else at[part]
    at[last] = value
    return whole


@pytest.mark.usefixtures("nothing_stored")
async def test_a_wrong_value_is_refused_by_the_path_of_its_field(knockers: list[Knocker]) -> None:
    routes = {each.route: each for each in knockers}
    found: list[str] = []
    for line in filter(None, FIELDS.splitlines()):
        method, path, field, value = line.split(maxsplit=3)
        each = routes[f"{method} {path}"]
        answer = await each.send(json.dumps(put(each.example, field, json.loads(value))).encode())
        # A till without a store is told of the store that is missing.
        named = "store_id" if value == '"till"' else field
        found += complaints(answer, {422}, line, named)
    assert not found


FAR = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]


async def test_times_at_the_end_of_the_calendar_are_an_answer_and_no_error(knockers: list[Knocker]) -> None:
    routes = {each.route: each for each in knockers}
    found = []
    for route, fields in {
        "POST /v1/pings": ["sent_at", "pings[0].captured_at", "pings[0].os_event.at"],
        "POST /v1/events": ["events[0].at"],
        "POST /v1/keys": ["not_after"],
        "POST /v1/redemptions/offline": ["records[0].scanned_at"],
        "POST /v1/dry-run": ["at", "fix.captured_at", "weather.observed_at"],
        "POST /v1/offers/{id}/dry-run": ["at", "fix.captured_at", "weather.observed_at"],
    }.items():
        for field in fields:
            for time in FAR:
                example = routes[route].example
                if field == "pings[0].os_event.at":
                    example["pings"][0]["os_event"] = {"type": "enter"}
                answer = await routes[route].send(json.dumps(put(example, field, time)).encode())
                if answer.status >= 500:
                    found.append(f"{route} {field} {time}: {answer.status}")
    assert not found


def cursor(*keys: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).rstrip(b"=").decode()


CURSORS = [
    "x",
    "!!!",
    "a" * 2000,
    "AAAA",
    cursor(),
    cursor("x", "y"),
    cursor(1, 2, 3, 4),
    "%00",
    "bnVsbA",
    cursor({"a": 1}),
]


@pytest.mark.usefixtures("nothing_stored")
async def test_a_wrong_query_is_refused_by_the_name_of_its_parameter(knockers: list[Knocker]) -> None:
    found: list[str] = []
    lists = 0
    for each in (each for each in knockers if each.route.startswith("GET /v1/") and "stream" not in each.route):
        known = {one["name"] for one in each.said["parameters"] if one["in"] == "query"}
        wrong = [("no_such_parameter", "1")]
        if "limit" in known:
            wrong += [("limit", text) for text in ("0", "-1", "abc", "1.5", "", "9" * 30, "%D9%A3")]
        if "cursor" in known:
            lists += 1
            wrong += [("limit", "201"), *(("cursor", text) for text in CURSORS)]
        ids = {"moment_id", "offer_id", "customer_id"} & known
        wrong += [(name, "x") for name in ids | ({"state", "status", "version", "by"} & known)]
        wrong += [
            (name, text) for name in {"from", "to"} & known for text in ("x", "2026-02-30", "0000-01-01", "99999")
        ]
        for name, text in wrong:
            query = f"{name}={text}"
            base, _, kept = each.path.partition("?")
            right = "&".join(part for part in kept.split("&") if part and not part.startswith(f"{name}="))
            answer = await each.send(b"", None, path=f"{base}?{right}&{query}" if right else f"{base}?{query}")
            found += complaints(answer, {422}, f"{each.route} {query}", name)
        twice = await each.send(b"", None, path=f"{each.path.partition('?')[0]}?a=1&a=2")
        found += complaints(twice, {422}, f"{each.route} twice", "a")
        broken = await each.send(b"", None, path=f"{each.path.partition('?')[0]}?a=%ff")
        found += complaints(broken, {400}, f"{each.route} %ff")
    assert not found
    assert lists >= 10


FORGED = [
    [cursor(*keys) for keys in group]
    for group in (
        [(time, str(uuid4())) for time in FAR],
        [(time, str(uuid4()), 1) for time in FAR],
        [("2026-11-03T07:30:00Z", str(uuid4()), number) for number in (-1, 2**31, 2**63, 10**30)],
        [("2026-11-03T07:30:00", str(uuid4())), ("2026-11-03", str(uuid4()))],
        [("\0",), ("\ud800",), ("x" * 500,), (str(uuid4()),), ("",)],
    )
]


@pytest.mark.usefixtures("nothing_stored")
async def test_a_cursor_that_somebody_made_up_is_an_answer_and_no_error(knockers: list[Knocker]) -> None:
    found = []
    for each in (each for each in knockers if any(one["name"] == "cursor" for one in each.said["parameters"])):
        for text in (text for group in FORGED for text in group):
            joint = "&" if "?" in each.path else "?"
            answer = await each.send(b"", None, path=f"{each.path}{joint}cursor={text}")
            if answer.status not in (200, 422):
                found.append(f"{each.route} {base64.urlsafe_b64decode(text + '==')!r}: {answer.status}")
    assert not found


MALFORMED = ["x", "0", "%20", "%00", "%ff", "null", "{uuid}", "'--", "a" * 3000, uuid4().hex, f"%7B{uuid4()}%7D"]
MALFORMED += [
    f"urn:uuid:{uuid4()}",
    f"{uuid4()}0",
    str(uuid4())[:-1],
    str(uuid4())[:-1] + "g",
    str(uuid4())[:-1] + "%C2%B2",
]


@pytest.mark.usefixtures("nothing_stored")
async def test_an_id_that_is_none_is_not_found(knockers: list[Knocker]) -> None:
    found: list[str] = []
    for each in knockers:
        template = re.sub(r"\{(?!id\}|serial\})\w+\}", "x", each.route.split()[1])
        name = next((name for name in ("{id}", "{serial}") if name in template), None)
        for text in MALFORMED if name else ():
            body = b"" if each.method == "GET" else json.dumps(each.example).encode()
            answer = await each.send(body, each.media, path=template.replace(name or "", text))
            # A wallet is not told whether it was the serial or the token that is wrong.
            found += complaints(answer, {401, 404} if each.by == "pass" else {404}, f"{each.route} {text[:60]}")
    for path in (
        "/v1/export/nope",
        "/v1/export/%00",
        "/p/x",
        "/p/%00",
        "/static/nope",
        "/static/..%2fdashboard.py",
        "/v2",
    ):
        answer = await knockers[0].scene.ask("GET", path, by="admin")
        found += complaints(answer, {404}, path)
    assert not found


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("name", ["%00", "x" * 129, "%20" * 200])
async def test_a_device_of_an_impossible_name_is_refused(scene: Scene, name: str) -> None:
    for method in ("PUT", "DELETE"):
        body = {"platform": "ios"} if method == "PUT" else None
        answer = await scene.ask(method, f"/v1/devices/{name}", by="customer", body=body)
        assert not complaints(answer, {404, 422}, name[:20])


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb", "\u00e9", "a b"])
async def test_an_idempotency_key_that_is_none_is_refused(scene: Scene, key: str) -> None:
    answer = await scene.ask("POST", "/v1/redemptions", by="till", body={"code": "x"}, key=key)
    assert not complaints(answer, {400}, repr(key))


JSON_POST = b"POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
WIRE = {
    "http/0.9": (b"GET /healthz HTTP/0.9\r\nHost: localhost\r\n\r\n", 400),
    "http/0.9 without a version": (b"GET /healthz\r\n\r\n", 400),
    "http/2.0": (b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n", 400),
    "the preface of http/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "no host": (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
    "a foreign host": (b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
    "two lengths": (JSON_POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "length and chunks": (JSON_POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a bad chunk": (JSON_POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400),
    "a negative length": (JSON_POST + b"Content-Length: -2\r\n\r\n{}", 400),
    "a long header": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 20_000 + b"\r\n\r\n", 400),
    "a long line": (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "a folded header": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n 2\r\n\r\n", 400),
    "nul in a header": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: \x00\r\n\r\n", 400),
}


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("shape", WIRE)
async def test_what_is_no_proper_http_is_refused_in_our_words(scene: Scene, shape: str) -> None:
    sent, status = WIRE[shape]
    answer = await raw(scene, sent)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(head.split(b" ", 2)[1]) == status
    assert f"Content-Type: {PROBLEM}".encode() in head
    problem = json.loads(body[: int(re.search(rb"Content-Length: (\d+)", head)[1])])  # type: ignore[index]
    assert problem["status"] == status
    assert not LEAKS.search(answer)
    assert (await scene.ask("GET", "/healthz")).status == 200


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    "half",
    [
        b"POST /v1/cust",
        b"POST /v1/customers HTTP/1.1\r\nHost: loc",
        JSON_POST + b"Content-Length: 50\r\n\r\n{",
        JSON_POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
    ids=["line", "head", "body", "chunk"],
)
async def test_half_a_request_is_let_go(scene: Scene, half: bytes) -> None:
    token = f"Authorization: Bearer {scene.street.tokens['app']}\r\nContent-Length".encode()
    answer = await raw(scene, half.replace(b"Content-Length", token, 1), end=True)
    assert not answer or 400 <= int(answer.split(b" ", 2)[1]) < 500
    assert not LEAKS.search(answer)
    assert (await scene.ask("GET", "/healthz")).status == 200


FUZZED = hypothesis.settings().max_examples // 25
"""Requests for each operation: some hundreds in all, many thousands with `--hypothesis-profile=long`."""

ENDLESS = {"GET /v1/moments/stream", "GET /v1/reports/today/stream"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


async def test_whatever_a_generator_sends_is_answered_as_documented(scene: Scene, api: dict[str, Any]) -> None:
    found: list[str] = []
    sent = 0
    for result in schemathesis.openapi.from_dict(api).get_all_operations():
        operation = result.ok()
        route = f"{operation.method.upper()} {operation.path}"
        if route in ENDLESS or route == GOOGLES:
            continue
        by = caller(api["paths"][operation.path][operation.method])
        if route == "DELETE /v1/me":
            by = "leaving"
            await scene.sign_up(by)
        headers = {"Authorization": f"{scheme_of(by)} {scene.street.tokens[by]}"} if by else {}
        tried, wrong = await asyncio.to_thread(fuzz, operation, scene.street.url, headers)
        sent += tried
        found += wrong
    assert not found, "\n".join(found)
    assert sent > FUZZED * len(api["paths"])


def fuzz(operation: Any, url: str, headers: dict[str, str]) -> tuple[int, list[str]]:
    """Send right and wrong requests of an operation, always the same ones; give their number, and wrong answers."""
    found: list[str] = []
    tried = 0

    @hypothesis.settings(
        max_examples=FUZZED,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode]))
    def send(case: Any) -> None:
        nonlocal tried
        tried += 1
        answer = case.call(base_url=url, headers=headers, session=session, timeout=20, allow_redirects=False)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            found.extend(f"{operation.label}: {answer.status_code} {each.title} {each}" for each in group.exceptions)

    with requests.Session() as session:
        send()
    return tried, found
