"""The pictures of passes: files of `apple.images_dir`, sorted by the styles that show them; without any, drawn in code.

    DIR/icon.png icon@2x.png logo@2x.png strip@3x.png …      for all languages
    DIR/de.lproj/logo@2x.png …                               for one

Rule 1: what no pass could show ends the start with a sentence, since Wallet would turn such a pass down in silence.
Rule 2: each style gets what it shows and what fits it: a strip for coupons is too high for a ticket, which goes without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from passes.errors import ImageError
from passes.images import MAX_BYTES, check_images, default_images, read_name, size_of
from passes.model import Style
from passes.styles import STYLES
from server.errors import Misconfigured

MOST_FILES: Final = 200
"""Seven kinds, three scales, nine languages: who has more has named the wrong folder."""

Pictures = Mapping[str, bytes]


def load_pictures(folder: str, colour: tuple[int, int, int]) -> Mapping[str, Pictures] | None:
    """Read and sort the pictures of a folder by style; None where the setting is empty. Raises Misconfigured."""
    if not folder:
        return None
    try:
        return sort_pictures(dict(_files(Path(folder))), colour)
    except ImageError as error:
        raise Misconfigured(f"apple.images_dir: {error}.") from None


def sort_pictures(images: Pictures, colour: tuple[int, int, int]) -> dict[str, Pictures]:
    """Give each style the pictures that it shows; icon and logo are drawn in a colour where there are none.

    Raises ImageError for a file that is no picture, or that no style could show.
    """
    sizes = {name: size_of(name, data) for name, data in images.items()}
    drawn = default_images(colour)
    kinds = {read_name(name).kind for name in images}
    drawn = {name: data for name, data in drawn.items() if read_name(name).kind not in kinds}
    whole = sizes | {name: size_of(name, data) for name, data in drawn.items()}
    for name in images:
        if not any(_is_shown(style, name, whole) for style in STYLES.values()):
            check_images(_nearest_style(name), {**_icons(whole), name: sizes[name]})  # says what is wrong with it
            raise ImageError("image.foreign", name, "no pass shows this picture")
    sorted_: dict[str, Pictures] = {}
    for style in STYLES.values():
        shown = {name for name in whole if _is_shown(style, name, whole)}
        for one, other in style.excludes:
            if any(read_name(name).kind == one for name in shown):
                shown = {name for name in shown if read_name(name).kind != other}
        check_images(style, {name: whole[name] for name in shown})
        sorted_[style.name] = {name: data for name, data in {**images, **drawn}.items() if name in shown}
    return sorted_


def _is_shown(style: Style, name: str, sizes: Mapping[str, tuple[int, int]]) -> bool:
    """Tell whether a style shows a picture of this name and size."""
    try:
        check_images(style, {**_icons(sizes), name: sizes[name]})
    except ImageError:
        return False
    return True


def _icons(sizes: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Give the icon that every style demands, in the size that it has."""
    return {name: sizes[name] for name in ("icon.png", "icon@2x.png") if name in sizes}


def _nearest_style(name: str) -> Style:
    """Find a style that shows pictures of this kind, whatever their size."""
    kind = read_name(name).kind
    return next((style for style in STYLES.values() if kind in style.images), STYLES["coupon"])


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Give the files of a folder and of its languages' folders, by their names as a pass has them."""
    try:
        paths = sorted([*folder.glob("*.png"), *folder.glob("*.lproj/*.png")])
        if not folder.is_dir() or not paths:
            raise Misconfigured(f"apple.images_dir: {folder} is no folder with PNG files.")
        if len(paths) > MOST_FILES:
            raise Misconfigured(f"apple.images_dir: {folder} has more than {MOST_FILES} pictures.")
        for path in paths:
            with path.open("rb") as file:
                yield path.relative_to(folder).as_posix(), file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Misconfigured(
            f"apple.images_dir: {error.filename or folder} cannot be read ({error.strerror})."
        ) from error
