"""Firebase in an open house: the account is read from the settings' file; nothing is asked yet."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

from aiohttp import ClientSession, DummyCookieJar, TCPConnector

from passes.errors import GoogleError
from passes.google.credentials import ServiceAccount, read_service_account
from server.channels.fcm import SCOPE, Fcm
from server.channels.loud import Log
from server.channels.oauth import TokenSource
from server.channels.rest import base_of, tls_context
from server.errors import Misconfigured
from server.settings import Settings
from server.wallet.keyring import read_secret

_OF_A_TRY: Final = 0.9
"""A request ends a little before the outbox would cut its try: so the channel knows what it was."""
_PROJECT: Final = re.compile(r"[a-z0-9][a-z0-9:.-]{0,99}")
_FILE: Final = "fcm.service_account_file"


class Account(NamedTuple):
    """A service account and its Firebase project."""

    account: ServiceAccount
    project: str


def account_of(settings: Settings) -> Account | None:
    """Read the account (it reads a file); None without one. Raises Misconfigured naming the file that cannot be used."""
    if not settings.fcm.service_account_file:
        return None
    raw = read_secret(Path(settings.fcm.service_account_file))
    try:
        account = read_service_account(raw)
    except GoogleError as error:
        raise Misconfigured(f"{_FILE}: {error}.") from None
    project = json.loads(raw).get("project_id")
    if not isinstance(project, str) or not _PROJECT.fullmatch(project):
        raise Misconfigured(f"{_FILE}: names no project (project_id)")
    return Account(account, project)


def fcm_of(settings: Settings, found: Account | None, *, log: Log) -> Fcm | None:
    """Make the channel, within a running loop; None without an account."""
    if found is None:
        return None
    fcm, loopback = settings.fcm, settings.mode == "test"
    base = base_of(fcm.base_url, setting="fcm.base_url", loopback=loopback)
    asked = (fcm.token_url, "fcm.token_url") if fcm.token_url else (found.account.token_uri, f"{_FILE} (token_uri)")
    tokens_at = base_of(asked[0], setting=asked[1], loopback=loopback)
    context = tls_context(fcm.ca_file, setting="fcm.ca_file")
    # The outbox bounds how many are under way: here nobody waits for a turn within their deadline.
    session = ClientSession(trust_env=False, cookie_jar=DummyCookieJar(), connector=TCPConnector(limit=0))
    tokens = TokenSource(session, found.account, scope=SCOPE, token_url=tokens_at, ssl_context=context)
    return Fcm(
        session,
        tokens,
        base_url=base,
        project=found.project,
        timeout_s=settings.outbox.send_s * _OF_A_TRY,
        log=log,
        ssl_context=context,
        shift=timedelta(seconds=settings.clock_shift_s),
    )
