"""What would start a worker on the side that is dark: an autoscaler that scales from nothing. On plain values.

KEDA does by its own hand: its operator takes a target from 0 to its minimum, and from 0 to 1 when a trigger is active,
unless the ScaledObject is paused; where the pause names a number, it sets that again and again, also against a
hand-over (keda.sh/docs, "Pause autoscaling"; kedacore/keda, pkg/scaling/executor/scale_scaledobjects.go). A
HorizontalPodAutoscaler leaves alone what is at 0, unless its own minimum is 0 (kubernetes.io, "Implicit
maintenance-mode deactivation"; a minimum of 0 is on by default since 1.37).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flipgate.core.values.place import Place
from flipgate.core.workloads.kinds import KINDS
from flipgate.core.workloads.scalers import Scaler

SCALED_OBJECT: Final = "ScaledObject"
PAUSED: Final = "autoscaling.keda.sh/paused"
PAUSED_AT: Final = "autoscaling.keda.sh/paused-replicas"


@dataclass(frozen=True)
class Starter:
    """An autoscaler that starts a workload that is at 0, or holds it at a number."""

    kind: str
    name: str
    deployment: str
    held: str = ""
    """The number that a paused ScaledObject holds it at; empty for one that scales."""
    target: str = "Deployment"
    """The kind of what it starts."""

    def problem(self, place: Place) -> str:
        """Returns what it does to a worker on the side that is dark, and the command that mends it."""
        side, at = place.side, f"{self.kind} {place.namespace}/{self.name}"
        if self.kind != SCALED_OBJECT:
            patch = f"kubectl -n {place.namespace} patch hpa {self.name} --type=merge -p"
            return (
                f"{at} may start {self.deployment} from 0 pods while {side} is dark: work would be done twice. With a "
                f"""minimum of 1 it leaves alone what is at 0: {patch} '{{"spec":{{"minReplicas":1}}}}'"""
            )
        fact = f"may start {self.deployment} on {side}, which is dark: work would be done twice"
        if self.held:
            fact = f"holds {self.deployment} at {self.held} pods on {side}, which is dark, also against a hand-over"
        until = f"{self._annotate(place)} {PAUSED}-"
        return f"{at} {fact}. Pause it as it is: {self._paused(place)}; once {side} works: {until}"

    def warning(self, place: Place) -> str:
        """Returns what a ScaledObject of the live side will do once that is dark, and what to do before."""
        return (
            f"{self.kind} {place.namespace}/{self.name} scales {self.deployment} on {place.side}, which is live, and "
            f"would start it again after the next hand-over; flipgate pauses none. Before that: {self._paused(place)}"
        )

    def _paused(self, place: Place) -> str:
        return f"{self._annotate(place)} {PAUSED}=true {PAUSED_AT}- --overwrite"

    def _annotate(self, place: Place) -> str:
        return f"kubectl -n {place.namespace} annotate scaledobject {self.name}"


def scaled_object(obj: Mapping[str, Any]) -> Starter | None:
    """Reads a ScaledObject; None for one that is paused as it is, or scales what no service can be."""
    meta, target = obj["metadata"], obj["spec"]["scaleTargetRef"]
    said = meta.get("annotations") or {}
    held = str(said.get(PAUSED_AT, ""))
    paused = not held and said.get(PAUSED, "false").lower() == "true"  # with both, KEDA goes by the number
    kind = target.get("kind", "Deployment")
    return None if paused or kind not in KINDS else Starter(SCALED_OBJECT, meta["name"], target["name"], held, kind)


def pod_autoscaler(scaler: Scaler) -> Starter | None:
    """Returns a HorizontalPodAutoscaler as what it starts; None for one that leaves alone what is at 0."""
    if scaler.least:
        return None
    return Starter("HorizontalPodAutoscaler", scaler.name, scaler.deployment, target=scaler.target)
