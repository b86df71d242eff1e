"""What is known of the node's pods, in Prometheus' text format and by the names that kube-state-metrics gives it."""

from collections.abc import Iterable
from dataclasses import dataclass

from lab.node import status
from lab.node.status import PodState

PHASES = ("Failed", "Pending", "Running", "Succeeded", "Unknown")


@dataclass(frozen=True)
class Known:
    """One pod, and what it does now."""

    namespace: str
    name: str
    state: PodState


def text(pods: Iterable[Known]) -> str:
    """Whether each pod is Ready, its phase, and how often its containers have been started again."""
    ready, phases, restarts = [], [], []
    for pod in pods:
        who = f'namespace="{pod.namespace}",pod="{pod.name}"'
        now, holds = status.phase(pod.state), status.is_ready(pod.state)
        ready += [
            f'kube_pod_status_ready{{{who},condition="{word}"}} {int(holds is value)}'
            for word, value in (("true", True), ("false", False))
        ]
        phases += [f'kube_pod_status_phase{{{who},phase="{phase}"}} {int(phase == now)}' for phase in PHASES]
        restarts += [
            f'kube_pod_container_status_restarts_total{{{who},container="{each.name}"}} {each.restarts}'
            for each in pod.state.containers
        ]
    return "\n".join(
        [
            "# TYPE kube_pod_status_ready gauge",
            *ready,
            "# TYPE kube_pod_status_phase gauge",
            *phases,
            "# TYPE kube_pod_container_status_restarts_total counter",
            *restarts,
            "",
        ]
    )
