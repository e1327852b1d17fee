"""From a moment to a pass in the customer's hands: once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from server.decision.formats import is_german
from server.decision.render import one_line
from server.errors import Conflict, Gone, NotFound
from server.model.ids import bucket_of
from server.model.moment import NEXT, Step
from server.model.pass_ import Benefit, Card, Pass, PassState, Spot, Told, benefit_from
from server.pipeline.cards import Subject, is_personal, put, wording_of
from server.pipeline.relevance import LONGEST, Sight, Sought, Windows, began_at, sight
from server.pipeline.rules import Snapshot
from server.signals.distance import distance_m
from server.store import acceptances, passes, ruleset, sights, spots
from server.store.acceptances import SOON, Offered
from server.store.ids import new_id
from server.store.pool import Connection
from server.store.spots import Redeemable
from server.wallet.design import MOST_SPOTS
from server.wallet.issue import Desk


class Over(Gone):
    """The moment's time is over, and its reward with it."""

    code, title = "expired", "Expired"


class NoReward(Conflict):
    """This moment carries no reward that a pass could hold."""

    code, title = "no_reward", "No reward"


class Accepted(NamedTuple):
    """The pass of a moment, and whether it was made now."""

    pass_: Pass
    made: bool


async def accept(
    db: Connection,
    *,
    moment_id: UUID,
    customer_id: UUID,
    desk: Desk,
    rules: Snapshot | None = None,
    every: timedelta = LONGEST,
) -> Accepted:
    """Issue the pass of a customer's own moment, or find the one issued before. Needs a transaction.

    Without the `rules` in force the pass comes up nowhere until it is looked at (server.pipeline.relevance), which is soon;
    with them it is after `every`.

    Raises NotFound for a moment that is not theirs (a held-out one is nobody's), NoReward, and Over once its time is.
    """
    offered = await acceptances.offered(db, moment_id=moment_id, customer_id=customer_id)
    if offered is None or offered.held_out:
        raise NotFound
    before = await passes.of_moment(db, moment_id=moment_id)
    if before is not None:
        return Accepted(before, made=False)
    if offered.reward is None:
        raise NoReward
    if _over(offered):
        raise Over
    pass_ = await _issue(db, offered, offered.reward, desk=desk, rules=rules)
    again: datetime | None = SOON
    if rules is not None:
        seen = await _look(db, pass_, offered, rules, every)
        pass_ = replace(pass_, card=replace(pass_.card, near=seen.near))
        if rules.ruleset.epoch >= await ruleset.epoch(db):  # else a store or the offer has just changed: looked at anew
            again = seen.again
    await acceptances.insert(db, pass_=pass_, reward=offered.reward, again=again)
    return Accepted(pass_, made=True)


def _over(offered: Offered) -> bool:
    """Tell whether the moment can no longer be taken: undelivered by its time, its reward's end, or a last step."""
    if Step.ACCEPTED not in NEXT[offered.step]:
        return True
    if offered.step is Step.CREATED and offered.now >= offered.deliver_by:
        return True
    return offered.valid_until is not None and offered.now >= offered.valid_until


async def _issue(
    db: Connection, offered: Offered, reward: Mapping[str, Any], *, desk: Desk, rules: Snapshot | None
) -> Pass:
    formality = rules.ruleset.programme.formality if rules is not None else "du"
    benefit = benefit_from(reward)
    where, shown = await stores_of(db, offered.redeem_at, place_id=offered.place_id)
    serial = new_id(bucket=bucket_of(offered.customer_id), now=offered.now)
    card = card_of(offered, reward, benefit, formality=formality)
    return Pass(
        serial=serial,
        customer_id=offered.customer_id,
        moment_id=offered.id,
        offer_id=offered.offer_id,
        offer_version=offered.offer_version,
        state=PassState.ACTIVE,
        card=replace(card, spots=shown, anywhere=where == Redeemable()),
        benefit=benefit,
        uses_total=benefit.uses,
        uses_left=benefit.uses,
        valid_from=offered.valid_from or offered.now,
        valid_until=offered.valid_until,
        places=where.ids,
        place_tag=where.tag,
        key_id=desk.code_key(now=offered.now),
        token_sealed=desk.new_token(serial, now=offered.now),
        modified_at=offered.now,
        created_at=offered.now,
    )


async def _look(db: Connection, pass_: Pass, offered: Offered, rules: Snapshot, every: timedelta) -> Sight:
    """Find out where the new pass comes up by itself, as every later look does."""
    point, home = await sights.whereabouts(db, customer_id=offered.customer_id)
    sought = Sought(
        card=pass_.card,
        offer=rules.ruleset.by_id.get(pass_.offer_id),
        places=pass_.places,
        place_tag=pass_.place_tag,
        valid_from=pass_.valid_from,
        valid_until=pass_.valid_until,
        origin=point or began_at(offered.place_id, rules),
        home=home,
    )
    return sight(sought, offered.now, Windows(rules), every=every)


def card_of(offered: Offered, reward: Mapping[str, Any], benefit: Benefit, *, formality: str) -> Card:
    """Write the card: the moment's title is its headline, unless the offer's words name the customer.

    `formality` is the programme's, for customers who have none of their own.
    """
    wording = wording_of(offered.offer_name, offered.contents, reward.get("wallet"), offered.fallback_locale)
    formality = offered.formality or formality
    locale = offered.locale or offered.fallback_locale or "en"
    place = offered.place
    told = Told(locale, formality if is_german(locale) else None, place.name, place.address, place.zone)
    own = None if is_personal(wording.contents) else offered.title
    words = put(wording, Subject(benefit, offered.valid_until, told, offered.now), title=own)
    return Card(
        title=words.title or offered.title,
        offer=offered.offer_name,
        dress=wording.look.dress,
        lines=words.lines,
        terms=words.terms,
        holder=one_line(offered.first_name) or None if wording.look.name and offered.first_name else None,
        told=told,
        others=words.others,
    )


async def stores_of(
    db: Connection, redeem_at: Mapping[str, Any], *, place_id: UUID | None
) -> tuple[Redeemable, tuple[Spot, ...]]:
    """Tell which stores take a reward, and which of them its pass shows."""
    where = await _where(db, redeem_at)
    return where, await _shown(db, where, place_id=place_id)


async def _shown(db: Connection, where: Redeemable, *, place_id: UUID | None) -> tuple[Spot, ...]:
    """Choose the stores that the pass shows: the ten nearest to the place where the moment began.

    The database orders by the sphere, which is half a percent off: some more are asked for and measured properly.
    """
    near = None if place_id is None else await spots.origin(db, place_id=place_id)
    found = await spots.nearest(db, among=where, origin=near, limit=2 * MOST_SPOTS)
    if near is None:
        return found[:MOST_SPOTS]
    return tuple(sorted(found, key=lambda spot: (distance_m(near, spot.point), spot.id))[:MOST_SPOTS])


async def _where(db: Connection, redeem_at: Mapping[str, Any]) -> Redeemable:
    """Read `{"any": true}`, `{"ids": […]}` or `{"tag": "…"}`; a free fence has no till, so its reward is taken anywhere."""
    if redeem_at.get("tag") is not None:
        return Redeemable(tag=redeem_at["tag"])
    if redeem_at.get("ids"):
        named = await spots.stores_named(db, ids=[UUID(each) for each in redeem_at["ids"]])
        return Redeemable(ids=named or None)
    return Redeemable()
