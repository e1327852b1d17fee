"""A town of this test's own, and one process's street through it."""

from __future__ import annotations

import pytest

from server.store.pool import Pool
from tests.pipeline.town import Town


@pytest.fixture
async def town(pool: Pool) -> Town:
    """An empty town."""
    return Town(pool)
