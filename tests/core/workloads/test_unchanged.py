"""The live side before and after the other went to rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flipgate.core.values.managed_fields import Writer
from flipgate.core.workloads.unchanged import unchanged
from flipgate.core.workloads.view import SideState, Workload
from tests.core.builders import GREEN, PLACES

WEB = Workload("web", "shop-green", uid="a", found=True, replicas=3, ready=3)
NIGHTLY = Workload("nightly", "shop-green", "CronJob", uid="b", found=True)


def green(**workloads: Workload) -> SideState:
    return SideState(PLACES[GREEN], {"web": WEB, "nightly": NIGHTLY, **workloads})


def test_what_is_the_same_is_shown_with_its_numbers() -> None:
    assert unchanged(green(), green()) == "green is as it was before: 2 workloads, 3 pods Ready"
    newer = replace(WEB, resource_version="9", stamp="4.x")
    assert unchanged(green(), green(web=newer)).startswith("green is as it was")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"replicas": 5, "scaled_by": Writer("hpa", "Update")}, "asks for 5 pods, before for 3, set by hpa (Update)"),
        ({"template": {"spec": {}}}, "has another pod template"),
        ({"ready": 2}, "has 2 pods Ready, before 3"),
        ({"uid": "c"}, "is another one"),
        ({"found": False, "uid": ""}, "is gone"),
    ],
    ids=str,
)
def test_each_difference_is_a_warning_that_says_it(facts: dict[str, Any], said: str) -> None:
    warning = unchanged(green(), green(web=replace(WEB, **facts)))
    assert warning == (
        f"warning: green changed meanwhile, and nothing was moved for it: Deployment shop-green/web {said}"
    )


def test_a_cron_job_that_somebody_stopped_is_said_too() -> None:
    assert "CronJob shop-green/nightly is suspended" in unchanged(
        green(), green(nightly=replace(NIGHTLY, suspended=True))
    )
