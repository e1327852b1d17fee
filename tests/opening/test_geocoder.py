"""A house has an address book where a geocoder is set, and none elsewhere."""

from __future__ import annotations

import pytest

from server.errors import Misconfigured
from server.opening.geocoder import open_address_book
from server.pipeline.addresses import AddressBook
from tests.web.serving import NoPool, settings_with


@pytest.mark.parametrize(("base", "there"), [("", False), ("https://geocoder.example", True)])
async def test_the_book_is_there_where_a_geocoder_is_set(base: str, there: bool) -> None:
    async with open_address_book(settings_with(geocoder__base_url=base), NoPool()) as book:  # type: ignore[arg-type]
        assert isinstance(book, AddressBook) == there


async def test_one_that_is_set_wrongly_ends_the_start() -> None:
    with pytest.raises(Misconfigured, match=r"geocoder\.base_url"):
        async with open_address_book(settings_with(geocoder__base_url="nowhere"), NoPool()):  # type: ignore[arg-type]
            pass
