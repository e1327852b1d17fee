"""A wallet as Apple documents it: it reads pass.json, registers by it, asks what changed, and fetches what it is told of.

https://developer.apple.com/documentation/walletpasses/adding-a-web-service-to-update-passes. It knows nothing of the
server but what stands in its passes and comes over the wire; TLS ends before it, as it does before a server behind a
proxy.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from passes.testing import check
from tests.passes.samples import unzipped

MEDIA = "application/vnd.apple.pkpass"


@dataclass
class Paper:
    """A pass in the wallet: what pass.json says, and the date that came with the file (None for one by a link)."""

    document: dict[str, Any]
    date: str | None = None

    @property
    def serial(self) -> str:
        return str(self.document["serialNumber"])

    @property
    def voided(self) -> bool:
        return bool(self.document.get("voided", False))

    def value(self, key: str) -> Any:
        """The value of a field."""
        kinds = ("coupon", "storeCard", "eventTicket", "generic")
        fields = (each for kind in kinds for group in self.document.get(kind, {}).values() for each in group)
        return next(each["value"] for each in fields if each["key"] == key)


@dataclass
class Wallet:
    """One device's wallet, of passes of one type. `unchanged` are the serials it was told of for nothing.

    `slash` is what it puts between the web service's address and the version.
    """

    http: aiohttp.ClientSession
    server: str
    slash: str = "/"
    device: str = field(default_factory=lambda: secrets.token_hex(16))
    push_token: str = field(default_factory=lambda: secrets.token_hex(32))
    papers: dict[str, Paper] = field(default_factory=dict)
    tag: str | None = None
    unchanged: list[str] = field(default_factory=list)

    async def add(self, file: bytes) -> Paper:
        """Take a file as a phone does: check it whole, keep it, register for its changes."""
        paper = read(file)
        self.papers[paper.serial] = paper
        assert await self.register(paper.serial) in (200, 201)
        return paper

    async def register(self, serial: str) -> int:
        """Register for a pass's changes, and give the status."""
        paper = self.papers[serial]
        status, _, _ = await self._ask("POST", paper, self._registration(paper), body={"pushToken": self.push_token})
        return status

    async def remove(self, serial: str) -> int:
        """Throw a pass away, and give the status."""
        paper = self.papers.pop(serial)
        status, _, _ = await self._ask("DELETE", paper, self._registration(paper))
        return status

    async def list(self) -> list[str]:
        """Ask which passes changed since the tag, and keep the new one."""
        paper = next(iter(self.papers.values()))
        query = "" if self.tag is None else f"?passesUpdatedSince={self.tag}"
        path = f"devices/{self.device}/registrations/{paper.document['passTypeIdentifier']}{query}"
        status, _, body = await self._ask("GET", paper, path, token=False)
        if status == 204:
            return []
        assert status == 200, body
        told = json.loads(body)
        assert set(told) == {"serialNumbers", "lastUpdated"}
        assert isinstance(told["lastUpdated"], str)
        self.tag = told["lastUpdated"]
        return [str(serial) for serial in told["serialNumbers"]]

    async def fetch(self, serial: str) -> int:
        """Fetch a pass unless it is the one at hand, and give the status."""
        paper = self.papers[serial]
        headers = {} if paper.date is None else {"If-Modified-Since": paper.date}
        path = f"passes/{paper.document['passTypeIdentifier']}/{serial}"
        status, answer, body = await self._ask("GET", paper, path, headers=headers)
        if status == 200:
            assert answer["Content-Type"] == MEDIA
            fresh = read(body)
            for name in ("serialNumber", "passTypeIdentifier", "authenticationToken", "webServiceURL"):
                assert fresh.document[name] == paper.document[name], f"an update may not change {name}"
            self.papers[serial] = Paper(fresh.document, answer["Last-Modified"])
        return status

    async def refresh(self) -> list[str]:
        """Do what a push or a pull makes a wallet do: list, then fetch each; gives the serials that changed."""
        fetched = []
        for serial in await self.list():
            status = await self.fetch(serial)
            assert status in (200, 304), status
            (fetched if status == 200 else self.unchanged).append(serial)
        return fetched

    async def complain(self, *lines: str) -> int:
        """Tell the server what went wrong, and give the status."""
        paper = next(iter(self.papers.values()))
        status, _, _ = await self._ask("POST", paper, "log", body={"logs": list(lines)}, token=False)
        return status

    def _registration(self, paper: Paper) -> str:
        return f"devices/{self.device}/registrations/{paper.document['passTypeIdentifier']}/{paper.serial}"

    async def _ask(
        self,
        method: str,
        paper: Paper,
        path: str,
        *,
        body: Any = None,
        headers: dict[str, str] | None = None,
        token: bool = True,
    ) -> tuple[int, Any, bytes]:
        base = urlsplit(paper.document["webServiceURL"])
        assert base.scheme == "https"
        sent = {"Host": base.netloc, **(headers or {})}
        if token:
            sent["Authorization"] = f"ApplePass {paper.document['authenticationToken']}"
        url = f"{self.server}{base.path.rstrip('/')}{self.slash}v1/{path}"
        async with self.http.request(method, url, json=body, headers=sent, allow_redirects=False) as answer:
            return answer.status, answer.headers.copy(), await answer.read()


def read(file: bytes) -> Paper:
    """Read a .pkpass as strictly as a wallet: whole, and with a web service that it can use."""
    assert check(file) == []
    document = json.loads(unzipped(file)["pass.json"])
    assert len(document["authenticationToken"]) >= 16
    assert not document["webServiceURL"].rstrip("/").endswith("/v1")
    return Paper(document)
