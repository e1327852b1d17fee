"""Every page has its picture in docs/pages, small enough to be kept, and the page of pictures shows each."""

from __future__ import annotations

import re

import pytest

from server.web.doors import all_doors
from tests.browser.pictures import FOLDER, MOST_BYTES, SHOTS, page_of_pictures

PAGES = sorted({each.path for each in all_doors() if each.method == "GET" and each.produces == "text/html"})
IN_PASSING = {
    "/login/code": "needs somebody's phone",
    "/counter/shell": "the counter without anybody, for when there is no network",
}
REACHED = {"/dashboard/offers/{id}": "offer", "/dashboard/offers/{id}/edit": "editor"}
"""Pages that are reached by a click, and the picture of it."""


@pytest.mark.parametrize("path", [path for path in PAGES if path not in IN_PASSING])
def test_every_page_has_a_picture(path: str) -> None:
    pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
    taken = [shot.name for shot in SHOTS if pattern.fullmatch(shot.path.partition("?")[0])]
    name = REACHED.get(path) or (taken[0] if taken else None)
    assert name is not None
    assert (FOLDER / f"{name}.png").is_file()


def test_pictures_are_small_and_all_of_them_are_shown() -> None:
    files = {file.stem: file.stat().st_size for file in FOLDER.glob("*.png")}
    assert set(files) == {shot.name for shot in SHOTS}
    assert max(files.values()) <= MOST_BYTES
    assert (FOLDER / "README.md").read_text("utf-8") == page_of_pictures()
