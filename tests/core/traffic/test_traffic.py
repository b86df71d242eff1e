"""Reading live routes, naming the dark side or not, planning a move, and saying it by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flipgate.core.traffic.moves import (
    BACK,
    COMMAND_BYTES,
    FORWARD,
    LINE_BYTES,
    by_hand,
    in_a_message,
    plan_close,
    plan_move,
)
from flipgate.core.traffic.traffic import UNRECORDED, WAY_BACK, DarkSide, RouteName, RouteState, Unrecorded, dark_side
from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP
from tests.core.builders import (
    BLUE,
    GREEN,
    LEGACY,
    NAMESPACES,
    PLACES,
    UID,
    PatchRefusedError,
    applied,
    on,
    patched,
    route,
    route_object,
    sent_by,
    service,
    to_side,
    traffic,
)

VERSION = "/metadata/resourceVersion"
NEITHER = "IngressRoute edge/live names neither side"


# Reading

WHOLE = {
    "one service": [[on(BLUE)]],
    "several rules": [[on(BLUE)], [on(BLUE, name="api")]],
    "weights on one side": [[on(BLUE, weight=9), on(BLUE, name="other", weight=1)]],
    "beside a page that never flips": [[on(BLUE)], [service("maintenance")]],
    "beside the dashboard": [[on(BLUE)], [{"kind": "TraefikService", "name": "api@internal"}]],
}
NOT_WHOLE = {
    "both sides, by rule": [[on(BLUE)], [on(GREEN)]],
    "both sides, by weight": [[on(BLUE, weight=99), on(GREEN, weight=1)]],
    "weight 0 is one edit from live": [[on(BLUE, weight=100), on(GREEN, weight=0)]],
    "unknown namespace": [[LEGACY]],
    "an unknown namespace gets a share of the side's users": [[on(BLUE, weight=9), service("legacy", weight=1)]],
    "the route's own namespace": [[service()]],
    "a TraefikService only": [[{"kind": "TraefikService", "name": "canary"}]],
    "beside a TraefikService, which may lead anywhere": [[on(BLUE)], [{"kind": "TraefikService", "name": "canary"}]],
    "no rules": [],
    "a rule without services": [[]],
}


@pytest.mark.parametrize("rules", WHOLE.values(), ids=WHOLE.keys())
def test_a_route_that_sends_everybody_to_one_side_is_whole(rules: list[Any]) -> None:
    state = route(route_object(*rules))
    assert state.whole is BLUE
    assert traffic(state).active is BLUE


@pytest.mark.parametrize("rules", NOT_WHOLE.values(), ids=NOT_WHOLE.keys())
def test_a_route_that_sends_anybody_elsewhere_is_not(rules: list[Any]) -> None:
    state = route(route_object(*rules))
    assert state.found
    assert state.whole is None
    assert traffic(state).active is None


def test_a_route_that_is_gone_is_part_of_the_answer() -> None:
    state = route(None)
    assert (state.found, state.whole) == (False, None)
    assert str(state) == "IngressRoute edge/live is missing"


@pytest.mark.parametrize("spec", [{}, {"spec": {}}, {"spec": {"routes": None}}, {"spec": {"routes": [{}]}}])
def test_a_route_without_its_usual_parts_names_no_side(spec: dict[str, Any]) -> None:
    assert route({"metadata": {}, **spec}).whole is None


def test_a_service_without_namespace_is_in_the_routes_own() -> None:
    state = route(route_object([service()]), namespace="shop-green")
    assert state.whole is GREEN
    assert not state.entries[0].explicit


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (to_side(BLUE), "IngressRoute edge/live -> blue"),
        (route(route_object([on(GREEN), on(BLUE)])), "IngressRoute edge/live -> blue and green"),
        (
            route(route_object([service("z"), service("a")])),
            NEITHER + " (it names a, z)",
        ),
        (route(route_object()), NEITHER),
    ],
)
def test_a_route_says_where_it_leads(state: RouteState, words: str) -> None:
    assert str(state) == words


def test_traffic_is_active_only_where_all_routes_agree() -> None:
    assert traffic(to_side(GREEN), to_side(GREEN, name="b")).active is GREEN
    for other in (to_side(BLUE), route(None), route(route_object([LEGACY]))):
        assert traffic(to_side(GREEN), other).active is None
        assert traffic(other, to_side(GREEN)).active is None
    assert traffic().active is None


# The dark side


def test_a_dark_side_cannot_be_made_by_hand() -> None:
    for arguments in [(), (None,), (object(),)]:
        with pytest.raises(TypeError, match="read the routes first"):
            DarkSide(GREEN, "shop-green", *arguments)


def test_the_dark_side_is_the_one_without_traffic() -> None:
    for live in Side:
        dark = dark_side(traffic(to_side(live)), PLACES, both_protected=False)
        assert dark is not None
        assert (dark.side, dark.namespace) == (live.other, NAMESPACES[live.other])


def test_a_dark_side_does_not_show_its_seal() -> None:
    assert repr(dark_side(traffic(to_side(BLUE)), PLACES, both_protected=False)) == (
        "DarkSide(side=<Side.GREEN: 'green'>, namespace='shop-green')"
    )


@pytest.mark.parametrize("live", list(Side))
def test_no_side_is_dark_while_both_are_protected(live: Side) -> None:
    assert dark_side(traffic(to_side(live)), PLACES, both_protected=True) is None


@pytest.mark.parametrize("rules", NOT_WHOLE.values(), ids=NOT_WHOLE.keys())
@pytest.mark.parametrize("protected", [False, True])
def test_no_side_is_dark_behind_a_route_that_is_not_whole(rules: list[Any], protected: bool) -> None:
    for others in [(), (to_side(BLUE, name="b"),)]:
        seen = traffic(route(route_object(*rules)), *others)
        assert dark_side(seen, PLACES, both_protected=protected) is None


def test_no_side_is_dark_behind_a_missing_route_or_a_half_moved_set() -> None:
    for second in (route(None, name="b"), to_side(GREEN, name="b")):
        assert dark_side(traffic(to_side(BLUE), second), PLACES, both_protected=False) is None


# Moving

MOVABLE = {
    "whole": [[on(BLUE)]],
    "several rules and weights": [[on(BLUE, weight=3), on(BLUE, name="b")], [on(BLUE)]],
    "half moved": [[on(BLUE)], [on(GREEN)]],
    "beside a rule of its own for a foreign backend": [[service("maintenance")], [on(BLUE)]],
}
DIRECTIONS = [FORWARD, BACK]


@pytest.mark.parametrize("rules", MOVABLE.values(), ids=MOVABLE.keys())
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("to", list(Side))
def test_the_patch_sends_everybody_to_the_side_and_a_second_plan_is_empty(
    rules: list[Any], direction: str, to: Side
) -> None:
    obj = route_object(*rules)
    for patch in plan_move(traffic(route(obj)), PLACES, to, direction=direction):
        obj = applied(obj, patch.operations)
    assert route(obj).whole is to
    assert plan_move(traffic(route(obj)), PLACES, to, direction=direction) == ()


def test_only_the_sides_own_entries_are_changed() -> None:
    obj = route_object([service("maintenance"), on(BLUE, weight=7)])
    (patch,) = plan_move(traffic(route(obj)), PLACES, GREEN)
    assert applied(obj, patch.operations) == route_object([service("maintenance"), on(GREEN, weight=7)])


def test_forward_tests_the_version_first_and_each_old_value_before_it_is_replaced() -> None:
    (patch,) = plan_move(traffic(route(route_object([on(BLUE)]))), PLACES, GREEN)
    pointer = "/spec/routes/0/services/0/namespace"
    assert patch.operations == (
        {"op": "test", "path": VERSION, "value": "7"},
        {"op": "test", "path": "/metadata/uid", "value": UID},
        {"op": "test", "path": "/metadata/annotations", "value": None},
        {"op": "test", "path": pointer, "value": "shop-blue"},
        {"op": "replace", "path": pointer, "value": "shop-green"},
    )
    assert (str(patch.route), patch.api_version) == ("IngressRoute edge/live", "traefik.io/v1alpha1")


def test_back_tests_values_and_our_stamp_and_no_version() -> None:
    obj = route_object([on(BLUE)])
    obj["metadata"]["annotations"] = {STAMP: "6.a"}
    (patch,) = plan_move(traffic(route(obj)), PLACES, GREEN, direction=BACK)
    assert [op["op"] for op in patch.operations] == ["test", "test", "test", "replace"]
    assert VERSION not in [op["path"] for op in patch.operations]
    bare = traffic(route(route_object([on(BLUE)])))
    for versions in (True, False):
        (patch,) = plan_move(bare, PLACES, GREEN, direction=BACK, versions=versions)
        assert (VERSION in [op["path"] for op in patch.operations]) is versions, "until it bears a stamp"


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("annotations", [None, {"someone": "else"}, {STAMP: "6.aa"}])
def test_a_patch_is_taken_once_and_never_after_another_of_ours(
    annotations: dict[str, str] | None, direction: str
) -> None:
    obj = route_object([on(BLUE)])
    if annotations:
        obj["metadata"]["annotations"] = annotations
    late, other = (
        plan_move(traffic(route(obj)), PLACES, GREEN, direction=direction, stamp=f"7.{nonce}")[0] for nonce in "xy"
    )
    moved = patched(obj, other)
    assert moved["metadata"]["annotations"][STAMP] == "7.y"
    (home,) = plan_move(traffic(route(moved)), PLACES, BLUE, direction=BACK, stamp="8.z")
    back = patched(moved, home)
    assert route(back).whole is BLUE
    for state in (moved, back):
        with pytest.raises(PatchRefusedError):
            patched(state, late)


def test_the_line_on_a_route_is_no_longer_than_an_annotation_may_be() -> None:
    """One that is too long would have the whole patch refused, and with it the move."""
    large, huge = (route_object(*([on(BLUE) for _ in range(services)] for _ in range(100))) for services in (2, 20))
    line, instead = (
        patched(obj, patch)["metadata"]["annotations"][WAY_BACK]
        for obj in (large, huge)
        for patch in plan_move(traffic(route(obj)), PLACES, GREEN, stamp="7.x")
    )
    assert len(sent_by(line)) > 200
    assert len(line) < LINE_BYTES
    assert instead == "flipgate rollback: its 2000 entries are more than a line holds"


def test_half_a_command_is_in_no_message() -> None:
    assert in_a_message(["one", "two"], "-") == "one && two"
    assert in_a_message(["x" * COMMAND_BYTES], "-") == "x" * COMMAND_BYTES
    assert in_a_message(["x" * (COMMAND_BYTES - 4), "y"], "flipgate status shop") == "flipgate status shop"


def test_a_route_that_is_closed_stays_where_it_is_and_refuses_what_was_planned_before() -> None:
    obj = route_object([on(BLUE)])
    (forward,) = plan_move(traffic(route(obj)), PLACES, GREEN, stamp="7.x")
    moved = patched(obj, forward)
    line = sent_by(moved["metadata"]["annotations"][WAY_BACK])
    (back,) = plan_move(traffic(route(moved)), PLACES, BLUE, direction=BACK, stamp="8.y")
    close = plan_close(route(moved), "9.z")
    closed = patched(moved, close)
    assert closed["spec"] == moved["spec"]
    assert route(applied(moved, line)).whole is BLUE
    for late in (line, [*back.operations, *back.annotating], [*close.operations, *close.annotating]):
        with pytest.raises(PatchRefusedError):
            applied(closed, late)
    elsewhere = route_object([on(GREEN)])
    elsewhere["metadata"]["annotations"] = moved["metadata"]["annotations"]
    elsewhere["spec"]["routes"][0]["services"][0]["namespace"] = NAMESPACES[BLUE]
    with pytest.raises(PatchRefusedError):  # a person with kubectl was faster
        applied(elsewhere, close.operations)


def test_what_an_unrecorded_rollback_leaves_stays_until_it_is_written_down() -> None:
    obj = route_object([on(GREEN)])
    (back,) = plan_move(
        traffic(route(obj)), PLACES, BLUE, direction=BACK, stamp="unrecorded.x", unrecorded="blue ana: slow"
    )
    marked = patched(obj, back)
    assert traffic(route(marked)).unrecorded == Unrecorded(BLUE, "ana: slow")
    for kept, text in (("blue ana: slow", "blue ana: slow"), ("", "")):
        close = plan_close(route(marked), "8.y", kept)
        assert route(patched(marked, close)).unrecorded == text


def test_who_rolled_back_by_an_annotation_is_a_claim_and_a_time_before_the_release_is_not_believed() -> None:
    obj = route_object([on(BLUE)])
    said = "2026-03-01T11:59:00Z ana@example.org: users complain"
    obj["metadata"]["annotations"] = {UNRECORDED: f"blue {said}"}
    fields = {"f:metadata": {"f:annotations": {f"f:{UNRECORDED}": {}}}}
    written = {"manager": "kubectl-annotate", "operation": "Update", "time": "2026-03-01T12:30:00Z"}
    obj["metadata"]["managedFields"] = [{**written, "fieldsV1": fields}]
    found = traffic(route(obj)).unrecorded
    assert found
    claim = (
        f"an annotation on {found.route}, written by kubectl-annotate (Update) at 2026-03-01 12:30:00 UTC, says: {said}"
        " (self-declared)"
    )
    assert found.claimed() == claim
    opened = datetime(2026, 3, 1, 11, 58, tzinfo=UTC)
    assert found.claimed(opened) == claim
    late = "; its time is not believed: the newest release was opened at 2026-03-01T12:00:00Z"
    assert found.claimed(opened + timedelta(minutes=2)) == claim + late
    obj["metadata"]["annotations"] = {UNRECORDED: "blue once, ana: users complain"}
    told = traffic(route(obj)).unrecorded
    assert told
    assert "its time is not believed" in told.claimed(opened)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_changed_value_refuses_the_patch_both_ways(direction: str) -> None:
    (patch,) = plan_move(traffic(route(route_object([on(BLUE)]))), PLACES, GREEN, direction=direction)
    with pytest.raises(PatchRefusedError):
        applied(route_object([LEGACY]), patch.operations)


def test_an_unrelated_write_refuses_the_patch_forward_but_not_back() -> None:
    obj = route_object([on(BLUE)])
    later = route_object([on(BLUE)], version="8")
    (forward,) = plan_move(traffic(route(obj)), PLACES, GREEN)
    obj["metadata"]["annotations"] = later["metadata"]["annotations"] = {STAMP: "6.a"}
    (back,) = plan_move(traffic(route(obj)), PLACES, GREEN, direction=BACK)
    with pytest.raises(PatchRefusedError):
        applied(later, forward.operations)
    assert route(applied(later, back.operations)).whole is GREEN


@pytest.mark.parametrize("written", [service(), service("")], ids=["left out", "empty"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_namespace_that_is_not_written_is_added(written: dict[str, Any], direction: str) -> None:
    obj = route_object([written])
    name = RouteName("IngressRoute", "shop-blue", "live")
    seen = traffic(route(obj, namespace=name.namespace))
    (patch,) = plan_move(seen, PLACES, GREEN, direction=direction)
    assert (patch.route, patch.operations[-1]["op"]) == (name, "add")
    assert route(applied(obj, patch.operations), namespace=name.namespace).whole is GREEN


@pytest.mark.parametrize(
    ("state", "fact"),
    [(route(None), "is missing"), (route(route_object([LEGACY])), "points at neither side")],
)
def test_a_route_that_cannot_be_moved_refuses_the_move_forward_and_is_left_on_the_way_back(
    state: RouteState, fact: str
) -> None:
    seen = traffic(to_side(BLUE, name="b"), state)
    with pytest.raises(Refused, match=fact) as refused:
        plan_move(seen, PLACES, GREEN)
    assert (refused.value.reason, refused.value.untouched) == ("RouteUnknown", "all routes")
    assert [patch.route.name for patch in plan_move(seen, PLACES, GREEN, direction=BACK)] == ["b"]
    with pytest.raises(Refused, match=fact):
        plan_move(traffic(state), PLACES, GREEN, direction=BACK)


# By hand


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_line_for_people_is_a_kubectl_patch_that_does_the_same(direction: str) -> None:
    obj = route_object([on(BLUE), on(BLUE, name="b")])
    (patch,) = plan_move(traffic(route(obj)), PLACES, GREEN, direction=direction)
    line = by_hand(patch)
    assert line.startswith("kubectl -n edge patch ingressroutes.traefik.io live --type=json -p=")
    assert VERSION not in [op["path"] for op in sent_by(line)]
    assert applied(obj, sent_by(line)) == applied(obj, patch.operations)
