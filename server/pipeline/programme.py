"""Stopping everything at once, and letting it go on: counted with the rules, so that every process hears of it."""

from __future__ import annotations

from server.pipeline.author import Author
from server.store import epoch, programme
from server.store.pool import Connection
from server.store.programme import Switch


async def throw(db: Connection, *, paused: bool, reason: str, by: Author) -> Switch:
    """Pause the programme or let it go on, and write down who did; saying what holds already changes nothing."""
    await epoch.bump(db)
    before = await programme.find(db)
    if (before.paused, before.reason) == (paused, reason):
        return before
    after = await programme.throw(db, paused=paused, reason=reason, by=by.actor)
    action = "programme.pause" if paused else "programme.resume"
    await by.record(db, action, "programme", before=_said(before), after=_said(after))
    return after


def _said(switch: Switch) -> dict[str, object]:
    return {"paused": switch.paused, "reason": switch.reason}
