"""The list of all doors, the check that each has its entry in the access table, and the app made of them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Final

from aiohttp import web

from server.errors import Misconfigured
from server.web.access import ACCESS, Table, access_to, shape
from server.web.deadline import Deadline
from server.web.door import DEADLINE, DOORS, LINE, TABLE, WRITTEN, Door, knock
from server.web.gate import GATE, Gate, open_gate
from server.web.idempotency import Line
from server.web.middleware import finish, guard
from server.web.parts import PARTS, Parts

MODULES: Final = (
    "account",
    "approvals",
    "assets",
    "audit",
    "audit_check",
    "calendar",
    "certificates",
    "conflicts",
    "counter",
    "crm",
    "customer_imports",
    "customers",
    "devices",
    "decisions",
    "deliveries",
    "docs",
    "dry_run",
    "events",
    "exports",
    "external_sends",
    "faces",
    "geofences",
    "google",
    "health",
    "holidays",
    "imports",
    "keys",
    "ledger",
    "limits",
    "login",
    "login_code",
    "me",
    "moments",
    "offers",
    "offline",
    "pass_link",
    "outbox",
    "passes",
    "pings",
    "place_map",
    "place_names",
    "preview",
    "programme",
    "purchases",
    "replays",
    "report_heat",
    "report_kpis",
    "report_money",
    "report_stores",
    "report_today",
    "report_trend",
    "reports",
    "pass_reports",
    "scene",
    "screens.account",
    "screens.admin",
    "screens.calendar",
    "screens.counter",
    "screens.dashboard",
    "screens.editor",
    "screens.offer",
    "screens.offers",
    "screens.phone",
    "screens.places",
    "screens.why",
    "second_factor",
    "segments",
    "sessions",
    "settings",
    "snooze",
    "start",
    "stores",
    "stream",
    "till_keys",
    "users",
    "versions",
    "wallet",
    "webhook_calls",
    "webhook_page",
    "webhooks",
)
"""The modules with doors, one line each."""

WALLET: Final = "/wallet/"
"""Where the webServiceURL of passes ends."""


def all_doors(modules: Iterable[str] = MODULES) -> tuple[Door, ...]:
    """Import the modules and collect their doors, in the order of routes."""
    found: list[Door] = []
    for name in modules:
        found += doors_of(importlib.import_module(f"server.web.{name}"))
    return tuple(sorted(found, key=lambda each: (each.path, each.method)))


def doors_of(module: ModuleType) -> list[Door]:
    """List the doors that a module makes itself (not those it imports)."""
    found = [value for value in vars(module).values() if isinstance(value, Door)]
    return [each for each in found if each.handler.__module__ == module.__name__]


def check_doors(doors: Sequence[Door], *, table: Table = ACCESS) -> None:
    """Raise Misconfigured for a door without an entry in the access table, an entry without a door, and doubles."""
    routes = [shape(each.method, each.path) for each in doors]
    entries = {shape(*route) for route in table}
    complaints = [
        *(f"{method} {path} is in no entry of the access table" for method, path in sorted(set(routes) - entries)),
        *(f"{method} {path} has no door" for method, path in sorted(entries - set(routes))),
        *(f"{method} {path} has two doors" for method, path in sorted({r for r in routes if routes.count(r) > 1})),
    ]
    if complaints:
        raise Misconfigured("; ".join(complaints))


def build(parts: Parts, doors: Sequence[Door], *, table: Table = ACCESS, gate: Gate | None = None) -> web.Application:
    """Make the app of these doors (`check_doors` first). Needs a running loop; the app closes its gate at its end."""
    app = web.Application(middlewares=[guard])
    app[PARTS] = parts
    app[GATE] = gate or open_gate(parts.settings, pool=parts.pool, till_pool=parts.till_pool)
    app[LINE] = Line()
    app[DEADLINE] = Deadline(parts.settings.server.handler_deadline_s)
    app[DOORS] = tuple(doors)
    app[TABLE] = table
    app[WRITTEN] = {}
    for each in doors:
        answer = knock(each, access_to(each.method, each.path, table=table))
        path = each.path.replace("{file}", "{file:.+}")
        methods = [each.method, "HEAD"] if each.method == "GET" and not each.stream else [each.method]
        for method in methods:
            for spelling in _spellings(path):
                app.router.add_route(method, spelling, answer, expect_handler=_expect_nothing)
    app.on_response_prepare.append(finish(parts.settings))
    app.on_cleanup.append(_close)
    return app


def _spellings(path: str) -> tuple[str, ...]:
    """Give the ways to write a path: wallets put `/v1/…` behind a webServiceURL that ends with a slash already."""
    return (path, path.replace(WALLET, f"{WALLET}/", 1)) if path.startswith(WALLET) else (path,)


async def _expect_nothing(request: web.Request) -> None:
    """Leave `Expect: 100-continue` to the reading of the body: what is refused before it need not be sent."""


async def _close(app: web.Application) -> None:
    await app[GATE].credentials.close()
    app[GATE].hasher.close()
