"""Callbacks are believed only if Google sent them, to us, in time. The sender here is written after Google's page."""

from __future__ import annotations

import base64
import functools
import json
import struct
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.errors import CallbackError
from passes.google.callback import Callback, read_callback
from tests.passes.google.samples import ISSUER
from tests.passes.samples import NOW, openssl

SOON = NOW + timedelta(hours=1)
OTHER = "3388000000099999999"


@functools.cache
def key(name: str) -> ec.EllipticCurvePrivateKey:
    assert name
    return ec.generate_private_key(ec.SECP256R1())


def spki(private: ec.EllipticCurvePrivateKey) -> str:
    return base64.b64encode(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def millis(when: datetime) -> str:
    return str(int(when.timestamp() * 1000))


def signature(private: ec.EllipticCurvePrivateKey, *parts: str) -> str:
    data = b"".join(struct.pack("<I", len(part.encode())) + part.encode() for part in parts)
    return base64.b64encode(private.sign(data, ec.ECDSA(hashes.SHA256()))).decode()


def root_keys(**changes: Any) -> bytes:
    own = {"keyValue": spki(key("root")), "protocolVersion": "ECv2SigningOnly", "keyExpiration": millis(SOON)}
    old = {"keyValue": spki(key("old root")), "protocolVersion": "ECv1"}
    given = {name: value for name, value in (own | changes).items() if value is not None}
    return json.dumps({"keys": [old, given]}).encode()


def message(**changes: Any) -> str:
    given: dict[str, Any] = {
        "classId": f"{ISSUER}.coffee-2026",
        "objectId": f"{ISSUER}.0198a1c2",
        "eventType": "save",
        "expTimeMillis": int(millis(SOON)),
        "count": 1,
        "nonce": "f2b1c0de",
    }
    return json.dumps(
        {name: value for name, value in (given | changes).items() if value is not None}, ensure_ascii=False
    )


def sent(
    text: str | None = None,
    *,
    to: str = ISSUER,
    root: str = "root",
    middle: str = "middle",
    signer: str = "middle",
    until: datetime = SOON,
    **changes: Any,
) -> bytes:
    signed_key = json.dumps({"keyValue": spki(key(middle)), "keyExpiration": millis(until)})
    signed = message() if text is None else text
    body = {
        "signature": signature(key(signer), "GooglePayPasses", to, "ECv2SigningOnly", signed),
        "intermediateSigningKey": {
            "signedKey": signed_key,
            "signatures": [signature(key(root), "GooglePayPasses", "ECv2SigningOnly", signed_key)],
        },
        "protocolVersion": "ECv2SigningOnly",
        "signedMessage": signed,
    }
    return json.dumps({**body, **changes}).encode()


def read(body: bytes, *, roots: bytes | None = None, now: datetime = NOW, issuer: str = ISSUER) -> Callback:
    return read_callback(body, root_keys=roots or root_keys(), issuer_id=issuer, now=now)


def code_of(body: bytes, **options: Any) -> str:
    with pytest.raises(CallbackError) as caught:
        read(body, **options)
    return caught.value.code


def test_a_genuine_message_is_read() -> None:
    assert read(sent()) == Callback("save", f"{ISSUER}.coffee-2026", f"{ISSUER}.0198a1c2", "f2b1c0de", SOON, 1)


def test_a_deletion_is_read_and_the_count_may_be_missing() -> None:
    told = read(sent(message(eventType="del", count=None)))
    assert (told.event, told.number) == ("del", None)


def test_times_may_be_numbers_or_texts() -> None:
    assert read(sent(message(expTimeMillis=millis(SOON)))).expires == SOON
    assert read(sent(), roots=root_keys(keyExpiration=int(millis(SOON)))).event == "save"


def test_lengths_count_bytes_and_not_characters() -> None:
    assert read(sent(message(nonce="für-alle-☕"))).nonce == "für-alle-☕"


def test_openssl_agrees_with_the_signature_that_is_believed() -> None:
    body = json.loads(sent())
    parts = [part.encode() for part in ("GooglePayPasses", ISSUER, "ECv2SigningOnly", body["signedMessage"])]
    run = openssl(
        *["dgst", "-sha256", "-verify", "public", "-signature", "signature", "content"],
        public=key("middle").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        signature=base64.b64decode(body["signature"]),
        content=b"".join(len(part).to_bytes(4, "little") + part for part in parts),
    )
    assert run.stdout.strip() == b"Verified OK"


def test_a_genuine_message_to_another_issuer_is_not_for_us() -> None:
    """The recipient is ours, never the one that the message names: it would verify as its own."""
    foreign = message(classId=f"{OTHER}.x", objectId=f"{OTHER}.y")
    assert code_of(sent(foreign, to=OTHER)) == "callback.signature"
    assert read(sent(foreign, to=OTHER), issuer=OTHER).object_id == f"{OTHER}.y"
    assert code_of(sent(foreign)) == "callback.issuer"
    assert code_of(sent(message(objectId=f"{ISSUER}0.y"))) == "callback.issuer"


def test_an_expired_message_is_refused() -> None:
    assert code_of(sent(message(expTimeMillis=int(millis(NOW))))) == "callback.expired"
    assert read(sent(message(expTimeMillis=int(millis(NOW)) + 1))).event == "save"


def test_an_expired_intermediate_key_is_refused() -> None:
    assert code_of(sent(until=NOW)) == "callback.intermediate_expired"


def test_an_expired_root_key_is_not_asked() -> None:
    assert code_of(sent(), roots=root_keys(keyExpiration=millis(NOW))) == "callback.roots"
    assert read(sent(), roots=root_keys(keyExpiration=None)).event == "save"


def test_a_root_key_of_another_protocol_is_not_asked() -> None:
    assert code_of(sent(root="old root")) == "callback.intermediate"
    assert code_of(sent(), roots=root_keys(protocolVersion="ECv1")) == "callback.roots"


def test_an_intermediate_key_that_no_root_signed_is_refused() -> None:
    assert code_of(sent(root="thief")) == "callback.intermediate"


def test_a_message_that_another_key_signed_is_refused() -> None:
    assert code_of(sent(signer="thief")) == "callback.signature"


def test_a_changed_message_is_refused() -> None:
    assert code_of(sent(signedMessage=message(eventType="del"))) == "callback.signature"


def test_one_good_signature_of_several_is_enough() -> None:
    body = json.loads(sent())
    body["intermediateSigningKey"]["signatures"].insert(0, signature(key("thief"), "x"))
    assert read(json.dumps(body).encode()).event == "save"


@pytest.mark.parametrize("version", ["ECv1", "ECv2", "", None, 2])
def test_another_protocol_is_refused(version: object) -> None:
    assert code_of(sent(protocolVersion=version)) == "callback.protocol"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signature": None}, "callback.form"),
        ({"signature": ""}, "callback.form"),
        ({"signature": "not base64!"}, "callback.signature"),
        ({"signature": "AAAA"}, "callback.signature"),
        ({"signedMessage": {"a": 1}}, "callback.form"),
        ({"intermediateSigningKey": "x"}, "callback.form"),
        ({"intermediateSigningKey": {}}, "callback.form"),
        ({"intermediateSigningKey": {"signedKey": "{}", "signatures": "x"}}, "callback.form"),
        ({"intermediateSigningKey": {"signedKey": "{}", "signatures": [1]}}, "callback.form"),
        ({"intermediateSigningKey": {"signedKey": "{}", "signatures": []}}, "callback.intermediate"),
    ],
)
def test_a_message_of_another_form_is_refused(changes: dict[str, Any], code: str) -> None:
    assert code_of(sent(**changes)) == code


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    assert code_of(body) == "callback.json"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (message(eventType="open"), "callback.event"),
        (message(nonce=None), "callback.form"),
        (message(nonce=7), "callback.form"),
        (message(expTimeMillis=None), "callback.form"),
        (message(expTimeMillis=True), "callback.form"),
        (message(expTimeMillis=10**30), "callback.form"),
        ("[]", "callback.json"),
        ("no json", "callback.json"),
    ],
)
def test_a_signed_message_of_another_form_is_refused(text: str, code: str) -> None:
    assert code_of(sent(text)) == code


@pytest.mark.parametrize("key_value", ["", "AAAA", None, 7])
def test_a_signed_key_that_is_none_is_refused(key_value: object) -> None:
    signed_key = json.dumps({"keyValue": key_value, "keyExpiration": millis(SOON)})
    part = {
        "signedKey": signed_key,
        "signatures": [signature(key("root"), "GooglePayPasses", "ECv2SigningOnly", signed_key)],
    }
    assert code_of(sent(intermediateSigningKey=part)) in ("callback.form", "callback.intermediate_key")


NO_ROOTS = [b"{}", b'{"keys": []}', b'{"keys": {}}', b'{"keys": [1, {"protocolVersion": "ECv2SigningOnly"}]}']


@pytest.mark.parametrize("roots", NO_ROOTS)
def test_without_root_keys_nothing_is_believed(roots: bytes) -> None:
    assert code_of(sent(), roots=roots) == "callback.roots"


def test_no_refusal_repeats_what_was_sent() -> None:
    with pytest.raises(CallbackError) as caught:
        read(sent(message(nonce="secret", eventType="secret")))
    assert "secret" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["signature", "intermediateSigningKey", "protocolVersion", "signedMessage"]


@settings(deadline=None, database=None)
@given(st.sampled_from(KEYS), JSON)
def test_no_part_can_be_replaced_by_anything(part: str, value: object) -> None:
    with pytest.raises(CallbackError):
        read(sent(**{part: value}))


@settings(deadline=None, database=None)
@given(st.dictionaries(st.sampled_from(["classId", "objectId", "eventType", "expTimeMillis", "count", "nonce"]), JSON))
def test_a_signed_message_of_any_content_is_read_or_refused_and_nothing_else(content: dict[str, object]) -> None:
    given_text = json.dumps(json.loads(message()) | content)
    try:
        told = read(sent(given_text))
    except CallbackError:
        return
    assert told.event in ("save", "del")
    assert told.object_id.startswith(f"{ISSUER}.")
    assert told.expires > NOW


@settings(deadline=None, database=None)
@given(st.binary(max_size=80))
def test_bytes_of_any_kind_are_refused(body: bytes) -> None:
    with pytest.raises(CallbackError):
        read(body)
