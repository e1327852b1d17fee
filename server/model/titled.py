"""An offer as its passes' class at a wallet tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID


class Words(NamedTuple):
    """The offer's name, and the titles of its live version by locale, as written; `fallback` is one of the locales."""

    offer_id: UUID
    name: str
    titles: Mapping[str, str]
    fallback: str
