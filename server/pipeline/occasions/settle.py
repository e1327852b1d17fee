"""What a group writes besides moments and states: occasions that were decided go, pushes that must wait come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from server.model.ids import bucket_of
from server.pipeline.lanes import Ticket
from server.pipeline.occasions.listening import Listening
from server.pipeline.turns import Turn
from server.store import occasions
from server.store.arrivals import Receipt
from server.store.ids import new_id
from server.store.occasions import Due, Occasion
from server.store.pool import Connection

Pending = dict[UUID, list[Occasion]]


async def pending(db: Connection, tickets: Iterable[Ticket]) -> Pending:
    """Read which occasions of the tickets still wait, by customer. The states were loaded before."""
    asked = [Due(ticket.batch.customer_id, each) for ticket in tickets for each in ticket.batch.occasions]
    return dict(await occasions.pending(db, asked=asked)) if asked else {}


async def drop(db: Connection, waiting: Pending, *, refused: Iterable[UUID], listening: Listening) -> Pending:
    """Take away what nobody may be decided on for (they left, or withdrew), and what no offer waits for; give the rest."""
    away = set(refused)
    gone = [
        each for mine in waiting.values() for each in mine if each.customer_id in away or not listening.waits_for(each)
    ]
    if gone:
        await occasions.settle(db, done=[Due(each.customer_id, each.id) for each in gone])
    dropped = {each.id for each in gone}
    return {key: [each for each in mine if each.id not in dropped] for key, mine in waiting.items()}


def touches(turns: Iterable[Turn]) -> bool:
    """Tell whether the turns decided on occasions, or hold pushes back."""
    return any(step.occasion is not None or step.held is not None for turn in turns for step in turn.steps)


async def settle(db: Connection, won: Sequence[Turn]) -> None:
    """Take away what was decided and keep what must wait, in the transaction that swapped these turns' states."""
    steps = [step for turn in won for step in turn.steps]
    done = [Due(each.occasion.customer_id, each.occasion.id) for each in steps if each.occasion is not None]
    if done:
        await occasions.settle(db, done=done)
    held = [step.held for step in steps if step.held is not None]
    if held:
        await occasions.add(db, occasions=held)


def gone_of(turn: Turn) -> Iterable[Receipt]:
    """Give a receipt for each held push without a verdict to tell it: its offer is no longer live, or it is days too late."""
    for step in turn.steps:
        held = step.occasion
        if held is None or held.kind != "held" or step.decision is None or step.decision.verdicts:
            continue
        refused = step.decision.finding
        verdict = {
            "offer_id": held.offer_id,
            "offer": f"{held.name}@{held.offer_version}",
            "place_id": None,
            "gate": refused.gate if refused is not None else "active",
            "truth": "holds",
            "reason": refused.reason
            if refused is not None
            else "The quiet hours ended, and the offer is no longer live.",
            "values": {"held_until": held.at},
        }
        yield Receipt(
            customer_id=turn.customer_id,
            id=new_id(bucket=bucket_of(turn.customer_id), now=turn.now),
            at=turn.now,
            moment_id=None,
            verdicts=msgspec.json.encode([verdict]).decode(),
        )
