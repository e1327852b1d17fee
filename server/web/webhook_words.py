"""What other pages say about webhooks, in the reader's language."""

from __future__ import annotations

from server.web.languages import Language, catalogue


def say_broken(count: int, language: Language) -> list[str]:
    """Say that endpoints were turned off and nobody has looked since; nothing where there are none."""
    words = catalogue("webhooks")[language]
    return [] if not count else [words["broken_one"] if count == 1 else words["broken"].format(count=count)]
