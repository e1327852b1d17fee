"""Templates escape what they are given, and miss nothing silently."""

from __future__ import annotations

import jinja2
import pytest

from server.web.pages import render

EVIL = "<script>alert(1)</script>\"'&"


def test_whatever_is_filled_in_is_escaped() -> None:
    page = render("login.html", brand=EVIL, csrf="", complaint=EVIL).decode()
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") >= 3  # the title, the brand, the complaint


def test_a_value_in_an_attribute_can_not_leave_it() -> None:
    page = render("password.html", brand="K", csrf='"><img src=x>', complaint="").decode()
    assert "<img" not in page


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("login.html", brand="K")


def test_who_is_logged_in_can_log_out_by_a_form_with_the_token() -> None:
    assert 'action="/logout"' not in render("login.html", brand="K", csrf="", complaint="").decode()
    page = render("password.html", brand="K", csrf="kx_1", complaint="").decode()
    assert 'action="/logout"' in page
    assert page.count('name="csrf" value="kx_1"') == 2
