"""Which places a document means: ids, a tag, or any; checked against the places that there are."""

from __future__ import annotations

from uuid import UUID

from server.decision.reading import Node
from server.model.offer import PlaceFilter


def parse_places(node: Node, *, whole: bool = True) -> PlaceFilter | None:
    """Read `{"ids": […]}`, `{"tag": "…"}` or, where `whole`, `{"any": true}`; None where it is wrong.

    Ids are those of stores or of fences; each must exist, and a tag must be on some place.
    """
    before = len(node.errors)
    options = ("ids", "tag", "any") if whole else ("ids", "tag")
    if not node.object(*options):
        if not node.given:
            node.wrong("is required")
        return None
    if sum(node.child(option).given for option in options) != 1:
        node.wrong(f"must have exactly one of {', '.join(options)}")
        return None
    ids = frozenset(_parse_id(each) for each in node.child("ids").each(most=1000))
    tag = node.child("tag")
    name = tag.text(longest=64)
    if tag.given and name and name not in node.known.tags and not node.known.stored:
        tag.wrong(f"no place has the tag {name}")
    everywhere = node.child("any")
    if everywhere.given and everywhere.value is not True:
        everywhere.wrong("must be true")
    if len(node.errors) > before:
        return None
    return PlaceFilter(ids, name or None, everywhere.given)


def say_places(places: PlaceFilter) -> str:
    """Say which places are meant, in words."""
    if places.any:
        return "any place"
    if places.tag is not None:
        return f"a place with the tag {places.tag}"
    return "the one named place" if len(places.ids) == 1 else f"one of {len(places.ids)} named places"


def _parse_id(node: Node) -> UUID:
    """Read the id of a place that exists."""
    text = node.text(longest=36)
    if not text:
        return UUID(int=0)
    try:
        identifier = UUID(text)
    except ValueError:
        node.wrong("must be a UUID")
        return UUID(int=0)
    if identifier not in node.known.places and not node.known.stored:
        node.wrong("is not the id of a store or a fence")
    return identifier
