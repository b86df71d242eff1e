"""A HorizontalPodAutoscaler's minimum: lowered for a side at rest, and put back as it was."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from flipgate.core.workloads.minimums import BEFORE, Minimum, read_minimum
from tests.core.patching import patched


def obj(least: int = 2, annotations: dict[str, str] | None = None, **meta: Any) -> dict[str, Any]:
    said = {} if annotations is None else {"annotations": annotations}
    target = {"kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": 9}
    return {"metadata": {"name": "web", "uid": "u", **said, **meta}, "spec": spec}


def read(found: dict[str, Any]) -> Minimum:
    minimum = read_minimum(found, "shop-blue")
    assert minimum
    return minimum


@pytest.mark.parametrize("annotations", [None, {}, {"team": "checkout"}], ids=str)
@pytest.mark.parametrize(("stood", "kept", "held"), [(2, 1, 1), (5, 2, 2), (0, 0, 1), (0, 2, 2)])
def test_it_is_lowered_to_what_is_kept_and_put_back(
    annotations: dict[str, str] | None, stood: int, kept: int, held: int
) -> None:
    """At 0 it would start from nothing: with 1 it leaves alone what is at 0."""
    before = obj(stood, annotations)
    resting = patched(before, read(before).holding(kept))
    assert resting["spec"]["minReplicas"] == held
    assert resting["metadata"]["annotations"][BEFORE] == f"[{stood}, {held}]"
    assert read(resting).holding(kept) == []
    back = patched(resting, read(resting).letting_go())
    assert back == {**before, "metadata": {**before["metadata"], "annotations": annotations or {}}}


@pytest.mark.parametrize(("stood", "kept"), [(1, 0), (2, 0), (1, 1), (1, 3)])
def test_one_that_takes_nothing_from_its_count_is_left_alone(stood: int, kept: int) -> None:
    found = read(obj(stood))
    assert (found.holding(kept), found.letting_go()) == ([], [])


def test_another_count_that_is_kept_is_held_and_what_stood_there_is_remembered() -> None:
    first = patched(before := obj(5), read(before).holding(1))
    second = patched(first, read(first).holding(2))
    assert (second["spec"]["minReplicas"], second["metadata"]["annotations"][BEFORE]) == (2, "[5, 2]")


@pytest.mark.parametrize("since", [1, 3, 7])
def test_what_somebody_set_since_stays(since: int) -> None:
    resting = patched(before := obj(4), read(before).holding(2))
    theirs = copy.deepcopy(resting)
    theirs["spec"]["minReplicas"] = since
    let = patched(theirs, read(theirs).letting_go())
    assert (let["spec"]["minReplicas"], let["metadata"]["annotations"]) == (since, {})
    again = patched(theirs, read(theirs).holding(1)) if since > 1 else theirs
    assert patched(again, read(again).letting_go())["spec"]["minReplicas"] == since


@pytest.mark.parametrize("noted", ["", "2", "[2]", '["2", 1]', "{}", "[2, null]"])
def test_a_note_that_nobody_of_ours_wrote_changes_no_number(noted: str) -> None:
    found = obj(3, {BEFORE: noted})
    assert patched(found, read(found).letting_go()) == obj(3, {})


def test_what_no_service_can_be_and_what_keda_made_is_left_out() -> None:
    assert read_minimum(obj(ownerReferences=[{"kind": "ScaledObject", "name": "web"}]), "shop-blue") is None
    other = obj()
    other["spec"]["scaleTargetRef"]["kind"] = "Rollout"
    assert read_minimum(other, "shop-blue") is None


def test_the_lines_to_type_do_the_same() -> None:
    before = obj(2)
    assert read(before).hold_by_hand(1).endswith("""patch hpa web --type=merge -p='{"spec":{"minReplicas":1}}'""")
    resting = patched(before, read(before).holding(1))
    assert '"minReplicas":2' in read(resting).let_go_by_hand
