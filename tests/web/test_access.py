"""The table says who may knock, and says nothing it should not."""

from __future__ import annotations

import pytest

from server.errors import Forbidden, Misconfigured, Refusal, Unauthenticated
from server.web.access import ACCESS, ANONYMOUS, Access, Kind, Principal, access_to, allow, shape


def somebody(*kinds: Kind) -> Principal:
    return Principal(kinds[0], "key:1", frozenset(kinds), via="token")


# One's own account: of people with any role.
OWN = {
    "GET /account", "GET /v1/account", "GET /v1/account/sessions", "DELETE /v1/account/sessions/{}",
    "POST /v1/account/reauthenticate", "POST /v1/account/second-factor", "POST /v1/account/second-factor/confirm",
    "POST /v1/account/second-factor/recovery-codes", "DELETE /v1/account/second-factor",
}  # fmt: skip

# trust.md's matrix, said once more by hand: who is let in beside nobody else
MATRIX = {
    "customer": {
        "POST /v1/pings", "POST /v1/events", "GET /v1/moments", "GET /v1/moments/stream", "POST /v1/moments/{}/pass",
        "POST /v1/moments/{}/snooze",
        "GET /v1/passes", "GET /v1/passes/{}", "GET /v1/passes/{}/face", "GET /v1/passes/{}/qr.svg",
        "POST /v1/places/names", "PUT /v1/devices/{}", "DELETE /v1/devices/{}", "GET /v1/me",
        "PATCH /v1/me", "DELETE /v1/me", "GET /v1/me/consents", "PUT /v1/me/consents", "GET /v1/me/decisions",
        "POST /v1/me/export", "GET /v1/redemptions", "GET /v1/push/key",
    },
    "app": {"POST /v1/customers", "GET /v1/push/key"},
    "till": {
        "POST /v1/redemptions", "POST /v1/redemptions/check", "POST /v1/redemptions/{}/reversal", "GET /v1/redemptions",
        "GET /v1/redemptions/offline", "POST /v1/redemptions/offline", "POST /v1/redemptions/offline/keys",
        "GET /v1/redemptions/conflicts", "GET /counter",
        *OWN,
    },
    "crm": {
        "POST /v1/segments", "PUT /v1/customers/{}", "POST /v1/customers/{}/events", "POST /v1/purchases",
        "POST /v1/external-sends", "POST /v1/external-sends/batch", "POST /v1/customers/import",
    },
    "analyst": {
        *OWN,
        "GET /v1/stores", "GET /v1/stores/{}", "GET /v1/geofences", "GET /v1/geofences/{}", "GET /v1/offers",
        "GET /v1/offers/{}", "GET /v1/segments", "GET /v1/reports/funnel", "GET /v1/reports/passes", "GET /dashboard",
        "GET /v1/geofences/export", "GET /v1/stores/export", "GET /v1/geofences/cells", "GET /v1/geofences/{}/offers",
        "GET /v1/holidays", "GET /dashboard/places", "GET /v1/programme", "GET /v1/calendar", "GET /v1/offers/{}/versions",
        "GET /v1/offers/{}/versions/{}", "GET /v1/offers/{}/diff", "GET /v1/offers/{}/passes-job",
        "GET /dashboard/calendar", "GET /dashboard/offers", "GET /dashboard/offers/{}",
        "GET /v1/redemptions/conflicts",
        "GET /v1/reports/heat", "GET /v1/reports/kpis", "GET /v1/reports/money", "GET /v1/reports/stores",
        "GET /v1/reports/today", "GET /v1/reports/today/stream", "GET /v1/reports/trend",
    },
    "pass": {
        "POST /wallet/v1/devices/{}/registrations/{}/{}", "DELETE /wallet/v1/devices/{}/registrations/{}/{}",
        "GET /wallet/v1/passes/{}/{}",
    },
    "google": {"POST /wallet/google/callback"},
}  # fmt: skip


def allowed(kind: Kind) -> set[str]:
    return {" ".join(shape(*route)) for route, access in ACCESS.items() if kind in access.principals}


@pytest.mark.parametrize("kind", sorted(MATRIX))
def test_the_table_is_the_matrix_of_the_design(kind: str) -> None:
    assert allowed(Kind(kind)) == MATRIX[kind]


def test_marketers_may_what_analysts_may_and_author() -> None:
    assert allowed(Kind.ANALYST) < allowed(Kind.MARKETER)
    assert "POST /v1/offers/{}/publish" in allowed(Kind.MARKETER)
    assert "POST /v1/users" not in allowed(Kind.MARKETER)
    assert "GET /v1/export/{}" not in allowed(Kind.MARKETER)


def test_an_admin_may_what_a_marketer_may_and_can_not_redeem() -> None:
    assert allowed(Kind.MARKETER) < allowed(Kind.ADMIN)
    assert not {"POST /v1/redemptions", "POST /v1/redemptions/check"} & allowed(Kind.ADMIN)


def test_what_anybody_may_is_short() -> None:
    anybody = {path for (_, path), access in ACCESS.items() if Kind.ANON in access.principals}
    assert anybody == {
        "/", "/p/{link}", "/v1/limits", "/healthz", "/readyz", "/openapi.json", "/docs", "/static/{file}", "/app", "/app/scene",
        "/counter/shell", "/counter-worker.js", "/counter.webmanifest",
        "/login", "/login/code", "/logout", "/password", "/wallet/v1/devices/{dev}/registrations/{type}", "/wallet/v1/log",
    }  # fmt: skip


def test_customers_reach_their_own_and_tills_their_stores() -> None:
    for route, access in ACCESS.items():
        if access.principals == {Kind.CUSTOMER}:
            assert access.owner == "self", route
        if access.principals == {Kind.TILL}:
            assert access.owner == "store", route


def test_only_the_log_in_needs_no_token_of_a_page() -> None:
    assert [route for route, access in ACCESS.items() if not access.csrf] == [
        ("POST", "/login"),
        ("POST", "/login/code"),
    ]


def test_before_a_second_factor_is_set_up_ones_own_account_alone_is_open() -> None:
    assert {" ".join(shape(*route)) for route, access in ACCESS.items() if access.settling} == OWN


def test_no_two_entries_are_one_route() -> None:
    assert len({shape(*route) for route in ACCESS}) == len(ACCESS)


def test_nobody_is_asked_for_a_credential_and_somebody_else_is_turned_away() -> None:
    access = Access(frozenset({Kind.TILL}))
    with pytest.raises(Unauthenticated):
        allow(access, ANONYMOUS)
    with pytest.raises(Forbidden):
        allow(access, somebody(Kind.CUSTOMER))
    allow(access, somebody(Kind.TILL))
    allow(access, somebody(Kind.MARKETER, Kind.TILL))


def may(access: Access, principal: Principal) -> bool:
    try:
        allow(access, principal)
    except Refusal:
        return False
    return True


def test_everybody_may_what_anybody_may() -> None:
    access = Access(frozenset({Kind.ANON}))
    assert [each for each in Kind if each is not Kind.ANON and not may(access, somebody(each))] == []
    assert may(access, ANONYMOUS)
    assert not may(Access(frozenset({Kind.TILL})), ANONYMOUS)


def test_a_route_without_an_entry_is_refused_at_the_start() -> None:
    with pytest.raises(Misconfigured, match="PATCH /v1/nothing"):
        access_to("PATCH", "/v1/nothing")
    assert access_to("GET", "/v1/stores/{store_id}") == ACCESS["GET", "/v1/stores/{id}"]
