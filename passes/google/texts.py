"""How texts reach Google: plain, or with their translations, and values as a customer reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from passes.model import Field, NumberStyle


def localized(
    text: str | None, language: str, translations: Mapping[str, Mapping[str, str]], *, always: bool = False
) -> dict[str, Any] | None:
    """Google's LocalizedString; None without a text, and without a translation unless `always`."""
    if text is None:
        return None
    others = [
        {"language": other, "value": texts[text]}
        for other, texts in sorted(translations.items())
        if other != language and text in texts
    ]
    if not others and not always:
        return None
    body: dict[str, Any] = {"defaultValue": {"language": language, "value": text}}
    return body | {"translatedValues": others} if others else body


def shown(field: Field) -> str:
    """A field's value in words: sums with their currency, shares in per cent, times to the minute with no seconds.

    Apple's phones do this themselves, in the customer's own form; Google shows the text as it is sent. Pass a writer
    of your own to `object_body` for other forms.
    """
    value = field.value
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, str):
        return value
    if field.currency is not None:
        return f"{Decimal(str(value)):.2f} {field.currency}"
    if field.number_style is NumberStyle.PERCENT:
        return f"{(Decimal(str(value)) * 100).normalize():f} %"
    return str(value)
