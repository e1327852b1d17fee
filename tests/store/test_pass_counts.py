"""How passes fare in wallets, counted beside a plain tally in the test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.store import pass_counts
from server.store.ids import new_id
from server.store.pool import Connection
from tests.counter_rows import add_offer
from tests.store.test_pass_jobs import add_pass

FROM, TO = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


async def register(db: Connection, serial: UUID, *devices: bytes) -> None:
    for device in devices:
        await db.execute(
            "INSERT INTO registrations (bucket, device_hash, pass_type, serial, pass_bucket) VALUES (1, $1, 't', $2, $3)",
            device,
            serial,
            bucket_of(serial),
        )
    await db.execute("UPDATE passes SET saved_at = now() WHERE serial = $1", serial)


async def counted(db: Connection, offer_id: UUID | None = None) -> list[pass_counts.Fared]:
    return await pass_counts.count(db, start=FROM, end=TO, offer_id=offer_id)


@pytest.fixture
async def offer(db: Connection) -> UUID:
    return await add_offer(db, name="coffee")


async def test_every_pass_is_counted_by_what_became_of_it(db: Connection, offer: UUID) -> None:
    serials = [await add_pass(db, offer=offer) for _ in range(6)]
    held, twice, thrown, *_ = serials
    await register(db, held, b"a")
    await register(db, twice, b"a", b"b")
    await register(db, thrown)
    other = await add_offer(db, name="tea")
    await register(db, await add_pass(db, offer=other), b"a")
    coffee, tea = await counted(db)
    assert coffee == (offer, "coffee", 6, 6, 3, 1, 1, 0)
    assert tea == (other, "tea", 1, 1, 1, 0, 0, 0)
    assert await counted(db, other) == [tea]


async def test_a_pass_counts_by_its_time_of_issue_half_open(db: Connection, offer: UUID) -> None:
    serial = await add_pass(db, offer=offer)
    at = await db.fetchval("SELECT created_at FROM passes WHERE serial = $1", serial)
    for start, end, count in ((at, at + timedelta(seconds=1), 1), (at - timedelta(seconds=1), at, 0)):
        assert sum(row.issued for row in await pass_counts.count(db, start=start, end=end)) == count


async def test_one_customers_passes_are_one_person_and_erased_ones_one_for_each(db: Connection, offer: UUID) -> None:
    serials = [await add_pass(db, offer=offer) for _ in range(5)]
    await db.execute("UPDATE passes SET customer_id = $1 WHERE serial = ANY ($2)", new_id(), serials[:3])
    await db.execute("UPDATE passes SET customer_id = NULL WHERE serial = ANY ($1)", serials[3:])
    assert (await counted(db))[0].customers == 3


async def test_of_many_people_it_tells_how_many_there_are_at_least(db: Connection, offer: UUID) -> None:
    serials = [await add_pass(db, offer=offer) for _ in range(150)]
    row = (await counted(db))[0]
    assert (row.customers, row.issued) == (len({bucket_of(serial) for serial in serials}), 150)
    assert row.customers >= pass_counts.SURELY
    await db.execute("UPDATE passes SET bucket = 7, customer_id = $1 WHERE serial <> $2", new_id(), serials[0])
    assert (await counted(db))[0].customers == 2


async def test_a_wallet_of_an_erased_customer_holds_nothing(db: Connection, offer: UUID) -> None:
    serial = await add_pass(db, offer=offer)
    await register(db, serial, b"a", b"b")
    await db.execute("UPDATE registrations SET erased_at = now()")
    row = (await counted(db))[0]
    assert (row.saved, row.shared, row.removed) == (1, 0, 1)


@pytest.mark.parametrize(
    ("tag", "state", "ago_s", "waiting"),
    [
        (-1, None, 0, 1),
        (-2, None, 0, 1),
        (7, None, 0, 0),
        (7, "queued", 0, 1),
        (7, "delivered", 0, 0),
        (7, "queued", 9000, 0),  # the wallet waits for another of its passes: this one changed long ago
    ],
)
async def test_what_changed_waits_until_its_wallet_is_told(
    db: Connection, tag: int, state: str | None, ago_s: int, waiting: int
) -> None:
    offer = await add_offer(db)
    serial = await add_pass(db, offer=offer)
    await register(db, serial, b"a")
    await db.execute("UPDATE passes SET tag = $1, modified_at = now() - make_interval(secs => $2)", tag, ago_s)
    if state is not None:
        await db.execute(
            "INSERT INTO deliveries (bucket, id, channel, way, device_hash, state, not_before, deliver_by, created_at) "
            "VALUES ($1, $2, 'apple_wallet', 'apple_wallet', 'a', $3, now(), now(), now())",
            bucket_of(serial),
            serial,
            state,
        )
    assert (await counted(db))[0].waiting == waiting


@pytest.mark.parametrize(
    ("saved", "removed", "figures"),
    [(False, False, (0, 0, 0)), (True, False, (1, 0, 1)), (True, True, (1, 1, 0))],
)
async def test_a_pass_in_googles_wallet_counts_like_one_in_apples(
    db: Connection, offer: UUID, saved: bool, removed: bool, figures: tuple[int, int, int]
) -> None:
    serial = await add_pass(db, offer=offer)
    await db.execute(
        "INSERT INTO google_objects (bucket, serial, kind, saved_at, removed_at) "
        "VALUES ($1, $2, 'offer', CASE WHEN $3 THEN now() END, CASE WHEN $4 THEN now() END)",
        bucket_of(serial),
        serial,
        saved,
        removed,
    )
    await db.execute("UPDATE passes SET tag = -1")
    row = (await counted(db))[0]
    assert (row.saved, row.removed, row.waiting) == figures
    await db.execute("UPDATE passes SET tag = 7")
    await db.execute(
        "INSERT INTO deliveries (bucket, id, channel, way, serial, state, not_before, deliver_by, created_at) "
        "VALUES ($1, $2, 'google_wallet', 'google_wallet', $2, 'queued', now(), now(), now())",
        bucket_of(serial),
        serial,
    )
    assert (await counted(db))[0].waiting == 1


async def test_what_no_wallet_holds_waits_for_nothing(db: Connection, offer: UUID) -> None:
    await add_pass(db, offer=offer)
    await db.execute("UPDATE passes SET tag = -1")
    assert (await counted(db))[0].waiting == 0
