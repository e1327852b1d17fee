"""The pictures of a brand: each style shows what fits it, and what no pass could show ends the start."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from passes.errors import ImageError
from passes.images import plain_png
from passes.styles import STYLES
from passes.testing import check
from server.errors import Misconfigured
from server.model.look import AppleKind, Dress
from server.wallet.design import draw
from server.wallet.pictures import MOST_FILES, load_pictures, sort_pictures
from tests.passes import samples
from tests.wallet.test_design import CODE, KINDS, NOW, dressed, issued

RED = (200, 0, 0)
ICON = {"icon.png": plain_png(29, 29, RED), "icon@2x.png": plain_png(58, 58, RED)}
LOGO = {"logo@2x.png": plain_png(320, 100, RED), "de.lproj/logo@2x.png": plain_png(300, 100, RED)}
STRIP = {"strip@2x.png": plain_png(750, 288, RED)}
LOW_STRIP = {"strip@2x.png": plain_png(750, 196, RED)}
SQUARE = {"thumbnail.png": plain_png(90, 90, RED)}
BACK = {"background.png": plain_png(180, 220, RED)}


def kinds(images: Mapping[str, bytes]) -> dict[str, set[str]]:
    """What each style shows, by its kinds of pictures."""
    found = sort_pictures(images, samples.GREEN)
    return {
        style: {name.rpartition("/")[2].partition(".")[0].partition("@")[0] for name in found[style]} for style in found
    }


def test_without_a_folder_there_are_no_pictures_of_ones_own() -> None:
    assert load_pictures("", samples.GREEN) is None


def test_what_a_brand_does_not_have_is_drawn() -> None:
    found = sort_pictures(LOGO, RED)
    assert set(found) == set(STYLES)
    assert {"icon.png", "icon@2x.png", "icon@3x.png", "logo@2x.png", "de.lproj/logo@2x.png"} == set(found["coupon"])
    assert found["coupon"]["logo@2x.png"] == LOGO["logo@2x.png"]


def test_each_style_shows_what_it_has_room_for() -> None:
    everything = kinds({**ICON, **STRIP, **SQUARE, **BACK})
    assert everything["coupon"] == everything["store_card"] == {"icon", "logo", "strip"}
    assert everything["generic"] == {"icon", "logo", "thumbnail"}
    assert everything["event_ticket"] == {"icon", "logo", "thumbnail", "background"}


def test_a_ticket_shows_a_strip_or_the_other_pictures() -> None:
    assert kinds({**LOW_STRIP, **SQUARE, **BACK})["event_ticket"] == {"icon", "logo", "strip"}


@pytest.mark.parametrize("kind", KINDS)
def test_passes_with_all_those_pictures_are_whole(kind: AppleKind) -> None:
    drawn = draw(
        issued(card=dressed(dress=Dress(apple=kind))),
        code=CODE,
        brand="Kairos",
        background=samples.GREEN,
        service=None,
        now=NOW,
    )
    pictures = sort_pictures({**ICON, **LOGO, **STRIP, **SQUARE, **BACK}, RED)[drawn.style]
    file = samples.template().with_images(pictures).build(drawn, signed_at=NOW)
    assert check(file) == []
    assert set(pictures) <= set(samples.unzipped(file))


@pytest.mark.parametrize(
    ("images", "code"),
    [
        ({"icon.png": plain_png(30, 29, RED)}, "image.size"),
        ({"strip.png": plain_png(376, 144, RED)}, "image.size"),
        ({"thumbnail.png": plain_png(90, 20, RED)}, "image.aspect"),
        ({"banner.png": plain_png(9, 9, RED)}, "image.foreign"),
        ({"logo@4x.png": plain_png(9, 9, RED)}, "image.name"),
        ({"logo.png": b"GIF89a"}, "image.signature"),
        ({"footer.png": plain_png(9, 9, RED)}, "image.foreign"),
    ],
)
def test_what_no_pass_could_show_is_named(images: dict[str, bytes], code: str) -> None:
    with pytest.raises(ImageError) as caught:
        sort_pictures(images, RED)
    assert (caught.value.code, caught.value.field) == (code, next(iter(images)))


def written(folder: Path, images: Mapping[str, bytes]) -> str:
    for name, data in images.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return str(folder)


def test_a_folder_is_read_with_its_languages(tmp_path: Path) -> None:
    found = load_pictures(written(tmp_path, {**ICON, **LOGO, "notes.txt": b"..."}), RED)
    assert found == sort_pictures({**ICON, **LOGO}, RED)


def bomb() -> bytes:
    """A PNG of a few bytes that says it has 60,000 × 60,000 pixels."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ({}, "is no folder with PNG files"),
        ({"logo.png": bomb()}, "1 to 1500 pixels"),
        ({"logo.png": plain_png(9, 9, RED)[:-9]}, "logo.png"),
        ({f"{kind}.lproj/logo.png": b"" for kind in range(MOST_FILES + 1)}, f"more than {MOST_FILES} pictures"),
    ],
)
def test_a_wrong_folder_ends_the_start_with_a_sentence(tmp_path: Path, images: dict[str, bytes], said: str) -> None:
    with pytest.raises(Misconfigured, match=said) as caught:
        load_pictures(written(tmp_path, images), RED)
    assert str(caught.value).startswith("apple.images_dir: ")
    with pytest.raises(Misconfigured, match="is no folder"):
        load_pictures(str(tmp_path / "nowhere"), RED)
