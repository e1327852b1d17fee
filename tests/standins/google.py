"""Google Wallet on loopback: tokens for signed assertions, classes and objects checked by Google's own description, callbacks.

    base_url   URL/walletobjects/v1      token_url   URL/token      root_keys_url   URL/gp/m/issuer/keys

By hand: `python -m tests.standins google --account account.json` writes a service account's key file first. A POST to
`/_/callback?to=URL&object=ID&class=ID&event=save&kind=good` sends a callback, `/_/fail?what=503&times=2` makes it fail.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from tests.passes.google.discovery import NAMES, REQUIRED, objections
from tests.standins._google_signing import Signer, new_account, wrong_with

ISSUER: Final = "3388000000022141777"
SCOPE: Final = "https://www.googleapis.com/auth/wallet_object.issuer"
REST: Final = "/walletobjects/v1"
DAY_S: Final = 86_400
NOTICES: Final = 3


@dataclass
class Fault:
    """How requests fail: a status, "reset" (taken, then the line is cut), "hang" or "garbage", so many times, for paths
    that hold `where`. `delay_s` comes before; `taken` whether the deed is done all the same."""

    what: str
    times: int = 1
    where: str = ""
    delay_s: float = 0.0
    taken: bool = False
    retry_after: str | None = None


@dataclass
class Google:
    """The stand-in. `seen` are the requests as (method, path, body, status); `classes` and `objects` what there is now."""

    issuer: str = ISSUER
    token_life_s: int = 3599
    max_age: str = "public, max-age=3600"
    port: int = 0
    ahead_s: float = 0.0
    told: Callable[[str], None] = lambda _: None
    public: RSAPublicNumbers | None = None
    seen: list[tuple[str, str, Any, int]] = field(default_factory=list)
    classes: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    notices: dict[str, list[float]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    signer: Signer = field(default_factory=Signer)
    account: bytes = b""

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._watch])
        app.router.add_post("/token", self._token)
        app.router.add_get("/gp/m/issuer/keys", self._roots)
        app.router.add_post("/_/callback", self._send_callback)
        app.router.add_post("/_/fail", self._fail)
        app.router.add_route("*", REST + "/{tail:.*}", self._rest)
        self._release = asyncio.Event()
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        if self.public is None:
            self.public, self.account = new_account(token_uri=self.token_url)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._release.set()
        await self._runner.cleanup()

    def now(self) -> float:
        """The stand-in's clock, which may be ahead."""
        return time.time() + self.ahead_s

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return self.url + REST

    @property
    def token_url(self) -> str:
        return self.url + "/token"

    @property
    def root_keys_url(self) -> str:
        return self.url + "/gp/m/issuer/keys"

    def calls(self, method: str, end: str = "") -> list[Any]:
        """The bodies of the calls of a method whose path ends so."""
        return [body for m, path, body, _ in self.seen if m == method and path.endswith(end)]

    # --- how it fails ---

    @web.middleware
    async def _watch(self, request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]) -> Any:
        raw = await request.read()
        body: Any = raw.decode("utf-8", "replace")
        with contextlib.suppress(ValueError):
            body = json.loads(raw)
        fault = None if request.path.startswith("/_/") else self._fault(request.path)
        if fault is not None:
            await asyncio.sleep(fault.delay_s)
        response: web.StreamResponse | None = None
        if fault is None or fault.taken or fault.what == "slow":
            response = await handler(request)
        status = response.status if response is not None else 0
        if fault is not None and fault.what != "slow":
            response = await self._failing(request, fault)
            status = response.status
        self.seen.append((request.method, request.path, body, status))
        self.told(json.dumps({"method": request.method, "path": request.path, "status": status}))
        return response

    def _fault(self, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and fault.where in path:
                fault.times -= 1
                return fault
        return None

    async def _failing(self, request: web.Request, fault: Fault) -> web.Response:
        if fault.what == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=599)
        if fault.what == "hang":
            await self._release.wait()
            return web.Response(status=599)
        if fault.what == "garbage":
            return web.Response(text="<html>\0 not JSON", content_type="text/html")
        headers = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
        return _problem(
            int(fault.what), "RESOURCE_EXHAUSTED" if fault.what == "429" else "UNAVAILABLE", headers=headers
        )

    async def _fail(self, request: web.Request) -> web.Response:
        wanted = dict(request.query)
        self.faults.append(Fault(wanted["what"], int(wanted.get("times", "1")), wanted.get("where", "")))
        return web.Response(status=204)

    # --- tokens and keys ---

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        assert self.public is not None
        wrong = wrong_with(form, public=self.public, scope=SCOPE, audience=self.token_url, now=self.now())
        if wrong is not None:
            return web.json_response({"error": wrong, "error_description": "Invalid JWT"}, status=400)
        token = "ya29." + secrets.token_urlsafe(24)
        self.tokens.add(token)
        answer = {"access_token": token, "expires_in": self.token_life_s, "token_type": "Bearer"}
        return web.json_response(answer)

    async def _roots(self, request: web.Request) -> web.Response:
        headers = {"Cache-Control": self.max_age}
        return web.Response(body=self.signer.root_keys(), content_type="application/json", headers=headers)

    # --- classes and objects ---

    async def _rest(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.tokens:
            return _problem(401, "UNAUTHENTICATED")
        found = re.fullmatch(r"/([a-zA-Z]+)(Class|Object)(?:/([^/]+))?(/addMessage)?", request.path.removeprefix(REST))
        if found is None or found[1] not in NAMES:
            return _problem(404, "NOT_FOUND")
        kind, what, identifier, message = found.groups()
        there = self.classes if what == "Class" else self.objects
        if request.method == "GET":
            return self._get(there, identifier, request)
        try:
            body = await request.json()
        except ValueError:
            return _problem(400, "INVALID_ARGUMENT")
        name = f"{NAMES[kind]}{what}"
        if message:
            return self._message(there, identifier, body)
        return self._write(request.method, there, identifier, body, name)

    def _get(self, there: dict[str, Any], identifier: str | None, request: web.Request) -> web.Response:
        if identifier is None:
            if request.query.get("issuerId") != self.issuer:
                return _problem(403, "PERMISSION_DENIED")
            return web.json_response({"resources": list(there.values())[: int(request.query.get("maxResults", "20"))]})
        return web.json_response(there[identifier]) if identifier in there else _problem(404, "NOT_FOUND")

    def _write(self, method: str, there: dict[str, Any], identifier: str | None, body: Any, name: str) -> web.Response:
        against = self._against(name, body, whole=method != "PATCH")
        if against:
            return _problem(400, "INVALID_ARGUMENT", fields=against)
        if not str(body.get("id", identifier)).startswith(f"{self.issuer}."):
            return _problem(403, "PERMISSION_DENIED")
        if method == "POST":
            if body["id"] in there:
                return _problem(409, "ALREADY_EXISTS")
            if name.endswith("Object") and body["classId"] not in self.classes:
                return _problem(404, "NOT_FOUND")
            there[body["id"]] = body
            return web.json_response(body)
        if identifier not in there:
            return _problem(404, "NOT_FOUND")
        assert identifier is not None
        stays = {} if method == "PUT" else there[identifier]
        written = {key: value for key, value in (stays | body).items() if value is not None}
        written.pop("notifyPreference", None)
        there[identifier] = written
        return web.json_response(written)

    def _against(self, name: str, body: Any, *, whole: bool) -> list[str]:
        """What Google's description and its pages have against a body."""
        if not isinstance(body, dict):
            return ["body"]
        given = {key: value for key, value in body.items() if value is not None}
        said = objections(name, given)
        if not whole:
            said = [each for each in said if not (each.endswith(": missing") and each[:-9] in REQUIRED.get(name, ()))]
        said += ["merchantLocations: many"] if len(given.get("merchantLocations", [])) > 10 else []
        return [each.partition(":")[0] for each in said]

    def _message(self, there: dict[str, Any], identifier: str | None, body: Any) -> web.Response:
        against = objections("AddMessageRequest", body)
        if against:
            return _problem(400, "INVALID_ARGUMENT", fields=[each.partition(":")[0] for each in against])
        if identifier not in there:
            return _problem(404, "NOT_FOUND")
        assert identifier is not None
        if body["message"].get("messageType") == "TEXT_AND_NOTIFY":
            now = self.now()
            lately = [at for at in self.notices.get(identifier, []) if now - at < DAY_S]
            if len(lately) >= NOTICES:
                return _problem(429, "RESOURCE_EXHAUSTED")
            self.notices[identifier] = [*lately, now]
        there[identifier].setdefault("messages", []).append(body["message"])
        return web.json_response({"resource": there[identifier]})

    # --- callbacks ---

    def callback(self, object_id: str, class_id: str, *, kind: str = "good", **changes: Any) -> bytes:
        """The body of a callback about an object."""
        return self.signer.callback(issuer=self.issuer, object_id=object_id, class_id=class_id, kind=kind, **changes)

    async def _send_callback(self, request: web.Request) -> web.Response:
        wanted = dict(request.query)
        kind, event = wanted.get("kind", "good"), wanted.get("event", "save")
        body = self.callback(wanted["object"], wanted["class"], kind=kind, eventType=event)
        async with (
            aiohttp.ClientSession() as session,
            session.post(wanted["to"], data=body, headers={"Content-Type": "application/json"}) as response,
        ):
            return web.json_response({"status": response.status})


def _problem(
    status: int, word: str, *, fields: list[str] | None = None, headers: dict[str, str] | None = None
) -> web.Response:
    error: dict[str, Any] = {"code": status, "message": f"{word} of a value that is repeated here", "status": word}
    if fields:
        violations = [{"field": each, "description": "is wrong"} for each in fields]
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}]
    return web.json_response({"error": error}, status=status, headers=headers)


async def _serve(arguments: argparse.Namespace) -> None:
    google = Google(issuer=arguments.issuer, port=arguments.port, told=lambda line: print(line, flush=True))
    for what in arguments.fail:
        name, _, times = what.partition(":")
        google.faults.append(Fault(name, int(times or 1)))
    async with google:
        path = Path(arguments.account)
        path.touch(mode=0o600)
        path.write_bytes(google.account)
        print(f"listening on {google.url}", flush=True)
        await asyncio.Event().wait()


def main(arguments: list[str]) -> None:
    """Run it until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.standins google", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--issuer", default=ISSUER)
    parser.add_argument("--account", default="google-account.json", help="where the key file is written (0600)")
    parser.add_argument("--fail", action="append", default=[], help="503:2, reset, hang or garbage, so many times")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args(arguments)))
