"""Says who asks for fewer pods of a side than were set: an autoscaler with its numbers, or whoever wrote the count."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flipgate.core.values.frozen import dataclass
from flipgate.core.values.managed_fields import set_by
from flipgate.core.values.reasons import Why
from flipgate.core.values.unread import Unread
from flipgate.core.workloads.kinds import KINDS
from flipgate.core.workloads.standstill import Standstill
from flipgate.core.workloads.view import SideState, Workload


@dataclass(frozen=True)
class Scaler:
    """One HorizontalPodAutoscaler of a workload, and KEDA's ScaledObject that made it, if one did: then that is what
    its numbers come from (kedacore/keda: controllers/keda/hpa.go)."""

    name: str
    deployment: str
    least: int
    most: int
    wants: int
    scaled_object: str = ""
    target: str = "Deployment"
    """The kind of what it scales."""

    def __str__(self) -> str:
        made = f" of ScaledObject {self.scaled_object}" if self.scaled_object else ""
        return f"HorizontalPodAutoscaler {self.name}{made} ({self.least} to {self.most} pods, wants {self.wants})"

    def scales(self, workload: Workload) -> bool:
        """Whether it is this workload's."""
        return (self.target, self.deployment) == (workload.kind, workload.name)

    def keeping(self, namespace: str, count: int) -> str:
        """Returns the command that has it ask for so many pods at least."""
        bounds = {"minReplicas": count} | ({"maxReplicas": count} if self.most < count else {})
        what = f"hpa {self.name}"
        if self.scaled_object:
            bounds = {key.replace("Replicas", "ReplicaCount"): value for key, value in bounds.items()}
            what = f"scaledobject {self.scaled_object}"
        patch = json.dumps({"spec": bounds}, separators=(",", ":"))
        return f"kubectl -n {namespace} patch {what} --type=merge -p='{patch}'"


def read_scaler(obj: Mapping[str, Any]) -> Scaler | None:
    """Reads a HorizontalPodAutoscaler; None for one that scales what no service can be."""
    meta, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    target = spec["scaleTargetRef"]
    if target["kind"] not in KINDS:
        return None
    owners = meta.get("ownerReferences") or []
    keda = next((each["name"] for each in owners if each.get("kind") == "ScaledObject"), "")
    least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
    wants = status.get("desiredReplicas", least)
    return Scaler(meta["name"], target["name"], least, most, wants, keda, target["kind"])


def fewer(state: SideState, wanted: Mapping[str, int]) -> dict[str, Workload]:
    """Returns the workloads that ask for fewer pods than these services were set to, by service. One that was taken out
    of the file meanwhile is none of the side's."""
    found = {name: state.workloads[name] for name, count in sorted(wanted.items()) if count and name in state.workloads}
    return {name: each for name, each in found.items() if each.found and each.replicas < wanted[name]}


def taken_away(
    few: Mapping[str, Workload], wanted: Mapping[str, int], scalers: Sequence[Scaler] | Unread
) -> Iterator[Standstill]:
    """Each of these, with who took its pods away: nobody of ours gives them back while they are waited for."""
    for service, workload in few.items():
        count, place = wanted[service], workload.namespace
        fact = f"{workload} asks for {workload.replicas} of {count} wanted pods"
        by = set_by(workload.scaled_by, "set")
        command = f"kubectl -n {place} scale {workload.named} --replicas={count}"
        if isinstance(scalers, Unread):
            by += f"; whether an autoscaler took them away is not known: {scalers.why}"
        elif its := next((each for each in scalers if each.scales(workload)), None):
            by, command = f": {its} took them away", its.keeping(place, count)
        yield Standstill(service, workload, Why.SCALED_BY_ANOTHER, fact + by, command)
