"""Counts what a side costs while it is kept, by what was read of it already."""

from __future__ import annotations

from decimal import Decimal

from flipgate.adapters.limits import pod_needs
from flipgate.core.workloads.costs import Costs
from flipgate.core.workloads.view import SideState, Workload

CPU, MEMORY = "requests.cpu", "requests.memory"


def costs_of(side: SideState) -> Costs:
    """What its Deployments and StatefulSets are asked to run: a CronJob has no pods of its own."""
    return sum((_costs(each) for each in side.workloads.values() if each.kind != "CronJob"), Costs())


def _costs(workload: Workload) -> Costs:
    needs, pods = pod_needs(workload.template), workload.replicas
    cpu, memory = needs.get(CPU, Decimal(0)), needs.get(MEMORY, Decimal(0))
    return Costs(pods, pods * cpu, pods * memory, 0 if CPU in needs and MEMORY in needs else pods)
