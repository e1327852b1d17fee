"""A customer changes what is known of them: their profile, and what they want to hear about."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from server.errors import FieldError, Invalid, Unauthenticated
from server.pipeline.membership import refresh
from server.pipeline.rules import Rules
from server.store import customers, states
from server.store.customers import Change, Profile
from server.store.pool import Connection


async def change(
    db: Connection, *, customer_id: UUID, to: Change, topics_max: int, rules: Rules, now: datetime
) -> Profile:
    """Change a profile, and give it as it is now; raises Unauthenticated, Invalid. Needs a transaction.

    A topic counts at once, like a consent: the state's version counts up, so a decision under way on what was said
    before cannot be committed any more.
    """
    await customers.patch(db, customer_id=customer_id, change=to)
    await refresh(db, rules=rules, customer_id=customer_id, now=now, touched=facts_of(to))
    after = await customers.find(db, customer_id=customer_id)
    if after is None:
        raise Unauthenticated
    if to.topics is not None:
        if len(after.topics) > topics_max:
            message = f"must be at most {topics_max} (limits.topics_per_customer); null forgets one"
            raise Invalid(errors=[FieldError("topics", message)])
        await states.bump(db, customer_id=customer_id)
    return after


def facts_of(change: Change) -> frozenset[str]:
    """List what a change touches, in the words of `server.decision.wants`."""
    attributes = (f"attribute:{name}" for name in change.attributes or ())
    return frozenset({*attributes, *(f"topic:{name}" for name in change.topics or ())})
