"""A task that is a Kubernetes Job on a side: its keys, its name, and the object that is made of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, JsonValue

from flipgate.core.spec.fields import FileModel
from flipgate.core.values import stamps

KEPT_SECONDS: Final = 86_400
"""How long a Job that has ended is kept for a look, where it does not say so itself."""
OURS: Final = frozenset({"suspend", "selector", "manualSelector", "managedBy"})
"""Keys of a Job's spec that are flipgate's, or make it another's."""
LOOKED_SECONDS: Final = 600
"""The same of one that only looks: it is made anew each time, and what it said is noted."""
RELEASE: Final = "flipgate.dev/release"
APPLICATION: Final = "flipgate.dev/application"
MIGRATION: Final = "migration"
"""The kind of task that is left to its end once it runs: half a migration is worse than one that ends late."""
_NAME_SHOWN: Final = 30
_OF_US: Final[Mapping[str, str]] = MappingProxyType({"app.kubernetes.io/managed-by": "flipgate"})
PART: Final = "app.kubernetes.io/component"


def _job(spec: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if ours := sorted(OURS & spec.keys()):
        raise ValueError(f"has {', '.join(ours)}, which flipgate sets itself: leave it out")
    pod = _below(spec, "template", "spec")
    containers = pod.get("containers")
    if not isinstance(containers, list) or not containers or not all(isinstance(each, dict) for each in containers):
        raise ValueError("needs template.spec.containers: it is the spec of a batch/v1 Job")
    if pod.get("restartPolicy", "Never") not in ("Never", "OnFailure"):
        raise ValueError("template.spec.restartPolicy of a Job is Never or OnFailure")
    return spec


class JobKeys(FileModel):
    """The keys of a task that is a Job."""

    job: Annotated[dict[str, JsonValue], AfterValidator(_job)] | None = Field(
        default=None,
        description="The spec of a batch/v1 Job: it is run in the side's namespace, and passes when it completes.",
    )


def job_name(noun: str, name: str, written: Mapping[str, Any], release: str, occasion: str = "") -> str:
    """Returns the name of this task's Job for a release: the same each time, another for another declaration, for a
    check and a hook of one name, and for each `occasion` of what is done more than once for a release."""
    canonical = json.dumps([noun, name, written, occasion], sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:6]
    return f"{job_names(name)}{digest}-{release}"


def job_names(name: str) -> str:
    """Returns what the names of all Jobs of a task begin with, whatever the release and the occasion."""
    return f"{name[:_NAME_SHOWN].rstrip('-')}-"


def job_labels(application: str, release: str, noun: str) -> dict[str, str]:
    """Returns the labels by which a Job is known to be ours, and of which release and kind of task."""
    return {**_OF_US, PART: noun, APPLICATION: application, RELEASE: release}


def left_to_its_end(job: Mapping[str, Any]) -> bool:
    """Whether nobody stops this Job of ours: a migration that runs. One that nobody has let run yet never will."""
    return bool(job["metadata"]["labels"].get(PART) == MIGRATION and not job["spec"].get("suspend"))


def tried_again(job: Mapping[str, Any]) -> bool:
    """Whether what a container of it did would be done again in the same pod, though no `backoffLimit` asks for it."""
    return _below(job, "template", "spec").get("restartPolicy") == "OnFailure" and not job.get("backoffLimit")


def job_of(
    name: str,
    namespace: str,
    job: Mapping[str, Any],
    labels: Mapping[str, str],
    *,
    stamp: str,
    seconds: int,
    kept_seconds: int = KEPT_SECONDS,
) -> dict[str, Any]:
    """Returns the Job as it is made: suspended, so that one which is made late runs nothing (0011). It ends after so
    many seconds at the latest, and goes by itself `kept_seconds` after that, where it does not say so itself."""
    pod = {"restartPolicy": "Never", **_below(job, "template", "spec")}
    own = job.get("activeDeadlineSeconds")
    deadline = min(own, seconds) if isinstance(own, int) and own > 0 else seconds
    spec = {
        "ttlSecondsAfterFinished": kept_seconds,
        **({"backoffLimit": 0} if labels.get(PART) == MIGRATION else {}),
        **job,
        "activeDeadlineSeconds": deadline,
        "suspend": True,
        "template": {**_below(job, "template"), "spec": pod},
    }
    meta = {"name": name, "namespace": namespace, "labels": {**labels, stamps.STAMP: stamp}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}


def images_in(job: Mapping[str, Any]) -> str:
    """Returns the images of its containers, for people."""
    containers = _below(job, "template", "spec").get("containers") or []
    return ", ".join(str(each.get("image", "?")) for each in containers)


def _below(value: Any, *keys: str) -> dict[str, Any]:
    """What stands there; nothing where that is no mapping."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return dict(value) if isinstance(value, Mapping) else {}
