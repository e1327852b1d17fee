"""Who wrote something, in words: a person by their name, a program as what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from server.web.languages import Language, catalogue


def actors(said: Iterable[str]) -> list[UUID]:
    """Pick the people of those who did something (`user:UUID`, `key:UUID`)."""
    return [UUID(text) for kind, _, text in (each.partition(":") for each in said) if kind == "user"]


def signature(actor: str, people: Mapping[UUID, str], language: Language) -> str:
    """Say who it was; somebody who is gone is `somebody`."""
    kind, _, text = actor.partition(":")
    words = catalogue("common")[language]
    if kind == "user":
        return people.get(UUID(text)) or words["somebody"]
    return words["program"] if kind == "key" else actor
