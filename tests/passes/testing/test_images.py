"""The pictures of a pass, broken in one way at a time."""

from __future__ import annotations

import pytest

from passes.images import plain_png
from passes.testing.images import check_pictures
from tests.passes.samples import GREEN

ICON = {"icon.png": plain_png(29, 29, GREEN)}


def codes(style: str, **images: bytes) -> set[str]:
    named = {name.replace("_2x", "@2x").replace("_", ".", 1): data for name, data in images.items()}
    return {finding.code for finding in check_pictures({**ICON, **named}, {style: {}})}


def test_the_icon_alone_is_enough() -> None:
    assert codes("coupon") == set()


def test_a_pass_without_an_icon_is_refused() -> None:
    assert {finding.code for finding in check_pictures({}, {"coupon": {}})} == {"image.icon"}


def test_an_icon_at_twice_its_size_will_do() -> None:
    assert check_pictures({"icon@2x.png": plain_png(58, 58, GREEN)}, {"coupon": {}}) == []


@pytest.mark.parametrize(
    ("style", "name", "size"),
    [
        ("coupon", "strip_png", (375, 144)),
        ("coupon", "strip@2x_png", (750, 288)),
        ("storeCard", "logo@3x_png", (480, 150)),
        ("eventTicket", "strip_png", (375, 98)),
        ("eventTicket", "background@2x_png", (360, 440)),
        ("generic", "thumbnail_png", (90, 60)),
        ("boardingPass", "footer_png", (286, 15)),
    ],
)
def test_the_largest_picture_of_a_style_is_taken(style: str, name: str, size: tuple[int, int]) -> None:
    assert codes(style, **{name: plain_png(*size, GREEN)}) == set()


@pytest.mark.parametrize(
    ("style", "name", "size", "code"),
    [
        ("coupon", "icon_png", (30, 30), "image.size"),
        ("coupon", "icon_png", (28, 28), "image.icon_size"),
        ("coupon", "logo_png", (161, 50), "image.size"),
        ("coupon", "strip@2x_png", (750, 289), "image.size"),
        ("eventTicket", "strip_png", (375, 99), "image.size"),
        ("coupon", "thumbnail_png", (90, 90), "image.style"),
        ("generic", "strip_png", (375, 123), "image.style"),
        ("generic", "thumbnail_png", (90, 59), "image.aspect"),
        ("generic", "thumbnail_png", (59, 90), "image.aspect"),
        ("coupon", "banner_png", (10, 10), "image.name"),
        ("coupon", "logo@4x_png", (10, 10), "image.name"),
    ],
)
def test_a_picture_that_does_not_fit_is_refused_by_its_own_code(
    style: str, name: str, size: tuple[int, int], code: str
) -> None:
    assert codes(style, **{name: plain_png(*size, GREEN)}) == {code}


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(40), b"\xff\xd8\xff\xe0" + bytes(40), ICON["icon.png"][:20]])
def test_what_is_no_png_is_refused(data: bytes) -> None:
    assert codes("coupon", logo_png=data) == {"image.png"}


def test_a_ticket_shows_a_strip_or_a_background() -> None:
    images = {"strip_png": plain_png(10, 10, GREEN), "background_png": plain_png(10, 10, GREEN)}
    assert codes("eventTicket", **images) == {"image.together"}
