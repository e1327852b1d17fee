"""The chain is checked portion by portion, finds what was changed, and goes into a file that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from server.store import audit
from server.store.pool import Pool
from server.web.paging import write_cursor
from tests.web.house import House, housed


async def write(pool: Pool, count: int) -> None:
    async with pool.transaction() as db:
        for number in range(1, count + 1):
            await audit.record(
                db, actor=f"user:{number}", action="offer.publish", object="=HYPERLINK(1)", before=number
            )


async def walk(house: House) -> list[Any]:
    """Every answer of a check, up to its end."""
    found, cursor = [], ""
    while True:
        answered = await house.call("GET", f"/v1/audit/verification{cursor}")
        assert answered.status == 200, answered.body
        found.append(answered.json)
        if answered.json["next"] is None:
            return found
        cursor = f"?cursor={answered.json['next']}"


async def test_a_long_chain_is_checked_in_portions_and_an_empty_one_is_good(pool: Pool) -> None:
    async with housed(pool, limits__audit_rows=3) as house:
        [empty] = await walk(house)
        assert (empty["rows"], empty["broken_at"]) == (0, None)
        await write(pool, 7)
        portions = await walk(house)
        assert [(each["rows"], each["broken_at"]) for each in portions] == [(3, None), (6, None), (7, None)]
        async with pool.acquire() as db:
            assert portions[-1]["hash"] == (await db.fetchval("SELECT hash FROM audit_head")).hex()


@pytest.mark.parametrize(
    "tampering",
    ["UPDATE audit SET actor = 'user:0' WHERE seq = 5", "DELETE FROM audit WHERE seq = 5", "DELETE FROM audit WHERE seq > 4"],
)  # fmt: skip
async def test_what_was_changed_behind_our_back_is_found(pool: Pool, tampering: str) -> None:
    async with housed(pool, limits__audit_rows=3) as house:
        await write(pool, 7)
        async with pool.transaction() as db:
            await db.execute("ALTER TABLE audit DISABLE TRIGGER audit_append_only")
            await db.execute(tampering)
            await db.execute("ALTER TABLE audit ENABLE TRIGGER audit_append_only")
        last = (await walk(house))[-1]
        assert (last["broken_at"], last["next"]) == (5, None)


async def test_a_cursor_that_was_made_up_is_refused_or_finds_no_chain(pool: Pool) -> None:
    async with housed(pool) as house:
        await write(pool, 2)
        for keys, status in (((1, "zz"), 422), ((1, 2), 422), ((1, "00"), 200), ((9, "00" * 32), 200)):
            answered = await house.call("GET", f"/v1/audit/verification?cursor={write_cursor(keys)}")
            assert answered.status == status
            if status == 200:
                assert answered.json["broken_at"] is not None


async def test_the_file_holds_what_is_sought_and_no_formula(pool: Pool) -> None:
    async with housed(pool) as house:
        await write(pool, 5)
        answered = await house.call("GET", "/v1/audit/export")
        assert answered.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
        assert answered.headers["Content-Type"].startswith("text/csv")
        assert answered.headers["X-Content-Type-Options"] == "nosniff"
        rows = list(csv.DictReader(io.StringIO(answered.body.decode(), newline="")))
        assert [row["seq"] for row in rows] == ["5", "4", "3", "2", "1"]
        assert {row["object"] for row in rows} == {"'=HYPERLINK(1)"}
        one = await house.call("GET", "/v1/audit/export?actor=user:3")
        assert [row["seq"] for row in csv.DictReader(io.StringIO(one.body.decode(), newline=""))] == ["3"]
        assert (await house.call("GET", "/v1/audit/export?limit=3")).json["errors"][0]["field"] == "limit"
