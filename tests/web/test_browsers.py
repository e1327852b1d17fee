"""Two words about a browser, out of what browsers say of themselves."""

from __future__ import annotations

import pytest

from server.web.browsers import family_of

MOZILLA = "Mozilla/5.0"


@pytest.mark.parametrize(
    ("text", "family"),
    [
        (f"{MOZILLA} (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox, Linux"),
        (
            f"{MOZILLA} (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0",
            "Edge, Windows",
        ),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15", "Safari, macOS"),
        (f"{MOZILLA} (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile Safari/604.1", "Safari, iOS"),
        (f"{MOZILLA} (Linux; Android 14) Chrome/131.0 Mobile Safari/537.36", "Chrome, Android"),
        ("curl/8.5.0", None),
        ("", None),
        (None, None),
        ("x" * 5000 + "Firefox/1", None),
    ],
)  # fmt: skip
def test_a_browser_is_its_family_and_its_system(text: str | None, family: str | None) -> None:
    assert family_of(text) == family
