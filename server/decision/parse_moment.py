"""`moment` and `variants`: where it is shown, in which words, and what a tap does."""

from __future__ import annotations

from typing import Any, Literal, get_args

from server.decision import formats, plurals
from server.decision.parse_common import parse_url
from server.decision.reading import Node
from server.decision.templates import ALLOWED, COUNTED, Placeholder, placeholders
from server.model.offer import LOCALE, Content, MomentSpec, Placement, Variant

SURFACES = ("in_app", "push")
_FORMALITIES: tuple[Literal["du", "sie"], ...] = ("du", "sie")
_TITLE, _BODY = 300, 2_000
"""How long templates may be; what they become is cut shorter by server.decision.render."""


def parse_moment(node: Node, *, name: str, reward: bool) -> MomentSpec:
    """Read the words by locale, the locale to fall back on, surfaces and action.

    `name` is the offer's (the default of `collapse_key`); `reward` whether the offer has one.
    """
    keys = ("surfaces", "collapse_key", "content", "fallback_locale", "action")
    if not node.object(*keys, need=("content", "fallback_locale")):
        return MomentSpec(frozenset(SURFACES), (), "en", name)
    surfaces = node.child("surfaces")
    contents = _parse_contents(node.child("content"), reward=reward)
    fallback = node.child("fallback_locale")
    locale = fallback.text(longest=35)
    if locale and contents and locale not in {content.locale for content in contents}:
        fallback.wrong(f"there is no content for {locale}")
    return MomentSpec(
        surfaces=surfaces.choices(SURFACES) if surfaces.given else frozenset(SURFACES),
        contents=contents,
        fallback_locale=locale,
        collapse_key=node.child("collapse_key").text(name, longest=64),
        action=_parse_action(node.child("action")),
    )


def _parse_contents(node: Node, *, reward: bool) -> tuple[Content, ...]:
    """Read the words of every locale; a locale may have a list of two, one per formality."""
    if not node.given:
        return ()
    if not isinstance(node.value, dict) or not node.value:
        node.wrong("must be an object with the words by locale")
        return ()
    contents = []
    for locale, member in node.members():
        if LOCALE.fullmatch(locale) is None:
            member.wrong("is no locale such as de-DE")
            continue
        several = member.each(most=2) if isinstance(member.value, list) else [member]
        words = [_parse_content(each, locale=locale, reward=reward) for each in several]
        if len(words) > 1 and {each.formality for each in words} != set(_FORMALITIES):
            member.wrong("two contents of one locale must be one of du and one of sie")
        contents += words
    return tuple(contents)


def _parse_content(node: Node, *, locale: str, reward: bool) -> Content:
    """Read title, body, formality and picture of one locale."""
    if not node.object("title", "body", "formality", "image_url", need=("title", "body")):
        return Content(locale, "", "")
    title, body, formality = node.child("title"), node.child("body"), node.child("formality")
    if not formats.is_known(locale):
        node.warn(f"{locale} is in no language that the CLDR knows: numbers and dates are written as in English")
    if formality.given and locale.lower().partition("-")[0] != "de":
        formality.wrong("is for German alone")
    content = Content(
        locale=locale,
        title=title.text(longest=_TITLE),
        body=body.text(longest=_BODY),
        formality=formality.choice("du", _FORMALITIES) if formality.given else None,
        image_url=parse_url(node.child("image_url")),
    )
    for member, text in ((title, content.title), (body, content.body)):
        _check_placeholders(member, text, locale=locale, reward=reward)
    return content


def _check_placeholders(node: Node, text: str, *, locale: str, reward: bool) -> None:
    """Note placeholders that cannot be filled, or that some customers would see empty."""
    for found in placeholders(text):
        if isinstance(found, str):
            listed = ", ".join(sorted(ALLOWED))
            node.wrong(f"{found[:60]} is no known placeholder; known are customer.<attribute>, {listed}")
            continue
        if found.is_customers and not found.default:
            node.wrong(f"{found.name} needs a default, such as {{{{ {found.name} | default: 'Hallo' }}}}")
        elif found.name.startswith("reward.") and not reward and not found.default:
            node.wrong(f"{found.name} stays empty: the offer has no reward")
        elif found.name == "weather.kind" and formats.language_of(locale) not in formats.WEATHER_IN:
            node.warn("weather.kind is told in German and English alone; here it would be English")
        if found.forms:
            _check_plural(node, found, locale)


def _check_plural(node: Node, found: Placeholder, locale: str) -> None:
    """Note a plural that has nothing to go by, or forms that the language has not."""
    forms = [form for form, _ in found.forms]
    wrong = plurals.complaint(forms, locale)
    if not found.is_customers and found.name not in COUNTED:
        node.wrong(f"{found.name} is no number; a plural goes by customer.<attribute>, {', '.join(sorted(COUNTED))}")
    elif len(set(forms)) < len(forms):
        node.wrong(f"a plural form of {found.name} is written twice")
    elif wrong is not None:
        node.wrong(wrong)
    elif lacks := plurals.lacking(forms, locale):
        node.warn(f"{locale} has the plural form {', '.join(lacks)}, too: other stands in for it")


def _parse_action(node: Node) -> dict[str, Any]:
    """Read what a tap does: {"type": "pass"} (the default) or {"type": "link", "url": …}."""
    if not node.object("type", "url", need=("type",)):
        return {"type": "pass"}
    kind, url = node.child("type"), node.child("url")
    if kind.value == "survey":
        kind.wrong("surveys are not available in this version")
        return {"type": "pass"}
    if kind.choice("pass", ("pass", "link")) == "pass":
        if url.given:
            url.wrong("belongs to the action link")
        return {"type": "pass"}
    return {"type": "link", "url": parse_url(url.required())}


def parse_variants(node: Node) -> tuple[Variant, ...]:
    """Read the ways to show it; without any there is one, a card."""
    if not node.given:
        return (Variant("default", 1, "card"),)
    variants: list[Variant] = []
    for each in node.each(most=20):
        if not each.object("id", "weight", "placement", need=("id",)):
            continue
        name = each.child("id").text(longest=64)
        if name in {one.id for one in variants}:
            each.child("id").wrong("is used twice")
        weight = each.child("weight").integer(1, low=0, high=10_000)
        variants.append(Variant(name, weight, each.child("placement").choice("card", get_args(Placement))))
    if variants and not any(variant.weight for variant in variants):
        node.wrong("one weight must be over 0")
    return tuple(variants)
