"""An open house watches over all that ends in it."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from server.opening.endings import APP, life_of, watch_of
from server.wallet.issue import Desk
from server.wallet.signers import open_signers
from tests.passes import samples
from tests.wallet.test_certificates import Heard, laid_down
from tests.wallet.test_signers import LATE, NOW
from tests.web.serving import settings_with


def watched(folder: Path, **apns: str) -> Any:
    signers = open_signers(laid_down(folder, samples.authority()), now=NOW, log=Heard())
    settings = settings_with(**{f"apns__{name}": value for name, value in apns.items()})
    return watch_of(settings, cast("Desk", SimpleNamespace(signers=signers)))


def test_the_certificate_of_the_app_is_watched_beside_those_of_passes(tmp_path: Path) -> None:
    watch = watched(tmp_path, topic="de.klatsch.app", certificate_file=str(tmp_path / "pass.pem"))
    assert set(watch.ends()) == {"certificate", "wwdr", APP}
    assert (NOW + timedelta(days=395)) < watch.ends()[APP].astimezone(UTC) < (NOW + timedelta(days=397))
    assert watch.notices(NOW) == []
    assert [(notice.code, notice.name) for notice in watch.notices(LATE)] == [("ends", "certificate"), ("ends", APP)]


@pytest.mark.parametrize("apns", [{}, {"topic": "de.klatsch.app"}, {"topic": "x", "certificate_file": "/nowhere"}])
def test_what_is_not_there_is_not_watched(tmp_path: Path, apns: dict[str, str]) -> None:
    assert set(watched(tmp_path, **apns).ends()) == {"certificate", "wwdr"}


def test_a_file_that_is_no_certificate_has_no_life(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("none")
    assert life_of(tmp_path / "x.pem") == []
