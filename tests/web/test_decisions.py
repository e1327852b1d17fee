"""/v1/decisions: receipts by moment, by offer and by customer, and who may look at whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.store.clock import DatabaseClock
from server.store.ids import new_id
from server.store.pool import Pool
from server.web import decisions
from server.web.paging import write_cursor
from tests import lives
from tests.lives import MORNING
from tests.web.authors import House, house
from tests.written import write_receipt

COFFEE, BOOKS = lives.offer_of(1), lives.offer_of(2)
DAY = "from=2026-11-03&to=2026-11-04"


@pytest.fixture
async def at(pool: Pool) -> AsyncIterator[House]:
    """The door of decisions, with the database's clock."""
    clock = DatabaseClock()
    async with pool.acquire() as db:
        await clock.sync(db)
    async with house(pool, decisions, clock=clock) as served:
        yield served


def verdict(offer: UUID, gate: str | None, truth: str = "holds", **values: Any) -> dict[str, Any]:
    label = {COFFEE: "coffee@1", BOOKS: "books@3"}[offer]
    return {
        "offer_id": str(offer),
        "offer": label,
        "place_id": None,
        "gate": gate,
        "truth": truth,
        "reason": "So it was.",
        "values": values,
    }


async def receipt(
    at: House, of: int, *verdicts: dict[str, Any], when: datetime = MORNING, moment: UUID | None = None
) -> UUID:
    """Write a receipt as the street does, and give its id."""
    async with at.pool.acquire() as db:
        return await write_receipt(db, lives.customer(of), verdicts, at=when, moment=moment)


async def items(at: House, query: str, kind: str = "marketer") -> list[dict[str, Any]]:
    answer = await at.call(kind, "GET", f"/v1/decisions?{query}")
    assert answer.status == 200, answer.body
    return answer.json["items"]


async def test_a_moments_receipt_lists_every_offer_that_was_looked_at(at: House) -> None:
    moment = new_id(bucket=bucket_of(lives.customer(1)))
    cold = verdict(BOOKS, "weather", "unknown", observed_at=None)
    await receipt(at, 1, verdict(COFFEE, None), cold, moment=moment)
    await receipt(at, 1, verdict(COFFEE, "cap"))
    told = await items(at, f"moment_id={moment}")
    assert told == [
        {"offer": "coffee@1", "gate": None, "truth": "holds", "reason": "So it was.", "values": {},
         "at": "2026-11-03T08:07:30Z", "moment_id": str(moment)},
        {"offer": "books@3", "gate": "weather", "truth": "unknown", "reason": "So it was.", "values": {"observed_at": None},
         "at": "2026-11-03T08:07:30Z", "moment_id": str(moment)},
    ]  # fmt: skip


async def test_an_offers_receipts_are_its_own_lines_in_the_range_newest_first(at: House) -> None:
    for minutes, gate in ((0, "place"), (5, "cap"), (10, None)):
        await receipt(
            at, minutes, verdict(BOOKS, "place"), verdict(COFFEE, gate), when=MORNING + timedelta(minutes=minutes)
        )
    await receipt(at, 3, verdict(COFFEE, "late"), when=MORNING + timedelta(days=2))
    told = await items(at, f"offer_id={COFFEE}&{DAY}")
    assert [(each["offer"], each["gate"]) for each in told] == [
        ("coffee@1", None),
        ("coffee@1", "cap"),
        ("coffee@1", "place"),
    ]


async def test_without_a_range_the_last_day_is_meant(at: House) -> None:
    async with at.pool.acquire() as db:
        now = await db.fetchval("SELECT clock_timestamp()")
    await receipt(at, 1, verdict(COFFEE, "cap"), when=now)
    await receipt(at, 1, verdict(COFFEE, "late"), when=now - timedelta(hours=25))
    assert [each["gate"] for each in await items(at, f"offer_id={COFFEE}")] == ["cap"]


async def test_a_marketer_never_sees_a_customer(at: House) -> None:
    await receipt(at, 1, verdict(COFFEE, "cap"))
    person = lives.customer(1)
    assert all("customer_id" not in each for each in await items(at, f"offer_id={COFFEE}&{DAY}"))
    assert (await at.call("marketer", "GET", f"/v1/decisions?customer_id={person}&{DAY}")).status == 403
    assert (await at.call("analyst", "GET", f"/v1/decisions?offer_id={COFFEE}")).status == 403


async def test_an_admin_looks_at_one_customer(at: House) -> None:
    await receipt(at, 1, verdict(COFFEE, "cap"), verdict(BOOKS, "place"))
    await receipt(at, 2, verdict(COFFEE, "late"))
    told = await items(at, f"customer_id={lives.customer(1)}&{DAY}", kind="admin")
    assert [(each["offer"], each["customer_id"]) for each in told] == [
        ("coffee@1", str(lives.customer(1))),
        ("books@3", str(lives.customer(1))),
    ]


async def test_pages_follow_each_other_also_within_a_receipt_and_at_one_instant(at: House) -> None:
    for number in range(4):
        await receipt(at, 1, verdict(COFFEE, "cap", number=number), verdict(BOOKS, "place", number=number))
    seen: list[tuple[str, int]] = []
    cursor = ""
    for _ in range(5):
        query = f"customer_id={lives.customer(1)}&{DAY}&limit=3{cursor}"
        page = (await at.call("admin", "GET", f"/v1/decisions?{query}")).json
        seen += [(each["offer"], each["values"]["number"]) for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(seen) == len(set(seen)) == 8
    assert [offer for offer, _ in seen] == ["coffee@1", "books@3"] * 4


@pytest.mark.parametrize(
    "query",
    [
        "",
        f"moment_id={UUID(int=1)}&offer_id={UUID(int=2)}",
        "offer_id=coffee",
        f"offer_id={COFFEE}&from=tomorrow",
        f"offer_id={COFFEE}&limit=0",
        f"offer_id={COFFEE}&cursor=none",
        f"offer_id={COFFEE}&cursor={write_cursor(('2026-11-03T08:00:00', COFFEE, 1))}",
        f"offer_id={COFFEE}&cursor={write_cursor(('9999-12-31T23:59:59-12:00', COFFEE, 1))}",
        f"offer_id={COFFEE}&cursor={write_cursor((MORNING, COFFEE, 1 << 40))}",
    ],
)
async def test_a_wrong_query_is_refused(at: House, query: str) -> None:
    assert (await at.call("admin", "GET", f"/v1/decisions?{query}")).status == 422


async def test_what_nobody_decided_is_an_empty_page(at: House) -> None:
    for query in (f"moment_id={UUID(int=9)}", f"offer_id={UUID(int=9)}", f"customer_id={UUID(int=9)}"):
        assert await items(at, query, kind="admin") == []


async def test_a_plain_no_that_stands_for_others_says_for_how_many(at: House) -> None:
    plain = verdict(COFFEE, "trigger")
    await receipt(at, 1, verdict(BOOKS, "cap"), plain | {"weight": 20.0})
    [item] = await items(at, f"offer_id={COFFEE}&{DAY}")
    assert item["weight"] == 20.0
    [item] = await items(at, f"offer_id={BOOKS}&{DAY}")
    assert "weight" not in item


async def test_a_pass_leads_to_the_receipt_of_its_moment(at: House) -> None:
    moment = lives.row(1)
    async with at.pool.acquire() as db:
        await lives.decide(db, moment)
        taken = await lives.accept(db, moment)
    await receipt(at, 1, verdict(COFFEE, None), verdict(BOOKS, "place"), moment=moment.id)
    await receipt(at, 1, verdict(COFFEE, "cap"))
    told = await items(at, f"serial={taken.serial}")
    assert [(each["offer"], each["moment_id"]) for each in told] == [
        ("coffee@1", str(moment.id)),
        ("books@3", str(moment.id)),
    ]
    assert await items(at, f"serial={UUID(int=9)}") == []
    assert (await at.call("marketer", "GET", f"/v1/decisions?serial={UUID(int=9)}&offer_id={COFFEE}")).status == 422


async def test_a_reason_is_said_in_a_language_and_as_the_customer_reads_it(at: House) -> None:
    closed = verdict(COFFEE, "local_time", "fails") | {"reason": "07:30 is within 07:00–11:00. Mitte is closed."}
    await receipt(at, 1, closed)
    [plain] = await items(at, f"offer_id={COFFEE}&{DAY}")
    assert not {"said", "customer_reads"} & set(plain)
    [german] = await items(at, f"offer_id={COFFEE}&{DAY}&language=de")
    assert german["said"] == "07:30 liegt in 07:00–11:00. Mitte ist geschlossen."
    assert german["customer_reads"] == "Das Angebot gilt zu einer anderen Zeit."
    assert german["reason"] == closed["reason"]
    [english] = await items(at, f"offer_id={COFFEE}&{DAY}&language=en")
    assert english["said"] == closed["reason"]
    assert (await at.call("marketer", "GET", f"/v1/decisions?offer_id={COFFEE}&language=tlh")).status == 422


async def test_texts_of_a_profile_are_for_admins(at: House) -> None:
    await receipt(at, 1, verdict(COFFEE, "attribute", "fails", first_name="Kim", visits=2))
    [seen] = await items(at, f"offer_id={COFFEE}&{DAY}")
    assert seen["values"] == {"visits": 2}
    [all_of_it] = await items(at, f"offer_id={COFFEE}&{DAY}", kind="admin")
    assert all_of_it["values"] == {"first_name": "Kim", "visits": 2}
