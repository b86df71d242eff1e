"""What would start workers on the side that is dark, or keep them from working on the live one: named with its mend."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.workloads.scaled_objects import BEFORE, PAUSED, PAUSED_AT, read_scaled_object
from flipgate.core.workloads.scalers import read_scaler
from flipgate.core.workloads.starters import from_nothing, starts_jobs, while_dark, while_live
from tests.core.builders import BLUE, GREEN, PLACES

NAMESPACE = PLACES[GREEN].namespace


def keda(side: Any, annotations: dict[str, str]) -> str:
    """What is said of a ScaledObject of a worker of blue, which is live, or of green."""
    ref = {"scaleTargetRef": {"name": "mailer"}}
    found = read_scaled_object(
        {"metadata": {"name": "mailer-scaler", "annotations": annotations}, "spec": ref}, PLACES[side].namespace
    )
    assert found
    return (while_live if side is BLUE else while_dark)(found, PLACES[side])


MAY_START = (
    f"ScaledObject {NAMESPACE}/mailer-scaler may start mailer on green, which is dark: work would be done twice. The "
    f"next deploy pauses it. At once: kubectl -n {NAMESPACE} annotate scaledobject mailer-scaler {PAUSED_AT}=0 "
    f"{BEFORE}=null --overwrite"
)


@pytest.mark.parametrize(
    ("annotations", "dark", "live"),
    [
        ({}, MAY_START, ""),
        ({PAUSED: "false"}, MAY_START, ""),
        ({PAUSED: "true"}, "", ""),
        (
            {PAUSED_AT: "0"},
            "holds mailer at 0 pods on green, which is dark, and flipgate did not set that",
            "holds mailer at 0 pods on blue, which is live: by an annotation that flipgate did not set",
        ),
        ({PAUSED_AT: "2"}, "holds mailer at 2 pods on green", ""),
        ({PAUSED_AT: "2", PAUSED: "true"}, "holds mailer at 2 pods on green", ""),
        ({PAUSED_AT: "0", BEFORE: "null"}, "", "flipgate paused it, and could not let it go"),
    ],
)
def test_a_scaled_object_is_named_where_it_starts_or_stops_what_the_side_does_not(
    annotations: dict[str, str], dark: str, live: str
) -> None:
    for side, said in ((GREEN, dark), (BLUE, live)):
        found = keda(side, annotations)
        assert said in found
        assert bool(found) is bool(said)


@pytest.mark.parametrize("least", [0, 1])
def test_an_autoscaler_with_a_minimum_of_0_starts_workers_and_one_with_1_leaves_them(least: int) -> None:
    ref = {"kind": "Deployment", "name": "mailer"}
    scaler = read_scaler(
        {"metadata": {"name": "few"}, "spec": {"scaleTargetRef": ref, "minReplicas": least, "maxReplicas": 9}}
    )
    assert scaler
    named = (
        f"HorizontalPodAutoscaler {NAMESPACE}/few may start mailer from 0 pods while green is dark: work would be done "
        f"twice. With a minimum of 1 it leaves alone what is at 0: kubectl -n {NAMESPACE} patch hpa few "
        """--type=merge -p '{"spec":{"minReplicas":1}}'"""
    )
    assert from_nothing(scaler, PLACES[GREEN]) == ("" if least else named)


@pytest.mark.parametrize(("annotations", "named"), [({}, True), ({PAUSED: "true"}, False)])
def test_a_scaled_job_of_the_dark_side_is_said_for_nobody_hands_it_over(
    annotations: dict[str, str], named: bool
) -> None:
    said = starts_jobs({"metadata": {"name": "imports", "annotations": annotations}}, PLACES[GREEN])
    assert said.startswith(f"ScaledJob {NAMESPACE}/imports may start Jobs on green" if named else "")
    assert bool(said) is named
