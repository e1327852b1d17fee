"""What nobody may be decided on for, or no offer waits for, is taken away before anything is decided."""

from __future__ import annotations

from server.model.ids import event_id
from server.pipeline.occasions.listening import listening_of
from server.pipeline.occasions.settle import drop, touches
from server.store import occasions
from server.store.ids import new_id
from server.store.occasions import Occasion
from server.store.pool import Connection
from tests.builders import NOON, offer, ruleset


async def test_the_refused_and_the_unheard_go_and_the_rest_is_given_back(undone: Connection) -> None:
    listening = listening_of(ruleset(offer(trigger="event", event="purchase")))
    stays, refused = new_id(), new_id()

    def told(customer, name: str) -> Occasion:
        return Occasion(event_id(customer, name), customer, "event", name, NOON)

    every = [told(stays, "purchase"), told(stays, "visit"), told(refused, "purchase")]
    await occasions.add(undone, occasions=every)
    waiting = {stays: every[:2], refused: every[2:]}
    left = await drop(undone, waiting, refused=[refused], listening=listening)
    assert left == {stays: [told(stays, "purchase")], refused: []}
    assert [each.id for each in await occasions.due(undone, now=NOON, limit=9)] == [told(stays, "purchase").id]


def test_a_group_of_pings_alone_touches_no_occasion() -> None:
    assert not touches([])
