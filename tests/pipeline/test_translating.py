"""Nothing is published that some of the programme's customers could not read."""

from __future__ import annotations

import pytest

from server.pipeline import authoring
from server.pipeline.translating import Untranslated
from server.store import offers
from server.store.pool import Pool
from tests.web.authors import BY, PROGRAMME, document

WANTS = PROGRAMME._replace(locales=("de-DE", "en-US"), formalities=("du", "sie"))
WORDS = {"title": "T", "body": "B"}


def spoken(*, german: list[str]):
    """The document with German words in these formalities beside the English ones."""
    content = {"en": WORDS, **({"de": [{"formality": each, **WORDS} for each in german]} if german else {})}
    return document(moment={"content": content, "fallback_locale": "en"})


async def test_publishing_names_what_is_missing_and_what_would_be_read_instead(pool: Pool) -> None:
    async with pool.transaction() as db:
        made = (await authoring.create(db, document=spoken(german=[]), programme=WANTS, by=BY)).offer
    with pytest.raises(Untranslated) as refused:
        async with pool.transaction() as db:
            await authoring.publish(db, offer_id=made.id, programme=WANTS, by=BY)
    assert [each.field for each in refused.value.errors] == ["moment.content.de-DE"]
    assert refused.value.extra == {"missing": [{"locale": "de-DE", "formality": None}], "fallback_locale": "en"}
    async with pool.acquire() as db:
        kept = await offers.find(db, offer_id=made.id)
    assert kept is not None
    assert kept.status == "draft"


async def test_a_live_offer_keeps_its_words_where_the_next_ones_lack_a_manner_of_address(pool: Pool) -> None:
    async with pool.transaction() as db:
        whole = spoken(german=["du", "sie"])
        made = (await authoring.create(db, document=whole, programme=WANTS, by=BY)).offer
        await authoring.publish(db, offer_id=made.id, programme=WANTS, by=BY)
    with pytest.raises(Untranslated) as refused:
        async with pool.transaction() as db:
            await authoring.change(db, offer_id=made.id, document=spoken(german=["du"]), programme=WANTS, by=BY)
    assert refused.value.extra["missing"] == [{"locale": "de-DE", "formality": "sie"}]
    async with pool.acquire() as db:
        kept = await offers.find(db, offer_id=made.id)
    assert kept is not None
    assert (kept.version, kept.document) == (1, whole)


async def test_a_draft_may_be_written_in_any_language(pool: Pool) -> None:
    async with pool.transaction() as db:
        made = (await authoring.create(db, document=spoken(german=[]), programme=WANTS, by=BY)).offer
        changed = await authoring.change(
            db, offer_id=made.id, document=spoken(german=["du"]), programme=WANTS, by=BY
        )  # fmt: skip
    assert changed.offer.version == 2
