"""A right request of every route: what its path names exists, what it sends is taken. Each call makes fresh things."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from server.store import approvals, sessions
from server.store.ids import new_id
from tests.street.scene import ELSEWHERE, FENCE, NOBODYS, STORE, Scene, document, report
from tests.till_book import TillBook

NONE: Mapping[str, Any] = MappingProxyType({})


class Right(NamedTuple):
    """A right request: how its path is filled in, what it sends."""

    fill: Mapping[str, str] = NONE
    json: Any = None
    query: str = ""
    options: Mapping[str, Any] = NONE

    def path(self, template: str) -> str:
        """The path with its names filled in, and the query."""
        return template.format_map({"file": "base.css", **self.fill}) + self.query


Maker = Callable[[Scene, str], Awaitable[Right]]
MAKERS: dict[str, Maker] = {}


def right(*routes: str) -> Callable[[Maker], Maker]:
    """Say how a right request of some routes is made."""

    def keep(make: Maker) -> Maker:
        MAKERS.update(dict.fromkeys(routes, make))
        return make

    return keep


@right("POST /login")
async def _(scene: Scene, who: str) -> Right:
    return Right(options={"data": {"email": f"{who}@example.com", "password": "no such person"}})


@right("POST /login/code")
async def _(scene: Scene, who: str) -> Right:
    return Right(options={"data": {"code": "123456"}})


@right("POST /password")
async def _(scene: Scene, who: str) -> Right:
    return Right(options={"data": {"current": "a", "password": "b", "again": "b"}})


@right("PUT /app/scene")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"sky": {"kind": "rain"}})


@right("GET /p/{link}")
async def _(scene: Scene, who: str) -> Right:
    return Right({"link": (await scene.taken())["links"]["apple"].rpartition("/p/")[2]})


@right("POST /v1/customers", "PATCH /v1/me", "PUT /v1/me/consents")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={})


@right("POST /v1/pings")
async def _(scene: Scene, who: str) -> Right:
    return Right(json=report())


@right("POST /v1/events")
async def _(scene: Scene, who: str) -> Right:
    event = {"id": str(uuid4()), "moment_id": str(uuid4()), "type": "opened", "at": "2026-11-03T07:31:00Z"}
    return Right(json={"events": [event]})


@right("POST /v1/moments/{id}/pass")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": str(await scene.moment())})


@right("POST /v1/moments/{id}/snooze")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": str(await scene.moment())}, {"for": "PT1M"})


@right("GET /v1/passes/{serial}", "GET /v1/passes/{serial}/face", "GET /v1/passes/{serial}/qr.svg")
async def _(scene: Scene, who: str) -> Right:
    return Right({"serial": (await scene.taken())["serial"]})


@right("POST /v1/places/names")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"ids": [str(NOBODYS)]})


@right("PUT /v1/devices/{device_id}", "DELETE /v1/devices/{device_id}")
async def _(scene: Scene, who: str) -> Right:
    return Right({"device_id": "phone"}, {"platform": "ios", "push_token": "0f" * 32})


@right("POST /v1/redemptions", "POST /v1/redemptions/check")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"code": (await scene.taken())["code"]})


@right("POST /v1/redemptions/{id}/reversal")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": await scene.redeemed()}, {"reason": "a mistake"})


@right("POST /v1/redemptions/offline")
async def _(scene: Scene, who: str) -> Right:
    book = await _book(scene)
    return Right(json=book.body(book.write((await scene.taken())["code"])))


@right("POST /v1/redemptions/offline/keys")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"public_key": TillBook().public_key})


@right("DELETE /v1/redemptions/offline/keys/{id}")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": str((await _book(scene)).key_id)})


async def _book(scene: Scene) -> TillBook:
    """A browser of the till, registered."""
    book = TillBook()
    body = {"public_key": book.public_key}
    return book.known_as((await scene.made("/v1/redemptions/offline/keys", body, by="till"))["id"])


@right("POST /v1/passes/{serial}/void")
async def _(scene: Scene, who: str) -> Right:
    return Right({"serial": (await scene.taken())["serial"]}, {"reason": "a mistake"})


@right("POST /v1/stores")
async def _(scene: Scene, who: str) -> Right:
    return Right(json=STORE)


@right("GET /v1/stores/{id}", "PUT /v1/stores/{id}", "DELETE /v1/stores/{id}")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": (await scene.made("/v1/stores", STORE))["id"]}, ELSEWHERE)


@right("POST /v1/stores/import")
async def _(scene: Scene, who: str) -> Right:
    table = "name,lat,lon,radius_m\nDom,50.97,11.02,100\n"
    return Right(options={"data": table.encode(), "headers": {"Content-Type": "text/csv"}})


@right("POST /v1/geofences")
async def _(scene: Scene, who: str) -> Right:
    return Right(json=FENCE)


@right("GET /v1/geofences/{id}/offers")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": (await scene.made("/v1/geofences", FENCE))["id"]})


@right("GET /v1/holidays")
async def _(scene: Scene, who: str) -> Right:
    return Right(query="?country=DE&region=TH")


@right("GET /v1/geofences/{id}", "PUT /v1/geofences/{id}", "DELETE /v1/geofences/{id}")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": (await scene.made("/v1/geofences", FENCE))["id"]}, FENCE)


@right("POST /v1/geofences/import")
async def _(scene: Scene, who: str) -> Right:
    point = {"type": "Point", "coordinates": [11.03, 50.97]}
    feature = {"type": "Feature", "properties": {"name": "Dom", "radius_m": 100}, "geometry": point}
    return Right(json={"type": "FeatureCollection", "features": [feature]})


@right("POST /v1/offers")
async def _(scene: Scene, who: str) -> Right:
    return Right(json=document())


@right("GET /v1/offers/{id}", "PUT /v1/offers/{id}")
async def _(scene: Scene, who: str) -> Right:
    draft = document()
    return Right({"id": (await scene.made("/v1/offers", draft))["id"]}, draft)


@right("GET /v1/offers/{id}/versions", "GET /v1/offers/{id}/versions/{n}", "GET /v1/offers/{id}/diff")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": (await scene.made("/v1/offers", document()))["id"], "n": "1"})


@right("PUT /v1/programme")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"paused": False, "reason": f"said by {uuid4()}"})


@right("POST /v1/external-sends/batch")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"sends": [{"customer_id": str(scene.customers["robin"]), "channel": "sms", "id": str(uuid4())}]})


@right("POST /v1/external-sends")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"customer_id": str(scene.customers["robin"]), "channel": "email"})


@right("POST /v1/offers/{id}/publish")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": (await scene.made("/v1/offers", document()))["id"]})


@right("POST /v1/offers/{id}/approve")
async def _(scene: Scene, who: str) -> Right:
    offer = (await scene.made("/v1/offers", document(), by="admin"))["id"]
    async with scene.street.house.parts.pool.transaction() as db:  # nobody here: `who` may be the admin, who wrote it
        await db.execute("UPDATE offer_versions SET author = 'key:nobody' WHERE offer_id = $1", UUID(offer))
        assert await approvals.request(db, offer_id=UUID(offer), version=1, expected=1000, by="key:nobody")
    return Right({"id": offer}, {"version": 1})


@right("POST /v1/offers/{id}/pause", "POST /v1/offers/{id}/end")
async def _(scene: Scene, who: str) -> Right:
    offer = (await scene.made("/v1/offers", document()))["id"]
    assert (await scene.ask("POST", f"/v1/offers/{offer}/publish", by="admin")).status == 200
    return Right({"id": offer})


@right("POST /v1/offers/{id}/dry-run", "POST /v1/dry-run")
async def _(scene: Scene, who: str) -> Right:
    fix = {"lat": 50.9787, "lon": 11.0328, "accuracy_m": 9, "captured_at": "2026-11-03T07:30:00Z"}
    return Right({"id": str(scene.offer)}, {"at": "2026-11-03T07:30:00Z", "fix": fix})


@right("POST /v1/offers/{id}/preview")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": str(scene.offer)}, {"locale": "de-DE"})


@right("POST /v1/preview")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"document": document()})


@right("POST /v1/offers/{id}/replay")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": str(scene.offer)}, {"from": "2026-11-02", "to": "2026-11-03"})


@right("GET /v1/replays/{id}", "DELETE /v1/replays/{id}")
async def _(scene: Scene, who: str) -> Right:
    asked = {"from": "2026-11-02", "to": "2026-11-03"}
    answer = await scene.ask("POST", f"/v1/offers/{scene.offer}/replay", by="admin", json=asked)
    assert answer.status in (200, 202), answer.body
    return Right({"id": answer.json["id"]})


@right("POST /v1/segments")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"name": f"segment-{uuid4()}"})


@right("GET /v1/decisions")
async def _(scene: Scene, who: str) -> Right:
    return Right(query=f"?offer_id={scene.offer}")


@right("GET /v1/reports/funnel")
async def _(scene: Scene, who: str) -> Right:
    return Right(query="?from=2026-11-01&to=2026-11-08&by=offer")


@right(*(f"GET /v1/reports/{name}" for name in ("heat", "kpis", "money", "passes", "stores", "trend")))
async def _(scene: Scene, who: str) -> Right:
    return Right(query="?from=2026-11-01&to=2026-11-08")


@right("GET /v1/offers/{id}/passes-job", "GET /dashboard/offers/{id}", "GET /dashboard/offers/{id}/edit")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": str(scene.offer)})


@right("GET /v1/export/{type}")
async def _(scene: Scene, who: str) -> Right:
    return Right({"type": "redemptions"})


@right("PUT /v1/customers/{external_id}")
async def _(scene: Scene, who: str) -> Right:
    return Right({"external_id": f"C-{uuid4()}"}, {"time_zone": "Europe/Berlin", "attributes": {"tier": "gold"}})


@right("POST /v1/customers/import")
async def _(scene: Scene, who: str) -> Right:
    table = f"external_id,locale\nC-{uuid4()},de-DE\n"
    return Right(options={"data": table.encode(), "headers": {"Content-Type": "text/csv"}})


@right("GET /v1/customers")
async def _(scene: Scene, who: str) -> Right:
    return Right(query="?external_id=C-1")


@right("POST /v1/customers/{external_id}/events")
async def _(scene: Scene, who: str) -> Right:
    event = {"id": str(uuid4()), "name": "parcel-delivered", "at": "2026-11-03T07:31:00Z"}
    return Right({"external_id": await _written(scene)}, {"events": [event]})


@right("POST /v1/purchases")
async def _(scene: Scene, who: str) -> Right:
    amount = {"minor": 1290, "currency": "EUR"}
    return Right(json={"external_id": await _written(scene), "amount": amount, "order_id": f"W-{uuid4()}"})


async def _written(scene: Scene) -> str:
    """The number of a customer whom another system has told of."""
    number = f"C-{uuid4()}"
    assert (await scene.ask("PUT", f"/v1/customers/{number}", by="crm", body={})).status == 200
    return number


ENDPOINT = {"url": "https://hooks.example.com/kairos", "events": ["kairos.pass.saved"]}


@right("POST /v1/webhooks")
async def _(scene: Scene, who: str) -> Right:
    return Right(json=ENDPOINT)


@right(
    "GET /v1/webhooks/{id}",
    "DELETE /v1/webhooks/{id}",
    "POST /v1/webhooks/{id}/rotate",
    "POST /v1/webhooks/{id}/test",
    "GET /v1/webhooks/{id}/calls",
)
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": (await scene.made("/v1/webhooks", ENDPOINT))["id"]})


@right("POST /dashboard/webhooks")
async def _(scene: Scene, who: str) -> Right:
    made = (await scene.made("/v1/webhooks", ENDPOINT))["id"]
    return Right(options={"data": {"webhook": made, "action": "test"}})


@right("PATCH /v1/webhooks/{id}")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": (await scene.made("/v1/webhooks", ENDPOINT))["id"]}, {"enabled": False})


@right("POST /v1/webhooks/{id}/replay")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": (await scene.made("/v1/webhooks", ENDPOINT))["id"]}, {"from": "2026-11-02", "to": "2026-11-03"})


@right("GET /dashboard/admin/{section}")
async def _(scene: Scene, who: str) -> Right:
    return Right({"section": "keys"})


@right("POST /v1/deliveries/{id}/retry", "POST /v1/deliveries/{id}/drop")
async def _(scene: Scene, who: str) -> Right:
    letter = new_id(bucket=7)
    async with scene.street.house.parts.pool.acquire() as db:
        await db.execute(
            "INSERT INTO deliveries (bucket, id, channel, way, serial, state, not_before, deliver_by, created_at, finished_at)"
            " VALUES (7, $1, 'google_wallet', 'google_wallet', $1, 'dead', now(), now() + interval '1 day', now(), now())",
            letter,
        )
    return Right({"id": str(letter)})


@right("POST /v1/deliveries/retry", "POST /v1/deliveries/drop")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"ids": [str(new_id(bucket=7))]})


@right("POST /v1/users")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"email": f"{uuid4()}@example.com", "name": "Alex", "roles": ["analyst"]})


@right("PATCH /v1/users/{id}", "DELETE /v1/users/{id}", "DELETE /v1/users/{id}/sessions")
async def _(scene: Scene, who: str) -> Right:
    person = {"email": f"{uuid4()}@example.com", "name": "Alex", "roles": ["analyst"]}
    return Right({"id": (await scene.made("/v1/users", person))["id"]}, {"name": "Kim"})


@right("DELETE /v1/sessions/{id}", "DELETE /v1/account/sessions/{id}")
async def _(scene: Scene, who: str) -> Right:
    person = {"email": f"{uuid4()}@example.com", "name": "Alex", "roles": ["analyst"]}
    made = UUID((await scene.made("/v1/users", person))["id"])
    async with scene.street.house.parts.pool.transaction() as db:
        session = await sessions.create(db, user_id=made, absolute_s=600)
        id_ = await db.fetchval("SELECT id FROM sessions WHERE csrf = $1", session.csrf)
    return Right({"id": str(id_)})


@right("POST /v1/account/reauthenticate")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"password": "no such person"})


@right("POST /v1/account/second-factor/confirm")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"code": "123456"})


@right("POST /v1/keys")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"kind": "app"})


@right("DELETE /v1/keys/{id}")
async def _(scene: Scene, who: str) -> Right:
    return Right({"id": (await scene.made("/v1/keys", {"kind": "app"}))["id"]})


@right("GET /wallet/v1/passes/{type}/{serial}", "GET /wallet/v1/devices/{dev}/registrations/{type}")
async def _(scene: Scene, who: str) -> Right:
    return Right({"dev": "phone", "type": pass_type(scene), "serial": scene.wallet})


@right(
    "POST /wallet/v1/devices/{dev}/registrations/{type}/{serial}",
    "DELETE /wallet/v1/devices/{dev}/registrations/{type}/{serial}",
)
async def _(scene: Scene, who: str) -> Right:
    return Right({"dev": "phone", "type": pass_type(scene), "serial": scene.wallet}, {"pushToken": "0f" * 32})


@right("POST /wallet/v1/log")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"logs": ["a complaint"]})


@right("POST /wallet/google/callback")
async def _(scene: Scene, who: str) -> Right:
    return Right(json={"signature": "x", "protocolVersion": "ECv2SigningOnly"})


def pass_type(scene: Scene) -> str:
    """The type of this house's passes."""
    return scene.street.house.parts.desk.pass_type_id


async def make(scene: Scene, route: str, who: str) -> Right:
    """Make a right request of a route."""
    maker = MAKERS.get(route)
    return Right() if maker is None else await maker(scene, who)
