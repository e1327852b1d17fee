"""Passwords are hashed with argon2id, two at a time, and what everybody guesses is refused."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import argon2
import pytest

from server.errors import Unavailable
from server.web import passwords
from server.web.passwords import FAULTS, Hasher, fault_of, one_time_password

ROOT = Path(__file__).resolve().parents[2]
SENTENCE = "zwölf Boxkämpfer jagen Viktor"
DEAR = passwords._ARGON2
"""As dear as in a house: in a run of the tests hashes are cheap once it begins."""


@pytest.fixture(autouse=True)
def dear_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_ARGON2", DEAR)


@pytest.fixture
async def hasher():  # type: ignore[no-untyped-def]
    made = Hasher(queue=16)
    yield made
    made.close()


async def test_a_hash_is_argon2id_with_the_costs_of_the_cheat_sheet(hasher: Hasher) -> None:
    stored = await hasher.hash(SENTENCE)
    parameters = argon2.extract_parameters(stored)
    assert parameters.type is argon2.Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19 * 1024, 2, 1)
    assert argon2.PasswordHasher().verify(stored, SENTENCE)


def test_the_first_two_log_ins_may_come_at_once() -> None:
    script = (
        "import asyncio, sys\n"
        "from server.web.passwords import Hasher\n"
        "async def first():\n"
        "    sys.setswitchinterval(1e-5)\n"
        "    hasher = Hasher(queue=8)\n"
        "    await asyncio.gather(*(hasher.check('x', None) for _ in range(4)))\n"
        "    hasher.close()\n"
        "asyncio.run(first())\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr


async def test_the_right_password_is_right_and_another_is_not(hasher: Hasher) -> None:
    stored = await hasher.hash(SENTENCE)
    assert (await hasher.check(SENTENCE, stored)).right
    assert not (await hasher.check(SENTENCE + ".", stored)).right
    assert not (await hasher.check("", stored)).right
    assert stored != await hasher.hash(SENTENCE)


async def test_the_same_letters_typed_otherwise_are_the_same_password(hasher: Hasher) -> None:
    stored = await hasher.hash("zw\u00f6lf Boxk\u00e4mpfer \ufb01ne")
    assert (await hasher.check("zwo\u0308lf Boxka\u0308mpfer fine", stored)).right


async def test_nobodys_password_is_never_right(hasher: Hasher) -> None:
    assert not (await hasher.check(SENTENCE, None)).right


async def test_256_bytes_count_whole_and_more_are_never_right(hasher: Hasher) -> None:
    longest = "a1" * 127 + "xy"
    stored = await hasher.hash(longest)
    assert (await hasher.check(longest, stored)).right
    assert not (await hasher.check(longest[:-1] + "z", stored)).right
    assert not (await hasher.check("ä" * 200, stored)).right


async def test_a_hash_with_lower_costs_is_made_anew(hasher: Hasher) -> None:
    old = argon2.PasswordHasher(memory_cost=8 * 1024, time_cost=1, parallelism=1).hash(SENTENCE)
    checked = await hasher.check(SENTENCE, old)
    assert checked.right
    assert checked.better_hash is not None
    assert argon2.extract_parameters(checked.better_hash).memory_cost == 19 * 1024
    assert (await hasher.check("wrong", old)).better_hash is None


async def test_who_would_wait_too_long_is_sent_away() -> None:
    hasher = Hasher(queue=1)
    outcomes = await asyncio.gather(*(hasher.check("x", None) for _ in range(9)), return_exceptions=True)
    assert sum(isinstance(outcome, Unavailable) for outcome in outcomes) == 6
    assert not (await hasher.check("x", None)).right  # and there is room again
    hasher.close()


async def test_who_leaves_does_not_leave_a_hole_in_the_count() -> None:
    hasher = Hasher(queue=1)
    for _ in range(6):
        waiting = asyncio.create_task(hasher.check("x", None))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        while hasher._under_way:
            await asyncio.sleep(0.005)
    assert not (await hasher.check("x", None)).right
    hasher.close()


@pytest.mark.parametrize(
    "password",
    [
        SENTENCE,
        "correct zebra spanner window",
        "9f2Kq-7vTz_mmLp3",
        "dragon monkey sunshine master",  # four words are four words
        pytest.param(one_time_password(), id="one of ours"),
    ],
)
def test_a_good_password_is_taken(password: str) -> None:
    assert fault_of(password, words=("kairos",)) is None


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("fourteen chars", "15"),
        ("ä" * 129, "256"),
        ("passwordpassword", "guesses"),
        ("Password123456789", "guesses"),
        ("PASSWORT-PASSWORT", "guesses"),
        ("qwertzuiop123456", "guesses"),
        ("aaaaaaaaaaaaaaaa", "guesses"),
        ("abcabcabcabcabcabc", "guesses"),
        ("123456789012345678", "guesses"),
        ("KairosKairos2026!", "guesses"),
        ("Kaffeehaus-kairos-1", "guesses"),
        ("iloveyou!!!!!!!!!!", "guesses"),
        ("correcthorsebatterystaple", "guesses"),
        ("bayernmuenchen2024", "guesses"),
    ],
)
def test_a_password_that_is_short_long_or_guessed_first_is_refused(password: str, why: str) -> None:
    fault = fault_of(password, words=("kairos", "Kaffeehaus"))
    assert fault is not None
    assert why in FAULTS[fault]


def test_one_time_passwords_are_long_and_different() -> None:
    made = {one_time_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(password) == 20 for password in made)
