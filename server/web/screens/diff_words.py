"""Two versions of an offer side by side: which sentences went and came, and beneath it which members of the document."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from server.pipeline.differing import Absent, differences
from server.store.offers import OfferRow
from server.web.languages import Language
from server.web.screens.offer_words import flat, sections
from server.web.screens.phrases import Names


class Change(NamedTuple):
    """A sentence that one version has and the other has not."""

    sort: Literal["gone", "new"]
    text: str


class Member(NamedTuple):
    """A member of the document that differs: its path, and what it was and is; empty where it is not there."""

    field: str
    before: str
    after: str


class Compared(NamedTuple):
    """What differs between two versions."""

    first: int
    second: int
    changes: tuple[Change, ...]
    members: tuple[Member, ...]


def compare(before: OfferRow, after: OfferRow, language: Language, names: Names = str) -> Compared:
    """Compare two versions of an offer."""
    changes = sentences(before.document, after.document, language, names)
    members = [
        Member(field, _written(old), _written(new)) for field, old, new in differences(before.document, after.document)
    ]
    return Compared(before.version, after.version, tuple(changes), tuple(members))


def sentences(
    before: Mapping[str, Any], after: Mapping[str, Any], language: Language, names: Names = str
) -> list[Change]:
    """List the sentences that went and those that came, where they stand."""
    old, new = (flat(sections(each, language, names)) for each in (before, after))
    found: list[Change] = []
    for tag, start, stop, begin, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            found += [Change("gone", text) for text in old[start:stop]]
            found += [Change("new", text) for text in new[begin:end]]
    return found


def _written(value: Any) -> str:
    if isinstance(value, Absent):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
