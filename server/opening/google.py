"""Google Wallet in an open house: the account is read, the issuer writes, the channel waits; nothing is asked yet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

from aiohttp import ClientSession, DummyCookieJar

from passes.errors import GoogleError
from passes.google.credentials import SCOPE, ServiceAccount, read_service_account
from server.channels.google_keys import NoKeys, RootKeys
from server.channels.google_wallet import GoogleWallet
from server.channels.oauth import TokenSource
from server.channels.rest import base_of, tls_context
from server.errors import KairosError, Misconfigured
from server.settings import Settings
from server.wallet.google import Issuer
from server.wallet.issue import Desk
from server.wallet.keyring import Keyring, read_secret
from server.web.parts import GoogleParts


def read_account(settings: Settings) -> ServiceAccount:
    """Read the service account's key; raises Misconfigured with a sentence that names the setting or the file."""
    try:
        return read_service_account(read_secret(Path(settings.google_wallet.service_account_file)))
    except GoogleError as error:
        raise Misconfigured(f"google_wallet.service_account_file: {error}.") from None


@contextlib.asynccontextmanager
async def open_google(settings: Settings, *, desk: Desk, keyring: Keyring) -> AsyncIterator[GoogleParts | None]:
    """Open what there is of Google Wallet; None without an issuer."""
    google, loopback = settings.google_wallet, settings.mode == "test"
    if not google.issuer_id:
        yield None
        return
    account = await asyncio.to_thread(read_account, settings)
    asked = (google.token_url, "google_wallet.token_url")
    if not google.token_url:
        asked = (account.token_uri, "google_wallet.service_account_file (token_uri)")
    tokens_at = base_of(asked[0], setting=asked[1], loopback=loopback)
    base = base_of(google.base_url, setting="google_wallet.base_url", loopback=loopback)
    roots = base_of(google.root_keys_url, setting="google_wallet.root_keys_url", loopback=loopback)
    context = tls_context(google.ca_file, setting="google_wallet.ca_file")
    async with ClientSession(trust_env=False, cookie_jar=DummyCookieJar()) as session:
        tokens = TokenSource(session, account, scope=SCOPE, token_url=tokens_at, ssl_context=context)
        wallet = GoogleWallet(session, tokens, base_url=base, calls_per_s=google.calls_per_s, ssl_context=context)
        keys = RootKeys(session, roots, ssl_context=context)
        try:
            yield GoogleParts(Issuer(settings, account, desk=desk, keyring=keyring), keys, wallet)
        finally:
            await wallet.close()
            await keys.close()


async def examine(google: GoogleParts, *, now: datetime) -> str:
    """Walk to Google: a token, the issuer, the root keys. Tell that all is there, or raise with what stands in the way."""
    found = await google.wallet.reach(google.issuer.id, now=now)
    if found != "200":
        raise KairosError(f"Google answers the issuer {google.issuer.id}: {found}")
    try:
        await google.keys.get(now=now)
    except NoKeys as error:
        raise KairosError(f"google_wallet.root_keys_url: {error}") from None
    return f"a token is given, the issuer {google.issuer.id} is ours, the root keys are there"
