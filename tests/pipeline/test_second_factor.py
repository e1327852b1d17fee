"""Codes are those that phones compute; each counts once; what is lost can be replaced once."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import pytest

from passes.google.rotating import totp
from server.errors import Unavailable
from server.pipeline import second_factor
from server.pipeline.second_factor import AlreadyOn, Begun, Locks, NotOn, hash_of, uri_of
from server.store import users
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from server.wallet.keyring import Keyring, open_keyring
from tests import authenticator

NOW = datetime(2026, 11, 28, 9, 0, 10, tzinfo=UTC)
STEP = timedelta(seconds=30)


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return open_keyring(tmp_path, now=NOW - timedelta(days=1))


async def somebody(db: Connection, email: str = "kim@example.com") -> UUID:
    made = await users.create(db, email=email, name="K", roles=["admin"], store_id=None, password_hash="x")
    assert made is not None
    return made.id


async def begun(db: Connection, keyring: Keyring) -> tuple[UUID, Begun]:
    kim = await somebody(db)
    locks = Locks(keyring, NOW)
    return kim, await second_factor.begin(db, user_id=kim, email="kim@example.com", issuer="Kairos", locks=locks)


def shown(made: Begun, at: datetime) -> str:
    return authenticator.code_at(made.secret, at.timestamp())


# RFC 6238, appendix B, SHA-1
@pytest.mark.parametrize(
    ("seconds", "digits"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_the_rfc_hold_for_us_and_for_the_oracle(seconds: int, digits: str) -> None:
    secret = b"12345678901234567890"
    assert totp(secret, seconds // 30, digits=8) == digits
    assert authenticator.hotp(secret, seconds // 30, digits=8) == digits
    assert totp(secret, seconds // 30, digits=6) == digits[2:]


async def test_a_secret_counts_once_a_code_of_it_was_given(undone: Connection, keyring: Keyring) -> None:
    kim, made = await begun(undone, keyring)
    locks = Locks(keyring, NOW)
    assert not await second_factor.is_on(undone, user_id=kim)
    assert not await second_factor.check(undone, user_id=kim, code=shown(made, NOW), locks=locks)
    wrong = f"{(int(shown(made, NOW)) + 1) % 10**6:06}"
    assert await second_factor.confirm(undone, user_id=kim, code=wrong, locks=locks) is None
    codes = await second_factor.confirm(undone, user_id=kim, code=shown(made, NOW), locks=locks)
    assert codes is not None
    assert await second_factor.is_on(undone, user_id=kim)
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"([a-z2-7]{4}-){3}[a-z2-7]{4}", code) for code in codes)
    with pytest.raises(AlreadyOn):
        await second_factor.confirm(undone, user_id=kim, code=shown(made, NOW), locks=locks)
    with pytest.raises(AlreadyOn):
        await second_factor.begin(undone, user_id=kim, email="k", issuer="K", locks=locks)
    with pytest.raises(NotOn):
        await second_factor.confirm(undone, user_id=await somebody(undone, "t@e"), code="123456", locks=locks)


@pytest.mark.parametrize(("off", "right"), [(-2, False), (-1, False), (0, False), (1, True), (2, True), (3, False)])
async def test_after_the_first_step_a_later_one_counts_up_to_one_ahead(
    undone: Connection, keyring: Keyring, off: int, right: bool
) -> None:
    """The first code took the step of NOW; half a minute later that one, the next and the one after it are near."""
    kim, made = await begun(undone, keyring)
    assert await second_factor.confirm(undone, user_id=kim, code=shown(made, NOW), locks=Locks(keyring, NOW))
    code = shown(made, NOW + off * STEP)
    found = await second_factor.check(undone, user_id=kim, code=code, locks=Locks(keyring, NOW + STEP))
    assert found is right


async def test_a_code_counts_once_however_it_is_typed(undone: Connection, keyring: Keyring) -> None:
    kim, made = await begun(undone, keyring)
    assert await second_factor.confirm(undone, user_id=kim, code=shown(made, NOW), locks=Locks(keyring, NOW))
    later = NOW + 3 * STEP
    code, locks = shown(made, later), Locks(keyring, later)
    assert await second_factor.check(undone, user_id=kim, code=f" {code[:3]} {code[3:]} ", locks=locks)
    assert not await second_factor.check(undone, user_id=kim, code=code, locks=locks)


async def test_a_recovery_code_counts_once_and_new_ones_replace_all(undone: Connection, keyring: Keyring) -> None:
    kim, made = await begun(undone, keyring)
    tim = await somebody(undone, "tim@example.com")
    locks = Locks(keyring, NOW)
    codes = await second_factor.confirm(undone, user_id=kim, code=shown(made, NOW), locks=locks)
    assert codes is not None
    assert not await second_factor.check(undone, user_id=tim, code=codes[0], locks=locks)
    assert await second_factor.check(undone, user_id=kim, code=codes[0].upper().replace("-", " "), locks=locks)
    assert not await second_factor.check(undone, user_id=kim, code=codes[0], locks=locks)
    fresh = await second_factor.fresh_codes(undone, user_id=kim)
    assert not await second_factor.check(undone, user_id=kim, code=codes[1], locks=locks)
    assert await second_factor.check(undone, user_id=kim, code=fresh[0], locks=locks)
    stored = repr([dict(row) for row in await undone.fetch("SELECT * FROM recovery_codes")])
    assert not [code for code in fresh if code in stored or code.replace("-", "") in stored]


async def test_of_two_who_give_the_same_code_at_once_one_is_let_in(pool: Pool, keyring: Keyring) -> None:
    async with pool.transaction() as db:
        kim, made = await begun(db, keyring)
        codes = await second_factor.confirm(db, user_id=kim, code=shown(made, NOW), locks=Locks(keyring, NOW))
    assert codes is not None
    later = NOW + 2 * STEP

    async def give(code: str) -> bool:
        async with pool.transaction() as db:
            return await second_factor.check(db, user_id=kim, code=code, locks=Locks(keyring, later))

    for code in (shown(made, later), codes[3]):
        assert sorted(await asyncio.gather(*(give(code) for _ in range(6)))) == [False] * 5 + [True]


async def test_the_secret_is_sealed_to_its_person(undone: Connection, keyring: Keyring) -> None:
    kim, made = await begun(undone, keyring)
    sealed = await undone.fetchval("SELECT secret_sealed FROM second_factors")
    assert made.secret not in repr(made)
    assert keyring.unseal(sealed, table="second_factors", row=kim.bytes, now=NOW) is not None
    assert keyring.unseal(sealed, table="second_factors", row=new_id().bytes, now=NOW) is None
    await undone.execute("UPDATE second_factors SET secret_sealed = $1, confirmed_at = now()", b"\x01" + bytes(60))
    with pytest.raises(Unavailable, match="reset"):
        await second_factor.check(undone, user_id=kim, code="123456", locks=Locks(keyring, NOW))


@pytest.mark.parametrize(
    ("issuer", "email"), [("Kairos", "kim@example.com"), ("Café & Co: Nord", "k+i/m?&#%@example.com")]
)
def test_the_picture_holds_what_apps_read(issuer: str, email: str) -> None:
    found = urlsplit(uri_of("JBSWY3DPEHPK3PXP", email=email, issuer=issuer))
    name = issuer.replace(":", " ")
    assert (found.scheme, found.netloc, unquote(found.path)) == ("otpauth", "totp", f"/{name}:{email}")
    told = {key: value for key, [value] in parse_qs(found.query).items()}
    assert told == {
        "secret": "JBSWY3DPEHPK3PXP", "issuer": name, "algorithm": "SHA1", "digits": "6", "period": "30",
    }  # fmt: skip


def test_what_looks_alike_in_a_recovery_code_is_the_same() -> None:
    kim = new_id()
    assert hash_of("O1B8-lobb", user_id=kim) == hash_of("o l b 8 L 0 8 b", user_id=kim)
    assert hash_of("aaaa", user_id=kim) != hash_of("aaaa", user_id=new_id())
