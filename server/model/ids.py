"""Ids that carry their shard.

Every customer-scoped id is a UUID whose LOWEST TEN BITS are the customer's bucket (0..1023), so that a moment, a pass or a
code is found with one look into one shard. A customer's own id is made with random low bits: they are its bucket for ever.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

BUCKETS = 1024
"""How many shards the key space has; fixed for ever, since it is written into ids that phones and passes carry."""

_MASK = BUCKETS - 1


def bucket_of(identifier: UUID) -> int:
    """Tell the bucket (0..1023) that a customer-scoped id carries."""
    return identifier.int & _MASK


def with_bucket(identifier: UUID, bucket: int) -> UUID:
    """Give the id with its lowest ten bits replaced by the bucket."""
    if not 0 <= bucket < BUCKETS:
        raise ValueError(f"bucket {bucket} is not within 0..{_MASK}")
    return UUID(int=(identifier.int & ~_MASK) | bucket)


def bucket_of_text(text: str) -> int:
    """Tell the bucket of a name that we did not make (an external id, an idempotency key): its SHA-256 modulo 1024."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % BUCKETS


def moment_id(customer_id: UUID, offer_id: UUID, trigger_id: UUID) -> UUID:
    """Derive a moment's id from what caused it, so that deciding the same ping twice makes the same moment.

    A version 8 UUID (RFC 9562 §5.8): SHA-256 of the three ids, low ten bits the customer's bucket.
    """
    whole = _derived(customer_id.bytes + offer_id.bytes + trigger_id.bytes)
    return with_bucket(whole, bucket_of(customer_id))


def event_id(customer_id: UUID, *words: str) -> UUID:
    """Derive the id of something in a customer's life from what it is, so that telling it twice tells it once."""
    return with_bucket(_derived(customer_id.bytes + "\0".join(words).encode()), bucket_of(customer_id))


def firing_id(*words: str) -> UUID:
    """Derive the id of something that reaches many customers from what it is: whoever makes it, there is one."""
    return _derived("\0".join(words).encode())


def _derived(what: bytes) -> UUID:
    number = int.from_bytes(hashlib.sha256(what).digest()[:16], "big")
    number = (number & ~(0xF << 76)) | (0x8 << 76)
    number = (number & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=number)
