"""A refusal is read by programs through its code and by people through its sentence."""

from __future__ import annotations

import pytest

from passes import errors
from passes.errors import ContentError, PassError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PassError)]


def test_a_refusal_says_where_what_and_by_which_code() -> None:
    error = ContentError("text.empty", "serialNumber", "is required and not empty")
    assert (error.code, error.field, error.rule) == ("text.empty", "serialNumber", "is required and not empty")
    assert str(error) == "serialNumber: is required and not empty [text.empty]"


@pytest.mark.parametrize("kind", KINDS)
def test_every_refusal_is_in_the_tree_that_is_drawn(kind: type[PassError]) -> None:
    assert kind.__name__ in str(errors.__doc__)
    assert kind.__doc__
    assert issubclass(kind, ValueError)


def test_one_word_catches_them_all() -> None:
    for kind in KINDS:
        with pytest.raises(PassError):
            raise kind("a.b", "c", "d")
