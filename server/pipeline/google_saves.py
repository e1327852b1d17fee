"""What Google says its users did with our passes: saved, or taken out of their wallet.

Rule 1: each message counts once, by its nonce; of several about one pass the latest counts, in whichever order they come.
Rule 2: who saved a pass gets the whole of it: a link carries the least, and may be older than the pass is by now.
Rule 3: a pass that no link can carry is inserted by the outbox, whose row is written with the pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from passes.errors import GoogleError
from passes.google.callback import Callback
from server.model.pass_ import Pass
from server.model.titled import Words
from server.store import google_classes, google_objects, knocks, passes, webhook_events
from server.store.pool import Connection
from server.wallet.google import Issuer, Known

CHANNEL = "google_wallet"
"""The word in `deliveries`, and the knock."""


async def hear(db: Connection, told: Callback, *, issuer: Issuer) -> bool:
    """Take a callback that was verified, and tell whether it said anything new. Needs a transaction."""
    serial = issuer.serial_of(told.object_id)
    found = None if serial is None else await passes.find(db, serial=serial)
    if serial is None or found is None or found.customer_id is None:
        return False
    news = await google_objects.hear(
        db,
        serial=serial,
        kind=issuer.kind(found),
        nonce=told.nonce,
        event=told.event,
        until=told.expires,
        count=told.number,
    )
    if news and told.event == "save":
        await tell(db, [serial], within=issuer.within)
        if await webhook_events.heard(db):
            await webhook_events.tell_saved(db, serial=serial, wallet="google")
    return news


async def tell(db: Connection, serials: Sequence[UUID], *, within: timedelta, first: bool = False) -> None:
    """Have passes told to Google (`first`: inserted) within that time, and wake whoever does it."""
    if await google_objects.enqueue(db, serials=serials, within=within, first=first):
        await knocks.knock(db, CHANNEL)


async def expect(db: Connection, pass_: Pass, *, issuer: Issuer, now: datetime) -> bool:
    """Have a new pass inserted at Google where its link alone is not enough, and tell whether; in its transaction."""
    words = await google_classes.words(db, offers=[pass_.offer_id])
    try:
        # It signs to see how long a link would be: a millisecond, which belongs to the pings.
        if not await asyncio.to_thread(issuer.must_insert, pass_, words[pass_.offer_id], now=now):
            return False
    except GoogleError:  # a loyalty card without a logo: there is nothing to insert
        return False
    sealed = issuer.new_secret(pass_.serial, table=google_objects.TABLE, now=now)
    await google_objects.add(db, serial=pass_.serial, kind=issuer.kind(pass_), totp_sealed=sealed)
    await tell(db, [pass_.serial], within=issuer.within, first=True)
    return True


class Facts(NamedTuple):
    """What links are made of besides the passes: their offers' words, and what Google has of each."""

    words: Mapping[UUID, Words]
    known: Mapping[UUID, Known]


async def facts(db: Connection, found: Sequence[Pass], *, issuer: Issuer) -> Facts:
    """Read what the links of these passes are made of."""
    words = await google_classes.words(db, offers={each.offer_id for each in found})
    kinds = await google_objects.kinds(db, serials=[each.serial for each in found])
    classes = await google_classes.digests(db, ids={issuer.class_id(each) for each in found})
    known = {each.serial: Known(kinds.get(each.serial), issuer.class_id(each) in classes) for each in found}
    return Facts(words, known)
