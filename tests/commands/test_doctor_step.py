"""A step is taken, fails with its sentence, or need not be taken."""

from __future__ import annotations

import pytest

from server.commands.doctor_step import Failed, Step, Unasked, attempt
from server.errors import Misconfigured


async def test_what_is_found_holds() -> None:
    async def look() -> str:
        return "all well"

    assert await attempt("one", look) == Step("one", True, "all well")


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (Failed("the proxy is away"), Step("one", False, "the proxy is away")),
        (Misconfigured("apple.key_file: is not there"), Step("one", False, "apple.key_file: is not there")),
        (OSError("no route"), Step("one", False, "no route")),
        (OSError(), Step("one", False, "OSError")),
        (Unasked("nothing is set"), Step("one", None, "nothing is set")),
    ],
)
async def test_what_is_raised_is_told(error: Exception, step: Step) -> None:
    async def look() -> str:
        raise error

    assert await attempt("one", look) == step


async def test_a_mistake_of_ours_is_no_step() -> None:
    async def look() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await attempt("one", look)
