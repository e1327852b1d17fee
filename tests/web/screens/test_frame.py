"""What all pages share: the language that was chosen, ways by role, and facts that cannot become markup."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest

from server.web.access import ANONYMOUS, Kind, Principal
from server.web.doors import all_doors
from server.web.languages import catalogue
from server.web.pages import render
from server.web.screens.frame import PLACES, ways_for
from tests.web.serving import NoPool, Served, serving, settings_with

EN = catalogue("common")["en"]
EVIL = "</script><script>alert(1)</script><!--"


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    async with serving(all_doors(("start",)), settings_with(), NoPool()) as running:
        yield running


@pytest.mark.parametrize(
    ("asked", "chosen", "language"),
    [
        ("de", None, "de"),
        ("en", None, "en"),
        ("de", "en", "en"),
        ("en", "de", "de"),
        ("de", "tlh", "de"),
        ("en", "", "en"),
    ],
)
async def test_a_language_that_was_chosen_counts_more_than_the_browsers(
    served: Served, asked: str, chosen: str | None, language: str
) -> None:
    cookies = {} if chosen is None else {"Cookie": f"language={chosen}"}
    answered = await served.call("GET", "/", headers={"Accept-Language": asked, **cookies})
    assert answered.headers["Content-Language"] == language
    assert answered.headers["Vary"] == "Accept-Language, Cookie"
    assert f'<html lang="{language}">' in answered.body.decode()
    assert catalogue("start")[language]["about"] in answered.body.decode()


def test_facts_can_not_end_the_script_they_are_in() -> None:
    page = render(
        "start.html", brand=EVIL, csrf="", language="en", words={**EN, **catalogue("start")["en"]}, ways=[], credit=None,
        facts={"name": EVIL}, test=False, links=[],
    ).decode()  # fmt: skip
    assert "alert(1)</script>" not in page.replace("&lt;/script&gt;", "")
    told = re.search(r'<script type="application/json" id="facts">(.*?)</script>', page, re.DOTALL)
    assert told is not None
    assert json.loads(told[1]) == {"name": EVIL}


def test_the_bar_shows_each_role_its_own_pages_and_marks_the_one_that_is_open() -> None:
    def shown(*roles: Kind) -> set[str]:
        principal = Principal(roles[0], "user:1", frozenset(roles), via="cookie")
        return {way.path for way in ways_for(principal, "/dashboard/nowhere", EN)}

    assert shown(Kind.ADMIN) >= shown(Kind.MARKETER) >= shown(Kind.ANALYST) >= {"/dashboard"}
    assert not shown(Kind.TILL) & shown(Kind.ANALYST)
    assert ways_for(ANONYMOUS, "/", EN) == []
    admin = Principal(Kind.ADMIN, "user:1", frozenset({Kind.ADMIN}), via="cookie")
    for path, _, kinds in PLACES:
        if Kind.ADMIN in kinds:
            assert [way.path for way in ways_for(admin, f"{path}/deeper", EN) if way.here] == [path]
