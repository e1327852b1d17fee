"""Who signs: Apple's certificate from the settings, held against what Wallet demands, or a throw-away authority."""

from __future__ import annotations

import multiprocessing
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from passes.apple import authority
from passes.apple.authority import Authority, throwaway_authority
from passes.apple.template import Template
from server.configuration import load
from server.errors import Misconfigured
from server.settings import Settings
from server.wallet.certificates import THROWAWAY_TEAM, THROWAWAY_TYPE, files_of, load_signing, signing_of
from server.wallet.watch import Life
from tests.passes import samples

pytestmark = pytest.mark.usefixtures("keys_by_turns")
NOW = samples.NOW


@cache
def _keys() -> Iterator[rsa.RSAPrivateKey]:
    return cycle([rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(6)])


@pytest.fixture
def keys_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Authorities take keys in turns that were made once, for those are what an authority costs; the samples have their own."""
    samples.authority()
    monkeypatch.setattr(authority, "rsa", SimpleNamespace(generate_private_key=lambda **_: next(_keys())))


class Heard:
    """A log that remembers."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def warning(self, event: str, **values: object) -> None:
        self.events.append((event, values))


def settings_in(folder: Path, **apple: str) -> Settings:
    settings = load(environment={})
    return msgspec.structs.replace(
        settings, data_dir=str(folder), apple=msgspec.structs.replace(settings.apple, **apple)
    )


def laid_down(folder: Path, own: Authority, **changes: Any) -> Settings:
    """Settings whose files hold this authority's certificate, key and intermediate."""
    for name, content in {"pass.pem": own.certificate, "key.pem": own.key, "wwdr.pem": own.wwdr}.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    given = {
        "pass_type_id": samples.PASS_TYPE,
        "team_id": samples.TEAM,
        "certificate_file": str(folder / "pass.pem"),
        "key_file": str(folder / "key.pem"),
        "wwdr_file": str(folder / "wwdr.pem"),
    }
    return settings_in(folder, **(given | changes))


def load_template(settings: Settings, *, now: datetime, log: Heard) -> Template:
    """The template of the present identity."""
    return load_signing(settings, files_of(settings)[0], now=now, log=log).template


def test_passes_signed_with_the_settings_certificate_are_taken_by_openssl(tmp_path: Path) -> None:
    heard = Heard()
    template = load_template(laid_down(tmp_path, samples.authority()), now=NOW, log=heard)
    assert samples.verified(template.build(samples.coupon(), signed_at=NOW))
    assert heard.events == []
    assert not (tmp_path / "authority").exists()


def test_the_organization_is_the_settings_else_the_programmes(tmp_path: Path) -> None:
    named = load_template(laid_down(tmp_path, samples.authority(), organization="Klatsch"), now=NOW, log=Heard())
    unnamed = load_template(laid_down(tmp_path, samples.authority()), now=NOW, log=Heard())
    assert (named.issuer.organization, unnamed.issuer.organization) == ("Klatsch", "Kairos")


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o604])
def test_a_private_key_that_others_may_read_ends_the_start(tmp_path: Path, mode: int) -> None:
    settings = laid_down(tmp_path, samples.authority())
    (tmp_path / "key.pem").chmod(mode)
    with pytest.raises(Misconfigured, match=r"key\.pem: has mode .*; make it 0600"):
        load_template(settings, now=NOW, log=Heard())


def test_certificates_may_be_read_by_anybody(tmp_path: Path) -> None:
    settings = laid_down(tmp_path, samples.authority())
    for name in ("pass.pem", "wwdr.pem"):
        (tmp_path / name).chmod(0o644)
    assert load_template(settings, now=NOW, log=Heard()).issuer.pass_type_id == samples.PASS_TYPE


@pytest.mark.parametrize(
    ("setting", "file"),
    [("apple.certificate_file", "pass.pem"), ("apple.wwdr_file", "wwdr.pem"), ("key.pem", "key.pem")],
)
def test_a_missing_file_is_named_by_its_setting(tmp_path: Path, setting: str, file: str) -> None:
    settings = laid_down(tmp_path, samples.authority())
    (tmp_path / file).unlink()
    with pytest.raises(Misconfigured, match=setting):
        load_template(settings, now=NOW, log=Heard())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pass_type_id": "pass.de.another"}, "certificate.uid"),
        ({"team_id": "ANOTHER123"}, "certificate.ou"),
        ({"pass_type_id": "de.no.pass"}, "issuer.pass_type"),
        ({"team_id": "short"}, "issuer.team"),
    ],
)
def test_a_certificate_of_somebody_else_ends_the_start(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        load_template(laid_down(tmp_path, samples.authority(), **changes), now=NOW, log=Heard())


def other_authority() -> Authority:
    return throwaway_authority(pass_type_id=samples.PASS_TYPE, team_id=samples.TEAM, organization="Other", now=NOW)


def test_an_intermediate_that_did_not_issue_the_certificate_ends_the_start(tmp_path: Path) -> None:
    mixed = samples.authority()._replace(wwdr=other_authority().wwdr)
    with pytest.raises(Misconfigured, match="wwdr"):
        load_template(laid_down(tmp_path, mixed), now=NOW, log=Heard())


def test_a_key_of_another_certificate_ends_the_start(tmp_path: Path) -> None:
    mixed = samples.authority()._replace(key=other_authority().key)
    with pytest.raises(Misconfigured, match=r"certificate\.key"):
        load_template(laid_down(tmp_path, mixed), now=NOW, log=Heard())


def test_one_that_is_over_or_to_come_is_read_all_the_same_with_its_time(tmp_path: Path) -> None:
    settings = laid_down(tmp_path, samples.authority())
    for days in (-400, 0, 397, 20000):
        read = load_signing(settings, files_of(settings)[0], now=NOW + timedelta(days=days), log=Heard())
        assert read.life == Life(
            "certificate", NOW - timedelta(hours=1), NOW - timedelta(hours=1) + timedelta(days=396)
        )
        assert set(read.ends()) == {"certificate", "wwdr"}


def test_the_life_of_an_identity_ends_with_the_first_of_its_two_certificates(tmp_path: Path) -> None:
    settings = laid_down(tmp_path, samples.authority())
    read = load_signing(settings, files_of(settings)[0], now=NOW, log=Heard())
    pair = read.template.credentials
    other = replace(
        read.template, credentials=replace(pair, certificate=pair.intermediate, intermediate=pair.certificate)
    )
    assert signing_of(read.files._replace(prefix="next_"), other).life == read.life._replace(name="next_wwdr")


def test_the_following_identity_has_files_of_its_own_and_the_intermediate_of_the_present_one(tmp_path: Path) -> None:
    named = laid_down(tmp_path, samples.authority(), next_certificate_file="/n/pass.pem", next_key_file="/n/key.pem")
    present, follows = files_of(named)
    assert present == ("", tmp_path / "pass.pem", tmp_path / "key.pem", tmp_path / "wwdr.pem")
    assert follows == ("next_", Path("/n/pass.pem"), Path("/n/key.pem"), tmp_path / "wwdr.pem")
    own = laid_down(
        tmp_path, samples.authority(), next_certificate_file="a", next_key_file="b", next_wwdr_file="/n/wwdr.pem"
    )
    assert files_of(own)[1].wwdr == Path("/n/wwdr.pem")


def test_no_sentence_repeats_the_key(tmp_path: Path) -> None:
    settings = laid_down(tmp_path, samples.authority()._replace(key=b"-----BEGIN SECRET canary-----"))
    with pytest.raises(Misconfigured) as caught:
        load_template(settings, now=NOW, log=Heard())
    assert "canary" not in str(caught.value)


def test_without_settings_a_throwaway_authority_is_made_and_said_loudly(tmp_path: Path) -> None:
    heard = Heard()
    template = load_template(settings_in(tmp_path), now=NOW, log=heard)
    assert (template.issuer.pass_type_id, template.issuer.team_id) == (THROWAWAY_TYPE, THROWAWAY_TEAM)
    ((event, values),) = heard.events
    assert event == "apple_throwaway_authority"
    assert "OPEN ON NO PHONE" in str(values["warning"])


def test_passes_of_the_throwaway_authority_verify_under_its_root(tmp_path: Path) -> None:
    template = load_template(settings_in(tmp_path), now=NOW, log=Heard())
    file = template.build(samples.coupon(), signed_at=NOW)
    root = (tmp_path / "authority" / "root.pem").read_bytes()
    assert samples.verified(file, root=root)
    assert not samples.verified(file, root=samples.authority().root)


def test_the_second_start_uses_the_same_authority(tmp_path: Path) -> None:
    first = load_template(settings_in(tmp_path), now=NOW, log=Heard())
    second = load_template(settings_in(tmp_path), now=NOW + timedelta(days=100), log=Heard())
    assert first.credentials.certificate == second.credentials.certificate


def test_the_authoritys_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    load_template(settings_in(tmp_path), now=NOW, log=Heard())
    assert stat.S_IMODE((tmp_path / "authority").stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "authority").iterdir()}
    assert modes == dict.fromkeys(("root.pem", "wwdr.pem", "certificate.pem", "key.pem"), 0o600)


def test_a_throwaway_key_that_was_opened_to_others_is_refused(tmp_path: Path) -> None:
    load_template(settings_in(tmp_path), now=NOW, log=Heard())
    (tmp_path / "authority" / "key.pem").chmod(0o644)
    with pytest.raises(Misconfigured, match="0600"):
        load_template(settings_in(tmp_path), now=NOW, log=Heard())


def test_an_ended_throwaway_authority_is_put_aside_and_made_anew(tmp_path: Path) -> None:
    first = load_template(settings_in(tmp_path), now=NOW, log=Heard())
    later = NOW + timedelta(days=400)
    second = load_template(settings_in(tmp_path), now=later, log=Heard())
    assert first.credentials.certificate != second.credentials.certificate
    assert second.credentials.certificate.not_valid_after_utc > later
    assert len(list(tmp_path.glob("authority.ended-*"))) == 1


def test_a_damaged_throwaway_authority_says_what_to_do(tmp_path: Path) -> None:
    load_template(settings_in(tmp_path), now=NOW, log=Heard())
    (tmp_path / "authority" / "certificate.pem").write_text("scratched")
    with pytest.raises(Misconfigured, match="Remove it"):
        load_template(settings_in(tmp_path), now=NOW, log=Heard())


def _race(folder: str, now: datetime, barrier: Any, answers: Any) -> None:
    barrier.wait()
    template = load_template(settings_in(Path(folder)), now=now, log=Heard())
    answers.put(template.credentials.certificate.serial_number)


def test_four_processes_that_start_at_once_make_one_authority(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(4), context.Queue()
    processes = [context.Process(target=_race, args=(str(tmp_path), NOW, barrier, answers)) for _ in range(4)]
    for process in processes:
        process.start()
    told = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(timeout=30)
    assert len(set(told)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["authority", "authority.lock"]
