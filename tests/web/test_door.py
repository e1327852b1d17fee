"""A request's way through a door, on a real socket: admitted, read, answered, and refused in one shape."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from aiohttp import web

from server.errors import Conflict, FieldError, Gone, Invalid, TooEarly, TooMany, Unavailable
from server.web.access import Access, Kind
from server.web.body import FORM
from server.web.call import Call, Reply
from server.web.door import door
from tests.web.serving import NoPool, Served, serving, settings_with

ID = "0192c7a0-0000-7000-8000-000000000000"


class Order(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: Annotated[str, msgspec.Meta(max_length=20)]
    lines: list[int] = []


class Seen(msgspec.Struct, frozen=True):
    what: str
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)


class Query(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    limit: int | None = None


@door("POST", "/v1/orders", body=Order, answer=Seen, status=201)
async def order(call: Call) -> Seen:
    return Seen(f"{call.body.name} {sum(call.body.lines)}")


@door("GET", "/v1/orders/{id}", answer=Seen, query=Query)
async def one(call: Call) -> Seen:
    return Seen(f"{call.uuid('id')} {call.query.limit}")


@door("PUT", "/v1/things/{device_id}", body=Order)
async def put(call: Call) -> None:
    assert call.text("device_id")


@door("POST", "/v1/empty", answer=Seen)
async def empty(call: Call) -> Seen:
    return Seen("empty")


@door("POST", "/v1/import", body=bytes, media="text/csv", limit="import_body_bytes", answer=Seen)
async def take(call: Call) -> Seen:
    return Seen(str(len(call.body)))


@door("POST", "/form", body=Order, media=FORM, produces="text/html")
async def form(call: Call) -> Reply:
    return Reply(200, f"<p>{call.body.name}</p>".encode(), media="text/html")


REFUSALS: dict[str, Exception] = {
    "conflict": Conflict(code="already_redeemed", extra={"redeemed_at": "2026-01-01T00:00:00Z"}),
    "gone": Gone(code="expired"),
    "early": TooEarly(),
    "invalid": Invalid(errors=[FieldError("if.all[0]", "is no condition")]),
    "many": TooMany(retry_after_s=7),
    "away": Unavailable(),
    "bug": ZeroDivisionError("secret-in-a-message"),
    "timeout": TimeoutError(),
}


@door("GET", "/v1/refuse/{type}", answer=Seen)
async def refuse(call: Call) -> Seen:
    raise REFUSALS[call.text("type")]


@door("GET", "/v1/slow", answer=Seen)
async def slow(call: Call) -> Seen:
    await asyncio.sleep(30)
    return Seen("never")


@door("GET", "/v1/stream", stream=True)
async def stream(call: Call) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(call.request)
    await asyncio.sleep(0.3)  # longer than the handler's deadline
    await response.write(b"data: 1\n\n")
    if call.request.headers.get("X-Break"):
        raise ZeroDivisionError
    return response


DOORS = [order, one, put, empty, take, form, refuse, slow, stream]
TABLE = {(each.method, each.path): Access(frozenset({Kind.ANON})) for each in DOORS}


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    settings = settings_with(
        server__body_deadline_s=0.4, server__handler_deadline_s=0.2, limits__import_body_bytes=2_000_000,
        limits__requests_per_minute=100_000,
    )  # fmt: skip
    async with serving(DOORS, settings, NoPool(), table=TABLE) as running:
        yield running


def problem(answered: Any, status: int, code: str) -> Any:
    assert answered.status == status, answered.body
    assert answered.headers["Content-Type"] == "application/problem+json"
    found = answered.json
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(found)
    assert (found["status"], found["code"]) == (status, code)
    assert found["request_id"] == answered.headers["X-Request-Id"]
    assert UUID(found["request_id"]).version == 7
    return found


async def test_a_body_goes_in_and_an_answer_comes_out(served: Served) -> None:
    answered = await served.call("POST", "/v1/orders", json={"name": "two coffees", "lines": [1, 2]})
    assert answered.status == 201
    assert answered.headers["Content-Type"] == "application/json"
    assert answered.json == {"what": "two coffees 3", "at": "2026-01-01T00:00:00Z"}


async def test_every_answer_has_an_id_of_our_own_and_the_security_headers(served: Served) -> None:
    mine = {"X-Request-Id": "chosen-by-the-client"}
    answers = [
        await served.call("POST", "/v1/orders", json={"name": "x"}, headers=mine),
        await served.call("GET", "/nowhere", headers=mine),
        await served.call("GET", "/v1/stream", headers=mine),
    ]
    for answered in answers:
        assert UUID(answered.headers["X-Request-Id"])
        assert answered.headers["Server"] == ""
        assert answered.headers["X-Content-Type-Options"] == "nosniff"
        assert answered.headers["Referrer-Policy"] == "no-referrer"
        assert answered.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in answered.headers["Content-Security-Policy"]
        assert "unsafe" not in answered.headers["Content-Security-Policy"]
        assert answered.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in answered.headers
    assert len({answered.headers["X-Request-Id"] for answered in answers}) == 3


async def test_a_path_that_is_not_there_is_a_404(served: Served) -> None:
    answers = [await served.call("GET", path) for path in ("/nowhere", "/v1/orders/")]
    told = [problem(each, 404, "not_found") | {"request_id": ""} for each in answers]
    assert told[0] == told[1]


async def test_another_method_is_a_405_that_names_the_right_ones(served: Served) -> None:
    answered = await served.call("DELETE", f"/v1/orders/{ID}")
    problem(answered, 405, "method_not_allowed")
    assert answered.headers["Allow"] == "GET, HEAD"
    problem(await served.call("OPTIONS", "/v1/orders"), 405, "method_not_allowed")


async def test_head_is_get_without_the_body(served: Served) -> None:
    answered = await served.call("HEAD", f"/v1/orders/{ID}")
    assert (answered.status, answered.body) == (200, b"")


@pytest.mark.parametrize(
    "bad", ["x", ID[:-1], ID.replace("-", ""), ID + "0", "%00", "zzzzzzzz-0000-7000-8000-000000000000"]
)
async def test_an_id_that_cannot_be_one_is_nobodys(served: Served, bad: str) -> None:
    told = problem(await served.call("GET", f"/v1/orders/{bad}"), 404, "not_found")
    nowhere = problem(await served.call("GET", "/nowhere"), 404, "not_found")
    assert told | {"request_id": ""} == nowhere | {"request_id": ""}


async def test_a_name_in_the_path_with_nul_is_nobodys(served: Served) -> None:
    problem(await served.call("PUT", "/v1/things/a%00b", json={"name": "x"}), 404, "not_found")
    assert (await served.call("PUT", "/v1/things/%C3%A4", json={"name": "x"})).status == 204


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"name": ', 400, "unreadable"),
        (b'{"name": "a", "name": "b"}', 400, "unreadable"),
        (b'{"name": "a", "lines": [NaN]}', 400, "unreadable"),
        (b'{"name": "a", "lines": [1e999]}', 400, "unreadable"),
        (b'{"name": "\\u0000"}', 400, "unreadable"),
        (b'{"name": "\\ud800"}', 400, "unreadable"),
        (b'{"name": "a", "lines": [9223372036854775808]}', 400, "unreadable"),
        (b'{"name": "a", "lines": ' + b"[" * 30 + b"]" * 30 + b"}", 400, "unreadable"),
        (b'{"name": "a", "price": 1}', 422, "invalid"),
        (b"{}", 422, "invalid"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
    ],
)
async def test_a_bad_body_is_refused_in_one_shape(served: Served, body: bytes, status: int, code: str) -> None:
    answered = await served.call("POST", "/v1/orders", data=body, headers={"Content-Type": "application/json"})
    assert ("errors" in problem(answered, status, code)) == (status == 422), "fields are named where there are some"


async def test_wrong_fields_are_named_and_their_values_are_not_repeated(served: Served) -> None:
    answered = await served.call("POST", "/v1/orders", json={"name": "x", "lines": [1, "hush-hush"]})
    found = problem(answered, 422, "invalid")
    assert found["errors"] == [{"field": "lines[1]", "message": "Expected int, got str"}]
    assert b"hush" not in answered.body


@pytest.mark.parametrize(
    ("media", "wanted"),
    [
        ("text/plain", "application/json"),
        ("application/xml", "application/json"),
        (FORM, "application/json"),
        ("application/json; charset=latin-1", "UTF-8"),
    ],
)
async def test_a_body_of_another_type_is_refused_with_the_one_that_is_wanted(
    served: Served, media: str, wanted: str
) -> None:
    answered = await served.call("POST", "/v1/orders", data=b'{"name": "x"}', headers={"Content-Type": media})
    assert wanted in problem(answered, 415, "unsupported_media_type")["detail"]


async def test_a_compressed_body_is_refused_before_it_is_unpacked(served: Served) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    bomb, none = gzip.compress(b" " * 10_000_000), b"nobody could unpack this"
    answers = [await served.call("POST", "/v1/orders", data=data, headers=headers) for data in (bomb, none)]
    told = [problem(each, 415, "unsupported_media_type")["detail"] for each in answers]
    assert told[0] == told[1]


async def test_an_empty_body_is_an_empty_object(served: Served) -> None:
    assert (await served.call("POST", "/v1/empty")).status == 200
    assert (await served.call("POST", "/v1/empty", json={})).status == 200
    problem(await served.call("POST", "/v1/empty", json={"a": 1}), 422, "invalid")
    problem(await served.call("POST", "/v1/orders"), 422, "invalid")


async def test_a_body_as_large_as_the_limit_is_read_and_one_byte_more_is_not(served: Served) -> None:
    room = 65536 - len('{"name":"x","lines":[]}')
    fits = b'{"name":"x","lines":[' + b" " * room + b"]}"
    headers = {"Content-Type": "application/json"}
    assert (await served.call("POST", "/v1/orders", data=fits, headers=headers)).status == 201
    problem(await served.call("POST", "/v1/orders", data=fits + b" ", headers=headers), 413, "too_large")


async def test_a_door_may_have_a_limit_and_a_type_of_its_own(served: Served) -> None:
    headers = {"Content-Type": "text/csv"}
    answered = await served.call("POST", "/v1/import", data=b"a,b\n" * 200_000, headers=headers)
    assert answered.json["what"] == "800000"
    problem(await served.call("POST", "/v1/import", data=b"a", headers={"Content-Type": "text/plain"}), 415,
            "unsupported_media_type")  # fmt: skip


async def test_forms_are_read_as_strictly_as_json(served: Served) -> None:
    headers = {"Content-Type": FORM}
    answered = await served.call("POST", "/form", data="name=a+b%C3%A4", headers=headers)
    assert answered.body.decode() == "<p>a bä</p>"
    assert answered.headers["Content-Type"] == "text/html; charset=utf-8"
    problem(await served.call("POST", "/form", data="name=a&name=b", headers=headers), 422, "invalid")
    problem(await served.call("POST", "/form", data="name=%ff", headers=headers), 400, "unreadable")
    problem(await served.call("POST", "/form", data="name=%00", headers=headers), 422, "invalid")
    problem(await served.call("POST", "/form", json={"name": "x"}), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=x", "limit"), ("nix=1", "nix"), ("limit=1&limit=2", "limit"), ("limit=1.5", "limit")],
)
async def test_a_wrong_query_is_refused_by_name(served: Served, query: str, field: str) -> None:
    found = problem(await served.call("GET", f"/v1/orders/{ID}?{query}"), 422, "invalid")
    assert found["errors"][0]["field"] == field


async def test_a_query_where_none_is_taken_is_refused(served: Served) -> None:
    problem(await served.call("POST", "/v1/empty?dry=1"), 422, "invalid")
    assert (await served.call("GET", f"/v1/orders/{ID}?limit=3")).json["what"] == f"{ID} 3"


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("conflict", 409, "already_redeemed"),
        ("gone", 410, "expired"),
        ("early", 425, "not_yet_valid"),
        ("invalid", 422, "invalid"),
        ("many", 429, "too_many_requests"),
        ("away", 503, "unavailable"),
        ("timeout", 503, "unavailable"),
    ],
)
async def test_what_a_handler_raises_has_its_status(served: Served, name: str, status: int, code: str) -> None:
    answered = await served.call("GET", f"/v1/refuse/{name}")
    found = problem(answered, status, code)
    assert ("Retry-After" in answered.headers) is (status in (429, 503))
    if name == "conflict":
        assert found["redeemed_at"] == "2026-01-01T00:00:00Z"
    if name == "many":
        assert answered.headers["Retry-After"] == "7"
    if name == "invalid":
        assert found["errors"] == [{"field": "if.all[0]", "message": "is no condition"}]


async def test_what_nobody_expected_says_nothing_of_itself(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    answered = await served.call("GET", "/v1/refuse/bug")
    found = problem(answered, 500, "internal")
    assert "secret-in-a-message" not in json.dumps(found)
    logged = capsys.readouterr().out
    assert "ZeroDivisionError" in logged
    assert found["request_id"] in logged
    assert "secret-in-a-message" not in logged


async def test_an_answer_that_takes_too_long_is_given_up(served: Served) -> None:
    answered = await served.call("GET", "/v1/slow")
    problem(answered, 503, "unavailable")
    assert answered.headers["Retry-After"] == "1"


async def test_a_stream_may_take_its_time_and_ends_when_it_breaks(served: Served) -> None:
    assert (await served.call("GET", "/v1/stream")).body == b"data: 1\n\n"
    head = b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nX-Break: 1\r\n\r\n"
    broken = await served.raw(head)
    assert b"data: 1" in broken
    assert not broken.endswith(b"0\r\n\r\n")  # cut off, so that nobody takes it for whole


async def test_a_body_that_drips_is_cut_off_with_408(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = (
        "POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    writer.write(head.encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in answer
    assert b"connection: close" in answer.lower()


async def test_a_body_that_says_it_is_too_large_is_refused_unread(served: Served) -> None:
    head = (
        "POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 65537\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head.encode())
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(served: Served) -> None:
    head = "POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head.encode())
    for _ in range(5):
        writer.write(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 413 ")  # and the last chunk never came
    writer.close()
