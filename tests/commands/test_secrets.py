"""`kairos secrets`: keys are replaced beside a running house, in the audit, and told nowhere."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from server.commands.secrets import good_keys, rotate_key, seal_anew
from server.errors import Conflict, Misconfigured
from server.pipeline.resealing import Resealed
from server.store import audit
from server.store.pool import Pool
from server.wallet.keyring import Kind, open_keyring
from tests.store.test_examination import NOW
from tests.street.process import kairos
from tests.street.serving import street_settings


async def deeds(pool: Pool) -> list[tuple[str, str, str]]:
    async with pool.acquire() as db:
        return [(row.actor, row.action, row.object) for row in await audit.page(db, before=None, limit=10)]


async def test_a_key_is_rotated_by_the_command_and_told_by_its_id_alone(
    pool: Pool, db_dsn: str, tmp_path: Path
) -> None:
    settings = street_settings(db_dsn, tmp_path)
    environment = {"KAIROS__DATABASE__URL": db_dsn, "KAIROS__DATA_DIR": str(tmp_path)}
    code, out, err = await kairos("secrets", "rotate", "code", "--overlap-hours", "48", environment=environment)
    assert (code, err) == (0, "")
    assert out.startswith("code.2 is used from ")
    keys = {str(key): key for key in await good_keys(settings)}
    assert list(keys) == ["code.1(***)", "code.2(***)", "link.1(***)", "seal.1(***)", "offline.1(***)"]
    old, fresh = keys["code.1(***)"], keys["code.2(***)"]
    assert old.not_after == fresh.not_before + timedelta(hours=48)
    assert await deeds(pool) == [("command line", "secret.rotate", "secret:code.2")]
    with pytest.raises(Misconfigured, match="Two keys for code are good"):
        await rotate_key(settings, Kind.CODE, overlap=None)
    assert (await rotate_key(settings, Kind.LINK, overlap=None)).id == 2


async def test_values_are_sealed_anew_once_the_new_key_has_begun(pool: Pool, db_dsn: str, tmp_path: Path) -> None:
    settings = street_settings(db_dsn, tmp_path)
    assert await seal_anew(settings) == Resealed(done=0, lost=0, key=1)
    await rotate_key(settings, Kind.SEAL, overlap=None)
    with pytest.raises(Conflict, match="begins at"):
        await seal_anew(settings)
    assert [action for _, action, _ in await deeds(pool)] == ["secret.rotate", "secret.reseal"]


async def test_an_old_seal_has_an_end_soon_after_everything_was_sealed_anew(db_dsn: str, tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW - timedelta(days=9000))
    keyring.rotate(Kind.SEAL, now=NOW - timedelta(days=8999))
    settings = street_settings(db_dsn, tmp_path)
    assert (await seal_anew(settings)).key == 2
    assert [key.id for key in await good_keys(settings) if key.kind is Kind.SEAL] in ([1, 2], [2])
