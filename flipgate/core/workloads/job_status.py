"""Reads how a Job stands: by its own conditions, and by its pods where it waits for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from flipgate.core.values.foreign import SENTENCE_SHOWN, printable
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.verdicts import Verdict
from flipgate.core.workloads.pod_causes import cause_of
from flipgate.core.workloads.view import condition_of

FAILED_CREATE: Final = "FailedCreate"
"""The Job controller's word in an Event for pods that the API server refuses."""
HOPELESS: Final = (
    "ImagePull",  # ErrImagePull, ImagePullBackOff, ErrImageNeverPull
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImage",
)
"""Words of the kubelet for a container that does not start, however long one waits."""


@dataclass(frozen=True)
class JobSeen:
    """How a Job stands. `verdict` is None while it goes on; `stuck` says that waiting is most likely of no use."""

    fact: str
    verdict: Verdict | None = None
    stuck: bool = False


def finished(job: Mapping[str, Any]) -> bool:
    """Whether it has completed or failed."""
    return any(condition_of(job, kind).get("status") == "True" for kind in ("Complete", "Failed"))


def completed(job: Mapping[str, Any]) -> bool:
    """Whether it has completed."""
    return condition_of(job, "Complete").get("status") == "True"


def judge_job(
    job: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], events: Iterable[Mapping[str, Any]] = ()
) -> JobSeen:
    """Returns how it stands. A failed one is told in the cluster's own words; one that goes on, by what its newest pod
    waits for, or why the API server lets it have none (from `events` on it)."""
    if completed(job):
        return JobSeen("the Job completed", Verdict.PASS)
    failed = condition_of(job, "Failed")
    if failed.get("status") == "True":
        more = f": {cause_of(newest(pods)).text}" if pods else ""
        return JobSeen(f"the Job failed{_said(failed)}{more}", Verdict.FAIL)
    if pods:
        return _of_pod(newest(pods))
    refused = [str(each.get("message", "")) for each in events if each.get("reason") == FAILED_CREATE]
    if refused:
        return JobSeen(f"the API server refuses its pod: {printable(refused[-1], SENTENCE_SHOWN)}", stuck=True)
    return JobSeen("no pod of it exists yet")


def newest(pods: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Returns the pod that was made last."""
    return max(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", pod["metadata"]["name"]))


def _of_pod(pod: Mapping[str, Any]) -> JobSeen:
    if pod.get("status", {}).get("phase") in ("Running", "Succeeded"):
        return JobSeen("its pod runs" if pod["status"]["phase"] == "Running" else "its pod has succeeded")
    text = cause_of(pod).text
    return JobSeen(f"its pod: {text}", stuck=any(word in text for word in HOPELESS))


def _said(condition: Mapping[str, Any]) -> str:
    words = [printable(str(condition[key]), SENTENCE_SHOWN) for key in ("reason", "message") if condition.get(key)]
    return f" ({': '.join(words)})" if words else ""
