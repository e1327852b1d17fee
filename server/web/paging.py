"""Lists: `?limit=` and an opaque `?cursor=`, answered as `{"items": […], "next": cursor|null}` in keyset order.

A cursor is where the page before ended, not how many rows to skip: rows that come or go meanwhile move nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import MAXYEAR, MINYEAR, datetime
from typing import TypeVar, cast

import msgspec

from server.errors import FieldError, Invalid

T = TypeVar("T")
_CURSOR_CHARACTERS = 1024
_INT32 = 1 << 31


class PageQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The query of a list; a door with filters of its own inherits from it (with the same options)."""

    limit: int | None = None
    cursor: str | None = None


def page_size(query: PageQuery, *, most: int) -> int:
    """Tell how many items the page holds: `most` (limits.page_items) unless asked for fewer; raises Invalid otherwise."""
    if query.limit is None:
        return most
    if not 1 <= query.limit <= most:
        raise Invalid(errors=[FieldError("limit", f"must be 1 to {most}")])
    return query.limit


def write_cursor(keys: Sequence[object]) -> str:
    """Make the cursor after a row from its sort keys (datetimes, UUIDs, numbers, texts)."""
    return base64.urlsafe_b64encode(msgspec.json.encode(tuple(keys))).rstrip(b"=").decode()


def read_cursor(cursor: str | None, keys: type[T]) -> T | None:
    """Read a cursor back as `keys`, the tuple type it was made from such as `tuple[datetime, UUID]`; None for None.

    Raises Invalid for anything that `write_cursor` did not make.
    """
    if cursor is None:
        return None
    try:
        if len(cursor) > _CURSOR_CHARACTERS:
            raise ValueError
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = msgspec.json.decode(data, type=keys)
        if not all(_storable(each) for each in cast("tuple[object, ...]", found)):
            raise ValueError
        return found
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        raise Invalid(errors=[FieldError("cursor", "is not one that we gave")]) from None


def _storable(key: object) -> bool:
    """Tell whether PostgreSQL has such a value: what it would refuse was never in a cursor of ours."""
    if isinstance(key, datetime):
        return key.tzinfo is not None and MINYEAR < key.year < MAXYEAR  # in UTC, too
    if isinstance(key, int):
        return 0 <= key < _INT32
    return not isinstance(key, str) or "\0" not in key


def cut(rows: Sequence[T], *, size: int, keys: Callable[[T], Sequence[object]]) -> tuple[Sequence[T], str | None]:
    """Cut rows asked for with LIMIT size + 1 into the page and the cursor of the next one (None at the end)."""
    if len(rows) <= size:
        return rows, None
    page = rows[:size]
    return page, write_cursor(keys(page[-1]))
