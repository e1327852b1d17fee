"""The doctor's walk to Google Wallet: a token, our issuer, the keys with which Google signs."""

from __future__ import annotations

from typing import Final

from server.commands.doctor_step import Failed, Ground, Step, Unasked, attempt
from server.errors import KairosError
from server.opening.google import examine, open_google

_NAME: Final = "Google Wallet"
_ADVICE: Final = (
    ("no token", "is the key file's account still there, and its key; is this machine's clock right?"),
    ("401", "the token is not taken: is google_wallet.base_url the service that google_wallet.token_url belongs to?"),
    (
        "403",
        "is the account's address a user of the issuer (Google Pay & Wallet Console, Users), and the API switched on?",
    ),
    ("root_keys_url", "callbacks cannot be verified, and are answered 503 until they can"),
)


async def examine_google(ground: Ground) -> list[Step]:
    """Ask Google, as far as an issuer is set."""
    return [await attempt(_NAME, lambda: _google(ground))]


async def _google(ground: Ground) -> str:
    async with open_google(ground.settings, desk=ground.desk, keyring=ground.secrets) as google:
        if google is None:
            raise Unasked("google_wallet.issuer_id is not set: passes have no link to Google Wallet")
        try:
            return await examine(google, now=ground.clock.now())
        except KairosError as error:
            advice = next((said for word, said in _ADVICE if word in str(error)), "is the way to it open (port 443)?")
            raise Failed(f"{error}: {advice}") from None
