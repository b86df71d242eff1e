"""A hand that plays the Job controller of a side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.api.shop import GREEN, Shop

THEN = "2026-03-01T12:00:00Z"


def path(shop: Shop) -> str:
    return f"/apis/batch/v1/namespaces/{shop.namespace(GREEN)}/jobs"


def the_job(shop: Shop) -> dict[str, Any]:
    (job,) = shop.cluster.items(path(shop))
    return job


def ends(shop: Shop, kind: str = "Complete", reason: str = "CompletionsReached") -> Callable[[], None]:
    """The Job controller: what runs ends so."""
    first = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}[kind]
    conditions = [
        {"type": each, "status": "True", "reason": reason, "lastTransitionTime": THEN} for each in (first, kind)
    ]
    status = {"startTime": THEN, "conditions": conditions} | ({"completionTime": THEN} if kind == "Complete" else {})

    def play() -> None:
        for job in shop.cluster.items(path(shop)):
            if not job["spec"]["suspend"] and not (job.get("status") or {}).get("conditions"):
                shop.patch(f"{path(shop)}/{job['metadata']['name']}/status", ("add", "/status", status))

    return play
