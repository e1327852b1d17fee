"""The pass of a preview is the pass that would be taken, and no till takes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.decision.reading import Known
from server.decision.rules import Identity, parse
from server.model.customer import Consents, Customer
from server.model.offer import Offer
from server.pipeline.accept import accept
from server.pipeline.preview import Reader, Seen, preview
from server.pipeline.rules import Rules
from server.pipeline.specimen import CODE, specimen, stores_for
from server.store.pool import Pool
from server.wallet.codes import read_scan
from tests.builders import NOON, offer_id, programme
from tests.counter_rows import add_customer, add_moment, add_offer, the_desk
from tests.house.tree import ROOT
from tests.web.authors import a_store

COFFEE: dict[str, Any] = json.loads((ROOT / "config" / "offers" / "coffee-morning.json").read_text("utf-8"))
NOBODY = Customer(offer_id(9), Consents())


def read(document: Mapping[str, Any]) -> Offer:
    known = Known(programme(), frozenset(), {}, frozenset({"cafe"}))
    return parse(document, identity=Identity(offer_id(1), 1, NOON), known=known).offer


def seen_in(whole: Offer, reader: Reader, locale: str) -> Seen:
    return next(each for each in preview(whole, reader, programme()) if each.content.locale == locale)


@pytest.mark.parametrize("locale", ["de-DE", "en-US"])
async def test_the_specimen_is_the_pass_that_is_taken(pool: Pool, tmp_path: Path, locale: str) -> None:
    for number in range(3):
        await a_store(pool, name=f"Café {number}", tags=("cafe",), at=(52.52 + number / 100, 13.405))
    rules = Rules(pool, programme())
    await rules.refresh()
    whole = read(COFFEE)
    place = next(each for each in rules.current.ruleset.places.by_id.values() if each.name == "Café 1")
    desk, _ = the_desk(tmp_path)
    async with pool.transaction() as db:
        now = await db.fetchval("SELECT clock_timestamp()")
        reader = Reader(NOBODY, now, place=place)
        seen = seen_in(whole, reader, locale)
        stores = await stores_for(db, whole, place, rules.current)
        made = specimen(whole, COFFEE, seen, reader, programme(), stores=stores)
        assert made is not None
        customer_id = await add_customer(db, locale=locale)
        offer = await add_offer(db, contents=COFFEE["moment"]["content"])
        taken = await accept(
            db,
            moment_id=await add_moment(
                db,
                customer_id=customer_id,
                offer_id=offer,
                title=seen.words.title,
                reward=COFFEE["reward"],
                place_id=place.id,
                place_kind="store",
                place_name=place.name,
                valid_until=made.valid_until,
                redeem_at={"ids": [str(each.id) for each in stores.shown]},
            ),
            customer_id=customer_id,
            desk=desk,
        )
    desk.close()
    real = taken.pass_.card
    assert replace(made.card, others={}) == replace(real, others={})
    assert [spot.name for spot in made.card.spots] == ["Café 1", "Café 0", "Café 2"]
    assert made.card.others.keys() == real.others.keys() == {"en", "de"} - {locale[:2]}
    assert (made.benefit, made.uses_left) == (taken.pass_.benefit, taken.pass_.uses_left)


def test_an_offer_without_a_reward_has_no_pass() -> None:
    document = {key: value for key, value in COFFEE.items() if key not in ("reward", "limits")}
    whole = read(document)
    reader = Reader(NOBODY, NOON)
    assert specimen(whole, document, seen_in(whole, reader, "de-DE"), reader, programme(), stores=((), True)) is None  # type: ignore[arg-type]


def test_its_code_is_nobodys(tmp_path: Path) -> None:
    desk, keyring = the_desk(tmp_path)
    desk.close()
    assert read_scan(CODE, keyring=keyring, now=NOON) is None
