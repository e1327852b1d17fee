"""PUT and DELETE /v1/devices/{device_id}: where pushes for a customer go. GET /v1/push/key: what browsers subscribe with."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from yarl import URL

from server.channels.reach import PUBLIC, STAND_INS, wrong_with
from server.channels.rest import is_here
from server.errors import FieldError, Invalid, Unauthenticated, Unavailable
from server.store import customers, devices
from server.store.devices import Device
from server.store.pool import Connection
from server.web.call import Call
from server.web.door import door

_DEVICE_ID = 128


class SubscriptionKeys(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The keys of a push subscription (Push API, W3C), base64url."""

    p256dh: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    auth: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Subscription(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A browser's push subscription, as `PushSubscription.toJSON()` gives it."""

    endpoint: Annotated[str, msgspec.Meta(min_length=1, max_length=2048, pattern="^https?://")]
    keys: SubscriptionKeys
    expirationTime: float | None = None  # noqa: N815  the browser's name for it


class DeviceBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A phone with its push token (ios, android), or a browser with its subscription (web)."""

    platform: Literal["ios", "android", "web"]
    push_token: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None
    subscription: Subscription | None = None
    app_version: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None


@door(
    "PUT",
    "/v1/devices/{device_id}",
    body=DeviceBody,
    status=204,
    summary="Register a device; its push token belongs to whoever registered it last",
    example={"platform": "ios", "push_token": "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"},
    tags=("App",),
)
async def register(call: Call) -> None:
    """Register the caller's device."""
    body: DeviceBody = call.body
    device = Device(
        device_id=_device_id(call),
        platform=body.platform,
        push_token=body.push_token,
        subscription=msgspec.to_builtins(body.subscription) if body.subscription is not None else None,
        app_version=body.app_version,
    )
    if body.platform == "web" and body.push_token is not None:
        raise Invalid(errors=[FieldError("push_token", "a browser has a subscription instead")])
    if body.platform != "web" and body.subscription is not None:
        raise Invalid(errors=[FieldError("subscription", "belongs to the platform web")])
    if body.subscription is not None:
        _check_endpoint(body.subscription.endpoint, loopback=call.parts.settings.mode == "test")

    async def put(db: Connection) -> None:
        if await customers.lock(db, customer_id=call.customer_id) is None:
            raise Unauthenticated
        await devices.put(db, customer_id=call.customer_id, device=device)

    await call.parts.pool.attempt(put)  # two who swap their tokens may wait for each other: one of them begins anew


def _check_endpoint(endpoint: str, *, loopback: bool) -> None:
    """Refuse what could never be reached; http is for stand-ins on this machine."""
    wrong = wrong_with(endpoint, STAND_INS if loopback else PUBLIC)
    if wrong is None and endpoint.startswith("http://") and not is_here(URL(endpoint).host or ""):
        wrong = "must begin with https://"
    if wrong is not None:
        raise Invalid(errors=[FieldError("subscription.endpoint", wrong)])


@door("DELETE", "/v1/devices/{device_id}", status=204, summary="Forget a device and its push token", tags=("App",))
async def forget(call: Call) -> None:
    """Forget the caller's device; one that is not there is forgotten already."""
    async with call.transaction() as db:
        await devices.delete(db, customer_id=call.customer_id, device_id=_device_id(call))


class PushKey(msgspec.Struct, frozen=True):
    """The public key (P-256, uncompressed, base64url) that `PushManager.subscribe` takes as `applicationServerKey`."""

    key: str


@door("GET", "/v1/push/key", answer=PushKey, summary="The key that browsers subscribe to pushes with", tags=("App",))
async def show_push_key(call: Call) -> PushKey:
    """Tell the public key; it stays the same for the life of the installation."""
    vapid = call.parts.vapid
    if vapid is None:
        raise Unavailable("This server has no key for pushes to browsers.")
    return PushKey(vapid.public)


def _device_id(call: Call) -> str:
    device_id = call.text("device_id")
    if len(device_id) > _DEVICE_ID:
        raise Invalid(errors=[FieldError("device_id", f"must have at most {_DEVICE_ID} characters")])
    return device_id
