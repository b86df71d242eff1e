"""The event of an image build, as other people's builds send it."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.spec.build_event import BuildEvent, read_build
from flipgate.core.values.errors import BadInput

SHOP = "flipgate.application.shop"
ODD = ("../shop", "shop/../../other", "shop\n", "shop\nshop", "Shop", "{{ shop }}", "s" * 41)


def test_one_of_the_right_shape() -> None:
    payload = {"application": "shop", "images": {"web": "acme/web:2"}, "commit": "abc"}
    assert read_build(SHOP, payload) == BuildEvent("shop", {"web": "acme/web:2"})


@pytest.mark.parametrize(
    ("payload", "fact"),
    [
        ({"application": "shop", "images": ["acme/web:2"]}, "has a list for images"),
        ({"application": "shop", "images": '{"web": "acme/web:2"}'}, "has text for images"),
        ({"application": "shop", "images": None}, "has null for images"),
        ({"application": "shop"}, "has no images"),
        ({"application": "shop", "images": {"web": 2, "api": "acme/api:1"}}, "has no text for the images of web"),
        ({"application": None, "images": {"web": "acme/web:2"}}, "says application None"),
        ({"images": {"web": "acme/web:2"}}, "says application None"),
        ({"application": "other", "images": {"web": "acme/web:2"}}, 'says application "other"'),
        ({"application": "shop", "images": {"web": "acme/web:2"}, "again": "yes"}, "has text for again"),
        ([], "is a list"),
        (None, "is null"),
        (7, "is a number"),
    ],
)
def test_one_of_another_shape_says_what_it_has_to_be(payload: Any, fact: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_build(SHOP, payload)
    assert fact in refused.value.fact
    assert '{"application": "APP", "images": {"SERVICE": "REPOSITORY:TAG"}}' in refused.value.fact
    assert refused.value.obj == "build event for shop"


def test_one_whose_tag_was_pushed_anew() -> None:
    payload = {"application": "shop", "images": {"web": "acme/web:main"}, "again": True}
    assert read_build(SHOP, payload) == BuildEvent("shop", {"web": "acme/web:main"}, again=True)


def test_one_as_the_text_that_prefect_leaves_alone() -> None:
    text = '{"application": "shop", "images": {"web": "acme/web:2"}}'
    assert read_build(SHOP, text) == BuildEvent("shop", {"web": "acme/web:2"})
    with pytest.raises(BadInput, match="has a payload that is no JSON"):
        read_build(SHOP, text[:-1])


@pytest.mark.parametrize(
    "resource",
    ["", "shop", "flipgate.application.", *(f"flipgate.application.{name}" for name in ODD)],
)
def test_one_about_no_application(resource: str) -> None:
    with pytest.raises(BadInput, match=r"not flipgate\.application\.APP"):
        read_build(resource, {})
