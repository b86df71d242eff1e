"""Who asks for fewer pods than were set, and what to type about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flipgate.core.values.unread import Unread
from flipgate.core.workloads.scalers import Scaler, fewer, read_scaler, taken_away
from tests.core.builders import GREEN, deployment, side, without


def autoscaler(kind: str = "Deployment", **meta: Any) -> dict[str, Any]:
    spec = {"scaleTargetRef": {"kind": kind, "name": "web"}, "maxReplicas": 3}
    return {"metadata": {"name": "web-hpa", **meta}, "spec": spec, "status": {"desiredReplicas": 2}}


def test_an_autoscaler_is_read_with_its_numbers() -> None:
    assert read_scaler(autoscaler()) == Scaler("web-hpa", "web", 1, 3, 2)
    assert read_scaler(autoscaler("ReplicaSet")) is None


KEDA = {"ownerReferences": [{"kind": "ScaledObject", "name": "web-so"}]}


@pytest.mark.parametrize(
    ("meta", "count", "command"),
    [
        ({}, 3, """patch hpa web-hpa --type=merge -p='{"spec":{"minReplicas":3}}'"""),
        ({}, 4, """patch hpa web-hpa --type=merge -p='{"spec":{"minReplicas":4,"maxReplicas":4}}'"""),
        (KEDA, 3, """patch scaledobject web-so --type=merge -p='{"spec":{"minReplicaCount":3}}'"""),
    ],
)
def test_the_command_raises_what_holds_it_down_where_that_is_written(
    meta: dict[str, Any], count: int, command: str
) -> None:
    scaler = read_scaler(autoscaler(**meta))
    assert scaler
    (found,) = taken_away(fewer(side(GREEN), {"web": count}), {"web": count}, [scaler])
    assert found.command == f"kubectl -n shop-green {command}"
    assert ("of ScaledObject web-so" in found.fact) is bool(meta)


def test_what_could_not_be_read_is_said() -> None:
    (found,) = taken_away(fewer(side(GREEN), {"web": 4}), {"web": 4}, Unread("no permission"))
    told = "asks for 2 of 4 wanted pods; whether an autoscaler took them away is not known: no permission"
    assert found.fact.endswith(told)


def test_what_is_whole_or_not_wanted_or_not_there_is_none() -> None:
    assert fewer(side(GREEN, deployment(replicas=4)), {"web": 4, "mailer": 0}) == {}
    assert fewer(without(side(GREEN), "web"), {"web": 4}) == {}


def test_an_autoscaler_of_a_stateful_set_is_not_that_of_a_deployment_of_its_name() -> None:
    other = read_scaler(autoscaler("StatefulSet"))
    assert other
    web = side(GREEN).workloads["web"]
    assert (other.scales(web), other.scales(replace(web, kind="StatefulSet"))) == (False, True)
    (found,) = taken_away({"web": replace(web, kind="StatefulSet")}, {"web": 3}, [])
    assert found.command == "kubectl -n shop-green scale statefulset/web --replicas=3"
