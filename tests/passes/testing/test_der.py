"""The reader of DER, with openssl as the writer."""

from __future__ import annotations

import pytest

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
