"""Counts what a side costs while it is kept, by what was read of it already."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from flipgate.adapters.limits import pod_needs
from flipgate.core.workloads.costs import Costs
from flipgate.core.workloads.view import SideState, Workload

CPU, MEMORY = "requests.cpu", "requests.memory"
NONE_KEPT: Final[Mapping[str, int]] = MappingProxyType({})


def costs_of(side: SideState, keep: Mapping[str, int] = NONE_KEPT) -> Costs:
    """What its Deployments and StatefulSets are asked to run beyond what they `keep`: a CronJob has no pods of its
    own."""
    found = ((each, keep.get(name, 0)) for name, each in side.workloads.items() if each.kind != "CronJob")
    return sum((_costs(each, max(0, each.replicas - kept)) for each, kept in found), Costs())


def _costs(workload: Workload, pods: int) -> Costs:
    needs = pod_needs(workload.template)
    cpu, memory = needs.get(CPU, Decimal(0)), needs.get(MEMORY, Decimal(0))
    return Costs(pods, pods * cpu, pods * memory, 0 if CPU in needs and MEMORY in needs else pods)
