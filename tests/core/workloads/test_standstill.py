"""What will not come up by waiting, and how long a refusal has to stand until it is final."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flipgate.core.values.reasons import Why
from flipgate.core.workloads import standstill
from flipgate.core.workloads.standstill import (
    PATIENCE_SECONDS,
    Standstill,
    final,
    first_seen,
    standstills,
    told,
)
from tests.core.builders import GREEN, deployment, side

FORBIDDEN = 'pods "web-6f5c9d8b7-x2x4p" is forbidden'


def refused(message: str = FORBIDDEN, *, ready: int = 0, **changes: Any) -> dict[str, Any]:
    """A Deployment whose pods the API server refuses."""
    web = deployment()
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message, **changes}
    web["status"] |= {"replicas": ready, "updatedReplicas": ready, "readyReplicas": ready, "conditions": [condition]}
    return web


def found(web: dict[str, Any]) -> tuple[Standstill, ...]:
    return standstills(side(GREEN, web), ["web", "mailer"])


def test_nothing_stands_in_the_way_of_pods_that_are_there_or_coming() -> None:
    coming = deployment()
    coming["status"]["readyReplicas"] = 1
    assert found(deployment()) == found(coming) == ()
    whole = refused(ready=2)
    assert found(whole) == (), "what it has is enough"


def test_the_api_servers_sentence_is_shown_on_one_line_and_not_for_ever() -> None:
    (one,) = found(refused("exceeded\n\tquota \x1b[31m" + "x" * 2_000))
    assert "refuses more: exceeded quota ?[31mxxx" in one.fact
    assert len(one.fact) < 700
    assert (one.service, one.reason) == ("web", Why.PODS_REFUSED)


NOT_MADE = {"type": "Progressing", "status": "False", "reason": "ReplicaSetCreateError"}


@pytest.mark.parametrize(
    ("message", "changes", "command"),
    [
        (f"{FORBIDDEN}: exceeded quota: compute, requested: cpu=2, used: cpu=3, limited: cpu=4", {}, "resourcequotas"),
        (f'{FORBIDDEN}: violates PodSecurity "restricted:latest": allowPrivilegeEscalation', {}, "get namespace"),
        (
            'Failed to create new replica set "web-6f": admission webhook "p" denied the request: no',
            NOT_MADE,
            "events",
        ),
    ],
)
def test_each_refusal_has_the_command_that_shows_why(message: str, changes: dict[str, str], command: str) -> None:
    (one,) = found(refused(message, ready=1, **changes))
    assert one.fact == f"Deployment shop-green/web has 1 of 2 pods, and the API server refuses more: {message}"
    assert command in one.command
    assert one.reason == Why.PODS_REFUSED


@pytest.mark.parametrize(
    "changes", [{"status": "False"}, {"reason": "FailedDelete"}, {"type": "Available"}], ids=lambda each: str(each)
)
def test_other_conditions_are_no_refusal(changes: dict[str, str]) -> None:
    assert found(refused(**changes)) == ()


def test_what_is_said_of_the_template_before_is_not_taken_for_this_one() -> None:
    web = refused()
    web["metadata"]["generation"] = 4
    assert found(web) == ()


def test_a_refusal_and_a_pause_are_final_when_they_have_stood() -> None:
    seen = first_seen(found(refused()), {}, 100.0)
    assert final(found(refused()), seen, 100.0 + PATIENCE_SECONDS - 1) == ()
    assert final(found(refused()), seen, 100.0 + PATIENCE_SECONDS) == found(refused())
    stopped = found(deployment(replicas=3, paused=True) | {"status": {}})
    assert final(stopped, first_seen(stopped, {}, 100.0), 100.0) == (), "it may be scaled, and its pods be made yet"
    assert final(stopped, first_seen(stopped, {}, 100.0), 100.0 + PATIENCE_SECONDS) == stopped


def test_a_paused_one_whose_pods_start_is_waited_for_as_any_other() -> None:
    starting = deployment(replicas=3, paused=True)
    starting["status"] |= {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 0}
    assert found(starting) == ()


def test_one_that_passed_or_moved_begins_anew() -> None:
    seen = first_seen(found(refused()), {}, 100.0)
    assert first_seen(found(deployment()), seen, 105.0) == {}
    more = found(refused(ready=1))
    assert list(first_seen(more, seen, 105.0).values()) == [105.0]
    again = found(refused("other words"))
    assert list(first_seen(again, seen, 105.0).values()) == [100.0], "a quota's numbers, a pod's name: the same refusal"


WEBHOOK = 'Internal error occurred: failed calling webhook "policy.example": failed to call webhook: Post "https://p": '


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        (WEBHOOK + "context deadline exceeded", True),
        (WEBHOOK + "dial tcp 10.0.0.1:443: connect: connection refused", True),
        ("Internal error occurred: resource quota evaluation timed out", True),
        ("pods is forbidden: status unknown for quota: compute, resources: pods", True),
        ("the server is currently unable to handle the request", True),
        ("etcdserver: request timed out", True),
        ("pods is forbidden: exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4", False),
        ('pods is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation', False),
        ('admission webhook "policy.example" denied the request: no', False),
        ('admission webhook "policy.example" denied the request: annotation timeout is required', False),
        ('error looking up service account shop-green/web: serviceaccount "web" not found', False),
    ],
)
def test_what_the_api_server_could_not_decide_may_pass(said: str, passes: bool) -> None:
    (one,) = found(refused(said))
    assert one.passes is passes


@pytest.mark.parametrize(
    ("key", "at", "before"),
    [
        ("lastTransitionTime", "2026-03-01T11:59:59Z", True),
        ("lastTransitionTime", "2026-03-01T12:00:00Z", False),
        ("lastUpdateTime", "2026-03-01T12:00:01Z", False),
        ("lastUpdateTime", "no time", False),
    ],
)
def test_a_refusal_from_before_the_last_write_is_waited_for(key: str, at: str, before: bool) -> None:
    """It stays there until its controller tries again, which may take a quarter of an hour."""
    web = refused(**{key: at})
    web["metadata"]["managedFields"] = [
        {"manager": "flipgate", "operation": "Update", "time": "2026-03-01T12:00:00Z"},
        {"manager": "flipgate", "operation": "Update", "time": "2026-03-01T12:05:00Z", "subresource": "status"},
        {"manager": "kubectl", "operation": "Update", "time": "2026-03-01T12:05:00Z"},
    ]
    (one,) = found(web)
    assert one.passes is before
    assert one.fact.endswith(", said before it was written last") is before


def test_what_one_thing_refuses_to_many_is_said_once_with_their_names() -> None:
    workload = side(GREEN).workloads["web"]
    said = 'pods "{}-5f8-x1" is forbidden: error looking up service account shop/app: serviceaccount "app" not found'
    names = ("cart", "mail", "web")
    many = [standstill.refused(name, replace(workload, name=name), said.format(name)) for name in names]
    assert told(many).count("serviceaccount") == 1
    assert told(many).endswith("(and the same to 2 others: mail, web)")
    assert told(many[:2]) == f"{many[0].fact}; {many[1].fact}"
    assert many[0].command == "kubectl -n shop-green get serviceaccounts"
