"""Who may knock at which door: the one declarative table, and the words for callers.

Rule 1: a door without an entry, or an entry without a door, stops the start (`check_doors` in `server.web.doors`).
Rule 2: `owner` tells what else the statement's WHERE must hold: "self" the customer or the pass, "store" the till's. It is
        the door's duty to hand the principal's own id to the store; what is not theirs is then not found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final, Literal, NamedTuple
from uuid import UUID

from server.errors import Forbidden, Misconfigured, Unauthenticated


class Kind(StrEnum):
    """What a caller is; the value is the word used in keys, roles and `x-principals`."""

    ANON = "anon"
    APP = "app"
    CUSTOMER = "customer"
    TILL = "till"
    CRM = "crm"
    MARKETER = "marketer"
    ANALYST = "analyst"
    ADMIN = "admin"
    PASS = "pass"  # noqa: S105  Apple's word, no secret
    GOOGLE = "google"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling. `id` is like `customer:UUID`, `key:UUID`, `user:UUID` or `anon`; `roles` what they may act as.

    `via` tells how they said so: a cookie (which a browser sends unasked) needs proof that the page was ours.
    """

    kind: Kind
    id: str
    roles: frozenset[Kind]
    customer_id: UUID | None = None
    store_id: UUID | None = None
    user_id: UUID | None = None
    via: Literal["token", "cookie", "none"] = "none"


ANONYMOUS: Final = Principal(kind=Kind.ANON, id="anon", roles=frozenset({Kind.ANON}))

Owner = Literal["self", "store"]


class Access(NamedTuple):
    """Who may use a route, and whose objects they reach through it (None: not anybody's).

    `csrf` is False where no page of ours can know a token yet: the log-in, which checks the origin alone. `fresh`: who comes
    with a cookie has given the password a short while ago (requirement 17; keys need not). `settling`: also for those who
    have yet to set up the second factor that is required of them.
    """

    principals: frozenset[Kind]
    owner: Owner | None = None
    csrf: bool = True
    fresh: bool = False
    settling: bool = False


READERS: Final = frozenset({Kind.MARKETER, Kind.ANALYST, Kind.ADMIN})
"""Who reads reports."""


def _for(*kinds: Kind, owner: Owner | None = None) -> Access:
    return Access(frozenset(kinds), owner)


_ANYBODY = _for(Kind.ANON)
_CUSTOMER = _for(Kind.CUSTOMER, owner="self")
_AUTHORS = _for(Kind.MARKETER, Kind.ADMIN)
_READERS = _for(*READERS)
_ADMIN = _for(Kind.ADMIN)
_ADMIN_ANEW = _ADMIN._replace(fresh=True)
_STAFF = _for(Kind.TILL, Kind.MARKETER, Kind.ANALYST, Kind.ADMIN, owner="self")
_SETTLING = _STAFF._replace(settling=True)
_SETTLING_ANEW = _SETTLING._replace(fresh=True)

ACCESS: Final[dict[tuple[str, str], Access]] = {
    # App
    ("POST", "/v1/customers"): _for(Kind.APP),
    ("POST", "/v1/pings"): _CUSTOMER,
    ("POST", "/v1/events"): _CUSTOMER,
    ("GET", "/v1/moments"): _CUSTOMER,
    ("GET", "/v1/moments/stream"): _CUSTOMER,
    ("POST", "/v1/moments/{id}/pass"): _CUSTOMER,
    ("POST", "/v1/moments/{id}/snooze"): _CUSTOMER,
    ("GET", "/v1/passes"): _CUSTOMER,
    ("GET", "/v1/passes/{serial}"): _CUSTOMER,
    ("GET", "/v1/passes/{serial}/face"): _CUSTOMER,
    ("GET", "/v1/passes/{serial}/qr.svg"): _CUSTOMER,
    ("POST", "/v1/places/names"): _CUSTOMER,
    ("PUT", "/v1/devices/{device_id}"): _CUSTOMER,
    ("DELETE", "/v1/devices/{device_id}"): _CUSTOMER,
    ("GET", "/v1/push/key"): _for(Kind.APP, Kind.CUSTOMER),
    ("GET", "/v1/me"): _CUSTOMER,
    ("PATCH", "/v1/me"): _CUSTOMER,
    ("DELETE", "/v1/me"): _CUSTOMER,
    ("GET", "/v1/me/consents"): _CUSTOMER,
    ("PUT", "/v1/me/consents"): _CUSTOMER,
    ("GET", "/v1/me/decisions"): _CUSTOMER,
    ("POST", "/v1/me/export"): _CUSTOMER,
    # Counter
    ("POST", "/v1/redemptions"): _for(Kind.TILL, owner="store"),
    ("POST", "/v1/redemptions/check"): _for(Kind.TILL, owner="store"),
    ("POST", "/v1/redemptions/{id}/reversal"): _for(Kind.TILL, Kind.ADMIN, owner="store"),
    ("GET", "/v1/redemptions"): _for(Kind.CUSTOMER, Kind.TILL, Kind.ADMIN, owner="self"),
    ("GET", "/v1/redemptions/conflicts"): _for(*READERS, Kind.TILL, owner="store"),
    ("GET", "/v1/redemptions/offline"): _for(Kind.TILL, owner="store"),
    ("POST", "/v1/redemptions/offline"): _for(Kind.TILL, owner="store"),
    ("GET", "/v1/redemptions/offline/keys"): _ADMIN,
    ("POST", "/v1/redemptions/offline/keys"): _for(Kind.TILL, owner="store"),
    ("DELETE", "/v1/redemptions/offline/keys/{id}"): _ADMIN_ANEW,
    ("POST", "/v1/passes/{serial}/void"): _ADMIN,
    ("GET", "/p/{link}"): _ANYBODY,  # the link itself is the credential: signed, five minutes
    # Wallet
    ("POST", "/wallet/v1/devices/{dev}/registrations/{type}/{serial}"): _for(Kind.PASS, owner="self"),
    ("DELETE", "/wallet/v1/devices/{dev}/registrations/{type}/{serial}"): _for(Kind.PASS, owner="self"),
    ("GET", "/wallet/v1/devices/{dev}/registrations/{type}"): _ANYBODY,  # the device's own id is the credential
    ("GET", "/wallet/v1/passes/{type}/{serial}"): _for(Kind.PASS, owner="self"),
    ("POST", "/wallet/v1/log"): _ANYBODY,
    ("POST", "/wallet/google/callback"): _for(Kind.GOOGLE),  # its signature is in the body
    # Marketing
    ("GET", "/v1/stores"): _READERS,
    ("POST", "/v1/stores"): _AUTHORS,
    ("GET", "/v1/stores/export"): _READERS,
    ("GET", "/v1/stores/{id}"): _READERS,
    ("PUT", "/v1/stores/{id}"): _AUTHORS,
    ("DELETE", "/v1/stores/{id}"): _AUTHORS,
    ("POST", "/v1/stores/import"): _AUTHORS,
    ("GET", "/v1/geofences"): _READERS,
    ("POST", "/v1/geofences"): _AUTHORS,
    ("GET", "/v1/geofences/cells"): _READERS,
    ("GET", "/v1/geofences/export"): _READERS,
    ("GET", "/v1/geofences/{id}"): _READERS,
    ("GET", "/v1/geofences/{id}/offers"): _READERS,
    ("PUT", "/v1/geofences/{id}"): _AUTHORS,
    ("DELETE", "/v1/geofences/{id}"): _AUTHORS,
    ("POST", "/v1/geofences/import"): _AUTHORS,
    ("GET", "/v1/holidays"): _READERS,
    ("GET", "/v1/offers"): _READERS,
    ("POST", "/v1/offers"): _AUTHORS,
    ("GET", "/v1/offers/{id}"): _READERS,
    ("PUT", "/v1/offers/{id}"): _AUTHORS,
    ("GET", "/v1/offers/{id}/versions"): _READERS,
    ("GET", "/v1/offers/{id}/versions/{n}"): _READERS,
    ("GET", "/v1/offers/{id}/diff"): _READERS,
    ("GET", "/v1/offers/{id}/passes-job"): _READERS,
    ("POST", "/v1/offers/{id}/publish"): _AUTHORS,
    ("POST", "/v1/offers/{id}/approve"): _AUTHORS,
    ("POST", "/v1/offers/{id}/pause"): _AUTHORS,
    ("POST", "/v1/offers/{id}/end"): _AUTHORS,
    ("POST", "/v1/offers/{id}/dry-run"): _AUTHORS,
    ("POST", "/v1/offers/{id}/preview"): _AUTHORS,  # naming a customer is for admins: the door asks
    ("POST", "/v1/preview"): _AUTHORS,
    ("POST", "/v1/dry-run"): _AUTHORS,
    ("POST", "/v1/offers/{id}/replay"): _AUTHORS,
    ("GET", "/v1/replays/{id}"): _AUTHORS,
    ("DELETE", "/v1/replays/{id}"): _AUTHORS,
    ("GET", "/v1/segments"): _READERS,
    ("POST", "/v1/segments"): _for(Kind.MARKETER, Kind.ADMIN, Kind.CRM),
    ("GET", "/v1/calendar"): _READERS,
    ("GET", "/v1/programme"): _READERS,
    ("PUT", "/v1/programme"): _AUTHORS,
    ("GET", "/v1/decisions"): _AUTHORS,
    ("GET", "/v1/reports/funnel"): _READERS,
    ("GET", "/v1/reports/passes"): _READERS,
    ("GET", "/v1/export/{type}"): _ADMIN_ANEW,
    ("GET", "/v1/reports/heat"): _READERS,
    ("GET", "/v1/reports/kpis"): _READERS,
    ("GET", "/v1/reports/money"): _READERS,
    ("GET", "/v1/reports/stores"): _READERS,
    ("GET", "/v1/reports/today"): _READERS,
    ("GET", "/v1/reports/today/stream"): _READERS,
    ("GET", "/v1/reports/trend"): _READERS,
    # Other systems
    ("POST", "/v1/external-sends"): _for(Kind.CRM),
    ("POST", "/v1/external-sends/batch"): _for(Kind.CRM),
    ("PUT", "/v1/customers/{external_id}"): _for(Kind.CRM, Kind.ADMIN),
    ("GET", "/v1/customers"): _ADMIN,
    ("POST", "/v1/customers/import"): _for(Kind.CRM, Kind.ADMIN),
    ("POST", "/v1/customers/{external_id}/events"): _for(Kind.CRM),
    ("POST", "/v1/purchases"): _for(Kind.CRM),
    ("GET", "/v1/webhooks"): _ADMIN,
    ("POST", "/v1/webhooks"): _ADMIN_ANEW,
    ("GET", "/v1/webhooks/{id}"): _ADMIN,
    ("PATCH", "/v1/webhooks/{id}"): _ADMIN_ANEW,
    ("DELETE", "/v1/webhooks/{id}"): _ADMIN_ANEW,
    ("POST", "/v1/webhooks/{id}/rotate"): _ADMIN_ANEW,
    ("POST", "/v1/webhooks/{id}/test"): _ADMIN,
    ("GET", "/v1/webhooks/{id}/calls"): _ADMIN,
    ("POST", "/v1/webhooks/{id}/replay"): _ADMIN,
    # House
    ("GET", "/v1/users"): _ADMIN,
    ("POST", "/v1/users"): _ADMIN_ANEW,
    ("PATCH", "/v1/users/{id}"): _ADMIN_ANEW,
    ("DELETE", "/v1/users/{id}"): _ADMIN_ANEW,
    ("GET", "/v1/keys"): _ADMIN,
    ("POST", "/v1/keys"): _ADMIN_ANEW,
    ("DELETE", "/v1/keys/{id}"): _ADMIN_ANEW,
    ("GET", "/v1/audit"): _ADMIN,
    ("GET", "/v1/audit/export"): _ADMIN,
    ("GET", "/v1/audit/verification"): _ADMIN,
    ("GET", "/v1/settings"): _ADMIN,
    ("GET", "/v1/certificates"): _ADMIN,
    ("GET", "/v1/outbox"): _ADMIN,
    ("GET", "/v1/sessions"): _ADMIN,
    ("DELETE", "/v1/sessions/{id}"): _ADMIN,
    ("DELETE", "/v1/users/{id}/sessions"): _ADMIN,
    # One's own account: of people. A key has none, which the doors say.
    ("GET", "/v1/account"): _SETTLING,
    ("GET", "/v1/account/sessions"): _SETTLING,
    ("DELETE", "/v1/account/sessions/{id}"): _SETTLING,
    ("POST", "/v1/account/reauthenticate"): _SETTLING,
    ("POST", "/v1/account/second-factor"): _SETTLING_ANEW,
    ("POST", "/v1/account/second-factor/confirm"): _SETTLING_ANEW,
    ("POST", "/v1/account/second-factor/recovery-codes"): _SETTLING_ANEW,
    ("DELETE", "/v1/account/second-factor"): _SETTLING_ANEW,
    ("GET", "/v1/deliveries"): _ADMIN,
    ("POST", "/v1/deliveries/retry"): _ADMIN,
    ("POST", "/v1/deliveries/drop"): _ADMIN,
    ("POST", "/v1/deliveries/{id}/retry"): _ADMIN,
    ("POST", "/v1/deliveries/{id}/drop"): _ADMIN,
    ("GET", "/v1/limits"): _ANYBODY,
    ("GET", "/healthz"): _ANYBODY,
    ("GET", "/readyz"): _ANYBODY,
    ("GET", "/openapi.json"): _ANYBODY,
    ("GET", "/docs"): _ANYBODY,
    ("GET", "/static/{file}"): _ANYBODY,
    # Pages
    ("GET", "/"): _ANYBODY,
    ("GET", "/login"): _ANYBODY,
    ("POST", "/login"): Access(frozenset({Kind.ANON}), csrf=False),
    ("GET", "/login/code"): _ANYBODY,
    ("POST", "/login/code"): Access(frozenset({Kind.ANON}), csrf=False),
    ("POST", "/logout"): _ANYBODY,
    ("GET", "/password"): _ANYBODY,  # the doors ask for a log-in themselves: one whose password must be changed will do
    ("POST", "/password"): _ANYBODY,
    ("GET", "/account"): _SETTLING,
    ("GET", "/counter"): _for(Kind.TILL, owner="store"),
    ("GET", "/counter/shell"): _ANYBODY,  # the page with nobody in it
    ("GET", "/counter-worker.js"): _ANYBODY,
    ("GET", "/counter.webmanifest"): _ANYBODY,
    ("GET", "/app"): _ANYBODY,  # a client of /v1 like every other
    ("GET", "/app/scene"): _ANYBODY,  # there is one in a demonstration alone
    ("PUT", "/app/scene"): _ANYBODY,
    ("GET", "/dashboard"): _READERS,
    ("GET", "/dashboard/offers/new"): _AUTHORS,
    ("GET", "/dashboard/calendar"): _READERS,
    ("GET", "/dashboard/offers"): _READERS,
    ("GET", "/dashboard/offers/{id}"): _READERS,
    ("GET", "/dashboard/offers/{id}/edit"): _AUTHORS,
    ("GET", "/dashboard/why"): _AUTHORS,
    ("GET", "/dashboard/places"): _READERS,
    ("GET", "/dashboard/admin"): _ADMIN,
    ("GET", "/dashboard/admin/{section}"): _ADMIN,
    ("GET", "/dashboard/webhooks"): _ADMIN,
    ("POST", "/dashboard/webhooks"): _ADMIN,
}

_PARAMETER = re.compile(r"\{[^}]*\}")


@cache
def shape(method: str, path: str) -> tuple[str, str]:
    """Give a route without the names of its parameters: `/v1/stores/{id}` and `/v1/stores/{store_id}` are one route."""
    return method, _PARAMETER.sub("{}", path)


Table = Mapping[tuple[str, str], Access]


def access_to(method: str, path: str, *, table: Table = ACCESS) -> Access:
    """Look up who may use a route (its template); raises Misconfigured where the table has no entry: deny by default."""
    for route, access in table.items():
        if shape(*route) == shape(method, path):
            return access
    raise Misconfigured(f"{method} {path} is in no entry of the access table")


def allow(access: Access, principal: Principal) -> None:
    """Pass whoever may use the route; raises Unauthenticated for nobody, Forbidden for somebody else."""
    if Kind.ANON in access.principals or access.principals & principal.roles:
        return
    if principal.kind is Kind.ANON:
        raise Unauthenticated
    raise Forbidden
