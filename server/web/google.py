"""POST /wallet/google/callback: Google tells that a pass was saved, or taken out of a wallet."""

from __future__ import annotations

from typing import Final

import msgspec

from server.errors import NotFound
from server.pipeline.google_saves import hear
from server.wallet.google import CALLBACK
from server.web.call import Call
from server.web.door import door
from server.web.google_caller import TOLD


class SigningKey(msgspec.Struct, frozen=True, rename="camel"):
    """The key that signed, signed itself by one of Google's root keys."""

    signed_key: str
    signatures: list[str]


class CallbackBody(msgspec.Struct, frozen=True, rename="camel"):
    """A message under ECv2SigningOnly (Google: "Use callbacks for save and delete events"); more may be in it."""

    signature: str
    intermediate_signing_key: SigningKey
    protocol_version: str
    signed_message: str


class Heard(msgspec.Struct, frozen=True):
    """Nothing: Google looks at the status alone."""


_MESSAGE: Final = (
    '{"classId":"3388000000022141777.coffee","objectId":"3388000000022141777.0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b",'
    '"eventType":"save","expTimeMillis":1795434000000,"nonce":"f2b1c0de"}'
)


@door(
    "POST",
    CALLBACK,
    body=CallbackBody,
    answer=Heard,
    summary="Google tells that a pass was saved or deleted; 200 without effect where it did so before",
    example={
        "signature": "MEQCIE…",
        "intermediateSigningKey": {
            "signedKey": '{"keyValue":"MFkw…","keyExpiration":"1795434000000"}',
            "signatures": ["MEU…"],
        },
        "protocolVersion": "ECv2SigningOnly",
        "signedMessage": _MESSAGE,
    },
    tags=("Wallet",),
)
async def callback(call: Call) -> Heard:
    """Take what Google says; its signature was verified at the gate."""
    google = call.parts.google
    if google is None:
        raise NotFound
    async with call.transaction() as db:
        await hear(db, call.request[TOLD], issuer=google.issuer)
    return Heard()
