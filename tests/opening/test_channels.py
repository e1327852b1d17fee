"""The push services that are set up, and none other."""

from __future__ import annotations

from server.opening.channels import open_channels
from tests.web.serving import settings_with


async def test_a_house_whose_settings_name_no_service_has_none() -> None:
    async with open_channels(settings_with()) as channels:
        assert channels == {}
