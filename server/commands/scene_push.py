"""The scene's push: somebody walks by with the phone in the pocket, and it rings on all that is theirs."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Final

from server.commands.stage import Broken, Json, Stage, demand
from server.store.pushes import WAYS

_WAITS_S: Final = 10.0


async def sign_up(stage: Stage) -> None:
    """Sign a second customer up, with a phone of each kind and a browser."""
    profile = {"locale": "de-DE", "time_zone": "Europe/Berlin", "attributes": {"first_name": "Alex"}}
    made, _ = await stage.call("POST", "/v1/customers", by="app", expect=201, body=profile)
    stage.tokens["walker"] = made["token"]
    consents = {"location": True, "profiling": True, "push": True}
    await stage.call("PUT", "/v1/me/consents", by="walker", expect=200, body=consents)
    for name, device in (await _devices(stage)).items():
        await stage.call("PUT", f"/v1/devices/{name}", by="walker", expect=204, body=device)


async def _devices(stage: Stage) -> dict[str, Json]:
    if stage.services is None:
        raise Broken("there is no push service")
    told, _ = await stage.call("GET", "/v1/push/key", by="walker", expect=200)
    return {
        "iphone": {"platform": "ios", "push_token": "ab" * 32},
        "android": {"platform": "android", "push_token": "lindenquell:android"},
        "browser": {"platform": "web", "subscription": stage.services.subscribe(told["key"])},
    }


async def arrives(stage: Stage, report: Json) -> str:
    """Report a position from the background, and see the moment at every push service; tells how long each took."""
    await stage.call("POST", "/v1/pings", by="walker", expect=200, body=report)
    begun = perf_counter()
    listed, _ = await stage.call("GET", "/v1/moments", by="walker", expect=200)
    demand(len(listed["items"]) == 1, f"{len(listed['items'])} moments wait for the walker")
    moment, took = listed["items"][0]["id"], dict[str, float]()
    while perf_counter() - begun < _WAITS_S and len(took) < len(WAYS):
        for push in stage.services.sent if stage.services else ():
            if push.moment_id == moment:
                took.setdefault(push.way, (perf_counter() - begun) * 1000)
        await asyncio.sleep(0.005)
    missing = set(WAYS.values()) - set(took)
    demand(not missing, f"no push of the moment {moment} came to {', '.join(sorted(missing))}")
    return f"the moment {moment} rings by " + ", ".join(f"{way} after {took[way]:.0f} ms" for way in WAYS.values())
