"""Checks that are Jobs: what may be declared, what the Job is called and made of."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from flipgate.core.gates.checks import Check
from flipgate.core.gates.job_check import MIGRATION, job_labels, job_name, job_of

SPEC: dict[str, Any] = {
    "backoffLimit": 2,
    "template": {"spec": {"containers": [{"name": "a", "image": "acme/smoke:1"}]}},
}
RELEASE = "3f2a9c01d4e8-999"


def check(**job: Any) -> Check:
    return Check.model_validate({"name": "smoke", "job": {**SPEC, **job}})


def test_a_job_check_says_what_it_runs_and_wants() -> None:
    made = check()
    assert (made.kind, made.what, made.wanted) == ("job", "Job of acme/smoke:1", "completes within 300 s")


@pytest.mark.parametrize(
    ("keys", "fact"),
    [
        ({"job": {**SPEC, "suspend": False}}, "has suspend, which flipgate sets itself"),
        (
            {"job": {**SPEC, "selector": {}, "manualSelector": True}},
            "has manualSelector, selector, which",
        ),
        ({"job": {"template": {}}}, "needs template.spec.containers"),
        ({"job": {"template": {"spec": {"containers": ["a"]}}}}, "needs template.spec.containers"),
        (
            {"job": {"template": {"spec": {**SPEC["template"]["spec"], "restartPolicy": "Always"}}}},
            "of a Job is Never or OnFailure",
        ),
        ({"service": "api"}, "has service, which one with job does not have"),
        ({"path": "/"}, "needs exactly one of path, command, job, workload"),
    ],
)
def test_what_cannot_be_meant_is_refused(keys: dict[str, Any], fact: str) -> None:
    with pytest.raises(ValidationError, match=fact):
        Check.model_validate({"name": "smoke", "job": SPEC, **keys})


def test_its_name_is_the_same_each_time_and_another_for_another_release_check_or_spec() -> None:
    name = job_name("check", "smoke", SPEC, RELEASE)
    assert name == job_name("check", "smoke", dict(reversed(SPEC.items())), RELEASE)
    assert name.startswith("smoke-")
    assert name.endswith(f"-{RELEASE}")
    others = [
        ("check", "smoke", SPEC, "3f2a9c01d4e8-1"),
        ("check", "smoke-2", SPEC, RELEASE),
        ("check", "smoke", {**SPEC, "x": 1}, RELEASE),
        ("hook", "smoke", SPEC, RELEASE),
    ]
    assert len({name, *(job_name(*other) for other in others)}) == 5
    assert len(job_name("check", "n" * 40, SPEC, RELEASE)) <= 63


def test_it_is_made_suspended_bounded_and_with_our_labels() -> None:
    labels = job_labels("shop", RELEASE, "check")
    made = job_of("smoke-1", "shop-green", {**SPEC, "activeDeadlineSeconds": 900}, labels, stamp="7.x", seconds=60)
    assert made["metadata"]["labels"] == {**labels, "flipgate.dev/stamp": "7.x"}
    spec = made["spec"]
    assert (spec["suspend"], spec["activeDeadlineSeconds"], spec["backoffLimit"]) == (True, 60, 2)
    assert spec["ttlSecondsAfterFinished"] == 86_400
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    shorter = job_of(
        "a", "b", {**SPEC, "activeDeadlineSeconds": 9, "ttlSecondsAfterFinished": 5}, {}, stamp="", seconds=60
    )
    assert (shorter["spec"]["activeDeadlineSeconds"], shorter["spec"]["ttlSecondsAfterFinished"]) == (9, 5)


def test_a_migration_is_tried_once_unless_its_file_says_how_often() -> None:
    """Kubernetes would run it again, six times, on what the first try has left."""
    labels = job_labels("shop", RELEASE, MIGRATION)
    bare = {key: value for key, value in SPEC.items() if key != "backoffLimit"}
    assert job_of("a", "b", bare, labels, stamp="", seconds=60)["spec"]["backoffLimit"] == 0
    assert job_of("a", "b", SPEC, labels, stamp="", seconds=60)["spec"]["backoffLimit"] == 2
