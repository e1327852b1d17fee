"""Who somebody is by their log-in: every role, the store they stand in, and whether a second factor is missing."""

from __future__ import annotations

import pytest

from server.store.ids import new_id
from server.store.sessions import Session
from server.web.access import Kind
from server.web.visitor import customer, staff


def logged_in(*roles: str, second: bool = False, fresh: bool = True) -> Session:
    store = new_id() if "counter" in roles else None
    return Session(new_id(), roles, store, False, "csrf", False, new_id(), fresh, second)


def test_somebody_of_the_counter_is_their_stores_till() -> None:
    session = logged_in("counter")
    visitor = staff(session)
    assert (visitor.principal.kind, visitor.principal.store_id) == (Kind.TILL, session.store_id)
    assert visitor.principal.id == f"user:{session.user_id}"


def test_a_log_in_is_told_apart_from_a_key() -> None:
    session = logged_in("analyst", fresh=False)
    log_in = staff(session).log_in
    assert log_in is not None
    assert (log_in.id, log_in.fresh, log_in.second) == (session.id, False, False)
    assert customer(new_id()).log_in is None


@pytest.mark.parametrize(
    ("roles", "second", "wants"),
    [
        (("admin",), False, True),
        (("marketer", "counter"), False, True),
        (("admin",), True, False),
        (("analyst",), False, False),
        (("counter",), False, False),
    ],
)
def test_a_second_factor_is_wanted_of_who_authors_or_manages(roles: tuple[str, ...], second: bool, wants: bool) -> None:
    for required in (True, False):
        log_in = staff(logged_in(*roles, second=second), second_factor=required).log_in
        assert log_in is not None
        assert log_in.wants_second is (wants and required)
