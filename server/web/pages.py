"""Pages for people: templates with everything escaped, no script or style inside (see the policy in middleware)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HTML: Final = "text/html"
_FOLDER: Final = Path(__file__).with_name("templates")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values: Any) -> bytes:
    """Fill a template of our own; values are escaped, and one that is missing is an error."""
    return _environment().get_template(template).render(values).encode()
