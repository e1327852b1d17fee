"""Web Push in an open house: the key that browsers subscribe with, made once in the data directory unless one is set."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

from server.channels.loud import Log
from server.channels.outward import open_outward
from server.channels.reach import PUBLIC, STAND_INS
from server.channels.rest import tls_context
from server.channels.vapid import Vapid, new_key
from server.channels.webpush import WebPush
from server.errors import Misconfigured
from server.settings import Settings
from server.wallet.keyring import read_secret, write_secret

FILE: Final = "vapid.pem"
"""Beside the other secrets. It is the one that is never replaced: every browser would have to subscribe anew."""

_OF_A_TRY: Final = 0.9


def vapid_of(settings: Settings) -> Vapid:
    """Read the key; the first process to come makes it. Raises Misconfigured naming the file that cannot be used."""
    if settings.web_push.key_file:
        path = Path(settings.web_push.key_file)
        return Vapid(read_secret(path), subject=subject_of(settings), setting="web_push.key_file")
    path = settings.home / "secrets" / FILE
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            write_secret(path, new_key())
    except OSError as error:
        raise Misconfigured(f"{error.filename or path}: cannot be used ({error.strerror}).") from error
    return Vapid(read_secret(path), subject=subject_of(settings), setting=str(path))


def subject_of(settings: Settings) -> str:
    """Tell where services may complain; "" for a house that has no public address (RFC 8292 lets it be left out)."""
    public = settings.server.public_url
    return settings.web_push.subject or (public if public.startswith("https://") else "")


def web_push_of(settings: Settings, vapid: Vapid | None, *, log: Log) -> WebPush | None:
    """Make the channel, within a running loop; None without a key."""
    if vapid is None:
        return None
    policy = STAND_INS if settings.mode == "test" else PUBLIC
    outward = open_outward(policy, tls=tls_context(settings.web_push.ca_file, setting="web_push.ca_file"))
    shift = timedelta(seconds=settings.clock_shift_s)
    return WebPush(outward, vapid, timeout_s=settings.outbox.send_s * _OF_A_TRY, log=log, shift=shift)
