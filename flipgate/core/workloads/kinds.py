"""The kinds of workload that a service can be: where the API server has each, and how its status reads.

A kind more is a row of `KINDS`, with a function that reads it, and its word in `core/spec/service.py: WorkloadKind`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from flipgate.core.spec.service import Kind
from flipgate.core.values.foreign import SENTENCE_SHOWN, printable
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.managed_fields import image_writers, moment_of, writer_of, written_by_us

Rights = tuple[tuple[str, str, str], ...]
"""API group, resource, verbs."""
TEMPLATE: Final = ("spec", "template")
OF_JOBS: Final = ("spec", "jobTemplate", "spec", "template")


@dataclass(frozen=True)
class Stateful:
    """What only a StatefulSet has."""

    revision: str = ""
    """Of its newest template: `REVISION_LABEL` of its pods says of which each is."""
    one_by_one: bool = True
    """Whether each pod waits until the one before it is Ready (podManagementPolicy OrderedReady)."""
    first: int = 0
    """The ordinal of its first pod."""
    partition: int = 0
    """Pods of a smaller ordinal stay at the template before (updateStrategy.rollingUpdate.partition)."""
    on_delete: bool = False
    """Whether pods keep their template until somebody deletes them (updateStrategy OnDelete)."""
    claims: tuple[str, ...] = ()
    """The names of its volume claim templates: each pod has a volume of its own of each."""
    scaling_deletes: bool = False
    """Whether volumes are deleted with the pods that a smaller count ends (whenScaled: Delete)."""


@dataclass(frozen=True)
class KindOfWorkload:
    """One kind of workload."""

    api: str
    """The group and version that serve it."""
    read: Callable[[Mapping[str, Any]], dict[str, Any]]
    """Returns the fields of a Workload that an object of this kind says."""
    rights: Rights
    """What flipgate must be allowed to do on a side, where one is declared."""
    template: tuple[str, ...] = TEMPLATE
    """Where its pod template stands."""
    in_release_id: bool = True
    """Whether the kind itself is part of what a release would run: not of kinds that were there before it was."""

    @property
    def template_pointer(self) -> str:
        """The JSON pointer to its pod template."""
        return f"/{'/'.join(self.template)}"


def _read_cron_job(obj: Mapping[str, Any]) -> dict[str, Any]:
    spec = obj["spec"]
    jobs = spec["jobTemplate"]["spec"]
    template = jobs["template"]
    schedule = {key: value for key, value in spec.items() if key not in ("suspend", "jobTemplate")}
    return {
        "up_to_date": True,
        "suspended": bool(spec.get("suspend")),
        "images": _images(template),
        "template": template,
        "schedule": {**schedule, "jobs": {key: value for key, value in jobs.items() if key != "template"}},
        "last_schedule": obj.get("status", {}).get("lastScheduleTime") or "",
        "scaled_by": writer_of(obj["metadata"], "f:spec", "f:suspend"),
        "images_by": image_writers(obj["metadata"], tuple(f"f:{key}" for key in OF_JOBS)),
    }


def _read_deployment(obj: Mapping[str, Any]) -> dict[str, Any]:
    refusal = _refusal(obj.get("status", {}), written_by_us(obj["metadata"])) if _observed(obj) else {}
    return {**_read_counted(obj), "paused": bool(obj["spec"].get("paused")), **refusal}


def _read_stateful_set(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Its status counts pods by the label that names their template's revision: `updatedReplicas` are those of
    `updateRevision`, and `replicas` has those on their way out, too (kubernetes/pkg/controller/statefulset:
    stateful_set_control.go, computeReplicaStatus)."""
    spec, status = obj["spec"], obj.get("status", {})
    strategy = spec.get("updateStrategy") or {}
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    stateful = Stateful(
        revision=status.get("updateRevision", "") if _observed(obj) else "",
        one_by_one=spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady",
        first=(spec.get("ordinals") or {}).get("start", 0),
        partition=(strategy.get("rollingUpdate") or {}).get("partition") or 0,
        on_delete=strategy.get("type") == "OnDelete",
        claims=tuple(claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates") or []),
        scaling_deletes=retention.get("whenScaled") == "Delete",
    )
    return {**_read_counted(obj), "stateful": stateful}


def _read_counted(obj: Mapping[str, Any]) -> dict[str, Any]:
    """What all kinds say alike that ask for a number of pods."""
    meta, spec, status = obj["metadata"], obj["spec"], obj.get("status", {})
    wanted = spec.get("replicas", 1)
    labels = (spec.get("selector") or {}).get("matchLabels") or {}
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    return {
        "replicas": wanted,
        "pods": total,
        "ready": status.get("readyReplicas", 0),
        "updated": updated,
        "has_annotations": meta.get("annotations") is not None,
        "up_to_date": _observed(obj) and updated >= wanted and total <= wanted,
        "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        "images": _images(spec["template"]),
        "template": spec["template"],
        "scaled_by": writer_of(meta, "f:spec", "f:replicas"),
        "images_by": image_writers(meta, tuple(f"f:{key}" for key in TEMPLATE)),
    }


def _observed(obj: Mapping[str, Any]) -> bool:
    """Whether its status is about what it says now."""
    return bool(obj.get("status", {}).get("observedGeneration", 0) >= obj["metadata"].get("generation", 0))


def _refusal(status: Mapping[str, Any], written: datetime | None) -> dict[str, Any]:
    """Reads what a Deployment's controller hands on of its newest ReplicaSet (`ReplicaFailure`), or says of one that
    could not even be made (kubernetes/pkg/controller/deployment: progress.go, sync.go)."""
    for each in status.get("conditions") or []:
        kind = each.get("type"), each.get("status"), each.get("reason")
        if kind in (("ReplicaFailure", "True", "FailedCreate"), ("Progressing", "False", "ReplicaSetCreateError")):
            said = printable(" ".join(str(each.get("message", "")).split()), SENTENCE_SHOWN) or str(each["reason"])
            times = [moment_of(each.get(key)) for key in ("lastUpdateTime", "lastTransitionTime")]
            at = max((time for time in times if time), default=None)
            # Both times are the cluster's: ours may be another.
            return {"refusal": said, "refused_before": at is not None and written is not None and at < written}
    return {}


def _images(template: Mapping[str, Any]) -> dict[str, str]:
    return {container["name"]: container["image"] for container in template["spec"]["containers"]}


KINDS: Final[Mapping[Kind, KindOfWorkload]] = MappingProxyType[Kind, KindOfWorkload](
    {
        "Deployment": KindOfWorkload(
            "apps/v1", _read_deployment, (("apps", "deployments", "get list watch patch"),), in_release_id=False
        ),
        "StatefulSet": KindOfWorkload(
            "apps/v1",
            _read_stateful_set,
            # Events say why it can make no pod, and why a claim is not bound: its status has no condition for that.
            (("apps", "statefulsets", "get list watch patch"), ("", "events", "list")),
        ),
        "CronJob": KindOfWorkload(
            "batch/v1",
            _read_cron_job,
            (
                ("batch", "cronjobs", "get patch"),
                # Where the other side's schedule left off.
                ("batch", "cronjobs/status", "patch"),
                ("batch", "jobs", "list"),
            ),
            template=OF_JOBS,
            in_release_id=False,
        ),
    }
)

API_VERSIONS: Final[Mapping[str, str]] = MappingProxyType({kind: row.api for kind, row in KINDS.items()})
"""The API group and version of each kind, by its word."""
