"""Shapes that passes and redemptions share on the wire: money, rewards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from server.model.money import Money
from server.model.pass_ import Benefit, benefit_from


class MoneyBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`minor` units (cents) of `currency` (ISO 4217)."""

    minor: Annotated[int, msgspec.Meta(ge=0, le=10**15)]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]


class RewardAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one use gives: the members that the offer states."""

    type: str
    value: MoneyBody | None = None
    percent: float | None = None
    points: int | None = None
    sku: str | None = None
    uses: int = 0
    minimum_purchase: MoneyBody | None = None


def reward_answer(benefit: Benefit) -> RewardAnswer:
    """Write a benefit for the wire."""
    return RewardAnswer(
        type=benefit.type,
        value=_money(benefit.value),
        percent=benefit.percent,
        points=benefit.points,
        sku=benefit.sku,
        uses=benefit.uses,
        minimum_purchase=_money(benefit.minimum_purchase),
    )


def reward_of(document: Mapping[str, Any]) -> RewardAnswer:
    """Write a reward's document for the wire."""
    return reward_answer(benefit_from(document))


def money_of(body: MoneyBody) -> Money:
    """Read money from the wire."""
    return Money(body.minor, body.currency)


def _money(money: Money | None) -> MoneyBody | None:
    return None if money is None else MoneyBody(money.minor, money.currency)
