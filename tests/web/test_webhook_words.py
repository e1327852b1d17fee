"""Endpoints that were turned off are counted in words, in the reader's language."""

from __future__ import annotations

from server.web.webhook_words import say_broken


def test_endpoints_that_were_turned_off_are_counted_in_words() -> None:
    assert say_broken(0, "en") == []
    assert say_broken(1, "en") == ["A webhook is turned off because nothing was taken there: see Webhooks"]
    assert say_broken(3, "de") == ["3 Webhooks sind abgeschaltet, weil dort nichts angenommen wurde: siehe Webhooks"]
