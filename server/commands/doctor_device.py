"""A wallet, played by the doctor: the five requests that Apple documents, as a phone sends them.

https://developer.apple.com/documentation/walletpasses/adding-a-web-service-to-update-passes
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import aiohttp

from server.commands.doctor_step import Failed
from server.commands.doctor_why import Answer, unreachable


class Device:
    """One made-up device with one pass. `base` is the pass's webServiceURL, `token` its authenticationToken."""

    def __init__(
        self, http: aiohttp.ClientSession, *, id_: str, base: str, pass_type: str, serial: str, token: str
    ) -> None:
        """Be the device of this id, with a push token made up in the form that Apple's have."""
        self._http = http
        self._token = token
        self.base = base
        self._push_token = secrets.token_hex(32)
        self._registrations = f"devices/{id_}/registrations/{pass_type}"
        self._serial = serial
        self._pass = f"passes/{pass_type}/{serial}"

    async def register(self, *, base: str | None = None, host: str = "") -> Answer:
        """Tell that this device holds the pass; at another address, under another name, if told so."""
        body, headers = {"pushToken": self._push_token}, {"Host": host} if host else {}
        return await self._ask(
            "POST", f"{self._registrations}/{self._serial}", body=body, base=base, headers=headers, token=self._token
        )

    async def list(self, *, since: str | None = None) -> Answer:
        """Ask which passes changed."""
        query = f"?passesUpdatedSince={since}" if since is not None else ""
        return await self._ask("GET", f"{self._registrations}{query}")

    async def fetch(self, *, since: str | None = None, token: str | None = None) -> Answer:
        """Ask for the pass as it is now; `token` is another one than its own."""
        headers = {"If-Modified-Since": since} if since is not None else {}
        return await self._ask("GET", self._pass, headers=headers, token=token or self._token)

    async def complain(self, line: str) -> Answer:
        """Write a line into the server's log."""
        return await self._ask("POST", "log", body={"logs": [line]})

    async def unregister(self) -> Answer:
        """Tell that the pass was thrown away."""
        return await self._ask("DELETE", f"{self._registrations}/{self._serial}", token=self._token)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        base: str | None = None,
    ) -> Answer:
        sent = dict(headers or {}) | ({"Authorization": f"ApplePass {token}"} if token else {})
        url = f"{(base or self.base).rstrip('/')}/v1/{path}"
        return await ask(self._http, method, url, headers=sent, body=body)


async def ask(
    http: aiohttp.ClientSession, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: Any = None
) -> Answer:
    """Make one request as a phone does, which follows nowhere; raises Failed with a sentence where nothing comes back."""
    try:
        async with http.request(method, url, headers=headers, json=body, allow_redirects=False) as answer:
            return Answer(_said(method, url), answer.status, answer.headers.copy(), await answer.read())
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise Failed(unreachable(error, url=url)) from None


def _said(method: str, url: str) -> str:
    """Name a request without what is secret in it: ids of devices, links, tokens."""
    for mark, rest in (("/devices/", "/registrations/…"), ("/passes/", ""), ("/p/", "")):
        before, found, _ = url.partition(mark)
        if found:
            return f"{method} {before}{mark}…{rest}"
    return f"{method} {url.partition('?')[0]}"
