"""The short way in for pings: taken by what is plain, and not to be told from the door by its answers."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from server.errors import ConsentRequired, TooMany, Unauthenticated, Unavailable
from server.model.place import Circle, Point
from server.pipeline.batch import Answer, Batch, Result, Watch, Watched
from server.web import health, pings
from server.web.access import ACCESS, Kind, Principal
from server.web.doors import build
from server.web.gate import open_gate
from server.web.parts import PARTS
from server.web.short import short_way
from server.web.visitor import Guess, Visitor
from server.web.wire import Runner
from tests.web.serving import NoPool, parts_of, settings_with

KIM = Visitor(Principal(Kind.CUSTOMER, "customer:1", frozenset({Kind.CUSTOMER}), customer_id=UUID(int=1), via="token"))
KEY = Visitor(Principal(Kind.APP, "key:1", frozenset({Kind.APP}), via="token"))
NOW = datetime(2026, 11, 3, 7, 30, tzinfo=UTC)
CIRCLE = Watched(UUID(int=9), Circle(Point(52.5, 13.4), 100.0), b'{"id":"9"}')
BODY = json.dumps(pings.EXAMPLE).encode()


class Credentials:
    """Kim's token is remembered; a stranger's is looked up when the test says so, and is `found`."""

    def __init__(self) -> None:
        self.found: Visitor | Exception | None = KIM
        self.asked = asyncio.Event()
        self.tell: Callable[[], None] = lambda: None

    def guess(self, token: str) -> Guess | None:
        return Guess(KIM, b"hash") if token == "kim" else None

    def ask(self, token: str, then: Callable[[Visitor | Exception | None], None]) -> bool:
        self.tell = lambda: then(self.found)
        self.asked.set()
        return token == "stranger"

    async def by_token(self, token: str) -> Visitor | None:
        found = self.found if token == "stranger" else {"kim": KIM, "key": KEY}.get(token)
        if isinstance(found, Exception):
            raise found
        return found

    async def close(self) -> None:
        """Nothing is open."""


class Arrivals:
    """Notes by which way a report came, and answers at once, or when the test says so."""

    def __init__(self) -> None:
        self.ways: list[str] = []
        self.error: Exception | None = None
        self.at_once, self.looked_up = True, False
        self.waiting: list[Any] = []
        self.came = asyncio.Event()

    def take(self, batch: Batch, answer: Any) -> None:
        self._note("short", batch)
        assert batch.proof == (None if self.looked_up else b"hash")
        if isinstance(self.error, TooMany):
            raise self.error
        self.waiting.append(answer)
        if self.at_once:
            asyncio.get_running_loop().call_soon(self.tell)

    async def arrive(self, batch: Batch) -> Answer:
        self._note("door", batch)
        if self.error is not None:
            raise self.error
        return answer_to(batch.fixes[0].id)

    def tell(self) -> None:
        if self.error is not None:
            self.waiting.pop(0).set_exception(self.error)
        else:
            self.waiting.pop(0).set_result(answer_to(UUID(pings.EXAMPLE["pings"][0]["id"])))  # type: ignore[index]

    def _note(self, way: str, batch: Batch) -> None:
        assert batch.customer_id == UUID(int=1)
        self.ways.append(way)
        self.came.set()


def answer_to(ping: UUID) -> Answer:
    return Answer((Result(ping, "accepted", "skew"),), (), Watch((CIRCLE,), 30), NOW)


@dataclasses.dataclass
class Desk:
    """A server, and what stands behind its door."""

    runner: Runner
    credentials: Credentials
    arrivals: Arrivals

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.runner.addresses[0])

    async def ask(self, *pieces: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send a request in pieces, and read one answer."""
        reader, writer = await self.open()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01 if len(pieces) > 1 else 0)
        answer = await read(reader)
        writer.close()
        return answer


async def read(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Read one answer."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:-2])
    return int(head[0].split(" ")[1]), headers, await reader.readexactly(int(headers["Content-Length"]))


@contextlib.asynccontextmanager
async def desk(**changes: Any) -> AsyncIterator[Desk]:
    """Serve pings and health on a free port."""
    settings = settings_with(server__hosts=["shop.example"], **changes)
    credentials, arrivals = Credentials(), Arrivals()
    gate = dataclasses.replace(
        open_gate(settings, pool=NoPool(), till_pool=NoPool()),  # type: ignore[arg-type]
        credentials=credentials,  # type: ignore[arg-type]
    )
    parts = parts_of(settings, NoPool(), arrivals=arrivals)
    runner = Runner(build(parts, [pings.report, health.alive], gate=gate))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Desk(runner, credentials, arrivals)
    finally:
        await runner.cleanup()


@pytest.fixture
async def kiosk() -> AsyncIterator[Desk]:
    async with desk() as opened:
        yield opened


def post(body: bytes = BODY, *, path: str = "/v1/pings", version: str = "1.1", **headers: str | None) -> bytes:
    """Write a request; `None` leaves a header out."""
    given: dict[str, str | None] = {
        "Host": "shop.example",
        "Authorization": "Bearer kim",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value is not None)
    return f"POST {path} HTTP/{version}\r\n{lines}\r\n".encode() + body


async def test_a_plain_report_goes_the_short_way(kiosk: Desk) -> None:
    status, _, body = await kiosk.ask(post(X_Forwarded_For="1.2.3.4", Cookie="sid=x", Idempotency_Key="a", Origin="x"))
    assert (status, kiosk.arrivals.ways) == (200, ["short"])
    assert json.loads(body)["watch"] == {"circles": [{"id": "9"}], "next_ping_s": 30}


CHUNKED = post(b"", Content_Length=None, Transfer_Encoding="chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
OTHERWISE = {
    "a query": (post(path="/v1/pings?x=1"), 422, []),
    "http/1.0": (post(version="1.0"), 200, ["door"]),
    "the connection's end": (post(Connection="close"), 200, ["door"]),
    "chunks": (CHUNKED, 200, ["door"]),
    "a charset": (post(Content_Type="application/json; charset=utf-8"), 200, ["door"]),
    "a form": (post(Content_Type="text/plain"), 415, []),
    "compression": (post(Content_Encoding="gzip"), 415, []),
    "an expectation": (post(Expect="100-continue"), 200, ["door"]),
    "a strange host": (post(Host="evil.example"), 421, []),
    "another scheme": (post(Authorization="Basic kim"), 401, []),
    "no credential": (post(Authorization=None), 401, []),
    "a key": (post(Authorization="Bearer key"), 403, []),
    "no JSON": (post(b"{"), 400, []),
    "a name twice": (post(BODY.replace(b'"lat"', b'"lon": 7, "lat"')), 400, []),
    "a wrong value": (post(BODY.replace(b"52.52", b"95.52")), 422, []),
    "letters beyond ASCII": (post(BODY.replace(b'"accuracy_m"', '"source": "Büro", "accuracy_m"'.encode())), 200, ["door"]),
    "an upgrade": (post(Connection="Upgrade", Upgrade="websocket"), 200, ["door"]),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERWISE)
async def test_whatever_is_not_plain_goes_through_the_door(kiosk: Desk, name: str) -> None:
    data, status, ways = OTHERWISE[name]
    if name == "an expectation":
        data = data.replace(b"Expect: 100-continue\r\n", b"Expect: 100-Continue\r\n")
    answer = await kiosk.ask(data)
    assert (answer[0], kiosk.arrivals.ways) == (status, ways)


@pytest.mark.parametrize(
    "error",
    [
        None,
        TooMany("limits.pings_per_minute is 3; nothing of this request was used.", retry_after_s=7),
        ConsentRequired("The customer has not consented to the use of locations."),
        Unavailable("The database did not answer in time.", retry_after_s=1),
        Unauthenticated(),
        ZeroDivisionError("a secret"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_both_ways_give_the_same_answer(kiosk: Desk, error: Exception | None) -> None:
    kiosk.arrivals.error = error
    data = post()
    answers = [await kiosk.ask(data), await kiosk.ask(data[:40], data[40:-9], data[-9:])]
    assert kiosk.arrivals.ways == ["short", "door"]
    seen = []
    for status, headers, body in answers:
        request_id = headers.pop("X-Request-Id")
        assert UUID(request_id).version == 7
        headers.pop("Date")
        seen.append((status, headers, body.replace(request_id.encode(), b"ID")))
    assert seen[0] == seen[1]
    counted = kiosk.runner.app[PARTS].metrics.text().decode()
    assert f'method="POST",route="/v1/pings",status="{seen[0][0]}"}} 2.0' in counted


async def test_wherever_a_request_is_cut_its_answer_is_the_same(kiosk: Desk) -> None:
    data = post()
    for cut in range(1, len(data), 37):
        status, _, body = await kiosk.ask(data[:cut], data[cut:])
        assert (status, len(json.loads(body)["results"])) == (200, 1)
    assert set(kiosk.arrivals.ways) == {"short", "door"}  # a body that comes after its head goes through the door


async def test_what_comes_in_a_row_is_answered_in_its_order(kiosk: Desk) -> None:
    kiosk.arrivals.at_once = False
    reader, writer = await kiosk.open()
    writer.write(post())
    await kiosk.arrivals.came.wait()
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: shop.example\r\n\r\n" + post())
    await asyncio.sleep(0.05)
    kiosk.arrivals.at_once = True
    kiosk.arrivals.tell()
    bodies = [(await read(reader))[2] for _ in range(3)]
    assert [b"results" in body for body in bodies] == [True, False, True]
    writer.write(post())  # and the connection is as it was before
    assert (await read(reader))[0] == 200
    assert kiosk.arrivals.ways == ["short", "door", "short"]
    writer.close()


@pytest.mark.parametrize(
    ("found", "status", "ways"),
    [(KIM, 200, ["short"]), (None, 401, []), (KEY, 403, []), (Unavailable(retry_after_s=1), 503, [])],
)
async def test_an_unknown_token_is_looked_up_and_only_a_customer_goes_on(
    kiosk: Desk, found: Visitor | Exception | None, status: int, ways: list[str]
) -> None:
    kiosk.credentials.found = found
    reader, writer = await kiosk.open()
    writer.write(post(Authorization="Bearer stranger"))
    await kiosk.credentials.asked.wait()
    assert kiosk.arrivals.ways == []
    kiosk.arrivals.looked_up = True
    kiosk.credentials.tell()
    assert ((await read(reader))[0], kiosk.arrivals.ways) == (status, ways)
    writer.close()


@pytest.mark.parametrize("looking", [False, True])
async def test_who_hangs_up_meanwhile_troubles_nobody(
    kiosk: Desk, looking: bool, caplog: pytest.LogCaptureFixture
) -> None:
    kiosk.arrivals.at_once = False
    before = asyncio.all_tasks()
    _, writer = await kiosk.open()
    writer.write(post(Authorization="Bearer stranger" if looking else "Bearer kim"))
    await (kiosk.credentials.asked if looking else kiosk.arrivals.came).wait()
    writer.transport.abort()
    server = kiosk.runner.server
    assert server is not None
    while server.connections:
        await asyncio.sleep(0.005)
    (kiosk.credentials if looking else kiosk.arrivals).tell()
    await asyncio.sleep(0.01)
    assert kiosk.arrivals.ways == ([] if looking else ["short"])
    assert not caplog.records
    assert asyncio.all_tasks() <= before


async def test_a_shutdown_waits_for_a_report_that_is_under_way() -> None:
    async with desk(server__shutdown_s=5.0) as kiosk:
        kiosk.arrivals.at_once = False
        reader, writer = await kiosk.open()
        writer.write(post())
        await kiosk.arrivals.came.wait()
        ending = asyncio.create_task(kiosk.runner.cleanup())
        await asyncio.sleep(0.05)
        assert not ending.done()
        kiosk.arrivals.tell()
        assert (await read(reader))[0] == 200
        assert await asyncio.wait_for(reader.read(), 5) == b""  # then the connection ends
        await asyncio.wait_for(ending, 5)
        writer.close()


async def test_a_connection_that_idles_after_its_answer_ends_and_one_that_waits_does_not() -> None:
    async with desk(server__keepalive_s=0.2) as kiosk:
        kiosk.arrivals.at_once = False
        reader, writer = await kiosk.open()
        writer.write(post())
        await kiosk.arrivals.came.wait()
        await asyncio.sleep(0.4)
        kiosk.arrivals.tell()
        assert (await read(reader))[0] == 200
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_only_the_houses_own_door_for_customers_has_a_short_way() -> None:
    settings = settings_with()
    parts = parts_of(settings, NoPool())
    changed = dataclasses.replace(pings.report, summary="another")
    anybody = {**ACCESS, ("POST", "/v1/pings"): ACCESS["GET", "/healthz"]}
    assert short_way(build(parts, [pings.report])) is not None
    assert short_way(build(parts, [changed])) is None
    assert short_way(build(parts, [pings.report], table=anybody)) is None
    assert short_way(build(parts, [health.alive])) is None


async def test_with_an_aiohttp_that_nobody_tried_pings_take_the_door() -> None:
    app = build(parts_of(settings_with(), NoPool()), [pings.report])
    assert short_way(app, version="3.14.99") is not None
    assert short_way(app, version="3.15.0") is None
