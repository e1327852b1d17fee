"""The reader of DER, with openssl as the writer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.testing.der import read_oid, read_one
from tests.passes.samples import openssl

OIDS = ["1.2.840.113635.100.6.1.16", "2.16.840.1.101.3.4.2.1", "0.9.2342.19200300.100.1.1", "2.999.1", "1.0"]


def written(text: str) -> bytes:
    run = openssl("asn1parse", "-genstr", text, "-noout", "-out", "/dev/stdout")
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("oid", OIDS)
def test_an_identifier_by_openssl_is_read(oid: str) -> None:
    assert read_oid(read_one(written(f"OID:{oid}"))) == oid


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 70_000])
def test_lengths_in_both_forms_are_read(size: int) -> None:
    length = bytes((size,)) if size < 128 else bytes((0x83,)) + size.to_bytes(3, "big")
    node = read_one(b"\x04" + length + bytes(size))
    assert (node.tag, node.content) == (4, bytes(size))


def test_children_are_read_in_order() -> None:
    node = read_one(bytes.fromhex("3009020101020102040103"))
    assert [child.content for child in node.children()] == [b"\x01", b"\x02", b"\x03"]
    assert b"".join(child.whole for child in node.children()) == node.content


@pytest.mark.parametrize("raw", ["", "02", "0201", "0280", "0285000000000101", "020101020101", "308400ffffff00"])
def test_what_is_cut_short_or_not_one_value_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match=r"cut short|length|not one"):
        read_one(bytes.fromhex(raw))


@pytest.mark.parametrize("raw", ["0600", "06018a", "020101"])
def test_what_is_no_identifier_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        read_oid(read_one(bytes.fromhex(raw)))


@settings(deadline=None, database=None)
@given(st.binary(max_size=60))
def test_bytes_of_any_kind_are_read_or_refused_and_nothing_else(raw: bytes) -> None:
    try:
        node = read_one(raw)
        inside = node.children() if node.tag & 0x20 else []
    except ValueError:
        return
    assert node.whole == raw
    assert b"".join(child.whole for child in inside) == (node.content if inside else b"")


@settings(deadline=None, database=None)
@given(st.recursive(st.binary(max_size=200), lambda inner: st.lists(inner, max_size=4), max_leaves=12))
def test_what_is_written_is_read_back(tree: bytes | list[object]) -> None:
    assert as_tree(read_one(as_der(tree)).whole) == tree


def as_der(tree: object) -> bytes:
    tag, content = (4, tree) if isinstance(tree, bytes) else (0x30, b"".join(as_der(part) for part in tree))  # type: ignore[attr-defined]
    assert isinstance(content, bytes)
    size = len(content)
    return bytes((tag,)) + (bytes((size,)) if size < 128 else b"\x82" + size.to_bytes(2, "big")) + content


def as_tree(whole: bytes) -> object:
    node = read_one(whole)
    return node.content if node.tag == 4 else [as_tree(child.whole) for child in node.children()]
