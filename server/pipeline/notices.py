"""Whether a wallet may make a sound: its messages count into the customer's ledger like all that reaches for them.

Rule 1: what makes a sound is counted before it is sent, in the customer's own state, under its version: no cap is overrun,
        whoever decides at the same moment.
Rule 2: what may make none (no consent to push, quiet hours, a cap, everything stopped) is told all the same, silently.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from server.decision.limits import leaves_room, prune, remember
from server.decision.ruleset import Ruleset
from server.decision.zone import quiet_until, quiet_zone
from server.model.context import Context
from server.model.customer import Consents, Customer, Shown, State
from server.store import states
from server.store.pool import Connection

PRESSURE: Final = "wallet"
"""The pressure class of what wallets tell: `pressure.classes.wallet.per_day` may bound it further."""

MOST: Final = 3
"""Google shows no more messages of an issuer with a sound within DAY (its page "Trigger push notifications")."""
DAY: Final = timedelta(hours=24)


async def claim(
    db: Connection, *, customer_id: UUID, consents: Consents, zone: str | None, ruleset: Ruleset, now: datetime
) -> bool:
    """Count one sound and give True, or give False where it would be too much. Needs a transaction."""
    if not consents.push:
        return False
    held = await states.read(db, customer_id=customer_id)
    if held is None:
        return False
    state = held[1]
    customer = Customer(customer_id, consents, zone=zone)
    if not may_sound(Context(now, now, customer, state), ruleset):
        return False
    after = prune(remember(state, Shown(now, None, PRESSURE)), now, ruleset)
    await states.rewrite(db, customer_id=customer_id, state=after)
    return True


def may_sound(context: Context, ruleset: Ruleset) -> bool:
    """Tell whether there is room for one more, now. Pure."""
    programme, now = ruleset.programme, context.received
    if programme.paused or lately(context.state, now) >= MOST:
        return False
    if not leaves_room(PRESSURE, context=context, programme=programme):
        return False
    where = quiet_zone(context, context.state.last_fix, programme)
    return where is not None and quiet_until(now, where, programme.quiet_from, programme.quiet_to) is None


def lately(state: State, now: datetime) -> int:
    """Count the sounds that wallets made within a day."""
    return sum(1 for each in state.shown if each.pressure == PRESSURE and now - each.at < DAY)
