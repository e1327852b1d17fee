"""Images are measured by their first bytes; those drawn here are taken apart again."""

from __future__ import annotations

import struct
import zlib

import pytest

from passes.errors import ImageError
from passes.images import ImageName, check_images, default_images, disc_png, plain_png, read_name, size_of
from passes.styles import STYLES
from tests.passes.samples import GREEN

ICON = {"icon.png": (29, 29)}


def pixels(png: bytes) -> tuple[int, int, int, list[bytes]]:
    """(width, height, bytes per pixel, rows) of a PNG without filters, read after the W3C's specification."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, position = {}, 8
    while position < len(png):
        size, kind = struct.unpack(">I4s", png[position : position + 8])
        data = png[position + 8 : position + 8 + size]
        assert struct.unpack(">I", png[position + 8 + size : position + 12 + size])[0] == zlib.crc32(kind + data)
        chunks[kind] = data
        position += 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert depth == 8
    step = {2: 3, 6: 4}[colour]
    raw = zlib.decompress(chunks[b"IDAT"])
    rows = [raw[start : start + 1 + width * step] for start in range(0, len(raw), 1 + width * step)]
    assert len(rows) == height
    assert all(row[0] == 0 for row in rows)
    return width, height, step, [row[1:] for row in rows]


def code_of(name: str, data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        size_of(name, data)
    assert caught.value.field == name
    return caught.value.code


def refused(style: str, **sizes: tuple[int, int]) -> tuple[str, str]:
    with pytest.raises(ImageError) as caught:
        check_images(STYLES[style], ICON | {f"{name}.png": size for name, size in sizes.items()})
    return caught.value.code, caught.value.field


def test_a_plain_png_has_one_colour_in_every_pixel() -> None:
    width, height, step, rows = pixels(plain_png(7, 5, (1, 2, 3)))
    assert (width, height, step) == (7, 5, 3)
    assert set(rows) == {bytes((1, 2, 3)) * 7}


def test_a_disc_is_solid_in_the_middle_and_nothing_in_the_corners() -> None:
    side, _, step, rows = pixels(disc_png(50, (1, 2, 3)))
    assert (side, step) == (50, 4)
    assert rows[25][25 * 4 : 26 * 4] == bytes((1, 2, 3, 255))
    assert {rows[y][x * 4 + 3] for x in (0, 49) for y in (0, 49)} == {0}
    assert [row[3::4] for row in rows] == [row[3::4] for row in reversed(rows)]


def test_what_is_drawn_is_drawn_alike_each_time() -> None:
    assert default_images(GREEN) == default_images(GREEN)
    assert default_images(GREEN) != default_images((0, 0, 0))


@pytest.mark.parametrize("style", sorted(STYLES))
def test_the_default_images_fit_every_style(style: str) -> None:
    sizes = {name: size_of(name, data) for name, data in default_images(GREEN).items()}
    check_images(STYLES[style], sizes)
    assert sizes["icon@3x.png"] == (87, 87)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("icon.png", ImageName("icon", 1, None)),
        ("strip@2x.png", ImageName("strip", 2, None)),
        ("zh-Hans.lproj/logo@3x.png", ImageName("logo", 3, "zh-Hans")),
    ],
)
def test_a_name_says_kind_scale_and_language(name: str, parts: ImageName) -> None:
    assert read_name(name) == parts


@pytest.mark.parametrize(
    "name",
    [
        "icon",
        "icon.jpg",
        "icon@4x.png",
        "icon@2X.png",
        "a/icon.png",
        "../icon.png",
        "de.lproj/x/icon.png",
        "Icon.png",
        "",
    ],
)
def test_a_name_that_wallet_does_not_know_is_refused(name: str) -> None:
    with pytest.raises(ImageError) as caught:
        read_name(name)
    assert caught.value.code == "image.name"


def test_the_size_is_read_from_the_header() -> None:
    assert size_of("x", plain_png(375, 144, GREEN)) == (375, 144)


PLAIN = plain_png(29, 29, GREEN)


def altered(*, width: int = 29, depth: int = 8, colour: int = 2, interlace: int = 0, size: int = 13) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, 29, depth, colour, 0, 0, interlace)
    chunk = struct.pack(">I", size) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + plain_png(29, 29, GREEN)[33:]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "image.signature"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "image.signature"),
        (b"GIF89a" + bytes(100), "image.signature"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image.signature"),
        (plain_png(29, 29, GREEN)[:32], "image.header"),
        (plain_png(29, 29, GREEN)[:20] + b"\xff" + plain_png(29, 29, GREEN)[21:], "image.header"),
        (altered(size=14), "image.header"),
        (altered(depth=4), "image.header"),
        (altered(colour=5), "image.header"),
        (altered(interlace=2), "image.header"),
        (altered(width=0), "image.pixels"),
        (altered(width=1501), "image.pixels"),
        (altered(width=2**31), "image.pixels"),
        (altered() + bytes(1_000_000), "image.bytes"),
        (PLAIN[:-1], "image.damaged"),
        (PLAIN[:-12], "image.damaged"),
        (PLAIN[:33], "image.damaged"),
        (PLAIN[:33] + PLAIN[-12:], "image.damaged"),
        (PLAIN[:45] + bytes((PLAIN[45] ^ 1,)) + PLAIN[46:], "image.damaged"),
        (PLAIN[:33] + b"\xff\xff\xff\xff" + PLAIN[37:], "image.damaged"),
    ],
)
def test_what_should_not_be_opened_is_refused_by_its_own_code(data: bytes, code: str) -> None:
    assert code_of("logo.png", data) == code


def test_an_altered_header_that_stays_true_is_taken() -> None:
    assert size_of("x", altered(width=1500, depth=16, colour=6, interlace=1)) == (1500, 29)


@pytest.mark.parametrize(
    ("style", "sizes"),
    [
        ("coupon", {"logo": (160, 50), "logo@2x": (320, 100), "logo@3x": (480, 150), "strip@3x": (1125, 432)}),
        ("store_card", {"strip": (375, 144)}),
        ("event_ticket", {"strip": (375, 98)}),
        ("event_ticket", {"background": (180, 220), "thumbnail": (90, 90)}),
        ("generic", {"thumbnail": (60, 90), "thumbnail@2x": (180, 120)}),
    ],
)
def test_the_largest_images_of_a_style_are_taken(style: str, sizes: dict[str, tuple[int, int]]) -> None:
    named = ICON | {f"{name}.png": size for name, size in sizes.items()}
    check_images(STYLES[style], named)
    assert {read_name(name).kind for name in named} <= set(STYLES[style].images)


@pytest.mark.parametrize(
    ("style", "name", "size", "code"),
    [
        ("coupon", "icon@2x", (57, 58), "image.size"),
        ("coupon", "icon@2x", (59, 58), "image.size"),
        ("coupon", "logo", (161, 50), "image.size"),
        ("coupon", "logo", (160, 51), "image.size"),
        ("coupon", "strip", (376, 144), "image.size"),
        ("event_ticket", "strip", (375, 144), "image.size"),
        ("generic", "strip", (375, 123), "image.foreign"),
        ("coupon", "thumbnail", (90, 90), "image.foreign"),
        ("store_card", "background", (180, 220), "image.foreign"),
        ("generic", "thumbnail", (59, 90), "image.aspect"),
        ("generic", "thumbnail", (90, 59), "image.aspect"),
    ],
)
def test_an_image_that_does_not_fit_is_refused_by_name(style: str, name: str, size: tuple[int, int], code: str) -> None:
    assert refused(style, **{name: size}) == (code, f"{name}.png")


@pytest.mark.parametrize("other", ["background", "thumbnail"])
def test_a_ticket_shows_a_strip_or_a_background_with_a_thumbnail(other: str) -> None:
    assert refused("event_ticket", **{"strip": (10, 10), other: (10, 10)}) == ("image.exclusive", f"{other}.png")


def test_a_pass_without_an_icon_is_refused() -> None:
    for sizes in ({}, {"logo.png": (10, 10)}, {"icon@3x.png": (87, 87)}, {"de.lproj/icon.png": (29, 29)}):
        with pytest.raises(ImageError) as caught:
            check_images(STYLES["coupon"], sizes)
        assert caught.value.code == "image.missing"
    check_images(STYLES["coupon"], {"icon@2x.png": (58, 58)})
