"""What people type into fields to make a page run it: none of it may ever be more than text.

From the OWASP XSS Filter Evasion Cheat Sheet, shortened to one of each way into a page. Each would set `window.taken`.
"""

from __future__ import annotations

from typing import Final

from playwright.async_api import Page

SHORT: Final = "<img src=x onerror=taken=1>"
"""For fields that take few characters."""

CORPUS: Final = (
    "<script>window.taken=1</script>",
    '"><script>window.taken=1</script>',
    "</script><script>window.taken=1</script>",
    "</title><svg onload=window.taken=1>",
    "'\"><img src=x onerror=window.taken=1>",
    "<iframe srcdoc='<script>parent.taken=1</script>'>",
    "javascript:window.taken=1",
    "<a href='java\tscript:window.taken=1'>x</a>",
    "{{constructor.constructor('window.taken=1')()}}",
    "<details open ontoggle=window.taken=1>",
    "<style>@import'x'</style><b style=animation:x onanimationstart=window.taken=1>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--><img src=x onerror=window.taken=1>">',
    "<!--<img src='--><img src=x onerror=window.taken=1>'>",
    "<svg><animate onbegin=window.taken=1 attributeName=x>",
    "%3Cscript%3Ewindow.taken=1%3C/script%3E",
)
"""Each in a text field of its own, or one after the other in the same."""

TOGETHER: Final = " ".join(CORPUS)
"""All at once, for fields that take long texts."""


async def nothing_ran(page: Page) -> None:
    """No script of theirs ran, and no element of theirs is in the page."""
    assert await page.evaluate("window.taken === undefined")
    made = "[onerror], [onload], [onbegin], [ontoggle], [onanimationstart], iframe[srcdoc], a[href^='javascript' i]"
    assert await page.locator(made).count() == 0
