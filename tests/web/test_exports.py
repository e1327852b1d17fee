"""/v1/export/{type}: whole tables as lines, streamed, for admins."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from server.store import audit
from server.store import exports as store
from server.store.ids import new_id
from server.store.pool import Pool
from server.web import exports
from tests import lives
from tests.lives import MORNING, row
from tests.web.authors import House, house
from tests.web.serving import settings_with

TYPES = ("deliveries", "events", "redemptions", "decisions", "pings")


@pytest.fixture
async def at(pool: Pool) -> AsyncIterator[House]:
    """The door of exports."""
    async with house(pool, exports) as served:
        yield served


async def lines(at: House, type_: str, query: str = "") -> list[dict[str, Any]]:
    answer = await at.call("admin", "GET", f"/v1/export/{type_}{query}")
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.body.splitlines()]


async def test_an_empty_house_exports_nothing(at: House) -> None:
    for type_ in TYPES:
        assert await lines(at, type_) == []


async def test_redemptions_tell_whose_where_and_whether_they_stand(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        moment = row()
        await lives.decide(db, moment)
        taken = await lives.accept(db, moment, uses=2)
        first, second = await lives.redeem(db, taken), await lives.redeem(db, taken)
        await lives.reverse(db, second)
    told = await lines(at, "redemptions")
    at_times = [each.pop("redeemed_at") for each in told]
    assert at_times == sorted(at_times)
    assert all(each.endswith("Z") for each in at_times)
    common = {
        "serial": str(taken.serial),
        "offer_id": str(moment.offer_id),
        "customer_id": str(moment.customer_id),
        "store_id": str(lives.STORE),
        "till_id": "key:till",
    }
    assert told == [{"id": str(first), **common, "reversed": False}, {"id": str(second), **common, "reversed": True}]


async def test_events_and_deliveries_tell_of_moments(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        moment = row()
        await lives.decide(db, moment)
        await lives.told(db, moment, "delivered", "opened")
    events = await lines(at, "events")
    assert [(each["moment_id"], each["customer_id"], each["type"]) for each in events] == [
        (str(moment.id), str(moment.customer_id), "delivered"),
        (str(moment.id), str(moment.customer_id), "opened"),
    ]
    assert set(events[0]) == {"id", "moment_id", "customer_id", "type", "at"}
    [delivery] = await lines(at, "deliveries")
    assert UUID(delivery.pop("id"))
    assert delivery == {
        "moment_id": str(moment.id),
        "customer_id": str(moment.customer_id),
        "offer_id": str(moment.offer_id),
        "channel": "in_app",
        "state": "queued",
        "attempts": 0,
    }


async def test_pings_tell_fences_and_no_position(at: House, pool: Pool) -> None:
    fence, ping = UUID(int=7), UUID(int=8)
    async with pool.acquire() as db:
        await db.execute(
            "INSERT INTO pings (bucket, customer_id, id, at, received_at, cell, geofence_ids, reason) "
            "VALUES (1, $1, $2, $3, $3, '52.52,13.40', $4, 'coarse')",
            lives.customer(1),
            ping,
            MORNING,
            [fence],
        )
    assert await lines(at, "pings") == [
        {"id": str(ping), "customer_id": str(lives.customer(1)), "at": "2026-11-03T08:07:30Z",
         "geofence_ids": [str(fence)], "reason": "coarse"}
    ]  # fmt: skip


async def test_decisions_are_a_line_for_each_offer_looked_at(at: House, pool: Pool) -> None:
    verdicts = [
        {
            "offer_id": str(UUID(int=1)),
            "offer": "coffee@1",
            "gate": None,
            "truth": "holds",
            "reason": "It won.",
            "values": {},
        },
        {
            "offer_id": str(UUID(int=2)),
            "offer": "books@3",
            "gate": "cap",
            "truth": "holds",
            "reason": "Enough.",
            "values": {"max": 1},
        },
    ]
    async with pool.acquire() as db:
        await db.execute(
            "INSERT INTO receipts (bucket, id, customer_id, at, verdicts) VALUES (1, $1, $2, $3, $4)",
            new_id(),
            lives.customer(1),
            MORNING,
            json.dumps(verdicts),
        )
    told = await lines(at, "decisions")
    assert [(each["offer"], each["gate"], each["values"]) for each in told] == [
        ("coffee@1", None, {}),
        ("books@3", "cap", {"max": 1}),
    ]
    assert set(told[0]) == {"offer", "gate", "truth", "reason", "values", "weight", "at", "moment_id", "customer_id"}


async def test_a_range_is_half_open_by_the_servers_time(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        await lives.decide(db, *(row(number, at=MORNING + timedelta(hours=number)) for number in range(3)))
    told = await lines(at, "deliveries", "?from=2026-11-03T09:07:30Z&to=2026-11-03T10:07:30Z")
    assert [each["customer_id"] for each in told] == [str(lives.customer(1))]
    assert len(await lines(at, "deliveries", "?from=2026-11-03&to=2026-11-04")) == 3


async def test_tens_of_thousands_of_rows_arrive_whole_and_in_order(at: House, pool: Pool) -> None:
    async with pool.acquire() as db:
        await db.execute(
            "INSERT INTO pings (bucket, customer_id, id, at, received_at, cell) "
            "SELECT n % 1024, $1, gen_random_uuid(), t, t, '0,0' "
            "FROM generate_series(1, 30000) AS n, LATERAL (SELECT $2::timestamptz + n * interval '1 second' AS t) AS at",
            lives.customer(1),
            MORNING,
        )
    told = await lines(at, "pings")
    times = [each["at"] for each in told]
    assert len(times) == 30_000
    assert times == sorted(times)
    assert len({each["id"] for each in told}) == 30_000


async def test_a_reader_who_leaves_is_not_taken_for_a_database_that_is_away(
    at: House, pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    async with pool.acquire() as db:
        await db.execute(
            "INSERT INTO pings (bucket, customer_id, id, at, received_at, cell)"
            " SELECT 7, $1, gen_random_uuid(), now(), now(), '52.50,13.40' FROM generate_series(1, 60000)",
            UUID(int=7),
        )
    reader, writer = await asyncio.open_connection("127.0.0.1", at.served.port)
    head = f"GET /v1/export/pings HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {at.tokens['admin']}\r\n\r\n"
    writer.write(head.encode())
    assert b"200 OK" in await reader.readline()
    writer.transport.abort()
    for _ in range(100):
        if pool.counts().open == pool.counts().idle:
            break
        await asyncio.sleep(0.05)
    assert pool.counts().open == pool.counts().idle
    assert "unexpected error" not in "".join(capsys.readouterr())


async def test_an_export_beyond_the_limit_is_refused_before_its_first_line(pool: Pool) -> None:
    async with pool.acquire() as db:
        await lives.decide(db, *(row(number) for number in range(4)))
    for most, status in ((3, 422), (4, 200)):
        async with house(pool, exports, settings=settings_with(limits__passes_per_export=most)) as at:
            assert (await at.call("admin", "GET", "/v1/export/deliveries")).status == status


async def test_no_more_than_two_exports_run_at_once(at: House, pool: Pool) -> None:
    async with pool.transaction(readonly=True) as one, pool.transaction(readonly=True) as two:
        assert await store.take_slot(one)
        assert (await at.call("admin", "GET", "/v1/export/pings")).status == 200
        async with asyncio.timeout(20):
            while not await store.take_slot(two):  # the export gives its own back behind its last line
                await asyncio.sleep(0.01)
        answer = await at.call("admin", "GET", "/v1/export/pings")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert (await at.call("admin", "GET", "/v1/export/pings")).status == 200


async def test_an_export_stands_in_the_audit(at: House, pool: Pool) -> None:
    await lines(at, "events")
    async with pool.acquire() as db:
        [entry] = await audit.page(db, before=None, limit=5)
    assert (entry.action, entry.object) == ("export", "export:events")


async def test_an_unknown_type_is_not_found_and_a_wrong_range_refused(at: House) -> None:
    assert (await at.call("admin", "GET", "/v1/export/customers")).status == 404
    assert (await at.call("admin", "GET", "/v1/export/pings?from=yesterday")).status == 422
    assert (await at.call("admin", "GET", "/v1/export/pings?limit=5")).status == 422


@pytest.mark.parametrize("kind", ["marketer", "analyst", "crm", "app"])
async def test_only_an_admin_exports(at: House, kind: str) -> None:
    assert (await at.call(kind, "GET", "/v1/export/pings")).status == 403
