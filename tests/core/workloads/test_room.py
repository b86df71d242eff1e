"""Whether a namespace has room for more pods: by its quotas, and by what a LimitRange lets a container take."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from flipgate.adapters.limits import container_needs, pod_needs
from flipgate.core.spec.application import load_application
from flipgate.core.workloads.counts import whole_counts
from flipgate.core.workloads.room import (
    Quota,
    Range,
    Wanted,
    out_of_range,
    short_of_objects,
    short_quotas,
)
from tests.core.builders import BLUE, SHOP, deployment, side

MIB = 2**20


def amounts(**given: Any) -> dict[str, Decimal]:
    return {name.replace("_", "."): Decimal(value) for name, value in given.items()}


def quota(resource: str, hard: float, used: float | None, **facts: Any) -> Quota:
    return Quota("q", {resource: Decimal(hard)}, {} if used is None else {resource: Decimal(used)}, **facts)


NEEDS = {"web": amounts(requests_cpu="0.5", limits_memory=64 * MIB), "mailer": amounts(requests_cpu="1")}


@pytest.mark.parametrize(
    ("found", "said", "mend"),
    [
        (quota("pods", 4, 2), "pods 2 of 4 used, 5 more wanted (pods missing: mailer 3, web 2)", "raise it to 7 at"),
        (quota("requests.cpu", 4, 1), "requests.cpu 1 of 4 used, 4 more wanted", "raise it to 5 at least"),
        (quota("cpu", 4, 1), "cpu 1 of 4 used, 4 more wanted", "kubectl -n shop-green edit resourcequota q"),
    ],
)
def test_a_quota_is_named_with_its_numbers_and_what_would_do(found: Quota, said: str, mend: str) -> None:
    (short,) = short_quotas([found], {"mailer": 3, "web": 2}, NEEDS, "shop-green")
    assert short.text.startswith("ResourceQuota shop-green/q: ")
    assert (said in short.text, mend in short.mend, short.known, short.certain) == (True, True, True, True)


@pytest.mark.parametrize(
    ("found", "known", "certain"),
    [
        (quota("pods", 4, 2, scoped=True), True, False),  # of some pods alone
        (quota("pods", 4, None), False, False),  # not counted yet
        (quota("limits.memory", 64 * MIB, 0), False, False),  # mailer does not say
    ],
)
def test_what_may_not_hold_for_these_pods_is_not_certain(found: Quota, known: bool, certain: bool) -> None:
    (short,) = short_quotas([found], {"mailer": 3, "web": 2}, NEEDS, "shop-green")
    assert (short.known, short.certain) == (known, certain)


@pytest.mark.parametrize(
    "found", [quota("pods", 7, 2), quota("requests.cpu", 5, 1), quota("services", 0, 0), quota("count/secrets", 1, 1)]
)
def test_a_quota_with_room_or_of_other_things_is_none(found: Quota) -> None:
    assert list(short_quotas([found], {"mailer": 3, "web": 2}, NEEDS, "shop-green")) == []


def test_objects_are_counted_too_a_new_template_is_a_new_replica_set() -> None:
    full = quota("count/replicasets.apps", 11, 10)
    (short,) = short_of_objects([full], {"count/replicasets.apps": 2}, "shop-green")
    assert short.text == "ResourceQuota shop-green/q: count/replicasets.apps 10 of 11 used, 2 more wanted"
    assert "raise it to 12 at least" in short.mend
    assert list(short_of_objects([full], {"count/replicasets.apps": 1}, "shop-green")) == []


def container(name: str = "web", **resources: Any) -> dict[str, Any]:
    return {"name": name, "resources": resources}


def judged(range_: Range, *containers: dict[str, Any]) -> list[str]:
    template = {"spec": {"containers": list(containers)}}
    wanted = Wanted(1, pod_needs(template, [range_]), container_needs(template, [range_]))
    return [each.text for each in out_of_range([range_], {"web": wanted}, "shop-green")]


def bounds(of: str = "Container", **facts: Any) -> Range:
    usual: dict[str, Any] = {"most": {}, "least": {}, "limits": {}, "requests": {}}
    return Range("r", of, **usual | facts)


def test_a_container_that_may_not_have_so_much_is_named() -> None:
    most = bounds(most=amounts(cpu="0.5"))
    assert judged(most, container(limits={"cpu": "1"})) == [
        "LimitRange shop-green/r allows each Container at most 0.5 of cpu, and container web of Deployment "
        "shop-green/web has limit 1"
    ]
    assert judged(most, container(limits={"cpu": "500m"})) == []


def test_so_is_one_that_has_to_ask_for_more_and_a_pod_as_a_whole() -> None:
    (least,) = judged(bounds(least=amounts(memory=32 * MIB)), container(requests={"memory": "16Mi"}))
    assert least.endswith("has request 16Mi")
    two = [container(name, limits={"cpu": "1"}) for name in ("web", "jobs")]
    (pod,) = judged(bounds("Pod", most=amounts(cpu="1.5")), *two)
    assert "allows each Pod at most 1.5 of cpu, and a pod of Deployment shop-green/web has limit 2" in pod


def test_what_a_container_does_not_name_is_what_the_limit_range_fills_in() -> None:
    filled = bounds(limits=amounts(cpu="2"), requests=amounts(cpu="1"))
    template = {"spec": {"containers": [container(), container("own", limits={"cpu": "4"})]}}
    assert pod_needs(template, [filled]) == amounts(requests_cpu="5", limits_cpu="6")
    assert container_needs(template, [filled])["web"] == amounts(requests_cpu="1", limits_cpu="2")


def test_in_the_end_a_side_has_as_much_as_is_live_and_at_least_what_the_file_says_workers_too() -> None:
    application = load_application(f"{SHOP}    - {{name: nightly, role: cron}}\n", "shop.yaml")
    live = side(BLUE, deployment("web", replicas=5), deployment("mailer", replicas=1))
    assert whole_counts(application, live) == {"web": 5, "mailer": 3}
    assert whole_counts(application, None) == {"web": 2, "mailer": 3}
