"""Every statement of the store is understood by the migrated database."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping

import pytest

from server.store.pool import Connection
from tests.house.tree import ROOT

SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|LOCK|NOTIFY)\b", re.IGNORECASE)


def _statements() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "server" / "store").glob("*.py")):
        if path.stem == "time_machine":  # its tables are there only while it runs; it has tests of its own
            continue
        module = importlib.import_module(f"server.store.{path.stem}")
        for name, value in vars(module).items():
            if not re.fullmatch(r"_?[A-Z][A-Z0-9_]+", name):
                continue
            values = value.items() if isinstance(value, Mapping) else [("", value)]
            for key, text in values:
                if isinstance(text, str) and SQL.match(text):
                    yield f"{path.stem}.{name}{'.' + str(key) if key else ''}", text


STATEMENTS = dict(_statements())


@pytest.fixture(scope="module")
async def prepared(shared_pool) -> dict[str, str]:
    failures: dict[str, str] = {}
    async with shared_pool.acquire() as db:
        for name, text in STATEMENTS.items():
            failures.update(await _failure(db, name, text))
    return failures


async def _failure(db: Connection, name: str, text: str) -> dict[str, str]:
    try:
        await db.prepare(text)
    except Exception as error:
        return {name: str(error)}
    return {}


def test_the_store_has_statements() -> None:
    assert len(STATEMENTS) > 50


async def test_every_statement_prepares(prepared: dict[str, str]) -> None:
    assert not prepared


def test_no_statement_stands_outside_of_the_store() -> None:
    speaks = re.compile(r"\"\s*(SELECT .* FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b")
    found = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "server").rglob("*.py")
        if path.parent.name != "store" and speaks.search(path.read_text())
    ]
    assert not found
