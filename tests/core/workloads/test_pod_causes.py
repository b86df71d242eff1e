"""What a pod waits for: the container that is wrong, init containers too, and what others hold it back by."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.workloads.pod_causes import Cause, cause_of

EXITED = {"terminated": {"exitCode": 1, "reason": "Error", "message": "no such table"}}
KILLED = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
DONE = {"terminated": {"exitCode": 0, "reason": "Completed"}}
RUNNING = {"running": {"startedAt": "2026-03-01T12:00:00Z"}}
WAITS = {"waiting": {"reason": "PodInitializing"}}
CRASHING = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}
NOT_PULLED = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "shop/job:2": not found'}}
READY = {"ready": True}


def container(name: str, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "state": state, "ready": False, "restartCount": 0, **more}


def pod(*containers: dict[str, Any], init: tuple[dict[str, Any], ...] = (), **spec: Any) -> dict[str, Any]:
    conditions = spec.pop("conditions", [])
    status = {"phase": "Pending", "initContainerStatuses": list(init), "containerStatuses": list(containers)}
    return {"spec": spec, "status": {**status, "conditions": conditions}}


WEB = container("web", WAITS)


@pytest.mark.parametrize(
    ("init", "cause"),
    [
        (
            [container("migrate", CRASHING, restartCount=3, lastState=EXITED)],
            Cause(
                "init container migrate: CrashLoopBackOff after 3 restarts, last with exit code 1",
                "migrate",
                last_words="no such table",
            ),
        ),
        (
            [container("migrate", NOT_PULLED)],
            Cause('init container migrate: ImagePullBackOff (Back-off pulling image "shop/job:2": not found)'),
        ),
        ([container("migrate", RUNNING)], Cause("init container migrate: still running")),
        (
            [container("migrate", RUNNING, restartCount=2, lastState=KILLED)],
            Cause(
                "init container migrate: running again after 2 restarts, last with exit code 137 (OOMKilled)",
                "migrate",
                previous=True,
            ),
        ),
        (
            [container("migrate", EXITED)],
            Cause("init container migrate: ended with exit code 1", "migrate", last_words="no such table"),
        ),
        (
            [container("migrate", DONE), container("seed", NOT_PULLED)],
            Cause('init container seed: ImagePullBackOff (Back-off pulling image "shop/job:2": not found)'),
        ),
        ([container("migrate", WAITS)], Cause("pending")),
    ],
)
def test_an_init_container_that_is_wrong_is_named_and_not_those_that_wait_for_it(init: Any, cause: Cause) -> None:
    assert cause_of(pod(WEB, init=tuple(init))) == cause


def test_a_sidecar_that_ends_is_wrong_and_one_that_runs_is_not() -> None:
    proxy = {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]}
    ended = container("proxy", DONE)
    assert cause_of(pod(WEB, init=(ended,), **proxy)).text == "init container proxy: ended with exit code 0"
    runs = container("proxy", RUNNING, started=True, **READY)
    web = container("web", RUNNING)
    assert cause_of(pod(web, init=(runs,), **proxy)).text == "running, but its readiness probe fails"


def test_of_several_containers_the_one_that_is_wrong_is_named() -> None:
    jobs = container("jobs", CRASHING, restartCount=4, lastState=KILLED)
    found = cause_of(pod(container("web", RUNNING, **READY), jobs))
    told = "container jobs: CrashLoopBackOff after 4 restarts, last with exit code 137 (OOMKilled)"
    assert found == Cause(told, "jobs")


GATE = "target-health.example.com/web"
GATED: dict[str, Any] = {"readinessGates": [{"conditionType": GATE}]}
HELD = {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady"}
WHY = {"type": GATE, "status": "False", "reason": "Unhealthy", "message": "Target.FailedHealthChecks"}


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ([HELD], f"readiness gate {GATE}: nobody has set this condition yet"),
        ([HELD, WHY], f"readiness gate {GATE} is False (Unhealthy: Target.FailedHealthChecks)"),
        ([HELD, WHY | {"status": "True"}], "running"),
        (
            [{"type": "Ready", "status": "False", "reason": "NodeNotReady", "message": "kubelet stopped"}],
            f"readiness gate {GATE}: nobody has set this condition yet",
        ),
    ],
)
def test_what_holds_a_ready_pod_back_is_said_in_its_own_words(conditions: list[dict[str, str]], said: str) -> None:
    found = pod(container("web", RUNNING, **READY), conditions=conditions, **GATED)
    found["status"]["phase"] = "Running"
    assert cause_of(found) == Cause(said)


def test_a_condition_of_kubernetes_own_is_said_too() -> None:
    gone = {"type": "Ready", "status": "False", "reason": "NodeNotReady", "message": "kubelet stopped posting"}
    found = pod(container("web", RUNNING, **READY), conditions=[gone])
    assert cause_of(found).text == "not Ready (NodeNotReady: kubelet stopped posting)"


def test_words_of_others_are_on_one_line_and_not_for_ever() -> None:
    state = {"waiting": {"reason": "ErrImagePull", "message": "a\n\x1b[31m" + "x" * 2_000}}
    text = cause_of(pod(container("web", state))).text
    assert text.isprintable()
    assert len(text) < 600


def test_a_pod_that_is_over_says_why() -> None:
    assert cause_of({"status": {"phase": "Failed", "reason": "Evicted", "message": "disk is full"}}).text == (
        "failed (Evicted: disk is full)"
    )
