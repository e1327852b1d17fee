"""/v1/account/second-factor: people set up, renew and turn off the second factor of their own log-in.

The secret is in one answer and nowhere else: in no address, no log and no list.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from server.errors import NotFound
from server.pipeline import second_factor
from server.store import second_factors, sessions, users
from server.wallet.qr import qr_svg
from server.web.audit import note
from server.web.call import Call
from server.web.door import door
from server.web.entering import WrongCode, attempt_code, forgive_codes
from server.web.own import locks_of, me


class Begun(msgspec.Struct, frozen=True):
    """A secret to scan or type, which counts once a code was given: `qr` is a picture (SVG) of `uri`, `secret` its letters."""

    secret: str
    uri: str
    qr: str


class PhoneCode(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What the phone shows."""

    code: Annotated[str, msgspec.Meta(max_length=64)]


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Codes for the day the phone is lost, each good once; they are told this once."""

    recovery_codes: list[str]


@door(
    "POST",
    "/v1/account/second-factor",
    answer=Begun,
    status=201,
    errors=(409,),
    summary="Begin a second factor; a code of it lets it count",
    tags=("Account",),
)
async def begin(call: Call) -> Begun:
    """Make a secret, in place of one that was never confirmed."""
    user_id, _ = me(call)
    async with call.transaction() as db:
        person = await users.look(db, id_=user_id)
        if person is None:
            raise NotFound
        begun = await second_factor.begin(
            db, user_id=user_id, email=person.email, issuer=call.parts.settings.programme.name, locks=locks_of(call)
        )
    return Begun(begun.secret, begun.uri, qr_svg(begun.uri).decode())


@door(
    "POST",
    "/v1/account/second-factor/confirm",
    body=PhoneCode,
    answer=RecoveryCodes,
    errors=(401, 409),
    summary="Let a second factor count: a code of it is right; recovery codes are told once",
    example={"code": "123456"},
    tags=("Account",),
)
async def confirm(call: Call) -> RecoveryCodes:
    """Take the first code; every other log-in of theirs ends, for those began with a password alone."""
    user_id, current = me(call)
    await attempt_code(call, user_id=user_id)
    async with call.transaction() as db:
        codes = await second_factor.confirm(db, user_id=user_id, code=call.body.code, locks=locks_of(call))
        if codes is None:
            raise WrongCode
        await forgive_codes(db, user_id=user_id)
        await sessions.end_all(db, user_id=user_id, but=current.id)
        await note(db, call, action="user.second_factor.on", object=f"user:{user_id}")
    call.gate.credentials.forget_user(user_id)
    return RecoveryCodes(codes)


@door(
    "POST",
    "/v1/account/second-factor/recovery-codes",
    answer=RecoveryCodes,
    errors=(409,),
    summary="Make new recovery codes; the older ones are worth nothing any more",
    tags=("Account",),
)
async def renew_codes(call: Call) -> RecoveryCodes:
    """Make ten new ones."""
    user_id, _ = me(call)
    async with call.transaction() as db:
        if not await second_factor.is_on(db, user_id=user_id):
            raise second_factor.NotOn
        codes = await second_factor.fresh_codes(db, user_id=user_id)
        await note(db, call, action="user.second_factor.codes", object=f"user:{user_id}")
    return RecoveryCodes(codes)


@door(
    "DELETE",
    "/v1/account/second-factor",
    status=204,
    errors=(409,),
    summary="Turn one's second factor off",
    tags=("Account",),
)
async def turn_off(call: Call) -> None:
    """Take it away with its recovery codes."""
    user_id, _ = me(call)
    async with call.transaction() as db:
        if not await second_factors.remove(db, user_id=user_id):
            raise second_factor.NotOn
        await note(db, call, action="user.second_factor.off", object=f"user:{user_id}")
    call.gate.credentials.forget_user(user_id)
