"""Dark previews: what they are made of, who may come by them, and what is said of them."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.gates.bake import Reply
from flipgate.core.gates.misasked import Misasked
from flipgate.core.gates.previewed import judge_previewed, settled
from flipgate.core.spec.application import load_application
from flipgate.core.traffic.dark_preview import (
    DARK,
    as_wanted,
    asked_by_users,
    leading,
    leading_nowhere,
    lets_some_in,
    tell,
)
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.preview import preview_names, preview_of
from flipgate.core.traffic.traffic import RouteName, RouteState
from flipgate.core.values import stamps
from flipgate.core.values.errors import BadInput, LostLease
from flipgate.core.values.reasons import Why
from tests.core.builders import (
    BLUE,
    GREEN,
    PLACES,
    SHOP,
    UID,
    PatchRefusedError,
    applied,
    on,
    route,
    route_object,
    traefik_service,
    weighted,
)
from tests.core.traffic.test_http_route import http_route, read

USERS, PEOPLE = "shop.example", "look.shop.example"
STAFF = RouteName("Middleware", "edge", "staff")


def preview(obj: dict[str, Any], state: RouteState, *, by_https: bool = False) -> list[dict[str, Any]]:
    names = preview_names("shop", 0, state.route, what=DARK)
    how: dict[str, Any] = {"host": USERS, "preview": PEOPLE, "first": [STAFF], "by_https": by_https}
    return preview_of(obj, state, names, place=PLACES[GREEN], **how)


def test_people_come_through_the_declared_middlewares_first_and_then_the_routes_own() -> None:
    obj = route_object([on(BLUE)])
    obj["spec"]["routes"][0] |= {"match": f"Host(`{USERS}`)", "middlewares": [{"name": "strip"}]}
    (made,) = preview(obj, route(obj))
    assert made["metadata"]["name"] == "flipgate-dark-preview-shop-0"
    (rule,) = made["spec"]["routes"]
    assert rule["match"] == f"Host(`{PEOPLE}`) && (Host(`{PEOPLE}`))"
    assert rule["middlewares"] == [{"name": "staff", "namespace": "edge"}, {"name": "strip"}]
    assert rule["services"] == [on(GREEN)]
    assert "tls" not in made["spec"]
    assert preview(obj, route(obj), by_https=True)[0]["spec"]["tls"] == {}


def test_before_a_traefik_service_they_stand_at_the_rule() -> None:
    obj = weighted(on(BLUE))
    target, rule = preview(obj, traefik_service(obj))
    assert target["spec"] == {"weighted": {"services": [on(GREEN)]}}
    assert rule["spec"]["routes"][0]["middlewares"] == [{"name": "staff", "namespace": "edge"}]


def test_an_http_route_names_them_as_filters() -> None:
    rule = {"backendRefs": [{"name": "web", "namespace": PLACES[BLUE].namespace, "port": 80}], "filters": ["own"]}
    rule["filters"] = [{"type": "RequestHeaderModifier", "requestHeaderModifier": {}}]
    (made,) = preview(http_route(rule), read(rule))
    assert made["spec"]["hostnames"] == [PEOPLE]
    assert made["spec"]["rules"][0]["filters"] == [
        {"type": "ExtensionRef", "extensionRef": {"group": "traefik.io", "kind": "Middleware", "name": "staff"}},
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {}},
    ]


@pytest.mark.parametrize(
    ("match", "theirs"),
    [
        (f"Host(`{USERS}`) || Host(`{PEOPLE}`)", True),
        (f'Host("{PEOPLE.upper()}") && PathPrefix(`/v1`)', True),
        (f"Host(`{USERS}`)", False),
        (f"PathPrefix(`/`) && !Host(`{PEOPLE}`)", False),
        ("PathPrefix(`/`)", False),
    ],
)
def test_whether_users_ask_for_its_host(match: str, theirs: bool) -> None:
    obj = route_object([on(BLUE)])
    obj["spec"]["routes"][0]["match"] = match
    assert asked_by_users(obj, "IngressRoute", PEOPLE) is theirs
    assert asked_by_users({"spec": {"hostnames": ["*.shop.example", PEOPLE]}}, "HTTPRoute", PEOPLE) is False
    assert asked_by_users({"spec": {"hostnames": [PEOPLE], "rules": [{}]}}, "HTTPRoute", PEOPLE) is True


def made_first(stamp: str = "4.first") -> tuple[dict[str, Any], dict[str, Any]]:
    """What is wanted, and the object that was made of it."""
    obj = route_object([on(BLUE)])
    (wanted,) = preview(obj, route(obj))
    first = leading_nowhere(wanted, stamp)
    return wanted, {**first, "metadata": {**first["metadata"], "uid": UID}}


def test_it_is_made_leading_nowhere_and_led_by_a_second_write() -> None:
    wanted, first = made_first()
    assert first["spec"] == {"routes": ()}
    assert not as_wanted(first, wanted)
    led = applied(first, leading(first, wanted, 4, "4.second"))
    assert as_wanted(led, wanted)
    assert led["metadata"]["labels"][stamps.STAMP] == "4.second"
    with pytest.raises(PatchRefusedError):
        applied(led, leading(first, wanted, 4, "4.late"))
    another = {**first, "metadata": {**first["metadata"], "uid": "another"}}
    with pytest.raises(PatchRefusedError):
        applied(another, leading(first, wanted, 4, "4.late"))


def test_nobody_leads_it_past_a_later_epoch() -> None:
    wanted, first = made_first("5.theirs")
    with pytest.raises(LostLease):
        leading(first, wanted, 4, "4.second")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_says_what_leads_nowhere(kind: str) -> None:
    assert list(KINDS[kind].references(KINDS[kind].nowhere)) in ([], [[]])


def test_what_somebody_else_made_is_not_taken_for_it() -> None:
    wanted, first = made_first()
    theirs = {**wanted, "metadata": {**first["metadata"], "labels": {}}}
    assert not as_wanted(theirs, wanted)
    assert not as_wanted(None, wanted)


@pytest.mark.parametrize(("spec", "some"), [({"ipAllowList": {}}, True), ({"stripPrefix": {}}, False), ({}, False)])
def test_which_middlewares_turn_people_away(spec: dict[str, Any], some: bool) -> None:
    assert lets_some_in(spec) is some


GOOD, OLD, NONE = Reply(200, "green"), Reply(200, "blue"), Reply(404, "")
LOGIN = Reply(401, "", misasked=Misasked(Why.TURNED_AWAY, "something in front of it asks who comes", "headers"))


@pytest.mark.parametrize(
    ("replies", "sentence"),
    [
        ({"a": GOOD, "b": GOOD}, "answers from green through 2 of 2 Traefik replicas"),
        ({"a": GOOD, "b": NONE}, "does not show green everywhere: b (HTTP 404 from an unnamed side)"),
        ({"a": OLD}, "does not show green everywhere: a (HTTP 200 from blue)"),
        ({"a": "timed out"}, "does not show green everywhere: a (timed out)"),
        (
            {"a": GOOD, "b": LOGIN},
            "lets only some in, and not flipgate's own request: b (HTTP 401: something in front of it asks who comes)",
        ),
        ({}, "not seen: no Traefik replica was found to be asked"),
    ],
)
def test_what_is_said_of_its_answers(replies: dict[str, Reply | str], sentence: str) -> None:
    assert judge_previewed(replies, GREEN) == sentence


@pytest.mark.parametrize(("reply", "done"), [(GOOD, True), (LOGIN, True), (OLD, False), (NONE, False), ("", False)])
def test_what_is_asked_again(reply: Reply | str, done: bool) -> None:
    assert settled(reply, GREEN) is done


def test_what_status_says_of_it() -> None:
    assert tell("http://look/", None, [], []) is None
    good = tell("http://look/", GREEN, [], [])
    assert good
    assert (good.fact, good.right) == ("leads to green", True)
    lacking, left = tell("http://look/", GREEN, [STAFF], []), tell("http://look/", None, [], [STAFF])
    assert lacking
    assert left
    assert "a route of it is not as it is to be (Middleware edge/staff)" in lacking.fact
    assert "is left over: Middleware edge/staff" in left.fact
    assert not lacking.right
    assert not left.right


def declared(text: str, kind: str = "IngressRoute") -> str:
    shop = SHOP.replace("kind: IngressRoute", f"kind: {kind}")
    return shop.replace("header: X-Served-Side", f"header: X-Served-Side, darkPreview: {text}") + "  policy: {}\n"


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("{host: shop.example}", "IngressRoute", "is the users' host"),
        ("{host: l.example, middlewares: [{namespace: far, name: x}]}", "HTTPRoute", "far/x is not there"),
    ],
)
def test_what_a_file_may_not_say(text: str, kind: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        load_application(declared(text, kind), "shop.yaml")


def test_what_a_file_may_say() -> None:
    load_application(declared("{host: l.example, middlewares: [{namespace: far, name: x}]}"), "shop.yaml")
