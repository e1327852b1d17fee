"""A newcomer reads README and docs/api.md and does what they say: the same requests, in the same order, on a new house."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from passes.testing import check
from tests.passes.samples import unzipped
from tests.street.process import ROOT, kairos, server_process

GUIDE = (ROOT / "docs" / "api.md").read_text("utf-8").partition("## A walk")[2]
README = (ROOT / "README.md").read_text("utf-8")
BEHIND_S = 20.0
"""How far the funnel may be behind; the promise is two seconds."""


class Newcomer:
    """Somebody with a shell: tokens by the command line, requests by the guide's own `ask`."""

    def __init__(self, http: aiohttp.ClientSession, url: str, environment: dict[str, str]) -> None:
        self.http, self.url, self.environment = http, url, environment
        self.walked: list[str] = []

    async def key(self, *arguments: str) -> str:
        """Make a key: the token alone is on stdout."""
        code, out, err = await kairos("keys", "create", *arguments, environment=self.environment)
        assert code == 0, err
        assert re.fullmatch(r"k[a-z]_[\w-]{43}\n", out)
        return out.strip()

    async def ask(self, token: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Do what `ask` of the guide does."""
        step = f"{method} {re.sub(r'[0-9a-f-]{36}', 'ID', path.partition('?')[0])}"
        if self.walked[-1:] != [step] or method == "POST":  # the funnel is looked at until it shows something
            self.walked.append(step)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
        headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body)
        async with self.http.request(method, self.url + path, data=data, headers=headers) as response:
            return response.status, json.loads(await response.read() or b"null")

    async def right(self, token: str, method: str, path: str, body: Any = None) -> Any:
        """Ask, and be answered."""
        status, answer = await self.ask(token, method, path, body)
        assert status < 400, answer
        return answer


def guide(pattern: str) -> Any:
    """Take a JSON body out of the guide, with the shell's variables left as words."""
    found = re.search(pattern, GUIDE, re.DOTALL)
    assert found, pattern
    return json.loads(found[1].replace("'$NOW'", "NOW").replace("'$MOMENT'", "MOMENT"))


def filled(body: Any, **words: str) -> Any:
    """Put values in the place of words."""
    text = json.dumps(body)
    for word, value in words.items():
        text = text.replace(f'"{word}"', json.dumps(value))
    return json.loads(text)


async def test_a_newcomer_gets_from_a_key_to_the_funnel(data_dir: Path) -> None:
    environment = {"KAIROS__DATA_DIR": str(data_dir), "KAIROS__SERVER__METRICS_PORT": "-1"}
    async with (
        server_process(environment, "--port", "0") as server,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http,
    ):
        me = Newcomer(http, server.url, environment)
        marketer, app = await asyncio.gather(me.key("marketer"), me.key("app"))
        store, offer = await opened(me, marketer)
        customer, told = await visited(me, app)
        code, pkpass = await taken(me, customer, told)
        verified(pkpass, data_dir, code)
        await redeemed(me, await me.key("till", "--store", store), code)
        decisions = await me.right(customer, "GET", "/v1/me/decisions")
        assert decisions["items"][0]["offer"].startswith("welcome-pretzel")
        await counted(me, marketer, offer)
        await tried(me, marketer, offer)
        await documented(me)
    steps = steps_of_the_guide()
    assert len(steps) > 10
    assert me.walked[: len(steps)] == steps


def steps_of_the_guide() -> list[str]:
    """List the requests of the walk as the guide writes them, up to its question why."""
    script = "\n".join(re.findall(r"```sh\n(.*?)```", GUIDE.partition("## Trying")[0], re.DOTALL))
    calls = re.findall(r'ask "\$\w+" (\w+) "?(/[^\s?"\'\\]+)', script)
    return [f"{method} {re.sub(r'[$][A-Z]+', 'ID', path)}" for method, path in calls]


async def opened(me: Newcomer, marketer: str) -> tuple[str, str]:
    """Open the shop and publish the offer."""
    store = await me.right(marketer, "POST", "/v1/stores", guide(r"POST /v1/stores \\\n\s+'(\{.*?\})'"))
    document = json.loads((ROOT / "config" / "offers" / "welcome-pretzel.json").read_text("utf-8"))
    offer = await me.right(marketer, "POST", "/v1/offers", document)
    assert offer["status"] == "draft"
    live = await me.right(marketer, "POST", f"/v1/offers/{offer['id']}/publish")
    assert live["status"] == "live"
    await asyncio.sleep(1)  # as the guide does
    return store["id"], offer["id"]


async def visited(me: Newcomer, app: str) -> tuple[str, dict[str, Any]]:
    """Sign up, report one fix in the shop, and get its moment."""
    signed = await me.right(app, "POST", "/v1/customers", guide(r"POST /v1/customers '(\{.*?\})' \|"))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = filled(guide(r"POST /v1/pings '(\{.*?\]\})'"), NOW=now)
    answer = await me.right(signed["token"], "POST", "/v1/pings", body)
    [result], [moment] = answer["results"], answer["moments"]
    assert result["status"] == "accepted"
    assert moment["title"] == "Schön, dass du da bist"
    assert len(answer["watch"]["circles"]) == 1
    event = filled(guide(r"POST /v1/events '(\{.*?\]\})'"), NOW=now, MOMENT=moment["id"])
    assert (await me.right(signed["token"], "POST", "/v1/events", event))["accepted"] == 1
    return signed["token"], moment


async def taken(me: Newcomer, customer: str, moment: dict[str, Any]) -> tuple[str, bytes]:
    """Take the reward, and fetch its file by the link, without any header."""
    issued = (await me.right(customer, "POST", f"/v1/moments/{moment['id']}/pass"))["pass"]
    assert (issued["state"], issued["uses_left"]) == ("active", 1)
    async with me.http.get(issued["links"]["apple"]) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/vnd.apple.pkpass"
        return issued["code"], await response.read()


def verified(pkpass: bytes, data_dir: Path, code: str) -> None:
    """Judge the file: hashes by hashlib, the signature by openssl, Apple's rules by the second reading of them."""
    files = unzipped(pkpass)
    manifest = json.loads(files["manifest.json"])
    assert manifest == {
        name: hashlib.sha1(data, usedforsecurity=False).hexdigest()
        for name, data in files.items()
        if name not in ("manifest.json", "signature")
    }
    assert json.loads(files["pass.json"])["barcodes"][0]["message"] == code
    assert check(pkpass) == []
    folder = data_dir / "verify"
    folder.mkdir()
    for name in ("manifest.json", "signature"):
        (folder / name).write_bytes(files[name])
    command = "openssl smime -verify -binary -inform DER -in signature -content manifest.json -purpose any -out out"
    trust = ["-CAfile", str(data_dir / "authority" / "root.pem")]
    ran = subprocess.run([*command.split(), *trust], cwd=folder, capture_output=True, timeout=30, check=False)
    assert ran.returncode == 0, ran.stderr
    (folder / "manifest.json").write_bytes(files["manifest.json"] + b" ")
    ran = subprocess.run([*command.split(), *trust], cwd=folder, capture_output=True, timeout=30, check=False)
    assert ran.returncode != 0, "a changed manifest was taken"


async def redeemed(me: Newcomer, till: str, code: str) -> None:
    """Look, redeem, and be refused the second time."""
    assert (await me.right(till, "POST", "/v1/redemptions/check", {"code": code}))["would"] == 201
    assert (await me.right(till, "POST", "/v1/redemptions", {"code": code}))["uses_left"] == 0
    status, problem = await me.ask(till, "POST", "/v1/redemptions", {"code": code})
    assert (status, problem["code"]) == (409, "already_redeemed")


async def counted(me: Newcomer, marketer: str, offer: str) -> None:
    """See the offer in the funnel: one customer is too few to be shown in figures."""
    today = datetime.now(UTC).date()
    path = f"/v1/reports/funnel?by=offer&from={today - timedelta(days=1)}&to={today + timedelta(days=2)}"
    deadline = asyncio.get_running_loop().time() + BEHIND_S
    while not (rows := (await me.right(marketer, "GET", path))["rows"]):
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.2)
    [row] = rows
    assert (row["key"], row["label"], row["suppressed"]) == (offer, "welcome-pretzel", True)
    assert not any(row[step] for step in ("decided", "opened", "passes", "redeemed"))


async def tried(me: Newcomer, marketer: str, offer: str) -> None:
    """Try the offer on a stated context."""
    body = guide(r"dry-run\" '(\{.*?\})' \|")
    assert (await me.right(marketer, "POST", f"/v1/offers/{offer}/dry-run", body))["outcome"] == "show"


async def documented(me: Newcomer) -> None:
    """Look at what README points to."""
    assert "`GET /docs`" in README
    assert "`GET /openapi.json`" in README
    async with me.http.get(f"{me.url}/docs") as response:
        assert response.status == 200
        assert "/v1/pings" in await response.text()
    async with me.http.get(f"{me.url}/openapi.json") as response:
        assert (await response.json())["openapi"].startswith("3.1")
