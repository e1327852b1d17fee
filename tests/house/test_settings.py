"""Every setting has a reason, a place in the shape, and somebody who reads it."""

from __future__ import annotations

import re
import tomllib
from functools import cache

import msgspec
import pytest

from server.configuration import OPEN_TABLES
from server.settings import Settings
from tests.house.tree import ROOT, sources

TEXT = (ROOT / "config" / "default.toml").read_text("utf-8")


def _keys(table: dict, prefix: str = "") -> list[str]:
    found = []
    for key, value in table.items():
        path = f"{prefix}{key}"
        found += _keys(value, f"{path}.") if isinstance(value, dict) and path not in OPEN_TABLES else [path]
    return found


KEYS = _keys(tomllib.loads(TEXT))


def _shape(kind: type, prefix: str = "") -> list[str]:
    found = []
    for field in msgspec.structs.fields(kind):
        path = f"{prefix}{field.encode_name}"
        inner = field.type if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct) else None
        found += _shape(inner, f"{path}.") if inner else [path]
    return found


def test_the_file_and_the_shape_name_the_same_settings() -> None:
    assert sorted(KEYS) == sorted(_shape(Settings))


def test_every_setting_says_why_on_its_line() -> None:
    silent = [line for line in TEXT.splitlines() if re.match(r"[a-z_]+ *=", line) and not re.search(r"# .{12,}", line)]
    assert not silent


@cache
def read() -> frozenset[str]:
    """Give every name that the product takes from something, or writes in quotes."""
    words = re.compile(r"\.(\w+)|\"(\w+)\"")
    texts = [path.read_text("utf-8") for path in sources() if path.name != "configuration.py"]
    return frozenset(name for text in texts for found in words.findall(text) for name in found if name)


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_is_read_somewhere(key: str) -> None:
    name = key.rpartition(".")[2]
    name = "from_" if name == "from" else name
    assert name in read(), f"nothing reads {key}"
