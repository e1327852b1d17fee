"""Certificates change while the house is open: the newest that has begun signs, and what cannot be used is told."""

from __future__ import annotations

import asyncio
import functools
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from passes.apple.authority import Authority, throwaway_authority
from server.errors import Misconfigured, Unavailable
from server.settings import Settings
from server.wallet.signers import Signers, open_signers
from server.wallet.watch import say
from tests.passes import samples
from tests.wallet.test_certificates import Heard, keys_by_turns, laid_down, settings_in

__all__ = ["keys_by_turns"]
pytestmark = pytest.mark.usefixtures("keys_by_turns")
NOW = samples.NOW
LATE = NOW + timedelta(days=380)
"""Sixteen days before the samples' certificate ends."""
OVER = NOW + timedelta(days=397)


@functools.cache
def following(since: datetime = LATE) -> Authority:
    """Another certificate of the same pass type, made at this time."""
    return throwaway_authority(
        pass_type_id=samples.PASS_TYPE, team_id=samples.TEAM, organization=samples.BRAND, now=since
    )


def put(folder: Path, own: Authority) -> None:
    """Lay certificate, key and intermediate down, as an operator would."""
    folder.mkdir(exist_ok=True)
    for name, content in {"key.pem": own.key, "pass.pem": own.certificate, "wwdr.pem": own.wwdr}.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)


def prepared(folder: Path, **changes: Any) -> Settings:
    """Settings with the samples' certificate, and a place for the following one where nothing lies yet."""
    places = {
        "next_certificate_file": str(folder / "next" / "pass.pem"),
        "next_key_file": str(folder / "next" / "key.pem"),
        "next_wwdr_file": str(folder / "next" / "wwdr.pem"),
    }
    return laid_down(folder, samples.authority(), **(places | changes))


def signer(signers: Signers, now: datetime) -> x509.Certificate:
    return signers.at(now).template.credentials.certificate


def certificate(own: Authority) -> x509.Certificate:
    return x509.load_pem_x509_certificate(own.certificate)


def told(signers: Signers, now: datetime) -> list[str]:
    return [say(notice, now=now) for notice in signers.notices(now)]


def test_a_house_with_one_good_certificate_has_nothing_to_say(tmp_path: Path) -> None:
    heard = Heard()
    signers = open_signers(prepared(tmp_path), now=NOW, log=heard)
    assert (told(signers, NOW), heard.events) == ([], [])
    assert (signers.can_sign(NOW), signers.pass_type_id) == (True, samples.PASS_TYPE)
    assert set(signers.ends()) == {"certificate", "wwdr"}


def test_a_certificate_that_ends_soon_is_told_at_the_start_and_whenever_somebody_asks(tmp_path: Path) -> None:
    heard = Heard()
    signers = open_signers(laid_down(tmp_path, samples.authority()), now=LATE, log=heard)
    (sentence,) = told(signers, LATE)
    assert "ends on 2027-04-02, in 15 days" in sentence
    assert heard.events == [("apple_certificate", {"warning": sentence})]


@pytest.mark.parametrize(("days", "warned"), [(14, False), (60, True)])
def test_how_long_before_is_a_setting(tmp_path: Path, days: int, warned: bool) -> None:
    signers = open_signers(laid_down(tmp_path, samples.authority(), warn_days=days), now=LATE, log=Heard())
    assert bool(told(signers, LATE)) is warned


def test_an_expired_certificate_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"apple: The pass type certificate ended on 2027-04-02"):
        open_signers(laid_down(tmp_path, samples.authority()), now=OVER, log=Heard())


def test_one_that_has_not_begun_ends_the_start_too(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="begins only on 2026-03-02"):
        open_signers(laid_down(tmp_path, samples.authority()), now=NOW - timedelta(days=1), log=Heard())


def test_a_process_in_the_place_of_one_that_died_opens_without_passes(tmp_path: Path) -> None:
    signers = open_signers(laid_down(tmp_path, samples.authority()), now=OVER, log=Heard(), may_be_over=True)
    assert not signers.can_sign(OVER)
    assert signers.pass_type_id == samples.PASS_TYPE


def test_a_certificate_that_ends_while_the_house_is_open_is_a_503_with_a_sentence(tmp_path: Path) -> None:
    signers = open_signers(laid_down(tmp_path, samples.authority()), now=NOW, log=Heard())
    with pytest.raises(Unavailable, match="certificate has ended") as caught:
        signers.at(OVER)
    assert (caught.value.reason, caught.value.retry_after_s) == ("cannot_sign", 300)
    assert "ended on 2027-04-02" in told(signers, OVER)[0]


def test_the_following_one_signs_from_its_first_day_on_and_both_verify(tmp_path: Path) -> None:
    put(tmp_path / "next", following())
    signers = open_signers(prepared(tmp_path), now=NOW, log=Heard())
    begins = LATE - timedelta(hours=1)
    assert signer(signers, begins - timedelta(seconds=1)) == certificate(samples.authority())
    assert signer(signers, begins) == signer(signers, OVER) == certificate(following())
    before = signers.at(NOW).template.build(samples.coupon(), signed_at=NOW)
    after = signers.at(LATE).template.build(samples.coupon(), signed_at=LATE)
    assert samples.verified(before, at=LATE)
    assert samples.verified(after, root=following().root, at=LATE)
    assert not samples.verified(after, at=LATE)


def test_with_one_that_follows_nobody_is_warned(tmp_path: Path) -> None:
    put(tmp_path / "next", following())
    signers = open_signers(prepared(tmp_path), now=LATE, log=(heard := Heard()))
    assert (told(signers, LATE), told(signers, OVER), heard.events) == ([], [], [])
    assert set(signers.ends()) == {"certificate", "wwdr", "next_certificate", "next_wwdr"}


def test_the_following_one_opens_a_house_whose_own_is_over(tmp_path: Path) -> None:
    put(tmp_path / "next", following())
    assert signer(open_signers(prepared(tmp_path), now=OVER, log=Heard()), OVER) == certificate(following())


def test_what_is_put_into_the_place_of_the_following_one_is_found_without_a_restart(tmp_path: Path) -> None:
    signers = open_signers(prepared(tmp_path), now=LATE, log=Heard())
    assert signers.look(now=LATE) is False
    put(tmp_path / "next", following())
    assert signers.look(now=LATE) is True
    assert signer(signers, LATE) == certificate(following())
    assert told(signers, LATE) == []
    assert signers.look(now=LATE) is False


def test_files_replaced_in_place_are_found_too(tmp_path: Path) -> None:
    signers = open_signers(laid_down(tmp_path, samples.authority()), now=LATE, log=Heard())
    put(tmp_path, following())
    assert signers.look(now=LATE) is True
    assert signer(signers, LATE) == certificate(following())


def test_a_certificate_whose_key_is_still_under_way_is_told_and_taken_at_the_next_look(tmp_path: Path) -> None:
    signers = open_signers(laid_down(tmp_path, samples.authority()), now=NOW, log=Heard())
    other = following(NOW)
    (tmp_path / "pass.pem").write_bytes(other.certificate)
    (tmp_path / "wwdr.pem").write_bytes(other.wwdr)
    assert signers.look(now=NOW) is False
    (sentence,) = told(signers, NOW)
    assert "the one before goes on" in sentence
    assert "certificate.key" in sentence
    assert signer(signers, NOW) == certificate(samples.authority())
    (tmp_path / "key.pem").write_bytes(other.key)
    assert signers.look(now=NOW) is True
    assert (signer(signers, NOW), told(signers, NOW)) == (certificate(other), [])


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"certificate": b"no certificate"}, "certificate.unreadable"),
        ({"key": samples.authority().key}, "certificate.key"),
        ({"wwdr": samples.authority().wwdr}, "wwdr.signature"),
    ],
)
def test_a_following_one_that_cannot_sign_is_told_and_keeps_nobody_from_working(
    tmp_path: Path, wrong: dict[str, bytes], code: str
) -> None:
    put(tmp_path / "next", following()._replace(**wrong))
    signers = open_signers(prepared(tmp_path), now=NOW, log=(heard := Heard()))
    assert any(code in sentence for sentence in told(signers, NOW))
    assert any(event == "apple_certificate_refused" for event, _ in heard.events)
    assert signer(signers, NOW) == certificate(samples.authority())


def test_one_of_another_pass_type_is_refused(tmp_path: Path) -> None:
    other = throwaway_authority(pass_type_id="pass.de.other", team_id=samples.TEAM, organization="Other", now=NOW)
    put(tmp_path / "next", other)
    (sentence,) = told(open_signers(prepared(tmp_path), now=NOW, log=Heard()), NOW)
    assert "certificate.uid" in sentence


def test_half_of_a_following_one_is_told(tmp_path: Path) -> None:
    put(tmp_path / "next", following())
    (tmp_path / "next" / "key.pem").unlink()
    (sentence,) = told(open_signers(prepared(tmp_path), now=NOW, log=Heard()), NOW)
    assert "next/key.pem: cannot be read" in sentence


def test_one_that_moved_into_the_present_ones_place_is_no_following_one_any_more(tmp_path: Path) -> None:
    put(tmp_path / "next", following())
    signers = open_signers(prepared(tmp_path), now=LATE, log=Heard())
    put(tmp_path, following())
    for path in (tmp_path / "next").iterdir():
        path.unlink()
    assert signers.look(now=LATE) is True
    assert set(signers.ends()) == {"certificate", "wwdr"}
    assert (signer(signers, OVER), told(signers, OVER)) == (certificate(following()), [])


def test_files_that_vanish_leave_what_was_read_in_use(tmp_path: Path) -> None:
    signers = open_signers(laid_down(tmp_path, samples.authority()), now=NOW, log=Heard())
    (tmp_path / "pass.pem").unlink()
    assert signers.look(now=NOW) is False
    assert "cannot be read" in told(signers, NOW)[0]
    assert signer(signers, NOW) == certificate(samples.authority())


def test_a_throwaway_authority_is_made_anew_while_the_house_is_open(tmp_path: Path) -> None:
    signers = open_signers(settings_in(tmp_path), now=NOW, log=Heard())
    first = signer(signers, NOW)
    assert (signers.look(now=NOW), told(signers, LATE)) == (False, [])
    assert signers.look(now=OVER) is True
    assert signer(signers, OVER) != first
    assert signers.look(now=OVER) is False


async def test_whoever_asks_for_a_look_gets_it_at_once(tmp_path: Path) -> None:
    signers = open_signers(laid_down(tmp_path, samples.authority()), now=LATE, log=Heard())
    asked = asyncio.Event()
    looking = asyncio.create_task(signers.follow(lambda: LATE, every_s=3600, asked=asked))
    put(tmp_path, following())
    asked.set()
    async with asyncio.timeout(30):
        while signer(signers, LATE) != certificate(following()):
            await asyncio.sleep(0.01)
    looking.cancel()
    assert told(signers, LATE) == []


async def test_files_are_looked_at_again_and_again_also_after_the_clock_was_away(tmp_path: Path) -> None:
    signers = open_signers(laid_down(tmp_path, samples.authority()), now=LATE, log=Heard())
    turns = iter([Unavailable("away")])

    def now() -> datetime:
        for error in turns:
            raise error
        return LATE

    put(tmp_path, following())
    looking = asyncio.create_task(signers.follow(now, every_s=0.01, asked=asyncio.Event()))
    async with asyncio.timeout(30):
        while signer(signers, LATE) != certificate(following()):
            await asyncio.sleep(0.01)
    looking.cancel()
    assert list(turns) == []  # the clock was away, and was asked again
