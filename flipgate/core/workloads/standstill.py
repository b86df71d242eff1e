"""Judges whether waiting will bring a workload up, or something stands in its way until somebody acts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flipgate.core.values.reasons import Why
from flipgate.core.workloads.view import SideState, Workload


@dataclass(frozen=True)
class Standstill:
    """Why no pods come up by waiting: the word, a sentence about the workload, and what to type."""

    reason: Why
    fact: str
    command: str


def paused(workloads: Iterable[Workload]) -> Iterator[Standstill]:
    """Each of these that is paused: its controller starts no pod of a new template (`kubectl rollout pause`)."""
    for workload in workloads:
        if workload.paused:
            name = f"{workload.kind.lower()}/{workload.name}"
            yield Standstill(
                Why.DEPLOYMENT_PAUSED,
                f"{workload} is paused: Kubernetes starts no pod of its new template",
                f"kubectl -n {workload.namespace} rollout resume {name}",
            )


def standstills(state: SideState, names: Iterable[str]) -> tuple[Standstill, ...]:
    """Returns what keeps these services from coming up, of those that are asked for pods and not as wanted."""
    waited_for = [state.workloads[name] for name in sorted(names)]
    return tuple(paused(workload for workload in waited_for if workload.replicas and not workload.rolled_out))
