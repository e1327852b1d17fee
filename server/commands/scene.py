"""The scene that Kairos is for, played through HTTP: a customer walks by, a moment, a pass, the counter, the funnel.

Each step prints what it saw; the first that does not hold ends the play. Signatures are judged by openssl, not by us.
"""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from uuid import uuid4  # noqa: TID251  the phone and the till of this play make their own ids

import aiohttp

from passes.testing import check
from server.commands.scene_push import arrives, sign_up
from server.commands.stage import Broken, Json, Pushed, Say, Stage, demand
from server.commands.town import SHOPS, at, position
from server.model.place import Point


async def play(url: str, *, tokens: Mapping[str, str], root: Path, say: Say, services: Pushed | None = None) -> bool:
    """Play all steps against a running demo, and tell whether each held; the push where there are push services."""
    steps = [step for step in STEPS if services is not None or step != PUSH]
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        stage = Stage(session, url, dict(tokens), root, services=services)
        for number, (name, step) in enumerate(steps, 1):
            begun = perf_counter()
            try:
                found = await step(stage)
            except (Broken, aiohttp.ClientError, TimeoutError, KeyError) as error:
                say(f"{number:>2}  FAIL  {name}: {error or type(error).__name__}")
                return False
            say(f"{number:>2}  ok    {name}: {found} ({(perf_counter() - begun) * 1000:.0f} ms)")
    say(f"\nall {len(steps)} steps held")
    return True


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the phone's clock: this command plays one


def _fix(point: Point, seconds_ago: float) -> Json:
    return {
        "id": str(uuid4()),
        "captured_at": (_now() - timedelta(seconds=seconds_ago)).isoformat(),
        "lat": point.lat,
        "lon": point.lon,
        "accuracy_m": 8.0,
    }


def _report(*fixes: Json) -> Json:
    return {"sent_at": _now().isoformat(), "app": {"foreground": True, "tz": "Europe/Berlin"}, "pings": list(fixes)}


_BAKERY = next(shop for shop in SHOPS if shop.tag == "bakery")
_CAFE = next(shop for shop in SHOPS if shop.tag == "cafe")


async def ready(stage: Stage) -> str:
    """The server is up, its database is migrated, its rules are loaded."""
    async with stage.session.get(f"{stage.url}/readyz") as response:
        demand(response.status == 200, f"/readyz answered {response.status}")
    funnel, _ = await stage.call("GET", _funnel_path(), by="marketer", expect=200)
    stage.seen["before"] = _row(funnel, stage)
    return "a week of history is there"


def _funnel_path() -> str:
    since = (_now() - timedelta(days=8)).date().isoformat()
    return f"/v1/reports/funnel?by=offer&from={since}&to={(_now() + timedelta(days=2)).date().isoformat()}"


def _row(funnel: Json, stage: Stage) -> Json:
    rows: list[Json] = [row for row in funnel["rows"] if row["label"] == "welcome-pretzel"]
    demand(len(rows) == 1 and not rows[0]["suppressed"], f"the funnel has no row of welcome-pretzel: {funnel['rows']}")
    return rows[0]


async def signs_up(stage: Stage) -> str:
    """The app signs a customer up."""
    profile = {"locale": "de-DE", "time_zone": "Europe/Berlin", "attributes": {"first_name": "Kim"}}
    made, _ = await stage.call("POST", "/v1/customers", by="app", expect=201, body=profile)
    stage.tokens["customer"] = made["token"]
    return f"customer {made['customer_id']}"


async def asks_first(stage: Stage) -> str:
    """Without consent a ping is refused and nothing is stored."""
    problem, _ = await stage.call(
        "POST", "/v1/pings", by="customer", expect=403, body=_report(_fix(position(_BAKERY), 1))
    )
    demand(problem["code"] == "consent_required", f"the problem's code is {problem['code']}")
    await stage.call("PUT", "/v1/me/consents", by="customer", expect=200, body={"location": True, "profiling": True})
    return "403 consent_required, then consent is given"


async def walks_by(stage: Stage) -> str:
    """From home to the bakery: nothing on the way, one moment at the door."""
    home = await stage.call("POST", "/v1/pings", by="customer", expect=200, body=_report(_fix(at(-100, -900), 120)))
    demand(home[0]["moments"] == [], "a moment came far from any shop")
    report = _report(_fix(position(_BAKERY), 1))
    answer, _ = await stage.call("POST", "/v1/pings", by="customer", expect=200, body=report)
    demand(len(answer["moments"]) == 1, f"{len(answer['moments'])} moments came at the bakery's door")
    stage.seen |= {"moment": answer["moments"][0], "report": report}
    return f"“{answer['moments'][0]['title']}” at {answer['moments'][0]['place']['name']}"


async def repeats(stage: Stage) -> str:
    """The phone repeats itself: a duplicate, with the same moment."""
    answer, _ = await stage.call("POST", "/v1/pings", by="customer", expect=200, body=stage.seen["report"])
    demand(answer["results"][0]["status"] == "duplicate", f"the repeat was {answer['results'][0]['status']}")
    demand([each["id"] for each in answer["moments"]] == [stage.seen["moment"]["id"]], "the repeat got other moments")
    return "duplicate, the same moment"


async def taps(stage: Stage) -> str:
    """Delivered, opened, clicked."""
    moment, now = stage.seen["moment"]["id"], _now().isoformat()
    events = [
        {"id": str(uuid4()), "moment_id": moment, "type": kind, "at": now}
        for kind in ("delivered", "opened", "clicked")
    ]
    answer, _ = await stage.call("POST", "/v1/events", by="customer", expect=200, body={"events": events})
    again, _ = await stage.call("POST", "/v1/events", by="customer", expect=200, body={"events": events})
    demand((answer["accepted"], again["duplicates"]) == (3, 3), f"the events were told {answer}, then {again}")
    return "3 events accepted, 3 repeats counted as such"


async def takes_the_pass(stage: Stage) -> str:
    """A tap puts the pass into the wallet, once."""
    path, key = f"/v1/moments/{stage.seen['moment']['id']}/pass", str(uuid4())
    made, _ = await stage.call("POST", path, by="customer", expect=201, body=None, key=key)
    again, headers = await stage.call("POST", path, by="customer", expect=201, body=None, key=key)
    demand(made == again and headers.get("Idempotent-Replayed") == "true", "the same key got another answer")
    stage.seen["pass"] = made["pass"]
    return f"serial {made['pass']['serial']}"


async def looks_at_it(stage: Stage) -> str:
    """The .pkpass is whole, and its signature is good in openssl's eyes."""
    data = await stage.fetch(stage.seen["pass"]["links"]["apple"])
    findings = check(data, allow_http=True)
    demand(not findings, f"the pass is malformed: {findings}")
    with tempfile.TemporaryDirectory(prefix="kairos-check-") as folder:
        document = await asyncio.to_thread(_unpack, data, Path(folder))
        said = await _openssl(Path(folder), root=stage.root)
    demand(document.get("voided") is not True, "a fresh pass is voided")
    return f"{len(data)} bytes, {said}"


def _unpack(data: bytes, folder: Path) -> Json:
    """Write what openssl reads into the folder, and give the pass.json."""
    with zipfile.ZipFile(io.BytesIO(data)) as files:
        for name in ("manifest.json", "signature"):
            (folder / name).write_bytes(files.read(name))
        document: Json = json.loads(files.read("pass.json"))
    return document


async def _openssl(folder: Path, *, root: Path) -> str:
    arguments = ["smime", "-verify", "-binary", "-inform", "DER", "-in", str(folder / "signature"), "-purpose", "any"]
    arguments += ["-content", str(folder / "manifest.json"), "-CAfile", str(root), "-out", "/dev/null"]
    try:
        process = await asyncio.create_subprocess_exec("openssl", *arguments, stderr=asyncio.subprocess.PIPE)
    except FileNotFoundError:
        raise Broken("openssl is not installed, and nobody else may judge the signature") from None
    _, told = await process.communicate()
    demand(process.returncode == 0, f"openssl refuses the signature: {told.decode()[:300]}")
    return told.decode().strip().splitlines()[0].lower()


async def is_redeemed_once(stage: Stage) -> str:
    """At the counter the code scans once."""
    code, key = stage.seen["pass"]["code"], str(uuid4())
    told, _ = await stage.call("POST", "/v1/redemptions/check", by="till", expect=200, body={"code": code})
    demand(told["would"] == 201, f"the check says {told}")
    first, _ = await stage.call("POST", "/v1/redemptions", by="till", expect=201, body={"code": code}, key=key)
    again, _ = await stage.call("POST", "/v1/redemptions", by="till", expect=201, body={"code": code}, key=key)
    demand(first == again, "a retry of the redemption got another answer")
    other, _ = await stage.call("POST", "/v1/redemptions", by="till", expect=409, body={"code": code}, key=str(uuid4()))
    demand(other["code"] == "already_redeemed", f"the second redemption was refused as {other['code']}")
    return f"redemption {first['id']}; the retry is the same one, a second one is refused"


async def turns_redeemed(stage: Stage) -> str:
    """The pass says so now."""
    told, _ = await stage.call("GET", f"/v1/passes/{stage.seen['pass']['serial']}", by="customer", expect=200)
    demand((told["state"], told["uses_left"]) == ("redeemed", 0), f"the pass is {told['state']}")
    data = await stage.fetch(told["links"]["apple"])
    demand(
        json.loads(zipfile.ZipFile(io.BytesIO(data)).read("pass.json")).get("voided") is True,
        "the new file is not voided",
    )
    return "redeemed, and the new .pkpass is voided"


async def is_seen(stage: Stage) -> str:
    """The marketer sees one more point in every step of the funnel."""
    before, steps = stage.seen["before"], ("decided", "delivered", "opened", "clicked", "passes", "redeemed")
    wanted = {step: before[step] + 1 for step in steps}
    found: Json = {}
    for _ in range(50):
        funnel, _ = await stage.call("GET", _funnel_path(), by="marketer", expect=200)
        found = {step: _row(funnel, stage)[step] for step in steps}
        if found == wanted:
            return " → ".join(f"{step} {found[step]}" for step in steps)
        await asyncio.sleep(0.1)
    raise Broken(f"the funnel says {found} instead of {wanted}")


async def rings(stage: Stage) -> str:
    """Somebody else walks by with the phone in the pocket: it rings, and so does everything that is theirs."""
    await sign_up(stage)
    report = _report(_fix(position(_BAKERY), 1))
    return await arrives(stage, report | {"app": report["app"] | {"foreground": False}})


async def is_explained(stage: Stage) -> str:
    """The customer reads why, and the marketer tries the coffee for a wet Tuesday morning."""
    told, _ = await stage.call("GET", "/v1/me/decisions", by="customer", expect=200)
    demand(len(told["items"]) > 0, "no decision is explained")
    offers, _ = await stage.call("GET", "/v1/offers", by="marketer", expect=200)
    coffee = next(each for each in offers["items"] if each["name"] == "coffee-morning")
    tried, _ = await stage.call(
        "POST", f"/v1/offers/{coffee['id']}/dry-run", by="marketer", expect=200, body=await _tuesday(stage)
    )
    demand(tried["outcome"] in ("show", "held_out"), f"the coffee on a wet Tuesday: {tried['gate']}, {tried['reason']}")
    return f"{len(told['items'])} decisions in words; Tuesday 08:12, drizzle, 6 °C: {tried['outcome']}"


async def _tuesday(stage: Stage) -> Json:
    stores, _ = await stage.call("GET", "/v1/stores", by="marketer", expect=200)
    cafe = next(store for store in stores["items"] if store["name"] == _CAFE.name)
    point = position(_CAFE)
    return {
        "at": "2026-11-24T07:12:00Z",
        "fix": {"lat": point.lat, "lon": point.lon, "accuracy_m": 8},
        "before": {"inside": [{"geofence_id": cafe["geofence_id"], "since": "2026-11-24T07:09:00Z", "dwelled": False}]},
        "weather": {"kind": "drizzle", "temperature_c": 6.0, "observed_at": "2026-11-24T07:00:00Z"},
        "foreground": True,
    }


async def is_forgotten(stage: Stage) -> str:
    """The customer erases themselves; the token dies at once."""
    await stage.call("DELETE", "/v1/me", by="customer", expect=204)
    await stage.call("GET", "/v1/me", by="customer", expect=401)
    return "204, and the token is dead"


PUSH = ("the push", rings)

STEPS = (
    ("the house is ready", ready),
    ("a customer signs up", signs_up),
    ("nobody is tracked without consent", asks_first),
    ("a walk to the bakery", walks_by),
    ("the phone repeats itself", repeats),
    ("the customer taps", taps),
    ("the pass", takes_the_pass),
    ("the signature", looks_at_it),
    ("the counter", is_redeemed_once),
    ("the update", turns_redeemed),
    ("the funnel", is_seen),
    PUSH,
    ("the reasons", is_explained),
    ("forgetting", is_forgotten),
)
"""The play, step by step."""
