"""What would start a worker on the side that is dark, or keep it from working on the live one: on plain values.

A ScaledObject of KEDA does both (scaled_objects.py). A HorizontalPodAutoscaler leaves alone what is at 0
(`ScalingDisabled`), unless its own minimum is 0 (kubernetes/pkg/controller/podautoscaler/horizontal.go; kubernetes.io,
"Implicit maintenance-mode deactivation"; a minimum of 0 is on by default since 1.37).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flipgate.core.values.place import Place
from flipgate.core.workloads.scaled_objects import PAUSED, ScaledObject
from flipgate.core.workloads.scalers import Scaler


def from_nothing(scaler: Scaler, place: Place) -> str:
    """Returns what a HorizontalPodAutoscaler does to a worker while its side is dark, and the command that mends it;
    empty for one that leaves alone what is at 0."""
    if scaler.least:
        return ""
    patch = f"kubectl -n {place.namespace} patch hpa {scaler.name} --type=merge -p"
    return (
        f"HorizontalPodAutoscaler {place.namespace}/{scaler.name} may start {scaler.deployment} from 0 pods while "
        f"{place.side} is dark: work would be done twice. With a minimum of 1 it leaves alone what is at 0: "
        f"""{patch} '{{"spec":{{"minReplicas":1}}}}'"""
    )


def while_dark(scaled: ScaledObject, place: Place) -> str:
    """Returns what KEDA does to a worker on the side that is dark, and the command that mends it; empty where it is
    paused."""
    if scaled.held or not scaled.rules:
        return ""
    does = f"may start {scaled.deployment} on {place.side}, which is dark: work would be done twice"
    if scaled.pinned:
        does = (
            f"holds {scaled.deployment} at {scaled.number} pods on {place.side}, which is dark, and flipgate did not "
            "set that: it would hold it there after the next hand-over as well"
        )
    return f"{scaled} {does}. The next deploy pauses it. At once: {scaled.hold_by_hand()}"


def while_live(scaled: ScaledObject, place: Place) -> str:
    """Returns why KEDA keeps a worker of the live side from working, and the command that mends it; empty where it does
    not."""
    if not (scaled.held or scaled.number == "0"):
        return ""
    by = "flipgate paused it, and could not let it go" if scaled.held else "by an annotation that flipgate did not set"
    return f"{scaled} holds {scaled.deployment} at 0 pods on {place.side}, which is live: {by}. {scaled.let_go_by_hand}"


def starts_jobs(scaled_job: Mapping[str, Any], place: Place) -> str:
    """Returns what a ScaledJob does on the side that is dark, and the command that mends it; empty for one that is
    paused (kedacore/keda, controllers/keda/scaledjob_controller.go)."""
    meta = scaled_job["metadata"]
    if str((meta.get("annotations") or {}).get(PAUSED, "false")).lower() == "true":
        return ""
    return (
        f"ScaledJob {place.namespace}/{meta['name']} may start Jobs on {place.side}, which is dark: work would be done "
        f"twice, and flipgate hands no ScaledJob over. kubectl -n {place.namespace} annotate scaledjob {meta['name']} "
        f"{PAUSED}=true --overwrite; with each flip, the other side's in its place"
    )
