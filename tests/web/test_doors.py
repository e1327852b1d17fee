"""Every door has its entry in the table, and every entry its door."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import server.web
from server.errors import Misconfigured
from server.web import health
from server.web.access import ACCESS, Access, Kind
from server.web.call import Call
from server.web.door import door
from server.web.doors import MODULES, all_doors, check_doors, doors_of

ANYBODY = Access(frozenset({Kind.ANON}))


async def _handler(call: Call) -> None:
    return None


ONE = door("GET", "/v1/one/{id}")(_handler)


def test_all_doors_of_the_house_are_in_the_table_and_all_entries_have_doors() -> None:
    check_doors(all_doors())


def test_a_door_without_an_entry_stops_the_start() -> None:
    with pytest.raises(Misconfigured, match=r"GET /v1/one/\{\} is in no entry"):
        check_doors([ONE], table={})


def test_an_entry_without_a_door_stops_the_start() -> None:
    with pytest.raises(Misconfigured, match="POST /v1/two has no door"):
        check_doors([ONE], table={("GET", "/v1/one/{id}"): ANYBODY, ("POST", "/v1/two"): ANYBODY})


def test_two_doors_for_one_route_stop_the_start() -> None:
    other = door("GET", "/v1/one/{serial}")(_handler)
    with pytest.raises(Misconfigured, match="has two doors"):
        check_doors([ONE, other], table={("GET", "/v1/one/{id}"): ANYBODY})


def test_a_table_that_fits_starts_whatever_the_parameters_are_called() -> None:
    check_doors([ONE], table={("GET", "/v1/one/{one_id}"): ANYBODY})


def test_every_module_with_doors_is_in_the_list() -> None:
    folder = Path(next(iter(server.web.__path__)))
    modules = [*folder.glob("*.py"), *folder.glob("screens/*.py")]
    with_doors = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in modules
        if "\n@door(" in path.read_text("utf-8")
    }
    assert with_doors == set(MODULES)


def test_a_module_gives_the_doors_it_makes_and_not_those_it_imports() -> None:
    assert {each.path for each in doors_of(health)} == {"/healthz", "/readyz"}
    assert doors_of(sys.modules[__name__]) == [ONE]


def test_the_doors_come_in_the_order_of_their_routes() -> None:
    routes = [(each.path, each.method) for each in all_doors(("users", "health"))]
    assert routes == sorted(routes)
    assert ("/v1/users", "POST") in routes
    assert ("GET", "/v1/users") in ACCESS
