"""A small reader of DER, for a signature that may have been written by anybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Node(NamedTuple):
    """One value: its tag byte, its content, and its whole encoding."""

    tag: int
    content: bytes
    whole: bytes

    def children(self) -> list[Node]:
        """The values inside; ValueError where the content is not a row of values."""
        return list(_read(self.content))


def read_one(data: bytes) -> Node:
    """The single value that `data` is; ValueError where it is none, or more than one."""
    nodes = list(_read(data))
    if len(nodes) != 1:
        raise ValueError("not one value")
    return nodes[0]


def read_oid(node: Node) -> str:
    """An object identifier in dots; ValueError where the value is none."""
    if node.tag != 0x06 or not node.content or node.content[-1] & 0x80:
        raise ValueError("not an object identifier")
    arcs, arc = [], 0
    for byte in node.content:
        arc = arc << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(str(part) for part in (first, arcs[0] - 40 * first, *arcs[1:]))


def _read(data: bytes) -> Iterator[Node]:
    position = 0
    while position < len(data):
        if len(data) < position + 2 or data[position] & 0x1F == 0x1F:
            raise ValueError("cut short, or a tag of several bytes")
        size, start = data[position + 1], position + 2
        if size & 0x80:
            octets = size & 0x7F
            if not 1 <= octets <= 4 or len(data) < start + octets:
                raise ValueError("a length that DER does not have")
            size, start = int.from_bytes(data[start : start + octets], "big"), start + octets
        if len(data) < start + size:
            raise ValueError("cut short")
        yield Node(data[position], data[start : start + size], data[position : start + size])
        position = start + size
