"""Claiming budgets for a group: exact, and who comes too late is decided again without the offer.

Rule 1: budgets are locked after the states, so a turn that lost its state never takes what it would have to give back.
Rule 2: a turn's claims are granted all together. Where one is refused, the turn is played again knowing so from that step on,
        and what it had taken goes back into the purse first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from server.model.context import Used
from server.model.offer import Offer
from server.pipeline.telling import Reserved
from server.pipeline.turns import Turn, share_of
from server.store import budgets
from server.store.budgets import PlaceKey
from server.store.pool import Connection


class Purse:
    """Budgets that this transaction has locked: what is left of them, and what was taken."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._spent: dict[UUID, Used] = {}
        self._places: dict[PlaceKey, int] = {}
        self._taken: dict[UUID, Used] = {}
        self._taken_at: dict[PlaceKey, int] = {}

    async def open(self, db: Connection, claims: Iterable[Reserved], rolling: dict[PlaceKey, datetime]) -> None:
        """Lock what these claims need and is not locked yet."""
        offers, places = set[UUID](), set[PlaceKey]()
        for claim in claims:
            if claim.offer_id not in self._spent:
                offers.add(claim.offer_id)
            key = key_of(claim)
            if key is not None and key not in self._places:
                places.add(key)
        if offers or places:
            since = {key: rolling[key] for key in places if key in rolling}
            spent = await budgets.lock(db, offers=offers, places=places, rolling=since)
            self._spent |= {offer: spent.offers.get(offer, Used()) for offer in offers}
            self._places |= {key: spent.places.get(key, 0) for key in places}

    def take(self, claim: Reserved, offer: Offer) -> bool:
        """Take one unit, if the offer's limits leave room for it."""
        used, taken = self._spent[claim.offer_id], self._taken.get(claim.offer_id, Used())
        limits, key = offer.limits, key_of(claim)
        if limits.units is not None and used.units + taken.units >= limits.units:
            return False
        liability = used.liability_minor + taken.liability_minor + claim.liability_minor
        if limits.liability is not None and liability > limits.liability.minor:
            return False
        here = self._places[key] + self._taken_at.get(key, 0) if key is not None else 0
        if limits.place_units is not None and here >= limits.place_units:
            return False
        self._add(claim, 1)
        return True

    def give(self, claim: Reserved) -> None:
        """Put one unit back that was taken."""
        self._add(claim, -1)

    async def close(self, db: Connection) -> None:
        """Count in the database what was taken."""
        await budgets.add(
            db,
            offers={offer: used for offer, used in self._taken.items() if used != Used()},
            places={key: units for key, units in self._taken_at.items() if units},
        )

    def _add(self, claim: Reserved, sign: int) -> None:
        taken, key = self._taken.get(claim.offer_id, Used()), key_of(claim)
        liability = taken.liability_minor + sign * claim.liability_minor
        self._taken[claim.offer_id] = Used(taken.units + sign, liability)
        if key is not None:
            self._taken_at[key] = self._taken_at.get(key, 0) + sign


def key_of(claim: Reserved) -> PlaceKey | None:
    """Tell which place's share a claim is on."""
    if claim.place_id is None or claim.period is None:
        return None
    return PlaceKey(claim.offer_id, claim.place_id, claim.period)


async def settle(db: Connection, turns: Sequence[Turn], *, replay: Callable[[Turn], None]) -> None:
    """Claim what the turns' moments need, in the transaction that holds their states.

    A turn that is refused something is played again by `replay`, until what it wants is granted.
    """
    purse = Purse()
    await purse.open(db, (claim for turn in turns for _, claim in turn.claims), _rolling(turns))
    for turn in turns:
        while not _granted(purse, turn):
            replay(turn)
            await purse.open(db, (claim for _, claim in turn.claims), _rolling([turn]))
    await purse.close(db)


def _granted(purse: Purse, turn: Turn) -> bool:
    """Take all that a turn claims, or nothing; then the turn remembers what was refused."""
    taken: list[Reserved] = []
    for step, claim in turn.claims:
        if not purse.take(claim, turn.snapshot.ruleset.by_id[claim.offer_id]):
            for each in taken:
                purse.give(each)
            turn.refused[claim.offer_id] = step
            return False
        taken.append(claim)
    return True


def _rolling(turns: Iterable[Turn]) -> dict[PlaceKey, datetime]:
    """Tell since when the claimed shares in rolling periods count."""
    since = {}
    for turn in turns:
        for step in turn.steps:
            chosen = step.decision.chosen if step.decision is not None and step.reserved is not None else None
            share = share_of(turn, chosen.offer, chosen.place) if chosen is not None else None
            if share is not None and share[1] is not None:
                since[share[0]] = share[1]
    return since
