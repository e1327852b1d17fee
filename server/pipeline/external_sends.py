"""What other systems send counts like what we send: into the customer's own state, under its version.

    hold the customer → keep the send by its id → sort it into the ledger → a new version

Rule 1: a decision that is under way loses its state to the send, and is decided again with it: no cap is ever overrun.
Rule 2: a send counts once, by its id, whoever repeats it. A late one counts at the time at which it went out.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.decision.limits import prune, remember
from server.decision.ruleset import Ruleset
from server.errors import Conflict, NotFound
from server.model.customer import Shown
from server.store import customers, external_sends, states
from server.store.external_sends import Send
from server.store.pool import Connection


class UnknownCustomer(NotFound):
    """No customer is known by that."""

    code = "unknown_customer"


class OtherSend(Conflict):
    """Another send to this customer was told under this id."""

    code, title = "send_differs", "Another send"


class Counted(NamedTuple):
    """The send as it is kept; `new` whether it was not known before, `counts` whether any cap may still ask for it."""

    send: Send
    new: bool
    counts: bool


async def count(
    db: Connection, *, customer_id: UUID, send: Send, timed: bool, ruleset: Ruleset, now: datetime
) -> Counted:
    """Keep a send and count it into the customer's ledger; needs a transaction. `timed`: its time was told, not taken.

    Raises UnknownCustomer, and OtherSend where the id belongs to a send of another kind or time.
    """
    if await customers.lock(db, customer_id=customer_id) is None:
        raise UnknownCustomer
    held = await states.read(db, customer_id=customer_id)
    if held is None:  # came by an import, and has not been seen yet
        await states.make(db, customers=[customer_id])
        held = await states.read(db, customer_id=customer_id)
    if held is None:
        raise UnknownCustomer
    state = held[1]
    if not await external_sends.insert(db, customer_id=customer_id, send=send):
        kept = await external_sends.find(db, customer_id=customer_id, id_=send.id)
        if kept is None or kept != (send if timed else send._replace(at=kept.at)):
            raise OtherSend
        return Counted(kept, False, _entry(kept) in state.shown)
    after = prune(remember(state, _entry(send)), now, ruleset)
    await states.rewrite(db, customer_id=customer_id, state=after)
    return Counted(send, True, _entry(send) in after.shown)


def _entry(send: Send) -> Shown:
    return Shown(send.at, None, send.pressure)
