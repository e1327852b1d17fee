"""What others sent is kept once, by the sender's own id for each customer."""

from __future__ import annotations

from server.store.external_sends import Send, find, insert
from server.store.ids import new_id
from server.store.pool import Connection
from tests.builders import NOON, after

LETTER = Send("newsletter-45", "email", "marketing", NOON)


async def test_a_send_comes_back_as_it_was_told(undone: Connection) -> None:
    customer = new_id()
    assert await find(undone, customer_id=customer, id_=LETTER.id) is None
    assert await insert(undone, customer_id=customer, send=LETTER)
    assert await find(undone, customer_id=customer, id_=LETTER.id) == LETTER


async def test_a_second_send_of_one_id_is_not_kept_and_changes_nothing(undone: Connection) -> None:
    customer = new_id()
    await insert(undone, customer_id=customer, send=LETTER)
    assert not await insert(undone, customer_id=customer, send=LETTER._replace(channel="sms", at=after(hours=1)))
    assert await find(undone, customer_id=customer, id_=LETTER.id) == LETTER


async def test_one_id_may_stand_for_the_same_letter_to_many(undone: Connection) -> None:
    assert [await insert(undone, customer_id=new_id(), send=LETTER) for _ in range(3)] == [True] * 3
