"""An autoscaler of the dark side that would take it from what is wanted there."""

from __future__ import annotations

import pytest

from flipgate.core.workloads.bounds import out_of_bounds
from flipgate.core.workloads.scalers import Scaler
from flipgate.core.workloads.view import SideState, Workload
from tests.core.builders import GREEN, PLACES

STATE = SideState(PLACES[GREEN], {"web": Workload("web", "shop-green", found=True)})


@pytest.mark.parametrize(
    ("least", "most", "verdict", "said"),
    [
        (1, 2, "fail", "allows web 2 pods at most, and 3 are wanted"),
        (1, 5, "info", "may shrink web to 1 of 3 wanted pods"),
        (4, 5, "info", "asks for 4 pods of web, and 3 are wanted"),
    ],
)
def test_bounds_that_are_not_around_the_wanted_count(least: int, most: int, verdict: str, said: str) -> None:
    (row,) = out_of_bounds(STATE, {"web": 3}, {"web"}, [Scaler("web", "web", least, most, least)])
    assert (row.verdict, row.gate) == (verdict, "HorizontalPodAutoscaler web")
    assert said in row.answer


def test_bounds_that_are_and_those_of_others_say_nothing() -> None:
    others = [Scaler("web", "web", 3, 9, 3), Scaler("other", "other", 1, 1, 1), Scaler("s", "web", 1, 1, 1, "", "Job")]
    assert not list(out_of_bounds(STATE, {"web": 3}, {"web"}, others))


@pytest.mark.parametrize(("most", "count"), [(5, 0), (2, 1)])
def test_a_worker_has_no_pods_before_users_come_and_all_of_them_then(most: int, count: int) -> None:
    found = list(out_of_bounds(STATE, {"web": 3}, (), [Scaler("web", "web", 0, most, 0)]))
    assert [each.verdict for each in found] == ["fail"] * count


def test_what_keda_made_is_mended_where_its_numbers_come_from() -> None:
    (row,) = out_of_bounds(STATE, {"web": 3}, {"web"}, [Scaler("keda-hpa-web", "web", 1, 2, 1, "web")])
    assert row.gate == "HorizontalPodAutoscaler keda-hpa-web of ScaledObject web"
    assert "patch scaledobject web" in row.mend
