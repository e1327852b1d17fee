"""The desk where passes are issued: it knows who signs, and has two threads that do it, off the event loop."""

from __future__ import annotations

import asyncio
import functools
import hmac
import os
import secrets
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import UUID

from passes.apple.template import MEDIA_TYPE, Template
from server.errors import Unavailable
from server.model.pass_ import Pass
from server.settings import Settings
from server.wallet.certificates import GREEN
from server.wallet.codes import issue_code
from server.wallet.design import Updates, draw
from server.wallet.keyring import Keyring, Kind
from server.wallet.pictures import Pictures, load_pictures
from server.wallet.signed_codes import key_for, sign_code
from server.wallet.signers import Signers, open_signers
from server.wallet.watch import Log

MEDIA = MEDIA_TYPE
"""What a .pkpass is called on the wire."""

_THREADS = 2
"""RSA gives the interpreter's lock back: two threads sign 1.8 times as fast as one, more only take from the pings."""

_NICE = 5
"""Signing gives way where the processors are busy: a file may wait longer, a ping beside it should not."""

_QUEUE = 200
"""About 0.2 s of signing; who would wait longer is told 503."""

_TABLE = "passes"
_TOKEN_BYTES = 32


class Desk:
    """Issues files of passes. Made by `open_desk`; `close()` ends its threads."""

    __slots__ = (
        "_dressed",
        "_keyring",
        "_pictures",
        "_public_url",
        "_signs_codes",
        "_threads",
        "_under_way",
        "signers",
    )

    def __init__(
        self,
        signers: Signers,
        *,
        keyring: Keyring,
        public_url: str,
        pictures: Mapping[str, Pictures] | None = None,
        signs_codes: bool = False,
    ) -> None:
        """Keep what every pass shares; `public_url` is the setting, "" where there is none; `pictures` are by style.

        `signs_codes`: what is scanned is a code that tills verify without us.
        """
        self._signs_codes = signs_codes
        self._pictures = pictures
        self._dressed: dict[str, tuple[Template, Template]] = {}
        self.signers = signers
        self._keyring = keyring
        self._public_url = public_url
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sign", initializer=_give_way)
        self._under_way = 0

    @property
    def pass_type_id(self) -> str:
        """The pass type that the certificate names; update tags are counted per type."""
        return self.signers.pass_type_id

    @property
    def pictures(self) -> Mapping[str, Pictures] | None:
        """The brand's pictures by style; None where they are drawn."""
        return self._pictures

    def code(self, pass_: Pass, *, now: datetime) -> str:
        """Give the code that the counter scans."""
        return issue_code(pass_.serial, keyring=self._keyring, key_id=pass_.key_id, now=now)

    def signed_code(self, pass_: Pass, *, now: datetime) -> str | None:
        """Give the code that a till can verify itself; None where codes are not signed."""
        if not self._signs_codes:
            return None
        return sign_code(pass_, key=key_for(pass_, keyring=self._keyring, now=now))

    def code_key(self, *, now: datetime) -> int:
        """Give the id of the key under which a new pass is coded."""
        return self._keyring.current(Kind.CODE, now=now).id

    def new_token(self, serial: UUID, *, now: datetime) -> bytes:
        """Make a pass's authenticationToken (256 bits) and give it sealed: nobody reads it from the database.

        It never changes while the pass lives (Apple: "the authentication token … must not change").
        """
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        return self._keyring.seal(token.encode(), table=_TABLE, row=serial.bytes, now=now)

    def is_token(self, text: str, *, of: Pass | None, serial: UUID, now: datetime) -> bool:
        """Tell whether a text is the pass's authenticationToken; takes as long where there is no such pass (None).

        Raises Unavailable where the key to the token is missing.
        """
        given = text.encode("utf-8", "surrogateescape")
        # Sealing costs what opening would.
        nobodys = None if of else self._keyring.seal(given, table=_TABLE, row=serial.bytes, now=now)
        right = self._token(of, now=now) if of else nobodys or b""
        return hmac.compare_digest(given, right) and of is not None

    async def file(self, pass_: Pass, *, now: datetime) -> bytes:
        """Make the .pkpass as it is at `now`; raises Unavailable while too many others wait, or where nobody can sign."""
        if self._under_way >= _QUEUE:
            raise Unavailable("Too many passes are being signed; try again.", retry_after_s=1)
        template = self.signers.at(now).template
        drawn = draw(
            pass_,
            code=self.code(pass_, now=now),
            signed=self.signed_code(pass_, now=now),
            brand=template.issuer.organization,
            background=GREEN,
            service=self._service(pass_, now=now),
            now=now,
        )
        build = functools.partial(self._dress(template, drawn.style).build, drawn, signed_at=now)
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, build)
        finally:
            self._under_way -= 1

    def _dress(self, template: Template, style: str) -> Template:
        """Give the template with the brand's pictures for a style: laid down once for whoever signs."""
        if self._pictures is None:
            return template
        plain, dressed = self._dressed.get(style, (None, None))
        if dressed is None or plain is not template:
            dressed = template.with_images(self._pictures[style])
            self._dressed[style] = template, dressed
        return dressed

    def _service(self, pass_: Pass, *, now: datetime) -> Updates | None:
        """Where the phone asks for updates: Apple demands https, so a server without has none."""
        if not self._public_url.startswith("https://"):
            return None
        return Updates(f"{self._public_url.rstrip('/')}/wallet/", self._token(pass_, now=now).decode())

    def _token(self, pass_: Pass, *, now: datetime) -> bytes:
        token = self._keyring.unseal(pass_.token_sealed, table=_TABLE, row=pass_.serial.bytes, now=now)
        if token is None:
            raise Unavailable("The pass cannot be issued: the key to its token is missing.", retry_after_s=60)
        return token

    def close(self) -> None:
        """End the threads; what is being signed is finished first."""
        self._threads.shutdown(wait=True, cancel_futures=True)


def _give_way() -> None:
    """Lower the priority of the thread that runs this; only Linux has one per thread."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, min(os.getpriority(os.PRIO_PROCESS, thread) + _NICE, 19))


def open_desk(settings: Settings, *, keyring: Keyring, now: datetime, log: Log, may_be_over: bool = False) -> Desk:
    """Read the certificates (see `signers.open_signers`) and the pictures, and open the desk; raises Misconfigured."""
    signers = open_signers(settings, now=now, log=log, may_be_over=may_be_over)
    pictures = load_pictures(settings.apple.images_dir, GREEN)
    url, signs = settings.server.public_url, settings.offline.codes
    return Desk(signers, keyring=keyring, public_url=url, pictures=pictures, signs_codes=signs)
