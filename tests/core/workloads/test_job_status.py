"""How a Job stands, by statuses as clusters write them."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.values.verdicts import Verdict
from flipgate.core.workloads.job_status import JobSeen, finished, judge_job

QUOTA = 'pods "smoke-x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4'


def job(*conditions: tuple[str, str, str]) -> dict[str, Any]:
    said = [{"type": kind, "status": "True", "reason": why, "message": text} for kind, why, text in conditions]
    return {"metadata": {"name": "smoke"}, "status": {"conditions": said}}


def pod(phase: str, name: str = "smoke-a", at: str = "2026-03-01T12:00:00Z", **state: Any) -> dict[str, Any]:
    statuses = [{"name": "smoke", "restartCount": 0, "ready": False, "state": state}] if state else []
    status = {"phase": phase, "containerStatuses": statuses}
    return {"metadata": {"name": name, "creationTimestamp": at}, "spec": {"containers": []}, "status": status}


PULL = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "acme/smok:1"'}
ENDED = {"exitCode": 3, "reason": "Error"}


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        (judge_job(job(), []), JobSeen("no pod of it exists yet")),
        (judge_job(job(), [pod("Running")]), JobSeen("its pod runs")),
        (
            judge_job(job(("SuccessCriteriaMet", "CompletionsReached", "")), [pod("Succeeded")]),
            JobSeen("its pod has succeeded"),
        ),
        (
            judge_job(job(("Complete", "CompletionsReached", "Reached")), []),
            JobSeen("the Job completed", Verdict.PASS),
        ),
        (
            judge_job(job(("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")), []),
            JobSeen("the Job failed (DeadlineExceeded: Job was active longer than specified deadline)", Verdict.FAIL),
        ),
        (
            judge_job(job(("Failed", "BackoffLimitExceeded", "")), [pod("Failed", terminated=ENDED)]),
            JobSeen("the Job failed (BackoffLimitExceeded): ended with exit code 3", Verdict.FAIL),
        ),
        (
            judge_job(job(), [pod("Pending", waiting=PULL)]),
            JobSeen('its pod: ImagePullBackOff (Back-off pulling image "acme/smok:1")', stuck=True),
        ),
        (
            judge_job(job(), [], [{"reason": "FailedCreate", "message": f"Error creating: {QUOTA}"}]),
            JobSeen(f"the API server refuses its pod: Error creating: {QUOTA}", stuck=True),
        ),
    ],
)
def test_each_state_is_told_in_the_clusters_own_words(seen: JobSeen, wanted: JobSeen) -> None:
    assert seen == wanted


def test_of_several_pods_the_newest_says_it() -> None:
    pods = [pod("Failed", "b", terminated=ENDED), pod("Running", "a", "2026-03-01T12:00:09Z")]
    assert judge_job(job(), pods).fact == "its pod runs"


def test_a_job_has_finished_when_it_completed_or_failed() -> None:
    assert finished(job(("Complete", "", "")))
    assert finished(job(("Failed", "", "")))
    assert not finished(job(("FailureTarget", "", "")))
    assert not finished({"metadata": {}})
