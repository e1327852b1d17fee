"""The switch is counted with the rules and written down; saying what holds already does nothing."""

from __future__ import annotations

from server.pipeline.programme import throw
from server.store import audit
from server.store.pool import Connection, Pool
from tests.web.authors import BY


async def test_each_throw_is_counted_and_audited_and_a_repeat_is_neither(pool: Pool, db: Connection) -> None:
    said = [(True, "Wrong prices"), (True, "Wrong prices"), (True, "Still wrong"), (False, ""), (False, "")]
    told = []
    for paused, reason in said:
        async with pool.transaction() as held:
            told.append(await throw(held, paused=paused, reason=reason, by=BY))
    assert [(each.paused, each.reason) for each in told] == said
    assert [each.changed_by for each in told] == [BY.actor] * 5
    assert told[0] == told[1]
    entries = list(reversed(await audit.page(db, before=None, limit=10)))
    assert [(each.action, each.object) for each in entries] == [
        ("programme.pause", "programme"),
        ("programme.pause", "programme"),
        ("programme.resume", "programme"),
    ]
    assert entries[1].before_hash == entries[0].after_hash
    assert await db.fetchval("SELECT epoch FROM ruleset_epoch") == len(said)
