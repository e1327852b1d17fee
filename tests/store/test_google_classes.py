"""What a class is made of, and which of its bodies Google took."""

from __future__ import annotations

import json
from uuid import uuid4

from server.store import google_classes
from server.store.pool import Connection
from tests.counter_rows import add_offer


async def test_an_offers_words_are_those_of_its_live_version(undone: Connection) -> None:
    two = [{"title": "Kaffee für dich", "formality": "du"}, {"title": "Kaffee für Sie", "formality": "sie"}]
    contents = {"de-DE": two, "en-US": {"title": "Coffee", "body": "…"}}
    offer = await add_offer(undone, contents=contents, name="coffee")
    await undone.execute(
        "INSERT INTO offer_versions (offer_id, version, document, author) VALUES ($1, 2, $2, 't')",
        offer,
        json.dumps({"moment": {"content": {"en-US": {"title": "A draft"}}, "fallback_locale": "en-US"}}),
    )
    await undone.execute("UPDATE offers SET version = 2 WHERE id = $1", offer)
    found = await google_classes.words(undone, offers=[offer, uuid4()])
    assert list(found) == [offer]
    assert found[offer].titles == {"de-DE": "Kaffee für dich", "en-US": "Coffee"}
    assert (found[offer].name, found[offer].fallback) == ("coffee", "de-DE")


async def test_the_latest_body_is_remembered_by_its_digest(undone: Connection) -> None:
    assert await google_classes.digests(undone, ids=["1.a"]) == {}
    await google_classes.sent(undone, id="1.a", digest=b"one")
    await google_classes.sent(undone, id="1.a", digest=b"two")
    assert await google_classes.digests(undone, ids=["1.a", "1.b"]) == {"1.a": b"two"}
