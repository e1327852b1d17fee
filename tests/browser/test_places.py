"""Places in a real Chromium: drawn, typed, imported and deleted, and looked up in the database."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.hostile import CORPUS as WHOLE
from tests.browser.hostile import SHORT, nothing_ran
from tests.browser.visits import PASSWORD, Visit, enter, person, visit
from tests.street.scene import document
from tests.street.serving import Street, open_street

HOURS = {"mon": [["08:00", "12:30"], ["14:00", "20:00"]], "sat": [["22:00", "02:00"]], "sun": [["00:00", "24:00"]]}
CORPUS = [text.replace("\t", " ") for text in WHOLE]
"""Names and addresses are of printable characters."""

SPARE = {"lat": 51.0, "lon": 10.0, "radius_m": 100}


@pytest.fixture(scope="module")
async def street(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    """A house that takes seven rows at once, so that a short list too goes in pieces."""
    async with open_street(shared_dsn, tmp_path_factory.mktemp("house"), limits__import_rows=7) as opened:
        await opened.key("marketer")
        yield opened


@pytest.fixture(scope="module")
async def people(street: Street) -> dict[str, str]:
    return {role: await person(street, role) for role in ("marketer", "analyst")}


async def rows(street: Street, table: str, name: str) -> list[dict[str, Any]]:
    async with street.house.parts.pool.acquire() as db:
        found = await db.fetch(f"SELECT * FROM {table} WHERE name = $1 AND deleted_at IS NULL ORDER BY id", name)
    return [dict(row) for row in found]


async def counted(street: Street) -> tuple[int, int]:
    async with street.house.parts.pool.acquire() as db:
        found = await db.fetchrow("SELECT (SELECT count(*) FROM stores), (SELECT count(*) FROM geofences)")
    assert found is not None
    return found[0], found[1]


async def middle_of(page: Page) -> tuple[float, float]:
    box = await page.locator("#map").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def save(page: Page) -> None:
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#panel")).to_be_hidden()


async def draw_circle(seen: Visit, street: Street) -> None:
    """By the mouse and the arrow keys; what is too small is refused at its field before it is sent."""
    page = seen.page
    await page.get_by_role("button", name="New circle").click()
    await page.get_by_label("Name", exact=True).fill("Station")
    x, y = await middle_of(page)
    await page.mouse.click(x + 60, y + 30)
    edge = page.get_by_role("button", name="Edge: radius")
    await edge.press("ArrowRight")
    radius = float(await page.get_by_label("Radius (m)").input_value())
    assert 100 < radius < 120
    await page.get_by_label("Radius (m)").fill("19")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("[data-field=radius_m] .complaint")).to_have_text("must be a number from 20 to 5000")
    await page.get_by_label("Radius (m)").fill("60")
    await expect(page.locator(".narrow")).to_contain_text("Below 75 m")
    typed = [float(await page.get_by_label(name).input_value()) for name in ("Latitude", "Longitude")]
    await save(page)
    await expect(page.locator("#said")).to_contain_text("Station is saved. Radius (m) is below 75 m")
    [row] = await rows(street, "geofences", "Station")
    assert (row["lat"], row["lon"], row["radius_m"]) == (*typed, 60.0)
    degree = 360 / (256 * 2**16)  # of longitude, a pixel's width at the zoom of a new place
    assert row["lon"] == pytest.approx(10 + 60 * degree, abs=2 * degree)
    assert row["lat"] == pytest.approx(51 - 30 * degree * math.cos(math.radians(51)), abs=2 * degree)


async def figures(page: Page, axis: str) -> list[float]:
    return [float(await each.input_value()) for each in await page.locator(f"[data-axis={axis}]").all()]


async def stay_here(page: Page) -> None:
    """Neither Cancel nor leaving the page takes away what is not saved, unless one says so."""
    await page.get_by_role("button", name="Cancel").click()
    await page.get_by_role("dialog").get_by_role("button", name="Go on here").click()
    async with page.expect_event("dialog") as told:
        await page.evaluate("() => void setTimeout(() => location.reload())")
    asked = await told.value
    assert asked.type == "beforeunload"
    await asked.dismiss()
    await expect(page.locator("#panel")).to_be_visible()


async def draw_area(seen: Visit, street: Street) -> None:
    """Four corners by the mouse, the last taken back by undo, another typed; crossed first, as the server says.

    While the places in view are still on their way, the last corner lies on the circle that was drawn before."""
    page = seen.page
    clicked = asyncio.Event()

    async def after_the_clicks(route: Route) -> None:
        await clicked.wait()
        await route.continue_()

    await page.route("**/v1/geofences/cells?*", after_the_clicks)
    await page.get_by_role("button", name="New area").click()
    await page.get_by_label("Name", exact=True).fill("Old town")
    x, y = await middle_of(page)
    for dx, dy in ((-90, -70), (90, -70), (90, 70), (50, 40)):
        await page.mouse.click(x + dx, y + dy)
    await page.get_by_text("Corners as numbers").click()
    corners = page.locator(".ring tbody tr")
    await expect(corners).to_have_count(4)
    clicked.set()
    await stay_here(page)
    await page.get_by_role("button", name="Undo").click()
    await expect(corners).to_have_count(3)
    await page.mouse.click(x - 90, y - 70)  # the first corner closes the area
    await expect(page.get_by_role("button", name="Close the area")).to_be_hidden()
    await page.get_by_role("button", name="Add a corner", exact=True).click()
    lat, lon = await figures(page, "lat"), await figures(page, "lon")
    for name, value in (("Latitude", (lat[0] + lat[1]) / 2 + 0.001), ("Longitude", (lon[0] + lon[1]) / 2)):
        await page.get_by_label(f"{name} of corner 4").fill(f"{value:.6f}")
    await page.get_by_role("button", name="Save").click()
    said = page.locator(".ring > .complaint")
    await expect(said).to_have_text("this ring crosses or touches itself")
    await page.get_by_label("Latitude of corner 4").fill("95")
    await page.get_by_label("Longitude of corner 4").fill("")
    await page.get_by_role("button", name="Save").click()
    no_degrees = " ".join(
        f"{axis} of corner 4: must be a number from -{most} to {most}."
        for axis, most in (("Latitude", 90), ("Longitude", 180))
    )
    await expect(said).to_have_text(no_degrees)
    await expect(page.get_by_label("Latitude of corner 4")).to_be_focused()
    await page.get_by_role("button", name="Add a corner", exact=True).click()
    await page.get_by_role("button", name="Remove corner 5").click()
    await page.get_by_role("button", name="Save").click()
    await expect(said).to_have_text(no_degrees)  # what is drawn anew beside it leaves it to be mended
    for name, value in (("Latitude", lat[2]), ("Longitude", lon[0])):
        await page.get_by_label(f"{name} of corner 4").fill(str(value))
    await save(page)
    [row] = await rows(street, "geofences", "Old town")
    ring = [[lon[0], lat[0]], [lon[1], lat[1]], [lon[2], lat[2]], [lon[0], lat[2]], [lon[0], lat[0]]]
    assert json.loads(row["geometry"]) == {"type": "Polygon", "coordinates": [ring]}
    assert ring[1][0] > ring[0][0]
    assert ring[2][1] < ring[1][1]


async def open_store(seen: Visit, street: Street) -> None:
    """With hours over midnight and a copied day, holidays, and what would be run in every field that takes it."""
    page = seen.page
    await page.get_by_role("button", name="New store").click()
    await page.get_by_label("Name", exact=True).fill(CORPUS[4])
    await page.get_by_label("Address", exact=True).fill(" ".join(CORPUS)[:500])
    for tag in (SHORT, CORPUS[1]):
        await page.get_by_label("Tags", exact=True).fill(tag)
        await page.get_by_label("Tags", exact=True).press("Enter")
    await page.get_by_label("Opening hours are known").check()
    typed = {"Monday": HOURS["mon"], "Tuesday": [["9", "17"]], "Saturday": [["22", "2"]], "Sunday": [["0", "24"]]}
    for day, spans in typed.items():
        for opens, closes in spans:
            await page.get_by_label(f"{day}: add hours").click()
            await page.get_by_label(f"{day}: opens").last.fill(opens)
            await page.get_by_label(f"{day}: closes").last.fill(closes)
    await page.get_by_label("Tuesday: closes").fill("noon")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("[data-day=tue] > .complaint")).to_contain_text("such as 08:00")
    await page.get_by_label("Tuesday: remove these hours").click()
    await expect(page.locator("[data-day=sat] .overnight")).to_have_text("closes on the next day")
    await page.get_by_label("Monday: copy to other days").click()
    for day in ("Tuesday", "Wednesday", "Thursday"):
        await page.get_by_role("dialog").get_by_label(day).uncheck()
    await page.get_by_role("dialog").get_by_role("button", name="Copy").click()
    await page.get_by_label("Country").fill("de")
    await page.get_by_label("Region").fill("TH")
    await page.get_by_text("Holidays that count here").click()
    await expect(page.locator(".holidays li")).to_have_count(6)
    await seen.is_accessible()
    await save(page)
    [row] = await rows(street, "stores", CORPUS[4])
    assert json.loads(row["hours"]) == HOURS | {"fri": HOURS["mon"]}
    assert (row["country"], row["region"], row["time_zone"]) == ("DE", "TH", "Europe/Berlin")
    assert row["tags"] == sorted([SHORT, CORPUS[1]])
    assert row["address"] == " ".join(CORPUS)[:500].strip()


async def change_together(seen: Visit, street: Street) -> None:
    """Whoever saves what somebody else has changed meanwhile is asked whose stays."""
    page = seen.page
    store = {"name": "Shared", **SPARE, "address": "Markt 1"}
    made = (await street.call("POST", "/v1/stores", by="marketer", body=store, key="new")).json
    fence = {"name": "Shared fence", **SPARE}
    drawn = (await street.call("POST", "/v1/geofences", by="marketer", body=fence, key="new")).json
    dialog, said = page.get_by_role("dialog"), page.locator("#said")
    for table, path, body in (
        ("stores", f"/v1/stores/{made['id']}", store),
        ("geofences", f"/v1/geofences/{drawn['id']}", fence),
    ):
        await page.get_by_role("button", name="Stores" if table == "stores" else "Fences", exact=True).click()
        await page.get_by_label("Name, address, tag").fill(body["name"])
        await page.get_by_role("button", name=body["name"], exact=True).click()
        await page.get_by_label("Tags", exact=True).fill("mine")
        theirs = body | {"radius_m": 200}
        assert (await street.call("PUT", path, by="marketer", body=theirs)).status == 200
        await page.get_by_role("button", name="Save").click()
        await expect(dialog).to_contain_text(f"Somebody has changed {body['name']} meanwhile.")
        await dialog.get_by_role("button", name="Not now").click()
        await expect(said).to_contain_text("Not saved. What was typed is still here")
        [row] = await rows(street, table, body["name"])
        assert (row["radius_m"], row["tags"]) == (200, [])
        await page.get_by_role("button", name="Save").click()
        await dialog.get_by_role("button", name="Save anyway").click()
        await expect(page.locator("#panel")).to_be_hidden()
        [row] = await rows(street, table, body["name"])
        assert (row["radius_m"], row["tags"]) == (100, ["mine"])
    await page.get_by_role("button", name="Shared fence", exact=True).click()
    await page.get_by_role("button", name="Remove the tag mine").click()
    await page.get_by_role("button", name="Cancel").click()
    await dialog.get_by_role("button", name="Discard").click()
    await expect(page.locator("#panel")).to_be_hidden()
    for path in (f"/v1/stores/{made['id']}", f"/v1/geofences/{drawn['id']}"):
        assert (await street.call("DELETE", path, by="marketer")).status == 204


async def delete_store(seen: Visit, street: Street) -> None:
    """Once it was said which offers name it."""
    page = seen.page
    [row] = await rows(street, "stores", CORPUS[4])
    offer = document("coffee", when={"trigger": "enter", "places": {"ids": [str(row["id"])]}})
    assert (await street.call("POST", "/v1/offers", by="marketer", body=offer, key="new")).status == 201
    await page.get_by_role("button", name=CORPUS[4], exact=True).click()
    await expect(page.locator("#panel summary").first).to_contain_text("Offers that name this place: 1")
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_role("dialog")).to_contain_text("no longer fire here: “coffee”")
    await nothing_ran(page)
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.locator("#said")).to_contain_text("is deleted")
    assert await rows(street, "stores", CORPUS[4]) == []


def square(lon: float, lat: float, side: float) -> list[list[float]]:
    return [[lon, lat], [lon + side, lat], [lon + side, lat + side], [lon, lat + side], [lon, lat]]


async def keep_shapes(seen: Visit, street: Street) -> None:
    """What is opened and saved as it is stays to the last digit: pieces, holes, and what lies over the antimeridian.

    The next one is looked for while the map still waits for the places around the one that was saved."""
    searched = asyncio.Event()

    async def after_the_search(route: Route) -> None:
        await searched.wait()
        await route.continue_()

    await seen.page.route("**/v1/geofences/cells?*", after_the_search)
    pieces = [[square(10.93, 51.05, 0.01)], [square(10.95, 51.05, 0.01), square(10.952, 51.052, 0.003)[::-1]]]
    fiji = [[[179.9, -17], [-179.9, -17], [-179.9, -16.9], [179.9, -16.9], [179.9, -17]]]
    for kind, coordinates, corners in (("MultiPolygon", pieces, 12), ("Polygon", fiji, 4)):
        body = {"name": kind, "geometry": {"type": kind, "coordinates": coordinates}}
        made = (await street.call("POST", "/v1/geofences", by="marketer", body=body, key="new")).json
        await seen.page.get_by_label("Name, address, tag").fill(kind)
        searched.set()
        await seen.page.get_by_role("button", name=kind, exact=True).click()
        await expect(seen.page.locator(".handle.corner")).to_have_count(corners)
        searched.clear()
        await save(seen.page)
        [row] = await rows(street, "geofences", kind)
        assert json.loads(row["geometry"]) == made["geometry"] == body["geometry"]
        assert row["updated_at"] > row["created_at"]
    searched.set()


async def test_places_are_drawn_opened_and_closed_on_a_desk(
    street: Street, people: dict[str, str], chromium: Browser
) -> None:
    seen = await visit(chromium, street, viewport={"width": 1280, "height": 900})
    await enter(seen, street, people["marketer"])
    page = await seen.go("/dashboard/places#16/51.00000/10.00000")
    await draw_circle(seen, street)
    await draw_area(seen, street)
    await open_store(seen, street)
    await expect(page.locator("#counted")).to_have_text("In view: 3")
    await page.mouse.move(*await middle_of(page))
    await expect(page.locator(".leaflet-tooltip")).to_have_text(CORPUS[4])
    await nothing_ran(page)
    await delete_store(seen, street)
    await page.get_by_role("button", name="Fences").click()
    await expect(page.locator("#found .name")).to_have_text(["Station", "Old town"])
    await page.get_by_label("Name, address, tag").fill(CORPUS[0])
    await expect(page.locator("#none")).to_have_text("No place is like that.")
    await nothing_ran(page)
    await keep_shapes(seen, street)
    await change_together(seen, street)
    seen.only_here("422", "409")


class Rough:
    """A way to the server on which the first answer is lost, and the third request waits until it is let go."""

    def __init__(self) -> None:
        self.asked, self.stuck, self.freed = 0, asyncio.Event(), asyncio.Event()

    @classmethod
    async def on(cls, page: Page) -> Rough:
        made = cls()
        await page.route("**/v1/stores/import", made.go)
        return made

    async def go(self, route: Route) -> None:
        self.asked += 1
        if self.asked == 1:
            await route.fetch()
            await route.abort()
            return
        if self.asked == 3:
            self.stuck.set()
            await self.freed.wait()
        await route.continue_()


async def choose(page: Page, name: str, data: str, folder: Path) -> None:
    (folder / name).write_text(data, "utf-8")
    await page.get_by_label("Eine Datei").set_input_files(folder / name)


async def choose_a_wrong_one(page: Page, folder: Path) -> None:
    """What would be refused again the same way is not gone on with: another file is."""
    await choose(page, "falsch.csv", "name;latitude;lon\nA;50;11\n", folder)
    await expect(page.get_by_role("alert")).to_have_text("lat und lon fehlen als Spalten, ersatzweise address")
    assert await page.get_by_role("button", name="Fortsetzen").count() == 0  # the same again would be refused again
    await page.get_by_role("button", name="Andere Datei").click()


async def try_to_escape(page: Page, way: Rough) -> None:
    """Browsers let a page keep a dialog open only so often: under an import, the key does nothing at all."""
    await way.stuck.wait()
    for _ in range(4):
        await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_visible()


async def import_again_and_close_early(page: Page, again: Path) -> None:
    """The dry run tells that it is there already; a dialog that closes under an import leaves it told how far it came."""
    await page.get_by_role("button", name="Andere Datei").click()
    await page.get_by_label("Eine Datei").set_input_files(again)
    await expect(page.locator(".import tbody tr").last).to_contain_text(
        "gibt es unter diesem Namen und an diesem Ort schon"
    )
    stuck, freed = asyncio.Event(), asyncio.Event()

    async def wait(route: Route) -> None:
        stuck.set()
        await freed.wait()
        await route.continue_()

    await page.route("**/v1/geofences/import", wait)
    await page.get_by_role("button", name="1 Zone importieren").click()
    await stuck.wait()
    await page.locator("dialog").evaluate("dialog => dialog.close()")  # as a browser does it that is asked often enough
    freed.set()
    await expect(page.locator("#said")).to_have_text(
        "Der Import endete vorzeitig: 3 von 3 sind erledigt, 1 importiert. Erledigtes bleibt."
    )


async def test_lists_are_tried_and_then_imported_on_a_phone_in_german_in_the_dark(
    street: Street, people: dict[str, str], chromium: Browser, tmp_path: Path
) -> None:
    cell = lambda text: '"' + text.replace('"', '""') + '"'  # noqa: E731
    lines = [
        f"{cell(text)};50,{90 + number};11,03;100;{cell(SHORT)};{cell(text)};x" for number, text in enumerate(CORPUS)
    ]
    bad = [
        "Nirgends;95,5;11,0;100;;;x",
        ";50,9;11,0;100;;;x",
        "",
        f"{cell('Zu ' + chr(10) + 'weit')};50,9;11,0;70000;;;x",
    ]
    table = "\r\n".join(["\ufeffname;lat;lon;radius_m;tags;address;" + SHORT, *lines, *bad]) + "\r\n"
    seen = await visit(
        chromium, street, locale="de-DE", color_scheme="dark", viewport={"width": 360, "height": 740}, has_touch=True
    )
    await enter(seen, street, people["marketer"])
    page = await seen.go("/dashboard/places")
    before = await counted(street)
    await page.get_by_role("button", name="Importieren").click()
    await choose_a_wrong_one(page, tmp_path)
    await choose(page, "laeden.csv", table, tmp_path)
    await expect(page.locator(".outcome")).to_have_text("15 von 18 Filialen können importiert werden; abgelehnt: 3.")
    refusals = [" ".join(text.split()) for text in await page.locator(".import tbody tr").all_inner_texts()]
    assert refusals == [
        "17 abgelehnt lat muss eine Zahl von -90 bis 90 sein",
        "18 abgelehnt name muss ein Text von 1 bis 200 Zeichen sein",
        "20 abgelehnt name darf keine Zeilenumbrüche und Steuerzeichen enthalten",
    ]
    await expect(page.locator(".import")).to_contain_text(f"Unbekannte Spalten bleiben unbeachtet: {SHORT}")
    assert await counted(street) == before
    await seen.is_accessible()
    way = await Rough.on(page)
    await page.get_by_role("button", name="15 Filialen importieren").click()
    await try_to_escape(page, way)
    await page.get_by_role("button", name="Anhalten").click()
    way.freed.set()
    await expect(page.locator(".import")).to_contain_text("14 von 18 sind erledigt, 14 importiert.")
    assert await counted(street) == (before[0] + 14, before[1] + 14)
    await page.get_by_role("button", name="Fortsetzen").click()
    await expect(page.locator(".outcome")).to_have_text("15 von 18 Filialen sind importiert; abgelehnt: 3.")
    assert await counted(street) == (before[0] + 15, before[1] + 15)
    assert way.asked == 4  # three pieces, one of them twice
    [row] = await rows(street, "stores", CORPUS[0])
    assert (row["lat"], row["lon"], row["tags"], row["address"]) == (50.90, 11.03, [SHORT], CORPUS[0])
    await page.get_by_role("button", name="Andere Datei").click()
    square = [[[11.0, 50.9], [11.1, 50.9], [11.1, 51.0], [11.0, 50.9]]]
    shapes = [("Markt <b>", "Polygon", square), ("Knick", "Polygon", [square[0][:3]]), ("Punkt", "Point", [11.0, 50.9])]
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": {"type": kind, "coordinates": where}}
        for name, kind, where in shapes
    ]
    await choose(page, "zonen.geojson", json.dumps({"type": "FeatureCollection", "features": features}), tmp_path)
    await page.get_by_role("button", name="1 Zone importieren").click()
    await expect(page.locator(".outcome")).to_have_text("1 von 3 Zonen sind importiert; abgelehnt: 2.")
    assert json.loads((await rows(street, "geofences", "Markt <b>"))[0]["geometry"])["coordinates"] == square
    await import_again_and_close_early(page, tmp_path / "zonen.geojson")
    await expect(page.locator("#found .name").filter(has_text=CORPUS[0])).not_to_have_count(0)
    await seen.is_accessible()
    over = "paths => paths.forEach(path => path.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})))"
    await expect(page.locator("#map path.leaflet-interactive")).not_to_have_count(0)
    await page.locator("#map path.leaflet-interactive").evaluate_all(over)  # at once: a map that moves draws them anew
    await nothing_ran(page)
    await page.get_by_role("button", name=CORPUS[5], exact=True).click()
    await expect(page.locator("#panel h2")).to_have_text(CORPUS[5])
    await nothing_ran(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    seen.only_here("ERR_FAILED", "422")


async def test_an_analyst_looks_and_cannot_change_and_no_other_page_can_either(
    street: Street, people: dict[str, str], chromium: Browser
) -> None:
    store = (await street.call("POST", "/v1/stores", by="marketer", body={"name": "Mine", **SPARE}, key="new")).json
    seen = await visit(chromium, street)
    await enter(seen, street, people["analyst"])
    page = await seen.go(f"/dashboard/places?store={store['id']}")
    await expect(page.locator("#panel h2")).to_have_text("Mine")
    assert await page.get_by_label("Name", exact=True).get_attribute("readonly") is not None
    for name in ("New store", "Import", "Save", "Delete"):
        assert await page.get_by_role("button", name=name, exact=True).count() == 0
    body = {"name": "Taken", **SPARE}
    assert await page.evaluate(
        """([path, body]) => fetch(path, {method: "PUT", body: JSON.stringify(body), headers: {"Content-Type": "application/json",
           "X-CSRF-Token": document.querySelector("meta[name=csrf]").content}}).then((answer) => answer.status)""",
        [f"/v1/stores/{store['id']}", body],
    ) == 403  # fmt: skip
    seen.only_here("403")
    answer = await street.call("POST", "/login", data={"email": people["marketer"], "password": PASSWORD})
    cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
    before = await counted(street)
    for path, sent in (
        ("/v1/stores", {"json": body}),
        ("/v1/geofences", {"json": body}),
        ("/v1/stores/import", {"data": b"name,lat,lon\nTaken,1,1\n", "headers": {"Content-Type": "text/csv"}}),
        ("/v1/geofences/import", {"json": {"type": "FeatureCollection", "features": []}}),
    ):
        headers = cookie | sent.pop("headers", {})
        for more in ({}, {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}):
            assert (await street.call("POST", path, headers=headers | more, **sent)).status == 403
    assert await counted(street) == before
