"""The stand-in for APNs itself: it answers each mistake with the reason that Apple documents for it."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from server.channels.conversation import Request
from tests.apple_home import KEY, KEY_ID, TEAM_ID, TOPIC, standin
from tests.channels.lines import TOKEN, client, part, push

GOOD = {"apns-topic": TOPIC, "apns-push-type": "alert", "apns-priority": "10"}
ONCE = {"apns-id": "0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b"}

MISTAKES: list[tuple[str, dict[str, Any]]] = [
    ("MethodNotAllowed", {"method": "GET"}),
    ("BadPath", {"path": "/2/device/" + TOKEN}),
    ("MissingDeviceToken", {"path": "/3/device/"}),
    ("BadDeviceToken", {"path": "/3/device/no-hex"}),
    ("BadDeviceToken", {"path": "/3/device/abc"}),
    ("BadMessageId", {"once": {"apns-id": "7"}}),
    ("BadMessageId", {"once": {"apns-id": "0198a1c27d3e7a10b4c5d6e7f8091a2b"}}),
    ("BadExpirationDate", {"once": {"apns-expiration": "soon"}}),
    ("BadPriority", {"headers": {"apns-priority": "7"}}),
    ("BadPriority", {"headers": {"apns-push-type": "background"}}),
    ("InvalidPushType", {"headers": {"apns-push-type": "loud"}}),
    ("BadCollapseId", {"once": {"apns-collapse-id": "x" * 65}}),
    ("PayloadEmpty", {"body": b""}),
    ("PayloadEmpty", {"body": b"[]"}),
    ("PayloadTooLarge", {"body": b'{"a":"' + b"x" * 4089 + b'"}'}),
    ("MissingTopic", {"headers": {"apns-topic": ""}}),
    ("TopicDisallowed", {"headers": {"apns-topic": "other.app"}}),
    ("DuplicateHeaders", {"once": {"apns-topic": TOPIC}}),
    ("MissingProviderToken", {"bearer": None}),
    ("InvalidProviderToken", {"bearer": "bearer x.y.z"}),
    ("InvalidProviderToken", {"bearer": "basic"}),
]


def bearer(iat: int) -> str:
    """A provider token by another's hand: cryptography's own, not our channel's."""
    signed = f"{part({'alg': 'ES256', 'kid': KEY_ID})}.{part({'iss': TEAM_ID, 'iat': iat})}"
    key = load_pem_private_key(KEY, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    raw = base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).rstrip(b"=").decode()
    return f"bearer {signed}.{raw}"


async def test_each_mistake_gets_apples_word_for_it(tmp_path: Path) -> None:
    good = bearer(int(time.time()))
    async with standin(tmp_path) as apple, client(apple.url, apple.ca_file) as http2:
        told = []
        for _, mistake in [("", {}), *MISTAKES]:
            proof = mistake.get("bearer", good)
            once = {**ONCE, **mistake.get("once", {}), **({"authorization": proof} if proof else {})}
            headers = {**GOOD, **mistake.get("headers", {})}
            whole = Request(
                mistake.get("path", f"/3/device/{TOKEN}"),
                {name: text for name, text in headers.items() if text},
                once,
                mistake.get("body", b'{"aps":{}}'),
                mistake.get("method", "POST"),
            )
            answer = await http2.ask(whole, timeout_s=60)
            told.append(json.loads(answer.body)["reason"] if answer.body else answer.status)
        assert told == [200, *(reason for reason, _ in MISTAKES)]


@pytest.mark.parametrize(
    ("age_s", "told"),
    [(3500, b""), (3700, b'{"reason": "ExpiredProviderToken"}'), (-600, b'{"reason": "InvalidProviderToken"}')],
)
async def test_a_provider_token_has_its_hour(tmp_path: Path, age_s: int, told: bytes) -> None:
    async with standin(tmp_path) as apple, client(apple.url, apple.ca_file) as http2:
        whole = Request(
            f"/3/device/{TOKEN}", GOOD, {**ONCE, "authorization": bearer(int(time.time()) - age_s)}, b'{"aps":{}}'
        )
        assert (await http2.ask(whole, timeout_s=60)).body == told


async def test_by_hand_it_says_where_it_listens_and_tells_each_request(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    command = ["-m", "tests.standins", "apns", "--port", "0", "--ca-out", str(ca), "--gone", f"{TOKEN}=1793692920000"]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        first = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        assert first.startswith("listening on https://127.0.0.1:")
        async with client(first.split()[-1], ca) as http2:
            answer = await http2.ask(push(), timeout_s=60)
            assert json.loads(answer.body) == {"reason": "Unregistered", "timestamp": 1793692920000}
        line = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        assert (line["token"], line["status"], line["reason"]) == (TOKEN, 410, "Unregistered")
        assert "authorization" not in line["headers"]
    finally:
        process.terminate()
        await process.wait()
