"""Where addresses become positions, if a geocoder is set."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from server.pipeline.addresses import AddressBook
from server.settings import Settings
from server.signals.geocode import open_geocoder
from server.store.pool import Pool


@contextlib.asynccontextmanager
async def open_address_book(settings: Settings, pool: Pool) -> AsyncIterator[AddressBook | None]:
    """Open the address book; None without a geocoder. Raises Misconfigured."""
    geocoder = open_geocoder(settings.geocoder)
    try:
        yield None if geocoder is None else AddressBook(pool, geocoder)
    finally:
        if geocoder is not None:
            await geocoder.close()
