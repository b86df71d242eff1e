"""KEDA's ScaledObject of a worker: what pausing it writes, and that letting it go puts back what stood there."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from flipgate.core.values.sides import Side
from flipgate.core.workloads.hand_over import next_turn
from flipgate.core.workloads.scaled_objects import BEFORE, PAUSED, PAUSED_AT, ScaledObject, read_scaled_object
from tests.core.builders import BLUE, GREEN, deployment, shop, side
from tests.core.patching import patched


def obj(annotations: dict[str, str] | None = None, **target: str) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": "mailer-scaler", "uid": "u"}
    if annotations is not None:
        meta["annotations"] = annotations
    return {"metadata": meta, "spec": {"scaleTargetRef": {"name": "mailer", **target}}}


def read(found: dict[str, Any]) -> ScaledObject:
    scaled = read_scaled_object(found, "shop-green")
    assert scaled
    return scaled


@pytest.mark.parametrize("stood", [{}, {PAUSED: "true"}, {PAUSED_AT: "3"}, {PAUSED_AT: "1"}], ids=str)
def test_what_rests_with_some_pods_is_held_at_them_and_let_go_as_it_was(stood: dict[str, str]) -> None:
    before = obj(stood)
    held = patched(before, read(before).holding(1))
    assert read(held).held
    assert held["metadata"]["annotations"][PAUSED_AT] == "1"
    assert read(held).holding(1) == []
    more = patched(held, read(held).holding(2))
    less = patched(more, read(more).holding())
    for each in (held, more, less):
        assert patched(each, read(each).letting_go()) == before
    theirs = copy.deepcopy(held)
    theirs["metadata"]["annotations"][PAUSED_AT] = "7"
    assert patched(theirs, read(theirs).letting_go())["metadata"]["annotations"] == {**stood, PAUSED_AT: "7"}


@pytest.mark.parametrize(
    "stood",
    [None, {}, {"x": "y"}, {PAUSED: "true"}, {PAUSED_AT: "3"}, {PAUSED_AT: "0"}, {PAUSED_AT: "2", PAUSED: "true"}],
)
def test_it_is_held_at_0_and_let_go_as_it_was(stood: dict[str, str] | None) -> None:
    before = obj(stood)
    held = patched(before, read(before).holding())
    assert read(held).held
    assert held["metadata"]["annotations"] == {
        **(stood or {}),
        PAUSED_AT: "0",
        BEFORE: json.dumps((stood or {}).get(PAUSED_AT)),
    }
    assert read(held).holding() == []
    after = patched(held, read(held).letting_go())
    assert after["metadata"]["annotations"] == (stood or {})
    assert read(after).letting_go() == []


def test_a_number_that_somebody_set_meanwhile_stays_and_is_noted_when_it_is_held_again() -> None:
    changed = obj({PAUSED_AT: "5", BEFORE: "null"})
    assert patched(changed, read(changed).letting_go())["metadata"]["annotations"] == {PAUSED_AT: "5"}
    again = patched(changed, read(changed).holding())["metadata"]["annotations"]
    assert again == {PAUSED_AT: "0", BEFORE: '"5"'}


@pytest.mark.parametrize("noted", ["", "garbled", "7", "[]"])
def test_a_note_that_says_nothing_puts_nothing_back(noted: str) -> None:
    held = obj({PAUSED_AT: "0", BEFORE: noted})
    assert patched(held, read(held).letting_go())["metadata"]["annotations"] == {}


@pytest.mark.parametrize(
    ("annotations", "rules", "pinned"),
    [
        ({}, True, False),
        ({PAUSED: "true"}, False, False),
        ({PAUSED: "false"}, True, False),
        ({PAUSED: "anything"}, False, False),
        ({PAUSED_AT: "2", PAUSED: "true"}, True, True),
        ({PAUSED_AT: "0", BEFORE: "null"}, True, False),
    ],
)
def test_who_sets_the_count(annotations: dict[str, str], rules: bool, pinned: bool) -> None:
    found = read(obj(annotations))
    assert (found.rules, found.pinned) == (rules, pinned)


def test_keda_starts_a_stateful_set_as_well() -> None:
    found = read_scaled_object(obj(kind="StatefulSet"), "shop-green")
    assert found
    assert (found.target, found.deployment) == ("StatefulSet", "mailer")


def test_an_empty_kind_is_a_deployment_as_kedas_own_reading_has_it() -> None:
    assert read(obj(kind="")).target == "Deployment"


def test_one_of_another_kind_is_none() -> None:
    assert read_scaled_object(obj(kind="ReplicaSet"), "shop-green") is None


RUNS: dict[str, str] = {}
HELD = {PAUSED_AT: "0", BEFORE: "null"}
FROZEN = {PAUSED: "true"}


@pytest.mark.parametrize(
    ("old", "new", "turn"),
    [
        ((3, RUNS), (0, HELD), (BLUE, False)),
        ((0, RUNS), (0, HELD), (BLUE, False)),
        ((3, HELD), (0, HELD), (BLUE, False)),
        ((0, HELD), (0, HELD), (GREEN, True)),
        ((0, HELD), (3, HELD), (GREEN, True)),
        ((0, HELD), (3, RUNS), None),
        ((0, HELD), (0, RUNS), None),
        ((0, HELD), (0, FROZEN), (GREEN, True)),
        ((0, HELD), (3, FROZEN), None),
    ],
)
def test_a_side_stops_when_it_is_held_and_begins_when_it_is_let_go(
    old: tuple[int, dict[str, str]], new: tuple[int, dict[str, str]], turn: tuple[Side, bool] | None
) -> None:
    sides, scaled = {}, {}
    for which, (count, said) in {BLUE: old, GREEN: new}.items():
        sides[which] = side(which, deployment("mailer", image="acme/mailer:1", replicas=count))
        scaled[which] = {"mailer": (read(obj(said)),)}
    handed = shop().handed_over()
    found = next_turn(handed, "old-first", sides[BLUE], sides[GREEN], {}, counts={"mailer": 3}, scaled=scaled)
    assert (found and (found.side, found.work)) == turn
