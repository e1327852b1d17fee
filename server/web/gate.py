"""Before a door is opened: whose request it is, whether it may pass, and whether it comes too often."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from server.errors import Forbidden, Refusal, Unauthenticated
from server.settings import Settings
from server.store.pool import Pool
from server.web.access import ANONYMOUS, Access, Kind, Principal, allow
from server.web.auth import Credentials
from server.web.google_caller import read_google
from server.web.holder import read_holder, says_pass
from server.web.passwords import Hasher
from server.web.throttle import Rate
from server.web.visitor import Visitor

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_UNMETERED: Final = frozenset({"/v1/pings", "/healthz", "/readyz"})
"""Pings have their own limit (by the fix), and whoever watches over the server is not turned away."""
_NOBODY: Final = Visitor(ANONYMOUS)
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class CrossSite(Forbidden):
    """This request did not come from one of our own pages."""

    code, title = "cross_site", "Cross-site request refused"


class PasswordChangeRequired(Forbidden):
    """The one-time password must be changed first."""

    code, title = "password_change_required", "Password change required"


class SecondFactorRequired(Forbidden):
    """Your role needs a second factor: set it up in your account."""

    code, title = "second_factor_required", "Second factor required"


class ReauthenticationRequired(Forbidden):
    """Give your password once more (POST /v1/account/reauthenticate): it was given longer than session.reauth_s ago."""

    code, title = "reauthentication_required", "Reauthentication required"


@dataclass(frozen=True, slots=True)
class Gate:
    """What all doors share. `hosts` are the Host names that are answered, lower case and without port.

    `cookie` is the session cookie's name: `__Host-sid` needs https; over plain http (loopback, tests) browsers refuse
    Secure cookies, so it is `sid` there.
    """

    credentials: Credentials
    hasher: Hasher
    requests: Rate
    signups: Rate
    phones: Rate
    hosts: frozenset[str]
    proxies: frozenset[str]
    origin: str
    cookie: str
    secure: bool

    async def admit(self, request: web.Request, access: Access, *, body: bytes | None = None) -> Visitor:
        """Tell who knocks at a door with this access; raises Unauthenticated or Forbidden. `body` is read where it is signed."""
        if Kind.ANON in access.principals:
            return await self._perhaps(request)
        if body is not None and "Authorization" not in request.headers and self.cookie not in request.cookies:
            return await self._google(request, body)
        holds = Kind.PASS in access.principals and says_pass(request.headers.get("Authorization"))
        visitor = await (read_holder(request) if holds else self._visitor(request))
        allow(access, visitor.principal)
        if visitor.one_time:
            raise PasswordChangeRequired
        if visitor.log_in is not None and visitor.log_in.wants_second and not access.settling:
            raise SecondFactorRequired
        return visitor

    async def _perhaps(self, request: web.Request) -> Visitor:
        """Tell who it is where anybody may come: a credential that does not count is none."""
        if not request.cookies.get(self.cookie):
            return _NOBODY
        try:
            return await self._visitor(request)
        except Refusal:
            return _NOBODY

    async def _google(self, request: web.Request, body: bytes) -> Visitor:
        """Tell that it is Google; who comes with what is not Google's too often is told 429."""
        try:
            return await read_google(request, body)
        except Unauthenticated:
            self.phones.take(("google", self.address(request)), setting="limits.wallet_per_minute")
            raise

    async def _visitor(self, request: web.Request) -> Visitor:
        header = request.headers.get("Authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            found = await self.credentials.by_token(token.strip()) if scheme.lower() == "bearer" else None
        else:
            cookie = request.cookies.get(self.cookie)
            if cookie is None:
                return _NOBODY
            found = await self.credentials.by_cookie(cookie)
        if found is None:
            raise Unauthenticated
        return found

    def meter(self, principal: Principal, route: str, address: str) -> None:
        """Count a request; raises TooMany. Tills and pings have limits of their own, and Google comes as often as it must."""
        if route in _UNMETERED or principal.kind in (Kind.TILL, Kind.GOOGLE):
            return
        who = address if principal.kind is Kind.ANON else principal.id
        if route == "/v1/customers" and principal.kind is Kind.APP:
            self.signups.take(who, setting="limits.signups_per_minute")
        else:
            self.requests.take(who, setting="limits.requests_per_minute")

    def refuse_cross_site(self, request: web.Request, visitor: Visitor, *, token: str | None) -> None:
        """Refuse what another site makes a browser send with our cookie: the origin must be ours, the token the page's."""
        if visitor.principal.via != "cookie" or request.method in SAFE_METHODS:
            return
        self.refuse_other_origin(request)
        given = token or request.headers.get("X-CSRF-Token")
        if not given or given != visitor.csrf:  # the session was found by its cookie: there is no secret left to time
            raise CrossSite

    def refuse_stale(self, access: Access, visitor: Visitor) -> None:
        """Refuse a log-in whose password was given too long ago, where that matters; the page asks for it and goes on."""
        if access.fresh and visitor.log_in is not None and not visitor.log_in.fresh:
            raise ReauthenticationRequired(extra={"second_factor": visitor.log_in.second})

    def refuse_other_origin(self, request: web.Request) -> None:
        """Refuse a browser's request that began on another site; clients that are no browser send neither header."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None and site not in ("same-origin", "none"):
            raise CrossSite
        origin = request.headers.get("Origin")
        if origin == "null" and site == "same-origin":
            return  # our pages send no referrer, and with it no origin; the browser itself says where it began
        if origin is not None and origin.lower() not in (self.origin, f"{request.scheme}://{request.host}".lower()):
            raise CrossSite

    def address(self, request: web.Request) -> str:
        """Tell the client's address: the peer's, or the rightmost forwarded one that is no trusted proxy's."""
        peer = request.remote or ""
        if peer not in self.proxies:
            return peer
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
        for entry in reversed(forwarded):
            candidate = entry.strip()
            if candidate in self.proxies:
                continue
            try:
                return str(ipaddress.ip_address(candidate))
            except ValueError:
                break
        return peer

    def known_host(self, host: str) -> bool:
        """Tell whether a Host header names us."""
        return host in self.hosts or hostname(host) in self.hosts


GATE: Final = web.AppKey("gate", Gate)


def open_gate(settings: Settings, *, pool: Pool, till_pool: Pool) -> Gate:
    """Make the gate from the settings; `server.public_url` should be the address in force. Needs a running loop."""
    monotonic = asyncio.get_running_loop().time
    public = urlsplit(settings.server.public_url)
    secure = public.scheme == "https"
    return Gate(
        credentials=Credentials(
            pool,
            till_pool,
            token_days=settings.privacy.token_days,
            idle_s=settings.session.idle_s,
            monotonic=monotonic,
            reauth_s=settings.session.reauth_s,
            second_factor=settings.session.second_factor == "required",
        ),
        hasher=Hasher(queue=settings.limits.login_queue),
        requests=Rate(settings.limits.requests_per_minute, monotonic=monotonic),
        signups=Rate(settings.limits.signups_per_minute, monotonic=monotonic),
        phones=Rate(settings.limits.wallet_per_minute, monotonic=monotonic),
        hosts=host_names(settings),
        proxies=frozenset(settings.server.trusted_proxies),
        origin=f"{public.scheme}://{public.netloc}".lower(),
        cookie="__Host-sid" if secure else "sid",
        secure=secure,
    )


def host_names(settings: Settings) -> frozenset[str]:
    """List the Host names that are answered: the public address's, the settings', and loopback where we listen there."""
    names = {hostname(name) for name in settings.server.hosts}
    if settings.server.public_url:
        names.add((urlsplit(settings.server.public_url).hostname or "").lower())
    listening = settings.server.host.strip("[]").lower()
    names.add(listening)
    if settings.mode == "test" or listening in _LOOPBACK:
        names |= _LOOPBACK
    return frozenset(names - {""})


def hostname(host: str) -> str:
    """Take the port off a Host header: `[::1]:8080` is `::1`."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")
