"""The scene's push holds only where every service got the very moment that waits."""

from __future__ import annotations

from typing import Any

import pytest

from server.commands import scene_push
from server.commands.scene_push import arrives, sign_up
from server.commands.services import Sent
from server.commands.stage import Broken

MOMENT = "0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b"
REPORT = {"pings": []}


class Services:
    """What was sent."""

    def __init__(self, *ways: str, moment: str = MOMENT) -> None:
        self.sent = [Sent(way, "somebody", moment, "Hallo", "B") for way in ways]

    def subscribe(self, key: str) -> dict[str, Any]:
        return {"endpoint": f"http://127.0.0.1/{key}"}


class Stage:
    """A server that has these moments, and what it was asked."""

    def __init__(self, services: Services | None, *moments: str) -> None:
        self.services, self.tokens, self.asked = services, dict[str, str](), list[tuple[str, str, Any]]()
        self._answers = {"/v1/moments": {"items": [{"id": each} for each in moments]}, "/v1/push/key": {"key": "k"}}

    async def call(self, method: str, path: str, *, body: Any = None, **_: Any) -> tuple[Any, Any]:
        self.asked.append((method, path, body))
        return self._answers.get(path, {"token": "kc_1"}), {}


async def test_a_phone_of_each_kind_and_a_browser_are_registered() -> None:
    stage: Any = Stage(Services())
    await sign_up(stage)
    devices = [body for method, path, body in stage.asked if method == "PUT" and path.startswith("/v1/devices/")]
    assert [each["platform"] for each in devices] == ["ios", "android", "web"]
    assert devices[2]["subscription"] == {"endpoint": "http://127.0.0.1/k"}
    assert stage.tokens == {"walker": "kc_1"}


async def test_each_service_is_told_with_its_time() -> None:
    stage: Any = Stage(Services("apns", "fcm", "webpush"), MOMENT)
    said = await arrives(stage, REPORT)
    assert all(f"{way} after" in said for way in ("apns", "fcm", "webpush"))


@pytest.mark.parametrize(
    ("services", "moments", "sentence"),
    [
        (Services("apns", "webpush"), [MOMENT], f"no push of the moment {MOMENT} came to fcm"),
        (Services("apns", "fcm", "webpush", moment="another"), [MOMENT], "came to apns, fcm, webpush"),
        (Services("apns", "fcm", "webpush"), [], "0 moments wait"),
    ],
    ids=["one is missing", "of another moment", "no moment"],
)
async def test_what_is_missing_breaks_the_step(
    services: Services, moments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene_push, "_WAITS_S", 0.02)
    stage: Any = Stage(services, *moments)
    with pytest.raises(Broken, match=sentence):
        await arrives(stage, REPORT)


async def test_without_services_nobody_signs_up_for_pushes() -> None:
    stage: Any = Stage(None)
    with pytest.raises(Broken, match="no push service"):
        await sign_up(stage)
