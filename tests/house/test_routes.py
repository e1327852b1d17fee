"""Every route is a door, stands in the access table, and is described for strangers."""

from __future__ import annotations

from server.web.access import ACCESS, Kind
from server.web.doors import all_doors, check_doors
from server.web.openapi import describe

DOORS = all_doors()

OPEN = {
    "/", "/login", "/login/code", "/logout", "/password", "/healthz", "/readyz", "/openapi.json", "/docs", "/v1/limits",
    "/p/{link}", "/counter/shell", "/counter-worker.js",
    "/counter.webmanifest", "/static/{file}", "/app", "/app/scene",
    "/wallet/v1/devices/{dev}/registrations/{type}", "/wallet/v1/log",
}  # fmt: skip


def test_every_door_has_an_entry_and_every_entry_a_door() -> None:
    check_doors(DOORS)
    assert len(DOORS) == len(ACCESS)


def test_every_door_is_described_with_its_principals() -> None:
    paths = describe(DOORS, title="Kairos", version="1", url="/", table=ACCESS)["paths"]
    described = {
        (method.upper(), path): operation for path, item in paths.items() for method, operation in item.items()
    }
    assert set(described) == {(door.method, door.path) for door in DOORS}
    for operation in described.values():
        assert operation["x-principals"]
        assert operation["summary"]


def test_every_body_has_an_example() -> None:
    paths = describe(DOORS, title="Kairos", version="1", url="/", table=ACCESS)["paths"]
    bodies = [
        (path, content)
        for path, item in paths.items()
        for operation in item.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    assert bodies
    assert not [path for path, content in bodies if "example" not in content and "examples" not in content]


def test_no_route_is_open_to_everybody_by_accident() -> None:
    assert {path for (_, path), access in ACCESS.items() if Kind.ANON in access.principals} == OPEN
