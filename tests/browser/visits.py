"""Visits to pages in a real Chromium: what its console said, whom it asked, and what axe finds wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page, Request, expect

from server.store import users
from server.web.passwords import Hasher
from tests.street.serving import Street

AXE = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
PASSWORD = "a long sentence that only Kim knows"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOK = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"], "preload": False}
"""How axe looks: no rule of these needs the sheets once more (`preload`)."""
SERIOUS = ("serious", "critical")

expect.set_options(
    timeout=30_000
)  # what is waited for comes within milliseconds, and on a busy machine some time later


@dataclass
class Visit:
    """A page, what its console complained of, and where it asked."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def see(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            self.asked.append(request.url)

    async def go(self, path: str) -> Page:
        """Open a page of the house."""
        await self.page.goto(f"{self.url}{path}")
        return self.page

    def only_here(self, *expected: str) -> None:
        """Nobody but the house was asked, and the console has nothing but what was expected (parts of texts)."""
        left = [text for text in self.complaints if not any(part in text for part in expected)]
        assert left == []
        assert {re.match(r"\w+://[^/]+", url)[0] for url in self.asked} == {self.url}  # type: ignore[index]

    async def is_accessible(self) -> None:
        """Have axe look at the page as it stands: nothing serious by WCAG 2.2 AA."""
        if not await self.page.evaluate("'axe' in window"):  # else this document has been looked at before
            await self.page.evaluate(_axe())
        found = await self.page.evaluate("options => axe.run(document, options)", LOOK)
        wrong = [
            (
                each["id"],
                each["help"],
                [(node["html"][:160], node["failureSummary"][:300]) for node in each["nodes"][:3]],
            )
            for each in found["violations"]
            if each["impact"] in SERIOUS
        ]
        assert wrong == []


@cache
def _axe() -> str:
    return AXE.read_text("utf-8")


async def visit(browser: Browser, street: Street, **options: Any) -> Visit:
    """Open a fresh browser context: `locale="de-DE"`, `color_scheme="dark"`, `viewport=…`, as playwright names them."""
    options = {"locale": "en-GB"} | options
    context = await browser.new_context(**options)
    made = Visit(await context.new_page(), street.url)
    made.page.on("console", made.hear)
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    made.page.on("request", made.see)
    return made


async def person(street: Street, *roles: str, **more: Any) -> str:
    """Add somebody with these roles (`store_id` for who stands at a counter), and give their address."""
    email = f"{'-'.join(roles)}-{len(street.tokens)}@example.com"
    hasher = Hasher(queue=4)
    password = await hasher.hash(PASSWORD)
    hasher.close()
    fields: Mapping[str, Any] = {"name": "Kim", "store_id": None, "one_time": False} | more
    async with street.house.parts.pool.transaction() as db:
        made = await users.create(db, email=email, roles=roles, password_hash=password, **fields)
    assert made is not None
    return email


async def enter(seen: Visit, street: Street, email: str) -> None:
    """Give the browser the cookie of a log-in that another program made (the form itself is tested once)."""
    answer = await street.call("POST", "/login", data={"email": email, "password": PASSWORD})
    assert answer.status == 303
    name, _, value = answer.headers["Set-Cookie"].partition(";")[0].partition("=")
    await seen.page.context.add_cookies([{"name": name, "value": value, "url": street.url}])
