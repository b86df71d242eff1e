"""Routes of both kinds: what is read of them, which follow others, what a move changes, and the way back it notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipgate.core.traffic.moves import BACK, FORWARD, by_hand, forget_way_back, plan_move
from flipgate.core.traffic.reading import read_route
from flipgate.core.traffic.traffic import WAY_BACK, RouteName, RouteState
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP
from tests.core.builders import (
    BLUE,
    DECLARED,
    GREEN,
    LEGACY,
    NAMESPACES,
    PLACES,
    PatchRefusedError,
    applied,
    on,
    patched,
    refuses,
    route,
    route_object,
    sent_by,
    service,
    to_side,
    traefik_service,
    traffic,
    weighted,
)

FOLLOWED = {"kind": "TraefikService", "name": "live", "namespace": "edge"}


def mirroring(main: Mapping[str, Any], *mirrors: Mapping[str, Any]) -> dict[str, Any]:
    return weighted(mirroring={**main, "mirrors": [{**mirror, "percent": 10} for mirror in mirrors]})


# A TraefikService

WHOLE = {
    "one target": weighted(on(BLUE)),
    "weights on one side": weighted(on(BLUE, weight=9), on(BLUE, name="api", weight=0)),
    "a TraefikService of the side": weighted(on(BLUE, kind="TraefikService")),
    "by highest random weight": weighted(highestRandomWeight={"services": [on(BLUE)]}),
    "mirrored on its own side": mirroring(on(BLUE), on(BLUE, name="shadow")),
    "mirrored to who answers no user": mirroring(on(BLUE), LEGACY),
    "by another word for the same": weighted(on(BLUE, kind="TraefikService", name="a@kubernetescrd")),
}
NOT_WHOLE = {
    "both sides": weighted(on(BLUE, weight=1), on(GREEN, weight=99)),
    "weight 0 is one edit from live": weighted(on(BLUE, weight=100), on(GREEN, weight=0)),
    "a foreign backend has a share": weighted(on(BLUE), LEGACY),
    "a mirror is sent what users send": mirroring(on(BLUE), on(GREEN)),
    "a mirror that may lead anywhere": mirroring(on(BLUE), service(kind="TraefikService", name="a")),
    "what Traefik passes over is one edit from live": weighted(
        weighted={"services": [on(BLUE)]}, mirroring={**on(GREEN), "mirrors": []}
    ),
    "a foreign one, though a part that is passed over names a side": weighted(
        weighted={"services": [LEGACY]}, highestRandomWeight={"services": [on(BLUE)]}
    ),
    "another TraefikService, which may lead anywhere": weighted(on(BLUE), service(kind="TraefikService", name="a")),
    "from a file, whatever namespace is written": weighted(on(BLUE), on(BLUE, kind="TraefikService", name="a@file")),
    "no side": weighted(LEGACY),
    "itself": weighted(FOLLOWED),
    "a Service that only a file knows": weighted(on(BLUE, name="web@file")),
    "nobody": weighted(),
    "nothing": weighted(weighted=None, mirroring=None),
}


@pytest.mark.parametrize("obj", WHOLE.values(), ids=WHOLE.keys())
def test_a_traefik_service_that_sends_everybody_to_one_side_is_whole(obj: dict[str, Any]) -> None:
    assert traffic(traefik_service(obj)).active is BLUE


@pytest.mark.parametrize("obj", NOT_WHOLE.values(), ids=NOT_WHOLE.keys())
def test_a_traefik_service_that_sends_anybody_elsewhere_is_not(obj: dict[str, Any]) -> None:
    assert traffic(traefik_service(obj)).active is None


def test_a_traefik_service_says_where_it_leads() -> None:
    assert str(traefik_service(weighted(on(BLUE)))) == "TraefikService edge/live -> blue"
    assert str(traefik_service(mirroring(on(BLUE), on(GREEN)))) == "TraefikService edge/live -> blue and green"
    assert str(traefik_service(weighted(LEGACY))) == "TraefikService edge/live names neither side (it names legacy)"
    assert str(traefik_service(None)) == "TraefikService edge/live is missing"


def test_users_hear_from_all_but_weight_0_and_mirrors() -> None:
    state = traefik_service(
        weighted(on(BLUE, weight=0), on(BLUE, weight=1, port="http"), on(BLUE, name="a@kubernetescrd"))
    )
    assert [(entry.target.name, entry.target.port, entry.target.answers) for entry in state.entries] == [
        ("web", 80, False),
        ("web", "http", True),
        ("a", 80, True),
    ]
    assert [entry.target.answers for entry in traefik_service(mirroring(on(BLUE), on(BLUE))).entries] == [True, False]


# An IngressRoute that leads to it

FOLLOWS = {
    "it alone": [[FOLLOWED]],
    "in the route's own namespace": [[{"kind": "TraefikService", "name": "live"}]],
    "and a page that never flips": [[FOLLOWED], [LEGACY]],
    "and a rule of its own for the side": [[FOLLOWED], [on(BLUE)]],
    "with a share for the side": [[{**FOLLOWED, "weight": 9}, on(BLUE)]],
}
LEADS_ELSEWHERE = {
    "a rule for the other side": [[FOLLOWED], [on(GREEN)]],
    "a share for the other side": [[FOLLOWED, on(GREEN)]],
    "a share for a foreign backend": [[FOLLOWED, LEGACY]],
    "a TraefikService that is not declared": [[FOLLOWED], [{**FOLLOWED, "name": "canary"}]],
    "one of its name elsewhere": [[{**FOLLOWED, "namespace": "other"}]],
}


@pytest.mark.parametrize("rules", FOLLOWS.values(), ids=FOLLOWS.keys())
def test_users_of_a_route_that_follows_are_where_the_followed_one_says(rules: list[Any]) -> None:
    follower = route(route_object(*rules), name="front")
    for side in Side:
        followed = traefik_service(weighted(on(side)))
        seen = traffic(follower, followed)
        assert seen.active is (side if follower.follows or side is BLUE else None)
        assert (traffic(followed).active, traffic(followed, follower).active) == (side, seen.active)
    for lost in (None, weighted(on(BLUE), on(GREEN)), weighted(LEGACY)):
        assert traffic(follower, traefik_service(lost)).active is None


@pytest.mark.parametrize("rules", LEADS_ELSEWHERE.values(), ids=LEADS_ELSEWHERE.keys())
def test_a_route_that_leads_elsewhere_beside_is_not_where_the_followed_one_says(rules: list[Any]) -> None:
    follower = route(route_object(*rules), name="front")
    assert traffic(follower, traefik_service(weighted(on(BLUE)))).active is None


def test_a_route_that_follows_says_whom() -> None:
    assert str(route(route_object([FOLLOWED]), name="front")) == "IngressRoute edge/front -> TraefikService edge/live"
    both = route(route_object([FOLLOWED], [on(GREEN)]), name="front")
    assert str(both) == "IngressRoute edge/front -> green and TraefikService edge/live"


@pytest.mark.parametrize("direction", [FORWARD, BACK])
def test_a_route_that_follows_needs_no_patch(direction: str) -> None:
    seen = traffic(route(route_object([FOLLOWED], [LEGACY]), name="front"), traefik_service(weighted(on(BLUE))))
    patches = plan_move(seen, PLACES, GREEN, direction=direction, services=["web"])
    assert [str(patch.route) for patch in patches] == ["TraefikService edge/live"]


@pytest.mark.parametrize("direction", [FORWARD, BACK])
def test_routes_that_only_follow_each_other_lead_nowhere_and_cannot_be_moved(direction: str) -> None:
    seen = traffic(route(route_object([FOLLOWED]), name="front"), traefik_service(weighted(FOLLOWED)))
    assert seen.active is None
    with refuses("RouteUnknown", match=r"points at neither side \(IngressRoute edge/front -> TraefikService"):
        plan_move(seen, PLACES, GREEN, direction=direction)


# Moving: any route with any rules

NAMED = st.sampled_from(["legacy", *NAMESPACES.values()])
SERVICES = st.fixed_dictionaries(
    {"name": st.sampled_from(["web", "api"])},
    optional={
        "namespace": NAMED,
        "weight": st.integers(0, 3),
        "kind": st.sampled_from(["Service", "TraefikService"]),
    },
)
LISTS = st.lists(SERVICES, max_size=3)
MIRRORED = st.builds(lambda main, mirrors: {**main, "mirrors": mirrors}, SERVICES, LISTS)
SPECS = st.fixed_dictionaries(
    {}, optional={"weighted": st.fixed_dictionaries({"services": LISTS}), "mirroring": MIRRORED}
)
ANNOTATIONS = st.sampled_from([None, {}, {"someone": "else"}, {"someone": "else", WAY_BACK: "old"}])


def with_annotations(obj: dict[str, Any], annotations: Mapping[str, str] | None) -> dict[str, Any]:
    return {**obj, "metadata": {**obj["metadata"], **({} if annotations is None else {"annotations": annotations})}}


OBJECTS = st.one_of(
    st.builds(lambda rules: route_object(*rules), st.lists(LISTS, max_size=3)),
    st.builds(lambda spec: {**weighted(), "spec": spec}, SPECS),
)
ANNOTATED = st.builds(with_annotations, OBJECTS, ANNOTATIONS)


def read(obj: dict[str, Any]) -> RouteState:
    """In a namespace that is a side's, so that what is left out names a side too."""
    return read_route(RouteName(obj["kind"], "shop-blue", "live"), obj, PLACES, DECLARED)


def elsewhere(obj: dict[str, Any]) -> Any:
    """All of a route but the sides it names, and what flipgate notes on it."""

    def blank(value: Any) -> Any:
        if isinstance(value, list):
            return [blank(each) for each in value]
        if not isinstance(value, dict):
            return value
        kept = {key: blank(each) for key, each in value.items() if key not in ("namespace", WAY_BACK, STAMP)}
        return kept | ({"namespace": value["namespace"]} if value.get("namespace") == "legacy" else {})

    metadata = {"annotations": {}, **obj["metadata"]}
    return {**obj, "spec": blank(obj["spec"]), "metadata": blank(metadata)}


@given(ANNOTATED, st.sampled_from(list(Side)), st.sampled_from([FORWARD, BACK]))
def test_a_move_changes_the_sides_own_entries_and_nothing_else(obj: dict[str, Any], to: Side, direction: str) -> None:
    before = read(obj)
    if not before.entries:
        return
    moved = obj
    for patch in plan_move(traffic(before), PLACES, to, direction=direction, stamp="7.x"):
        moved = patched(obj, patch)
    after = read(moved)
    assert {entry.namespace for entry in after.entries} == {NAMESPACES[to]}
    assert [entry.pointer for entry in after.entries] == [entry.pointer for entry in before.entries]
    assert (after.foreign_backends, after.via) == (before.foreign_backends, before.via)
    assert elsewhere(moved) == elsewhere(obj)
    assert plan_move(traffic(after), PLACES, to, direction=direction) == ()


@given(ANNOTATED, st.sampled_from(list(Side)))
def test_a_move_notes_the_line_that_takes_everybody_back(obj: dict[str, Any], to: Side) -> None:
    before = read(obj)
    if not before.entries or before.whole is to:
        return
    for patch in plan_move(traffic(before), PLACES, to, stamp="7.x"):
        moved = patched(obj, patch)
        line = read(moved).way_back
        assert line.startswith(f"kubectl -n shop-blue patch {obj['kind'].lower()}s.traefik.io live --type=json -p=")
        back = applied(moved, sent_by(line))
        assert read(back).sides == {to.other}
        assert elsewhere(back) == elsewhere(obj)
        assert sent_by(line) == sent_by(by_hand(plan_move(traffic(read(moved)), PLACES, to.other)[0]))


# What is noted beside the plan


def moved_to_green(annotations: Mapping[str, str] | None) -> dict[str, Any]:
    obj = with_annotations(weighted(on(BLUE)), annotations)
    (patch,) = plan_move(traffic(traefik_service(obj)), PLACES, GREEN, stamp="7.x")
    return patched(obj, patch)


@pytest.mark.parametrize("before", [None, {}, {"someone": "else"}, {WAY_BACK: "an older line"}])
def test_the_way_back_stands_on_the_route_beside_what_others_wrote(before: dict[str, str] | None) -> None:
    annotations = moved_to_green(before)["metadata"]["annotations"]
    assert annotations[WAY_BACK] == (
        "kubectl -n edge patch traefikservices.traefik.io live --type=json "
        '-p=\'[{"op":"test","path":"/metadata/annotations/flipgate.dev~1stamp","value":"7.x"},'
        '{"op":"test","path":"/spec/weighted/services/0/namespace","value":"shop-green"},'
        '{"op":"replace","path":"/spec/weighted/services/0/namespace","value":"shop-blue"}]\''
    )
    assert {**annotations, WAY_BACK: ""} == {**(before or {}), WAY_BACK: "", STAMP: "7.x"}


def test_the_line_is_refused_where_users_went_elsewhere_since() -> None:
    moved = moved_to_green(None)
    line = sent_by(moved["metadata"]["annotations"][WAY_BACK])
    with pytest.raises(PatchRefusedError):
        applied(applied(moved, line), line)


def test_what_is_noted_is_no_part_of_what_is_approved_or_done_by_hand() -> None:
    plain, noted = (with_annotations(weighted(on(BLUE)), notes) for notes in ({"a": "b"}, {WAY_BACK: "old"}))
    (one,), (other,) = (
        plan_move(traffic(traefik_service(obj)), PLACES, GREEN, stamp=stamp)
        for obj, stamp in ((plain, "7.x"), (noted, "7.y"))
    )
    assert one.operations == other.operations
    assert one.annotating != other.annotating
    assert by_hand(one) == by_hand(other)
    assert WAY_BACK.partition("/")[2] not in by_hand(one)


def test_a_move_back_notes_its_stamp_and_no_line() -> None:
    (patch,) = plan_move(traffic(to_side(GREEN)), PLACES, BLUE, direction=BACK, stamp="7.x")
    assert patch.annotating == ({"op": "add", "path": "/metadata/annotations", "value": {STAMP: "7.x"}},)


def test_a_line_is_taken_off_alone_and_only_as_it_was_read() -> None:
    moved = moved_to_green({"someone": "else"})
    state = traefik_service(moved)
    assert applied(moved, forget_way_back(state))["metadata"]["annotations"] == {"someone": "else", STAMP: "7.x"}
    newer = with_annotations(moved, {WAY_BACK: "newer"})
    for later in (newer, with_annotations(moved, {}), weighted(on(GREEN))):
        with pytest.raises(PatchRefusedError):
            applied(later, forget_way_back(state))


# Several routes


def test_patches_are_in_the_declared_order_and_a_route_that_is_there_needs_none() -> None:
    states = [
        to_side(BLUE, name="z"),
        traefik_service(weighted(on(BLUE)), name="m"),
        to_side(GREEN, name="there"),
        to_side(BLUE, name="a"),
    ]
    for order in (states, states[::-1]):
        for direction in (FORWARD, BACK):
            patches = plan_move(traffic(*order), PLACES, GREEN, direction=direction)
            assert [patch.route for patch in patches] == [s.route for s in order if s.route.name != "there"]
