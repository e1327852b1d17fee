"""The secrets of an installation: made once by whoever comes first, readable by nobody else, replaced with an overlap."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.errors import Misconfigured
from server.wallet.keyring import OVERLAP, Keyring, Kind, open_keyring, read_secret, write_secret

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROW = b"0123456789abcdef"


def files(folder: Path) -> dict[str, dict[str, object]]:
    return {path.name: json.loads(path.read_bytes()) for path in (folder / "secrets").glob("*.json")}


def test_the_first_start_makes_one_key_of_each_kind(tmp_path: Path) -> None:
    open_keyring(tmp_path, now=NOW)
    assert sorted(files(tmp_path)) == ["code.1.json", "link.1.json", "offline.1.json", "seal.1.json"]


def test_every_key_is_different_and_has_256_bits(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    made = [keyring.current(kind, now=NOW).secret for kind in Kind]
    assert len(set(made)) == len(made)
    assert {len(secret) for secret in made} == {32}


def test_the_second_start_finds_the_same_keys(tmp_path: Path) -> None:
    first = open_keyring(tmp_path, now=NOW)
    second = open_keyring(tmp_path, now=NOW + timedelta(days=90))
    for kind in Kind:
        assert second.current(kind, now=NOW + timedelta(days=90)) == first.current(kind, now=NOW)


def test_nobody_else_may_read_the_folder_or_a_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        open_keyring(tmp_path, now=NOW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o644])
def test_a_key_that_others_may_read_ends_the_start_naming_the_file(tmp_path: Path, mode: int) -> None:
    open_keyring(tmp_path, now=NOW)
    (tmp_path / "secrets" / "code.1.json").chmod(mode)
    with pytest.raises(Misconfigured, match=r"code\.1\.json: has mode 06"):
        open_keyring(tmp_path, now=NOW)


def test_a_folder_that_others_may_enter_ends_the_start(tmp_path: Path) -> None:
    open_keyring(tmp_path, now=NOW)
    (tmp_path / "secrets").chmod(0o750)
    with pytest.raises(Misconfigured, match="make it 0700"):
        open_keyring(tmp_path, now=NOW)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"not json",
        b'{"kind":"code","id":1,"not_before":"2026-01-01T00:00:00Z","not_after":null,"secret":"c2hvcnQ="}',
        b'{"kind":"code","id":7,"not_before":"2026-01-01T00:00:00Z","not_after":null,"secret":"' + b"A" * 43 + b'="}',
        b'{"kind":"link","id":1,"not_before":"2026-01-01T00:00:00Z","not_after":null,"secret":"' + b"A" * 43 + b'="}',
        b'{"kind":"code","id":1,"not_before":"2026-01-01T00:00:00Z","not_after":null,"secret":"***"}',
    ],
)
def test_a_damaged_key_ends_the_start_and_is_not_made_anew(tmp_path: Path, content: bytes) -> None:
    open_keyring(tmp_path, now=NOW)
    path = tmp_path / "secrets" / "code.1.json"
    path.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"code\.1\.json"):
        open_keyring(tmp_path, now=NOW)
    assert path.read_bytes() == content


def test_a_data_directory_that_is_a_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("in the way")
    with pytest.raises(Misconfigured, match="secrets"):
        open_keyring(tmp_path, now=NOW)


def _race(folder: str, barrier: object, answers: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    keyring = open_keyring(Path(folder), now=NOW)
    answers.put([keyring.current(kind, now=NOW).secret.hex() for kind in Kind])  # type: ignore[attr-defined]


def test_six_processes_that_start_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(6), context.Queue()
    processes = [context.Process(target=_race, args=(str(tmp_path), barrier, answers)) for _ in range(6)]
    for process in processes:
        process.start()
    told = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(timeout=30)
    assert len({tuple(each) for each in told}) == 1
    assert not list((tmp_path / "secrets").glob(".*"))


def test_a_file_is_put_only_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    assert write_secret(path, b"first")
    assert not write_secret(path, b"second")
    assert read_secret(path) == b"first"
    assert [each.name for each in tmp_path.iterdir()] == ["key.pem"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"nothing\.pem: cannot be read"):
        read_secret(tmp_path / "nothing.pem")


def test_no_words_about_keys_tell_a_secret(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    for kind in Kind:
        key = keyring.current(kind, now=NOW)
        for words in (repr(key), str(key), repr(keyring), f"{keyring}", f"{key!r:>200}"):
            assert key.secret.hex() not in words
            assert repr(key.secret) not in words
        assert "***" in str(key)


def test_a_new_key_signs_from_a_minute_after_its_making(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    fresh = keyring.rotate(Kind.CODE, now=NOW)
    assert fresh.id == 2
    assert keyring.current(Kind.CODE, now=NOW + MINUTE / 2).id == 1
    assert keyring.current(Kind.CODE, now=NOW + MINUTE).id == 2


def test_the_old_key_is_good_until_its_end_and_not_an_instant_longer(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    keyring.rotate(Kind.CODE, now=NOW, overlap=timedelta(days=10))
    end = NOW + MINUTE + timedelta(days=10)
    assert keyring.find(Kind.CODE, 1, now=end - timedelta(microseconds=1)) is not None
    assert keyring.find(Kind.CODE, 1, now=end) is None
    assert keyring.find(Kind.CODE, 2, now=end) is not None


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_has_an_overlap_of_its_own(tmp_path: Path, kind: Kind) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    keyring.rotate(kind, now=NOW)
    old = keyring.find(kind, 1, now=NOW)
    assert old is not None
    assert old.not_after == NOW + MINUTE + OVERLAP[kind]


def test_a_third_key_is_refused_while_two_are_good(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    keyring.rotate(Kind.LINK, now=NOW)
    with pytest.raises(Misconfigured, match="Two keys for link"):
        keyring.rotate(Kind.LINK, now=NOW + MINUTE)
    later = NOW + timedelta(hours=2)
    assert keyring.rotate(Kind.LINK, now=later).id == 3
    assert [key.id for key in keyring.keys(Kind.LINK, now=later)] == [2, 3]


def test_rotating_one_kind_leaves_the_others(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    before = keyring.current(Kind.SEAL, now=NOW)
    keyring.rotate(Kind.CODE, now=NOW)
    assert keyring.keys(Kind.SEAL, now=NOW) == [before]


def test_another_process_learns_of_a_new_key_at_once_when_it_meets_its_id(tmp_path: Path) -> None:
    ours, theirs = open_keyring(tmp_path, now=NOW), open_keyring(tmp_path, now=NOW)
    fresh = theirs.rotate(Kind.CODE, now=NOW)
    assert ours.find(Kind.CODE, 2, now=NOW) == fresh


def test_another_process_signs_with_the_new_key_before_long(tmp_path: Path) -> None:
    ours, theirs = open_keyring(tmp_path, now=NOW), open_keyring(tmp_path, now=NOW)
    theirs.rotate(Kind.CODE, now=NOW)
    assert ours.current(Kind.CODE, now=NOW + MINUTE).id == 2


def test_another_process_learns_of_the_old_keys_end(tmp_path: Path) -> None:
    ours, theirs = open_keyring(tmp_path, now=NOW), open_keyring(tmp_path, now=NOW)
    theirs.rotate(Kind.LINK, now=NOW)
    assert ours.find(Kind.LINK, 1, now=NOW + timedelta(hours=2)) is None


def test_known_keys_stay_in_use_while_the_folder_is_away(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    (tmp_path / "secrets").rename(tmp_path / "elsewhere")
    assert keyring.current(Kind.CODE, now=NOW + timedelta(hours=1)).id == 1


def test_ids_are_never_used_twice_even_when_all_keys_have_ended(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    for path in (tmp_path / "secrets").glob("code.*.json"):
        ended = json.loads(path.read_bytes()) | {"not_after": (NOW + MINUTE).isoformat()}
        path.write_text(json.dumps(ended))
    later = open_keyring(tmp_path, now=NOW + timedelta(days=1))
    assert later.current(Kind.CODE, now=NOW + timedelta(days=1)).id == 2
    assert keyring.largest(Kind.CODE) == 1


def test_ids_end_at_the_byte_that_holds_them(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    path = tmp_path / "secrets" / "code.1.json"
    last = json.loads(path.read_bytes()) | {"id": 255}
    path.unlink()
    write_secret(path.with_name("code.255.json"), json.dumps(last).encode())
    with pytest.raises(Misconfigured, match="used up"):
        keyring.rotate(Kind.CODE, now=NOW + timedelta(hours=1))


def test_a_sealed_value_opens_at_its_own_row(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    sealed = keyring.seal(b"token", table="passes", row=ROW, now=NOW)
    assert keyring.unseal(sealed, table="passes", row=ROW, now=NOW) == b"token"
    assert b"token" not in sealed


def test_a_sealed_value_is_aes_gcm_over_table_key_and_row(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    sealed = keyring.seal(b"token", table="passes", row=ROW, now=NOW)
    key = keyring.current(Kind.SEAL, now=NOW)
    context = b"passes\x00" + bytes([key.id]) + b"\x00" + ROW
    assert sealed[0] == key.id
    assert AESGCM(key.secret).decrypt(sealed[1:13], sealed[13:], context) == b"token"


@pytest.mark.parametrize(("table", "row"), [("passes", b"another row 0000"), ("users", ROW)])
def test_a_sealed_value_opens_nowhere_else(tmp_path: Path, table: str, row: bytes) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    sealed = keyring.seal(b"token", table="passes", row=ROW, now=NOW)
    assert keyring.unseal(sealed, table=table, row=row, now=NOW) is None


def test_a_sealed_value_that_was_changed_anywhere_opens_no_more(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    sealed = keyring.seal(b"token", table="passes", row=ROW, now=NOW)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        assert keyring.unseal(bytes(changed), table="passes", row=ROW, now=NOW) is None
    assert keyring.unseal(b"", table="passes", row=ROW, now=NOW) is None
    assert keyring.unseal(sealed[:12], table="passes", row=ROW, now=NOW) is None


def test_what_the_old_key_sealed_opens_after_a_rotation(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    sealed = keyring.seal(b"token", table="passes", row=ROW, now=NOW)
    keyring.rotate(Kind.SEAL, now=NOW)
    later = NOW + timedelta(days=365)
    assert keyring.unseal(sealed, table="passes", row=ROW, now=later) == b"token"
    assert keyring.seal(b"token", table="passes", row=ROW, now=later)[0] == 2


def test_the_same_value_is_sealed_differently_each_time(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    assert len({keyring.seal(b"token", table="passes", row=ROW, now=NOW) for _ in range(50)}) == 50


def test_a_keyring_without_a_folder_says_so() -> None:
    with pytest.raises(OSError, match="nowhere"):
        Keyring(Path("/nowhere/secrets")).current(Kind.CODE, now=NOW)


def test_older_keys_may_be_ended_before_their_time_and_never_after_it(tmp_path: Path) -> None:
    keyring = open_keyring(tmp_path, now=NOW)
    keyring.rotate(Kind.SEAL, now=NOW, overlap=timedelta(days=10))
    soon, late = NOW + timedelta(hours=1), NOW + timedelta(days=20)
    keyring.end(Kind.SEAL, before=2, at=late, now=NOW)
    assert keyring.find(Kind.SEAL, 1, now=NOW + timedelta(days=11)) is None
    keyring.end(Kind.SEAL, before=2, at=soon, now=NOW)
    assert open_keyring(tmp_path, now=NOW).find(Kind.SEAL, 1, now=soon - MINUTE) is not None
    assert keyring.find(Kind.SEAL, 1, now=soon) is None
    assert keyring.current(Kind.SEAL, now=late).not_after is None
    assert keyring.rotate(Kind.SEAL, now=soon).id == 3
