"""The phone's page: for anybody, with the app's public key and nothing else that is not."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from server.pipeline.scene import Seen
from server.web.doors import all_doors
from tests.builders import NOON
from tests.web.serving import NoPool, serving, settings_with


class Stage:
    """A scene that only stands there."""

    def look(self) -> Seen:
        return Seen(NOON, timedelta(0), "rain", 6.0)


async def page(language: str = "en", **given: Any) -> tuple[str, dict[str, Any]]:
    settings = settings_with(app__key="ka_public", app__lat=51.05, app__lon=10.905)
    async with serving(all_doors(("screens.phone",)), settings, NoPool(), **given) as served:
        answer = await served.call("GET", "/app", headers={"Accept-Language": language})
    assert answer.status == 200
    text = answer.body.decode()
    told = re.search(r'<script type="application/json" id="facts">(.*?)</script>', text, re.DOTALL)
    assert told is not None
    return text, json.loads(told[1])


async def test_the_page_knows_its_key_and_where_the_phone_lies() -> None:
    text, facts = await page()
    assert (facts["key"], facts["start"], facts["scene"], facts["roles"]) == (
        "ka_public",
        [51.05, 10.905],
        False,
        ["anon"],
    )
    assert facts["throwaway"] is True
    assert '<h2 id="welcome-title">Welcome</h2>' in text


async def test_time_and_weather_can_be_chosen_in_a_demonstration_alone() -> None:
    for scene, there in ((None, False), (Stage(), True)):
        text, facts = await page(scene=scene)
        assert ('<form id="scene">' in text, facts["scene"]) == (there, there)
    assert re.findall(r'<option value="(mon|sun|hail)">(\w+)', text) == [
        ("mon", "Monday"),
        ("sun", "Sunday"),
        ("hail", "Hail"),
    ]


@pytest.mark.parametrize(("language", "said"), [("en", "Location"), ("de", "Standort")])
async def test_each_agreement_is_off_and_says_what_for(language: str, said: str) -> None:
    text, _ = await page(language)
    ticks = re.findall(r'<input type="checkbox" name="(\w+)"([^>]*)>', text)
    assert ticks == [(name, "") for name in ("location", "push", "profiling")] * 2
    assert f"<strong>{said}</strong>" in text
