"""Every route is a door, stands in the access table, and is described for strangers."""

from __future__ import annotations

from server.web.doors import check_doors, doors
from server.web.openapi import describe

from server.web.access import TABLE


def test_every_door_has_an_entry_and_every_entry_a_door() -> None:
    check_doors()


def test_every_door_is_described() -> None:
    paths = describe(title="Kairos", version="1")["paths"]
    described = {(method.upper(), path) for path, item in paths.items() for method in item if method != "parameters"}
    spoken = {(door.method, door.path) for door in doors()}
    assert described == spoken


def test_no_route_is_open_to_everybody_by_accident() -> None:
    open_to_all = {key for key, access in TABLE.items() if "anon" in {str(kind) for kind in access.principals}}
    written_down = {"/healthz", "/readyz", "/openapi.json", "/docs", "/", "/login", "/v1/limits", "/p/{link}"}
    assert {path for _, path in open_to_all if not path.startswith("/static")} <= written_down
