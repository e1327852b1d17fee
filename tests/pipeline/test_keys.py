"""Keys as the pipeline makes them: a secret is sealed to its key's row, and told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.channels.signed import read_secret
from server.pipeline import keys
from server.pipeline.keys import Sealing
from server.pipeline.resealing import Resealed, reseal
from server.store import keys as store
from server.store.pool import Connection, Pool
from server.wallet.keyring import Kind, open_keyring

NOW = datetime.now(UTC)


async def found(db: Connection, token: str) -> tuple[store.Found, bytes]:
    row = await store.find(db, token=token)
    assert row is not None
    assert row.secret_sealed is not None
    return row, row.secret_sealed


async def test_a_secret_opens_at_its_own_row_alone_and_is_in_no_repr(undone: Connection, tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    made = [await keys.create(undone, kind="crm", sealing=Sealing(keyring, NOW)) for _ in range(2)]
    one, other = [each for each in made if each is not None]
    assert one.secret is not None
    secret = read_secret(one.secret)
    assert secret is not None
    assert (len(secret), one.secret[:6], one.secret != other.secret) == (32, "whsec_", True)
    row, sealed = await found(undone, one.token)
    assert row.id == one.id
    assert secret not in sealed
    assert keys.opened(sealed, key_id=one.id, keyring=keyring, now=NOW) == secret
    assert keys.opened(sealed, key_id=other.id, keyring=keyring, now=NOW) is None
    assert not [each for each in (one.token, one.secret) if each in repr(one)]


async def test_who_signs_nothing_has_no_secret(undone: Connection) -> None:
    made = await keys.create(undone, kind="crm")
    assert made is not None
    assert made.secret is None
    row = await store.find(undone, token=made.token)
    assert row is not None
    assert row.secret_sealed is None


async def test_a_secret_survives_the_key_that_sealed_it(pool: Pool, tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    async with pool.transaction() as db:
        made = await keys.create(db, kind="crm", sealing=Sealing(keyring, NOW))
    assert made is not None
    assert made.secret is not None
    keyring.rotate(Kind.SEAL, now=NOW)
    later = NOW + timedelta(minutes=2)
    assert await reseal(pool, keyring, now=later) == Resealed(done=1, lost=0, key=2)
    async with pool.acquire() as db:
        _, sealed = await found(db, made.token)
    assert sealed[0] == 2
    assert keys.opened(sealed, key_id=made.id, keyring=keyring, now=later) == read_secret(made.secret)
