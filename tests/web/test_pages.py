"""Templates escape what they are given, and miss nothing silently."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest

from server.web.languages import catalogue
from server.web.pages import render

EVIL = "<script>alert(1)</script>\"'&"
LOGIN = {**catalogue("common")["en"], **catalogue("login")["en"], **catalogue("password")["en"]}
FRAME = {"language": "en", "words": LOGIN, "ways": [], "credit": None, "facts": {}}


def page_of(template: str, **values: Any) -> str:
    return render(
        template, **{"brand": "K", "csrf": "", "complaint": "", "email": "", "to": "", **FRAME, **values}
    ).decode()


def test_whatever_is_filled_in_is_escaped() -> None:
    page = page_of("login.html", brand=EVIL, complaint=EVIL, email=EVIL, to=EVIL)
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") >= 5  # the title, the brand, the complaint, the address, the way


def test_a_value_in_an_attribute_can_not_leave_it() -> None:
    assert "<img" not in page_of("password.html", csrf='"><img src=x>')


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("login.html", brand="K")


def test_who_is_logged_in_can_log_out_by_a_form_with_the_token() -> None:
    assert 'action="/logout"' not in page_of("login.html")
    page = page_of("password.html", csrf="kx_1")
    assert 'action="/logout"' in page
    assert page.count('name="csrf" value="kx_1"') == 2
