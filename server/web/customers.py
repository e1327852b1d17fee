"""POST /v1/customers: an app signs a customer up, and is given the token that this customer's phone uses from now on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec

from server.model.ids import event_id
from server.pipeline.consent import agree
from server.pipeline.membership import refresh
from server.pipeline.profile_rules import Value
from server.store import customers, happenings
from server.store.customers import Change
from server.store.happenings import Happening
from server.store.pool import Connection
from server.web import identity
from server.web.call import Call
from server.web.door import door
from server.web.profiles import ConsentsBody, Locale, check_profile, said


class SignUpBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A customer, by the brand's own number or without one; consents are off unless said.

    `identity_token` is a JWT (HS256) of the brand's backend with `sub` = `external_id`, `iat`, `exp`.
    """

    external_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    locale: Locale | None = None
    time_zone: str | None = None
    attributes: dict[str, Value] = {}
    consents: ConsentsBody = ConsentsBody()
    identity_token: Annotated[str, msgspec.Meta(max_length=4096)] | None = None


class SignedUp(msgspec.Struct, frozen=True):
    """The customer, and their token: it is told this once."""

    customer_id: UUID
    token: str


@door(
    "POST",
    "/v1/customers",
    body=SignUpBody,
    answer=SignedUp,
    status=201,
    idempotency="optional",
    summary="Sign a customer up, or in where the brand's backend vouches for them",
    example={"locale": "de-DE", "time_zone": "Europe/Berlin", "consents": {"location": True, "push": True}},
    errors=(409,),
    tags=("App",),
)
async def sign_up(call: Call) -> SignedUp:
    """Make a customer, or find the one that the identity token vouches for."""
    body: SignUpBody = call.body
    check_profile(time_zone=body.time_zone, attributes=body.attributes)
    vouched = await _vouched(call, body)
    async with call.transaction() as db:
        made, customer_id = None, await _found(db, body, vouched=vouched)
        if customer_id is None:
            kept = {name: value for name, value in body.attributes.items() if value is not None}
            customer_id = made = await customers.insert(
                db, external_id=body.external_id, locale=body.locale, time_zone=body.time_zone, attributes=kept
            )
        if customer_id is None:  # somebody took the external id a moment ago
            raise identity.IdentityRefused
        terms = call.parts.settings.programme.terms
        await agree(db, customer_id=customer_id, said=said(body.consents), terms=terms, source="sign-up")
        if made is not None:
            signed_up = Happening(event_id(made, "sign-up"), made, "sign-up", call.parts.clock.now())
            await happenings.tell(db, happenings=[signed_up])
        await refresh(db, rules=call.parts.rules, customer_id=customer_id, now=call.parts.clock.now())
        return SignedUp(customer_id, await customers.give_token(db, customer_id=customer_id))


async def _vouched(call: Call, body: SignUpBody) -> bool:
    """Tell whether the brand's backend vouches for the external id; raises IdentityRefused for a token that does not."""
    if body.identity_token is None or body.external_id is None:
        return False
    file = call.parts.settings.identity.secret_file
    if not file:
        raise identity.IdentityRefused("No identity tokens are taken here: identity.secret_file is not set.")
    key = await asyncio.to_thread(identity.read_key, Path(file))
    identity.check(body.identity_token, external_id=body.external_id, key=key, now=call.parts.clock.now())
    return True


async def _found(db: Connection, body: SignUpBody, *, vouched: bool) -> UUID | None:
    """Find the customer of a known external id, with what was said of them now; nobody is taken over by knowing a number."""
    if body.external_id is None:
        return None
    customer_id = await customers.by_external_id(db, external_id=body.external_id)
    if customer_id is None:
        return None
    if not vouched:
        raise identity.IdentityRefused("This external id belongs to a customer; an identity token is needed.")
    given = {name for name in ("locale", "time_zone", "attributes") if getattr(body, name)}
    change = Change(frozenset(given), body.locale, body.time_zone, body.attributes or None)
    await customers.patch(db, customer_id=customer_id, change=change)
    return customer_id
