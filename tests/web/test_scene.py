"""The scene's doors: for a demonstration alone, and not for another site's pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from server.pipeline.scene import Scene, Seen
from server.web import scene as doors
from server.web.doors import doors_of
from tests.builders import NOON
from tests.web.serving import Answered, NoPool, serving, settings_with

HERE = settings_with(programme__time_zone="Europe/Berlin")


class Stage:
    """A scene that keeps what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def look(self) -> Seen:
        return Seen(NOON, timedelta(hours=3), "drizzle", 6.0)

    async def leap(self, weekday: int, at: Any, *, zone: str) -> None:
        self.asked.append((weekday, at.isoformat("minutes"), zone))

    def paint(self, **sky: Any) -> None:
        self.asked.append(sky)


async def ask(method: str, body: Any = None, *, scene: Any = None, **headers: str) -> Answered:
    options: dict[str, Any] = {} if body is None else {"json": body}
    async with serving(doors_of(doors), HERE, NoPool(), scene=cast("Scene | None", scene)) as served:
        return await served.call(method, "/app/scene", headers=headers, **options)


async def test_every_other_house_has_none() -> None:
    for method, body in (("GET", None), ("PUT", {"day": {"weekday": "tue", "clock": "08:12"}})):
        assert (await ask(method, body)).status == 404


async def test_a_scene_tells_how_it_stands_and_is_changed() -> None:
    stage = Stage()
    seen = await ask("GET", scene=stage)
    assert seen.json == {
        "now": "2026-11-03T11:00:00Z",
        "ahead_s": 10800.0,
        "zone": "Europe/Berlin",
        "sky": {"kind": "drizzle", "temperature_c": 6.0},
    }
    body = {"day": {"weekday": "tue", "clock": "08:12"}, "sky": {"kind": "snow"}}
    assert (await ask("PUT", body, scene=stage)).json == seen.json
    assert stage.asked == [{"kind": "snow", "temperature_c": None}, (1, "08:12", "Europe/Berlin")]


@pytest.mark.parametrize(
    "body",
    [
        {"day": {"weekday": "someday", "clock": "08:12"}},
        {"day": {"weekday": "tue", "clock": "24:00"}},
        {"day": {"weekday": "tue"}},
        {"sky": {"kind": "nice"}},
        {"sky": {"temperature_c": 900}},
        {"now": "2026-11-03T11:00:00Z"},
    ],
)
async def test_what_cannot_be_is_refused(body: Any) -> None:
    stage = Stage()
    assert (await ask("PUT", body, scene=stage)).status == 422
    assert stage.asked == []


async def test_another_sites_page_moves_nothing() -> None:
    stage = Stage()
    refused = await ask("PUT", {"sky": {"kind": "snow"}}, scene=stage, Origin="https://evil.example")
    assert (refused.status, refused.json["code"]) == (403, "cross_site")
    assert stage.asked == []
