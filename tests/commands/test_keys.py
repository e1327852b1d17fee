"""`kairos keys` by the real command: the token alone on stdout, its hash alone in the database, every deed in the audit."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from server.channels.signed import read_secret
from server.pipeline import places
from server.pipeline.keys import opened
from server.store import audit, keys
from server.store.pool import Pool
from server.wallet.keyring import open_keyring
from tests.street.process import kairos
from tests.web.marketing import NOBODYS, STORE


async def command(dsn: str, *arguments: object) -> tuple[int, str, str]:
    return await kairos("keys", *map(str, arguments), environment={"KAIROS__DATABASE__URL": dsn})


async def made(dsn: str, *arguments: object) -> str:
    """Make a key, and give its token."""
    code, out, err = await command(dsn, "create", *arguments)
    assert (code, err) == (0, "")
    assert out.endswith("\n")
    return out.strip()


async def listed(pool: Pool) -> list[keys.Key]:
    async with pool.acquire() as db:
        return await keys.page(db, before=None, limit=100)


async def deeds(pool: Pool) -> list[tuple[str, str]]:
    async with pool.acquire() as db:
        assert (await audit.verify(db)).broken_at is None
        return [(row.actor, row.action) for row in await audit.page(db, before=None, limit=100)]


async def owner(pool: Pool, token: str) -> keys.Found | None:
    async with pool.acquire() as db:
        return await keys.find(db, token=token)


async def test_a_key_is_printed_alone_and_works(pool: Pool, db_dsn: str) -> None:
    token = await made(db_dsn, "app", "--name", "Phones")
    assert token.startswith("ka_")
    assert len(token.split()) == 1
    async with pool.acquire() as db:
        assert await db.fetchval("SELECT hash FROM api_keys") == hashlib.sha256(token.encode()).digest()
    [key] = await listed(pool)
    assert (key.kind, key.name, key.not_after, token.endswith(key.hint)) == ("app", "Phones", None, True)
    found = await owner(pool, token)
    assert found is not None
    assert found.id == key.id
    assert await deeds(pool) == [("command line", "key.create")]


async def test_a_tills_key_belongs_to_a_store(pool: Pool, db_dsn: str) -> None:
    async with pool.transaction() as db:
        [store] = await places.add_stores(db, drafts=[places.check_store(STORE)], by=places.Author("test"))
    token = await made(db_dsn, "till", "--store", store.id, "--days", 30)
    found = await owner(pool, token)
    assert token.startswith("kt_")
    assert found is not None
    assert found.store_id == store.id
    [key] = await listed(pool)
    assert key.not_after is not None
    assert timedelta(days=29) < key.not_after - key.created_at < timedelta(days=31)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("create", "till"), 1, "a till's key needs --store"),
        (("create", "app", "--store", NOBODYS), 1, "no other key has one"),
        (("create", "app", "--signed", "--secret-file", "/nowhere/x"), 1, "keys of the kind crm alone"),
        (("create", "crm", "--signed"), 1, "--signed needs --secret-file"),
        (("create", "till", "--store", NOBODYS), 1, f"there is no store {NOBODYS}"),
        (("revoke", NOBODYS), 1, "there is no such key that is still good"),
        (("rotate", NOBODYS), 1, "there is no such key that is still good"),
    ],
)
async def test_what_cannot_be_done_is_told_and_leaves_no_trace(
    shared_pool: Pool, shared_dsn: str, arguments: tuple[object, ...], code: int, sentence: str
) -> None:
    ended, out, err = await command(shared_dsn, *arguments)
    assert (ended, out) == (code, "")
    assert sentence in err
    assert "Traceback" not in err
    assert (await listed(shared_pool), await deeds(shared_pool)) == ([], [])


async def test_a_revoked_key_counts_no_more_and_is_still_listed(pool: Pool, db_dsn: str) -> None:
    token = await made(db_dsn, "crm")
    [key] = await listed(pool)
    assert (await command(db_dsn, "revoke", key.id))[0] == 0
    assert await owner(pool, token) is None
    assert (await command(db_dsn, "revoke", key.id))[0] == 1
    code, out, _ = await command(db_dsn, "list")
    assert code == 0
    assert str(key.id) in out
    assert "revoked" in out
    assert token not in out
    assert await deeds(pool) == [("command line", "key.revoke"), ("command line", "key.create")]


async def test_a_signed_keys_secret_goes_into_a_file_of_its_own_and_so_does_its_successors(
    pool: Pool, db_dsn: str, tmp_path: Path
) -> None:
    environment = {"KAIROS__DATABASE__URL": db_dsn, "KAIROS__DATA_DIR": str(tmp_path)}
    first, second = tmp_path / "first", tmp_path / "second"
    create = ("keys", "create", "crm", "--signed", "--secret-file", str(first))
    code, token, err = await kairos(*create, environment=environment)
    assert (code, err) == (0, "")
    again = await kairos(*create, environment=environment)
    assert (again[:2], "is there already" in again[2]) == ((1, ""), True)
    [key] = await listed(pool)
    assert key.signed
    code, _, err = await kairos("keys", "rotate", str(key.id), environment=environment)
    assert (code, "a signed key needs --secret-file" in err) == (1, True)
    code, new, _ = await kairos("keys", "rotate", str(key.id), "--secret-file", str(second), environment=environment)
    assert code == 0
    keyring, now = open_keyring(tmp_path, now=datetime.now(UTC)), datetime.now(UTC)
    for said, file in ((token, first), (new, second)):
        found = await owner(pool, said.strip())
        assert found is not None
        assert found.secret_sealed is not None
        assert file.stat().st_mode & 0o777 == 0o600
        secret = read_secret(file.read_text().strip())
        assert opened(found.secret_sealed, key_id=found.id, keyring=keyring, now=now) == secret
        assert file.read_text().strip() not in said
    assert len(await listed(pool)) == 2


async def test_a_rotated_key_and_its_successor_both_work_until_the_overlap_is_over(pool: Pool, db_dsn: str) -> None:
    old = await made(db_dsn, "marketer", "--name", "Studio")
    [key] = await listed(pool)
    code, out, _ = await command(db_dsn, "rotate", key.id, "--overlap-hours", 1)
    new = out.strip()
    assert (code, new != old, new.startswith("km_")) == (0, True, True)
    found = [await owner(pool, token) for token in (old, new)]
    assert [each is not None and each.kind for each in found] == ["marketer", "marketer"]
    assert {each.name for each in await listed(pool)} == {"Studio"}
    ending = next(each for each in await listed(pool) if each.id == key.id).not_after
    assert ending is not None
    code, out, _ = await command(db_dsn, "rotate", key.id, "--overlap-hours", 0)
    assert code == 0
    assert await owner(pool, old) is None
    assert UUID(str((await listed(pool))[0].id)).version == 7
