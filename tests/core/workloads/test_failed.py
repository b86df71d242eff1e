"""What is kept of a release that failed: one Markdown text, bounded, and without what looks like a secret."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.workloads.failed import (
    EVENTS_KEPT,
    LINES_KEPT,
    PODS_KEPT,
    REPORT_BYTES,
    FailedPod,
    Tail,
    choose,
    concerns,
    report,
    wanted_tails,
)

CRASHED = {"waiting": {"reason": "CrashLoopBackOff"}}
ENDED = {"terminated": {"exitCode": 1, "reason": "Error"}}
RUNS: dict[str, Any] = {"running": {}}
SERVICES = {"web": "web", "api-all": "api"}


def container(name: str, state: dict[str, Any], restarts: int = 0, **more: Any) -> dict[str, Any]:
    return {"name": name, "state": state, "restartCount": restarts, **more}


def pod(name: str, *containers: dict[str, Any], owner: str = "web", ready: bool = False) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop-green", "ownerReferences": [{"name": f"{owner}-6f5c9d8b7"}]}
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {"metadata": meta, "spec": {}, "status": {"conditions": conditions, "containerStatuses": list(containers)}}


def event(name: str, kind: str = "Pod", at: str = "12:00:00", **more: Any) -> dict[str, Any]:
    involved = {"kind": kind, "name": name}
    return {
        "involvedObject": involved,
        "lastTimestamp": f"2026-03-01T{at}Z",
        "reason": "BackOff",
        "message": "m",
        **more,
    }


CRASHING = pod("web-1", container("web", CRASHED, 3, lastState=ENDED))


def test_one_pod_of_each_service_and_cause_comes_before_a_second() -> None:
    pulled = pod("web-9", container("web", {"waiting": {"reason": "ImagePullBackOff"}}))
    other = pod("api-1", container("api", CRASHED), owner="api-all")
    many = [pod(f"web-{number}", container("web", CRASHED, 3, lastState=ENDED)) for number in range(1, 9)]
    foreign, fine = pod("x-1", container("x", CRASHED), owner="x"), pod("web-0", ready=True)
    found = choose([*many, foreign, fine, pulled, other], SERVICES, [])
    assert [each.name for each in found][:PODS_KEPT] == ["api-1", "web-1", "web-9", "web-2", "web-3", "web-4"]
    assert (found[0].service, len(found)) == ("api", 10)
    assert [each.name for each in choose([fine], SERVICES, ["web"])] == ["web-0"], "its check failed"


def test_who_has_run_is_asked_for_its_last_lines_and_so_is_the_one_before() -> None:
    both = pod("web-1", container("web", CRASHED, 3, lastState=ENDED), container("proxy", RUNS))
    assert list(wanted_tails(both)) == [("web", False), ("web", True), ("proxy", False)]
    assert list(wanted_tails(pod("web-1", container("web", {"waiting": {"reason": "PodInitializing"}})))) == []


@pytest.mark.parametrize(
    ("kind", "name", "ours"),
    [
        ("Deployment", "web", True),
        ("ReplicaSet", "web-6f5c9d8b7", True),
        ("Pod", "api-all-6f5c9d8b7-x2x4p", True),
        ("Pod", "web-old-6f5c9d8b7-x2x4p", False),
        ("Deployment", "web-old", False),
        ("Service", "web", False),
        ("StatefulSet", "api-all", True),
        ("Pod", "api-all-0", True),
        ("Pod", "api-0", False),
        ("CronJob", "web", True),
    ],
)
def test_events_are_those_of_its_workloads_and_what_they_own(kind: str, name: str, ours: bool) -> None:
    assert concerns(event(name, kind), SERVICES) is ours


def test_nothing_that_is_cut_shows_a_part_of_a_secret() -> None:
    """Neither the beginning of one, at the end of a cell, nor the end of one, at the beginning of what is kept."""
    message = f"{'x' * 260} amqp://shop:{'hunter2' * 10}@queue"
    lines = "\n".join(["token=" + "hunter2" * 100, *["y" * 400] * 39, "z" * 600])
    found = report(
        "r-1", "", [FailedPod("web", CRASHING, (Tail("web", False, lines),))], [event("web-1", message=message)], []
    )
    assert "hunter2" not in found
    assert "amqp://shop:\\*\\*\\*@" in found
    assert "y" * 400 in found


def test_the_report_has_the_states_the_last_lines_and_what_kubernetes_said() -> None:
    tails = (Tail("web", False, "up\ncannot reach db: password=hunter2 ```\n"), Tail("web", True, "", "no permission"))
    found = report(
        "r-1 failed on green: NotReadyInTime",
        "not Ready within 600 s: web 0/2",
        [FailedPod("web", CRASHING, tails)],
        [event("web-1", at="12:00:09", count=4, message="a | b"), event("web-1", at="12:00:01")],
        ["Events are cut"],
    )
    assert found == (
        "## r-1 failed on green: NotReadyInTime\n\nnot Ready within 600 s: web 0/2\n\n*Events are cut*\n\n"
        "| pod | service | container | state | restarts | last end |\n|---|---|---|---|---|---|\n"
        "| web-1 | web | web | waiting: CrashLoopBackOff | 3 | terminated with exit code 1: Error |\n\n"
        "### What Kubernetes said (Warnings)\n\n"
        "| last seen | times | about | reason | message |\n|---|---|---|---|---|\n"
        "| 2026-03-01T12:00:01 | 1 | Pod web-1 | BackOff | m |\n"
        "| 2026-03-01T12:00:09 | 4 | Pod web-1 | BackOff | a \\| b |\n\n"
        "### web-1, web: last lines\n\n````text\nup\ncannot reach db: password=*** ```\n````\n\n"
        "### web-1, web: the one before not read\n\nno permission"
    )


def test_nothing_to_keep_is_no_report() -> None:
    assert report("t", "f", [], [], ["no permission"]) == ""


def test_however_much_there_is_it_stays_small() -> None:
    text = "\n".join(f"{number} " + "x\x1b" * 120 for number in range(500))
    pods = [FailedPod("web", CRASHING, tuple(Tail(f"c{n}", False, text) for n in range(4))) for _ in range(PODS_KEPT)]
    found = report("t", "f" * 9_999, pods, [event("web-1", message="y" * 2_000) for _ in range(500)], [])
    assert len(found.encode()) <= REPORT_BYTES
    assert found.count("| Pod web-1 |") == EVENTS_KEPT
    assert "\x1b" not in found
    (one,) = report("t", "f", [FailedPod("web", CRASHING, (Tail("c", False, text),))], [], []).split("```text\n")[1:]
    assert len(one.splitlines()) == LINES_KEPT + 1


def test_a_container_that_runs_says_whether_it_is_ready() -> None:
    both = pod("web-1", container("web", RUNS), container("proxy", RUNS, ready=True))
    found = report("t", "f", [FailedPod("web", both)], [], [])
    assert "| web-1 | web | web | running (not Ready) | 0 |  |" in found
    assert "| web-1 | web | proxy | running (Ready) | 0 |  |" in found
