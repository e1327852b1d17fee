"""The desk: files signed in two threads, tokens sealed at rest, no service without https."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from passes.errors import ContentError
from passes.images import plain_png
from passes.testing import check
from server.configuration import load
from server.errors import Unavailable
from server.model.look import AppleKind, Dress
from server.model.pass_ import Card
from server.store.ids import new_id
from server.wallet.codes import read_code
from server.wallet.issue import MEDIA, Desk, open_desk
from server.wallet.keyring import Keyring, Kind, open_keyring
from tests.counter_rows import sample_signers
from tests.passes import samples
from tests.wallet.test_certificates import Heard
from tests.wallet.test_design import SERIAL, issued

NOW = samples.NOW


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return open_keyring(tmp_path, now=NOW)


@pytest.fixture
def desk(keyring: Keyring) -> Iterator[Desk]:
    opened = Desk(sample_signers(), keyring=keyring, public_url="https://kairos.example")
    yield opened
    opened.close()


def read(file: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(samples.unzipped(file)["pass.json"])
    return document


async def test_a_file_is_whole_and_its_signature_is_taken_by_openssl(desk: Desk) -> None:
    file = await desk.file(issued(token_sealed=desk.new_token(SERIAL, now=NOW)), now=NOW)
    assert check(file) == []
    assert samples.verified(file)
    assert MEDIA == "application/vnd.apple.pkpass"


async def test_signing_gives_way_to_everything_else_where_threads_have_priorities(desk: Desk) -> None:
    await desk.file(issued(token_sealed=desk.new_token(SERIAL, now=NOW)), now=NOW)
    (signing,) = [each.native_id for each in threading.enumerate() if each.name.startswith("sign")]
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert signing is not None
    assert sys.platform != "linux" or os.getpriority(os.PRIO_PROCESS, signing) == min(own + 5, 19)
    assert own == os.getpriority(os.PRIO_PROCESS, os.getpid())


async def test_the_code_on_it_is_the_passes_own(desk: Desk, keyring: Keyring) -> None:
    pass_ = issued(token_sealed=desk.new_token(SERIAL, now=NOW))
    (barcode,) = read(await desk.file(pass_, now=NOW))["barcodes"]
    assert barcode["message"] == desk.code(pass_, now=NOW)
    assert read_code(barcode["message"], keyring=keyring, now=NOW) == SERIAL


async def test_the_token_has_256_bits_and_never_changes(desk: Desk, keyring: Keyring) -> None:
    sealed = desk.new_token(SERIAL, now=NOW)
    first = read(await desk.file(issued(token_sealed=sealed), now=NOW))
    keyring.rotate(Kind.SEAL, now=NOW)
    second = read(await desk.file(issued(token_sealed=sealed, uses_left=0), now=NOW + timedelta(hours=1)))
    assert first["authenticationToken"] == second["authenticationToken"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", first["authenticationToken"])
    assert first["webServiceURL"] == "https://kairos.example/wallet/"


async def test_the_token_cannot_be_read_from_the_row(desk: Desk) -> None:
    sealed = desk.new_token(SERIAL, now=NOW)
    token = read(await desk.file(issued(token_sealed=sealed), now=NOW))["authenticationToken"]
    assert token.encode() not in sealed
    assert "sealed" not in repr(issued(token_sealed=sealed))


def test_two_tokens_are_never_alike(desk: Desk) -> None:
    assert len({desk.new_token(SERIAL, now=NOW) for _ in range(100)}) == 100


async def test_a_token_of_another_row_is_not_given_out(desk: Desk) -> None:
    foreign = desk.new_token(issued().moment_id, now=NOW)
    with pytest.raises(Unavailable):
        await desk.file(issued(token_sealed=foreign), now=NOW)


@pytest.mark.parametrize("public_url", ["", "http://127.0.0.1:8080"])
async def test_without_https_the_pass_has_no_service(keyring: Keyring, public_url: str) -> None:
    desk = Desk(sample_signers(), keyring=keyring, public_url=public_url)
    document = read(await desk.file(issued(), now=NOW))
    desk.close()
    assert not {"webServiceURL", "authenticationToken"} & document.keys()


async def test_signing_happens_in_two_threads_beside_the_loop(desk: Desk) -> None:
    pass_ = issued(token_sealed=desk.new_token(SERIAL, now=NOW))
    files = await asyncio.gather(*(desk.file(pass_, now=NOW) for _ in range(40)))
    assert len(set(files)) == 1
    assert sum(thread.name.startswith("sign") for thread in threading.enumerate()) == 2


async def test_a_crowd_is_told_to_come_again(desk: Desk) -> None:
    pass_ = issued(token_sealed=desk.new_token(SERIAL, now=NOW))
    answers = await asyncio.gather(*(desk.file(pass_, now=NOW) for _ in range(260)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert len(refused) == 60
    assert {error.retry_after_s for error in refused} == {1}
    assert isinstance(await desk.file(pass_, now=NOW), bytes)


async def test_a_pass_that_cannot_be_written_frees_its_place(desk: Desk) -> None:
    broken = issued(token_sealed=desk.new_token(SERIAL, now=NOW), card=Card("", "nameless"))
    for _ in range(250):
        with pytest.raises(ContentError, match=r"text\.empty"):
            await desk.file(broken, now=NOW)
    assert await desk.file(issued(token_sealed=desk.new_token(SERIAL, now=NOW)), now=NOW)


async def test_the_desk_opens_with_the_settings_alone(tmp_path: Path, keyring: Keyring) -> None:
    settings = msgspec.structs.replace(load(environment={}), data_dir=str(tmp_path))
    desk = open_desk(settings, keyring=keyring, now=NOW, log=Heard())
    file = await desk.file(issued(), now=NOW)
    desk.close()
    assert check(file) == []
    assert desk.pass_type_id == read(file)["passTypeIdentifier"]
    assert set(desk.signers.ends()) == {"certificate", "wwdr"}
    assert min(desk.signers.ends().values()) > NOW + timedelta(days=300)


def test_new_passes_are_coded_under_the_present_key(desk: Desk, keyring: Keyring) -> None:
    assert desk.code_key(now=NOW) == 1
    keyring.rotate(Kind.CODE, now=NOW)
    assert desk.code_key(now=NOW + timedelta(minutes=2)) == 2


def test_a_passes_own_token_is_known_and_no_other_text_is(desk: Desk) -> None:
    mine, other = issued(token_sealed=desk.new_token(SERIAL, now=NOW)), new_id(now=NOW)
    token = desk._token(mine, now=NOW).decode()
    assert desk.is_token(token, of=mine, serial=SERIAL, now=NOW)
    for text in (token[:-1], f"{token}A", token.swapcase(), "", "\udcff" * 43, "ä" * 43):
        assert not desk.is_token(text, of=mine, serial=SERIAL, now=NOW)
    assert not desk.is_token(token, of=None, serial=SERIAL, now=NOW)
    assert not desk.is_token(token, of=None, serial=other, now=NOW)
    assert not desk.is_token("", of=None, serial=other, now=NOW)


def test_a_token_whose_key_is_missing_is_no_wrong_token(desk: Desk, tmp_path: Path) -> None:
    elsewhere = Desk(sample_signers(), keyring=open_keyring(tmp_path / "other", now=NOW), public_url="")
    foreign = issued(token_sealed=elsewhere.new_token(SERIAL, now=NOW))
    elsewhere.close()
    with pytest.raises(Unavailable):
        desk.is_token("A" * 43, of=foreign, serial=SERIAL, now=NOW)


async def test_a_brands_pictures_are_on_the_passes_of_every_style(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    icon = plain_png(58, 58, (1, 2, 3))
    (folder / "icon@2x.png").write_bytes(icon)
    (folder / "strip.png").write_bytes(plain_png(375, 144, (1, 2, 3)))
    settings = load(Path("config/default.toml"), {"KAIROS__APPLE__IMAGES_DIR": str(folder)})
    settings = msgspec.structs.replace(settings, data_dir=str(tmp_path / "data"))
    desk = open_desk(settings, keyring=open_keyring(settings.home, now=NOW), now=NOW, log=Heard())
    try:
        token = desk.new_token(SERIAL, now=NOW)
        kinds: list[tuple[AppleKind, bool]] = [("coupon", True), ("generic", False), ("coupon", True)]
        for kind, strip in kinds:
            card = Card("Coffee", "coffee", dress=Dress(apple=kind))
            files = samples.unzipped(await desk.file(issued(card=card, token_sealed=token), now=NOW))
            assert files["icon@2x.png"] == icon
            assert ("strip.png" in files) == strip
    finally:
        desk.close()
