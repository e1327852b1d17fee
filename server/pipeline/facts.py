"""What is written down of a turn: a fact for each fix, and a receipt for each decision that looked at an offer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from server.decision.choose import draw
from server.decision.decide import Chosen, Verdict
from server.decision.finding import ORDER
from server.model.ids import bucket_of
from server.model.place import Point
from server.pipeline.occasions.held import instant_id
from server.pipeline.turns import Step, Turn
from server.store.arrivals import PingFact, Receipt, Visit
from server.store.ids import new_id

MOST_VERDICTS = 100
"""A receipt lists no more offers than anybody reads; the winner first, then those that came furthest."""


class Keeps(NamedTuple):
    """What is written of turns: how coarse a stored cell is (decimals of a degree), and which share of plain no's is kept."""

    decimals: int
    plain_share: float


_encoder = msgspec.json.Encoder()


def cell_of(point: Point, decimals: int) -> str:
    """Name the cell that a position lies in: all that is stored of it. 0 and -0 are the same."""
    lat, lon = round(point.lat, decimals) + 0.0, round(point.lon, decimals) + 0.0
    return f"{lat:.{decimals}f},{lon:.{decimals}f}"


def reason_of(step: Step) -> str | None:
    """Tell in a word what was odd about a fix: why it was not believed, else what is wrong with its clock."""
    if step.decision is not None and step.decision.reason is not None:
        return step.decision.reason
    return ",".join(sorted(step.ping.flags)) if step.ping is not None and step.ping.flags else None


def pings_of(turn: Turn, decimals: int) -> Iterable[PingFact]:
    """Give the fact of each fix; a timer is none."""
    customer, now = turn.customer_id, turn.now
    for step in turn.steps:
        ping = step.ping
        if ping is not None:
            inside = [hit.id for hit in step.near if hit.edge_m <= 0]
            moment, cell = step.moment.id if step.moment is not None else None, cell_of(ping.fix.point, decimals)
            yield PingFact(customer, ping.id, step.at, now, cell, inside, reason_of(step), moment, step.trace)


def visits_of(turn: Turn) -> Iterable[Visit]:
    """Give each fence that a fix entered, at the time of the fix."""
    for step in turn.steps:
        for each in step.decision.transitions if step.decision is not None else ():
            if each.type == "enter":
                yield Visit(turn.customer_id, each.since, each.geofence_id)


def is_kept(cause_id: UUID, share: float) -> bool:
    """Tell whether plain no's are written down for a ping (or what else was decided on): by its id alone, in any process."""
    return share >= 1 or (share > 0 and draw("receipt", cause_id) < share)


def receipts_of(turn: Turn, plain_share: float) -> Iterable[Receipt]:
    """Give a receipt for each decision that has something to tell.

    Winners and near things are all told, in full. A plain no (nothing at its place, or nothing that sets it off) is what
    most pings end with: of them a share is kept, by a hash of the ping's id, with the weight that makes up for the others.
    """
    for step in turn.steps:
        if step.decision is None:
            continue
        verdicts = step.decision.verdicts if is_kept(_cause_of(step), plain_share) else step.decision.near
        if not verdicts:
            continue
        yield Receipt(
            customer_id=turn.customer_id,
            id=new_id(bucket=bucket_of(turn.customer_id), now=turn.now),
            at=turn.now,
            moment_id=step.moment.id if step.moment is not None else None,
            verdicts=verdicts_json(verdicts, step.decision.chosen, plain_share=plain_share),
        )


def _cause_of(step: Step) -> UUID:
    """Name what a step was decided on: its ping, its occasion, or the instant its timer was set for."""
    if step.ping is not None:
        return step.ping.id
    return step.occasion.id if step.occasion is not None else instant_id(step.at)


def verdicts_json(verdicts: Sequence[Verdict], chosen: Chosen | None, *, plain_share: float = 1.0) -> str:
    """Write verdicts as receipts keep them: [{offer_id, offer, place_id, gate, truth, reason, values}], and the `weight` of
    a plain no where only a share is kept.

    The winner's `gate` is null: no gate stopped it. It comes first, then the near things, then what came furthest.
    """
    winner = chosen.offer.id if chosen is not None and chosen.hold_until is None else None
    ordered = sorted(verdicts, key=lambda each: (each.offer.id != winner, not each.near, -ORDER[each.finding.gate]))
    told = []
    for each in ordered[:MOST_VERDICTS]:
        told.append(_verdict(each, won=each.offer.id == winner))
        if not each.near and 0 < plain_share < 1:
            told[-1]["weight"] = round(1 / plain_share, 3)
    return _encoder.encode(told).decode()


def _verdict(verdict: Verdict, *, won: bool) -> dict[str, object]:
    finding = verdict.finding
    return {
        "offer_id": verdict.offer.id,
        "offer": verdict.offer.label,
        "place_id": verdict.place.id if verdict.place is not None else None,
        "gate": None if won else finding.gate.value,
        "truth": finding.truth.value,
        "reason": finding.reason,
        "values": finding.values,
    }
