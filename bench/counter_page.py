"""How long somebody at the counter waits: from a code to the answer that is drawn, in a real browser.

Claimed: half of the answers stand on the screen within 300 ms of the scan, on loopback.

Measured: in Chromium on the page `/counter` of a real `kairos serve`, from the moment at which the page has the code (typed,
or read from the camera) to the frame that shows the answer; each code is another pass. Beside it, in turns, a `fetch` of
`/healthz` by the same page. And the answer without a network: a signed code that the browser verifies, signs and keeps.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from playwright.async_api import Page, async_playwright

from bench.process import house, kairos
from bench.redemptions import a_store, passes
from bench.table import goal, options, show
from server.store import passes as stored
from server.store import users
from server.store.pool import Connection, connect
from server.wallet.codes import code_for
from server.wallet.keyring import Kind, open_keyring
from server.wallet.signed_codes import sign_code
from server.web.passwords import Hasher

EMAIL, PASSWORD = "till@example.com", "a long sentence that only Kim knows"
FRAME = "await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));"
"""Until the frame that shows it has been drawn."""

TAKE = """async (code) => {
    const answer = document.querySelector("#answer");
    document.querySelector("#code").value = code;
    answer.className = "answer";
    const begun = performance.now();
    document.querySelector("#typed").requestSubmit();
    while (!/good|wrong|wait/.test(answer.className)) await new Promise((done) => setTimeout(done, 1));
    FRAME
    return [performance.now() - begun, answer.className];
}""".replace("FRAME", FRAME)
ASK = """async () => {
    const begun = performance.now();
    await (await fetch("/healthz")).text();
    FRAME
    return performance.now() - begun;
}""".replace("FRAME", FRAME)


class Codes(NamedTuple):
    """Codes of passes that nobody has used: as they are typed, and signed."""

    typed: list[str]
    signed: list[str]


async def stock(db: Connection, folder: Path, *, count: int) -> Codes:
    """Open a store with somebody at its till, and give out passes."""
    now = datetime.now(UTC)
    keyring = open_keyring(folder, now=now)
    key, signer = keyring.current(Kind.CODE, now=now), keyring.current(Kind.OFFLINE, now=now)
    hasher = Hasher(queue=4)
    password = await hasher.hash(PASSWORD)
    hasher.close()
    store = await a_store(db)
    async with db.transaction():
        await users.create(
            db, email=EMAIL, name="Till", roles=["counter"], store_id=store, password_hash=password, one_time=False
        )
    serials = await passes(db, count=count, key_id=key.id)
    card = '{"title": "Coffee", "offer": "coffee", "spots": [], "anywhere": true}'
    await db.execute("UPDATE passes SET design = $1", card)
    found = await stored.find_all(db, serials=serials)
    return Codes([code_for(each, key=key) for each in serials], [sign_code(each, key=signer) for each in found])


async def opened(page: Page, url: str) -> None:
    """Log in and open the till."""
    await page.goto(f"{url}/login")
    await page.fill("[name=email]", EMAIL)
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{url}/counter")
    await page.wait_for_selector("body[data-ready]", state="attached")


async def measured(page: Page, codes: Sequence[str]) -> tuple[list[float], list[float]]:
    """Take codes and ask for nothing, in turns; gives milliseconds of both."""
    answers, asked = [], []
    for code in codes:
        spent, told = await page.evaluate(TAKE, code)
        assert "good" in told, "each code is another pass"
        answers.append(spent)
        asked.append(await page.evaluate(ASK))
    return answers, asked


async def away(page: Page, codes: Sequence[str]) -> list[float]:
    """Take signed codes without a network."""
    await page.context.set_offline(True)
    found = [await page.evaluate(TAKE, code) for code in codes]
    assert all("good" in told for _, told in found), "each code is genuine"
    return [spent for spent, _ in found]


def line(name: str, found: Sequence[float], beside: Sequence[float]) -> list[str]:
    """Write a line of the table."""
    half, most = statistics.median(found), sorted(found)[int(len(found) * 0.95)]
    return [name, f"{half:.0f} ms", f"{most:.0f} ms", f"{half / statistics.median(beside):.1f}"]


async def bench(folder: Path, dsn: str, *, count: int) -> None:
    """Start the server and the browser, measure, print."""
    settings = {"offline.codes": "true"}
    async with (
        kairos(folder, settings) as ours,
        connect(dsn, application_name="bench") as db,
        async_playwright() as play,
    ):
        few = min(40, count)
        codes = await stock(db, folder, count=count + few + 1)
        browser = await play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = await (await browser.new_context()).new_page()
        await opened(page, ours.url)
        await page.evaluate(TAKE, codes.typed[-1])  # the first one compiles
        answers, asked = await measured(page, codes.typed[:count])
        kept = await away(page, codes.signed[count : count + few])
        await browser.close()
    rows = [
        line("a code, to the answer", answers, asked),
        line("a signed code without a network", kept, asked),
        line("fetch of /healthz", asked, asked),
    ]
    show(f"the counter's page, {count} codes", ["", "half within", "95 % within", "of the fetch"], rows)
    goal("the counter's page: from a code to its answer", statistics.median(answers), "<=", 300, unit=" ms")


async def main() -> None:
    """Run."""
    asked = options("the counter's page in a browser").parse_args()
    count = 20 if asked.quick else 100 * (asked.rounds or 1)
    async with house() as (folder, server):
        await bench(folder, server.dsn, count=count)


if __name__ == "__main__":
    asyncio.run(main())
