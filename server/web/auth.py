"""Who is calling: a bearer token or a session's cookie becomes a Principal.

Rule 1: a token is looked up by its hash; nothing is compared in Python, so no time tells how much of it was right.
Rule 2: what was found counts for a second at most: a token revoked in another process is dead within it. After that it
        is a guess, good for whoever has it proven by the statement that they make anyhow.
Rule 3: customers' tokens that arrive while a look-up is under way share the next one: a thousand phones, one statement.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar
from uuid import UUID

from server.errors import Refusal
from server.store import keys, sessions
from server.store.ids import token_bucket, token_hash
from server.store.pool import Pool
from server.web.access import Kind, Principal
from server.web.visitor import Guess, Signer, Visitor, customer, staff

T = TypeVar("T")
Then = Callable[["Visitor | Exception | None"], None]
"""What is told whose token it was: nobody's is None, an error where it could not be looked up."""

CACHE_S: Final = 1.0
GUESS_S: Final = 900.0
"""So long a customer's token is remembered as a guess. Then it is looked up again, which also writes down its use."""

_CACHED = 100_000
_GROUP = 500
_TOKEN_CHARACTERS = 128
_TOUCHES = 10_000


class Credentials:
    """Looks credentials up and remembers them for a moment."""

    def __init__(
        self,
        pool: Pool,
        till_pool: Pool,
        *,
        token_days: int,
        idle_s: int,
        monotonic: Callable[[], float],
        reauth_s: int = 0,
        second_factor: bool = False,
    ) -> None:
        """Keep the pools (tills have their own); tokens of customers die unused after `token_days`.

        A log-in is fresh for `reauth_s`; `second_factor`: who authors or manages must have one.
        """
        self._pool = pool
        self._till_pool = till_pool
        self._token_days = token_days
        self._idle_s = idle_s
        self._reauth_s = reauth_s
        self._second_factor = second_factor
        self._monotonic = monotonic
        self._cache: dict[str, tuple[float, Visitor]] = {}
        self._guesses: OrderedDict[str, tuple[float, Visitor, bytes]] = OrderedDict()
        self._waiting: dict[bytes, tuple[int, list[Then]]] = {}
        self._group: asyncio.Task[None] | None = None
        self._touching: asyncio.Task[None] | None = None
        self._touches: dict[bytes, int] = {}
        self._dropped = 0

    async def by_token(self, token: str) -> Visitor | None:
        """Tell whose bearer token this is; None when it does not count."""
        known = self.remembered(token)
        if known is not None:
            return known
        if len(token) > _TOKEN_CHARACTERS:
            return None
        if token.startswith(keys.CUSTOMER_PREFIX):
            return await self._customer(token)
        if not token.startswith(tuple(keys.PREFIXES.values())):
            return None
        return await self._key(token)

    def remembered(self, token: str) -> Visitor | None:
        """Tell whose bearer token this is, where it is known without asking."""
        known = self._remembered(token)
        return known if known is not None and known.principal.via == "token" else None

    def guess(self, token: str) -> Guess | None:
        """Tell whose customer's token this is, where it was looked up within the last quarter of an hour."""
        known, now = self._guesses.get(token), self._monotonic()
        if known is None or known[0] + GUESS_S <= now:
            return None
        return Guess(known[1], None if now < known[0] + CACHE_S else known[2])

    def ask(self, token: str, then: Then) -> bool:
        """Have a customer's token looked up with the next group, and `then` told; False: it can be no such token.

        `then` is called later, never in here, and must not raise.
        """
        if len(token) > _TOKEN_CHARACTERS:
            return False
        bucket = token_bucket(token, keys.CUSTOMER_PREFIX)
        if bucket is None:
            return False
        dropped, digest = self._dropped, token_hash(token)

        def told(found: Visitor | Exception | None) -> None:
            if isinstance(found, Visitor):
                self._remember(token, found, dropped)
                self._keep_guess(token, found, digest, dropped)
            then(found)

        waiting = self._waiting.get(digest)
        if waiting is None:
            waiting = self._waiting[digest] = bucket, []
            if self._group is None or self._group.done():
                self._group = asyncio.create_task(self._look_up())
        waiting[1].append(told)
        return True

    async def by_cookie(self, token: str) -> Visitor | None:
        """Tell whose log-in this cookie is; None when it does not count."""
        if not token or len(token) > _TOKEN_CHARACTERS:
            return None
        known = self._remembered(token)
        if known and known.principal.via == "cookie":  # what is remembered of a token in a header is no log-in
            return known
        dropped = self._dropped
        async with self._pool.acquire() as db:
            found = await sessions.find(db, token=token, idle_s=self._idle_s, reauth_s=self._reauth_s)
            if found and found.stale:
                await sessions.touch(db, token=token)
        return self._remember(token, staff(found, second_factor=self._second_factor), dropped) if found else None

    def forget_customer(self, customer_id: UUID) -> None:
        """Drop what is remembered of a customer: after an erasure no request of theirs is taken here."""
        self._drop(lambda visitor: visitor.principal.customer_id == customer_id)

    def forget_user(self, user_id: UUID) -> None:
        """Drop what is remembered of a person's log-ins."""
        self._drop(lambda visitor: visitor.principal.user_id == user_id)

    def forget(self, principal_id: str) -> None:
        """Drop what is remembered of one principal, such as a key that was revoked."""
        self._drop(lambda visitor: visitor.principal.id == principal_id)

    async def close(self) -> None:
        """Write down what was used, and look nothing up any more."""
        for task in (self._group, self._touching):
            if task is not None:
                with contextlib.suppress(Refusal):
                    await task

    async def _key(self, token: str) -> Visitor | None:
        till = token.startswith(keys.PREFIXES["till"])
        dropped = self._dropped
        async with (self._till_pool if till else self._pool).acquire() as db:
            found = await keys.find(db, token=token)
            if found and found.stale:
                await keys.touch_keys(db, ids=[found.id])
        if found is None:
            return None
        kind = Kind(found.kind)
        principal = Principal(kind, f"key:{found.id}", frozenset({kind}), store_id=found.store_id, via="token")
        signer = None if found.secret_sealed is None else Signer(found.id, found.secret_sealed)
        return self._remember(token, Visitor(principal, signer=signer), dropped)

    async def _customer(self, token: str) -> Visitor | None:
        """Join the next group of look-ups."""
        future: asyncio.Future[Visitor | None] = asyncio.get_running_loop().create_future()

        def told(found: Visitor | Exception | None) -> None:
            if future.done():  # whoever asked is gone
                return
            if isinstance(found, Exception):
                future.set_exception(found)
            else:
                future.set_result(found)

        return await future if self.ask(token, told) else None

    async def _look_up(self) -> None:
        while self._waiting:
            group = {digest: self._waiting.pop(digest) for digest in list(self._waiting)[:_GROUP]}
            try:
                owners = await self._owners({digest: bucket for digest, (bucket, _) in group.items()})
            except Exception as error:
                for _, waiting in group.values():
                    for told in waiting:
                        told(error)
                continue
            for digest, (_, waiting) in group.items():
                for told in waiting:
                    told(owners.get(digest))

    async def _owners(self, buckets: dict[bytes, int]) -> dict[bytes, Visitor]:
        async with self._pool.acquire() as db:
            found = await keys.find_owners(
                db, buckets=list(buckets.values()), hashes=list(buckets), token_days=self._token_days
            )
        self._touch({owner.hash: owner.bucket for owner in found if owner.stale})
        return {owner.hash: customer(owner.customer_id) for owner in found}

    def _touch(self, used: dict[bytes, int]) -> None:
        """Have the last use written down soon; how exactly does not matter, so a flood of them is cut."""
        if len(self._touches) < _TOUCHES:
            self._touches |= used
        if self._touches and (self._touching is None or self._touching.done()):
            self._touching = asyncio.create_task(self._write_touches())

    async def _write_touches(self) -> None:
        used, self._touches = self._touches, {}
        with contextlib.suppress(Refusal):  # an hour later it is tried again
            async with self._pool.acquire() as db:
                await keys.touch_tokens(db, buckets=list(used.values()), hashes=list(used))

    def _remembered(self, token: str) -> Visitor | None:
        known = self._cache.get(token)
        return known[1] if known and known[0] > self._monotonic() else None

    def _remember(self, token: str, visitor: Visitor, dropped: int) -> Visitor:
        if dropped != self._dropped:  # read before somebody was dropped: good for this request alone
            return visitor
        if len(self._cache) >= _CACHED:
            now = self._monotonic()
            self._cache = {key: value for key, value in self._cache.items() if value[0] > now}
            if len(self._cache) >= _CACHED:
                self._cache.clear()
        self._cache[token] = self._monotonic() + CACHE_S, visitor
        return visitor

    def _keep_guess(self, token: str, visitor: Visitor, digest: bytes, dropped: int) -> None:
        if dropped != self._dropped:
            return
        if len(self._guesses) >= _CACHED:
            self._guesses.popitem(last=False)
        self._guesses.pop(token, None)  # the oldest stay in front
        self._guesses[token] = self._monotonic(), visitor, digest

    def _drop(self, wanted: Callable[[Visitor], bool]) -> None:
        self._dropped += 1
        for token in [token for token, (_, visitor, _) in self._guesses.items() if wanted(visitor)]:
            del self._guesses[token]
        self._cache = {key: value for key, value in self._cache.items() if not wanted(value[1])}
