"""Every sealed column is known, read by bucket, and replaced only where nobody wrote meanwhile."""

from __future__ import annotations

import pytest

from server.model.ids import bucket_of
from server.store import examination, sealed
from server.store.ids import new_id
from server.store.pool import Connection
from server.store.sealed import COLUMNS, Sealed
from tests.store.test_examination import NOW

CATALOGUE = """
SELECT table_name || '.' || column_name FROM information_schema.columns
WHERE table_schema = 'public' AND data_type = 'bytea' AND column_name LIKE '%sealed'
"""
TOKENS = COLUMNS["passes.token_sealed"]


async def test_every_column_of_sealed_values_can_be_sealed_anew(undone: Connection) -> None:
    assert {row[0] for row in await undone.fetch(CATALOGUE)} == set(COLUMNS)


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
async def test_every_statement_runs(undone: Connection, column: sealed.Column) -> None:
    assert await sealed.read(undone, column, first=7, keys=[1, 2]) == []
    nobodys = Sealed(new_id(bucket=7, now=NOW), b"\x01as it was")
    assert await sealed.write(undone, column, before=[nobodys], after=[b"\x02new"]) == 0


async def test_values_of_the_keys_that_go_are_read_and_replaced_unless_they_changed(undone: Connection) -> None:
    serials = [new_id(bucket=bucket_of(examination.DOCTOR), now=NOW) for _ in range(3)]
    for number, serial in enumerate(serials, 1):
        await examination.make(undone, serial=serial, key_id=1, token_sealed=bytes([number]) + b"token", now=NOW)
    found = await sealed.read(undone, TOKENS, first=0, keys=[1, 2])
    assert sorted(found) == sorted([Sealed(serials[0], b"\x01token"), Sealed(serials[1], b"\x02token")])
    assert await sealed.read(undone, TOKENS, first=1, keys=[1, 2]) == []
    await undone.execute("UPDATE passes SET token_sealed = $1 WHERE serial = $2", b"\x09other", serials[0])
    assert await sealed.write(undone, TOKENS, before=found, after=[b"\x03new"] * 2) == 1
    stored = {row[0]: row[1] for row in await undone.fetch("SELECT serial, token_sealed FROM passes")}
    assert [stored[serial] for serial in serials] == [b"\x09other", b"\x03new", b"\x03token"]
