"""Places pods that are still to come on the nodes there are, largest first, and says which of them fit nowhere, and
what is short. Advice: an autoscaler may add nodes, and pods of a higher priority make room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from flipgate.core.values.frozen import dataclass
from flipgate.core.workloads.nodes import Amounts, Node, open_to
from flipgate.core.workloads.room import amount

PODS: Final = "pods"
NODES_SAID: Final = 4
"""Reasons that are said one by one, of the many that nodes may have."""


@dataclass(frozen=True)
class Coming:
    """Pods of one service that are still to come. `requests` is what one of them requests."""

    service: str
    pods: int
    requests: Amounts
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class Unplaced:
    """Pods of one service that fit on no node."""

    service: str
    pods: int
    of: int
    why: str


def place(nodes: Sequence[Node], coming: Iterable[Coming]) -> tuple[Unplaced, ...]:
    """Returns the pods that fit on no node, by service in the order of their names.

    The largest are placed first, each service's on the fullest nodes that take them: so little is left over, and less
    is said to be short than a scheduler that spreads them would find.
    """
    free = {node.name: {**node.free} for node in nodes}
    most = _most(nodes)
    found = []
    for each in sorted(coming, key=lambda one: (-_size(one.requests, most), one.service)):
        needs = {**{name: value for name, value in each.requests.items() if value}, PODS: Decimal(1)}
        may, out = open_to(nodes, each.spec)
        left = each.pods
        for node in sorted(may, key=lambda one: (_size(free[one.name], most), one.name)):
            taken = min(left, _how_many(free[node.name], needs))
            for resource, value in needs.items():
                free[node.name][resource] = free[node.name].get(resource, Decimal(0)) - value * taken
            left -= taken
        if left:
            why = _why(len(nodes), out, [free[node.name] for node in may], needs)
            found.append(Unplaced(each.service, left, each.pods, why))
    return tuple(sorted(found, key=lambda one: one.service))


def placed(nodes: Sequence[Node], coming: Sequence[Coming]) -> tuple[str, str]:
    """Returns what `place` found as a sentence, and on how many nodes it looked."""
    total, found = sum(each.pods for each in coming), place(nodes, coming)
    said = "; ".join(f"{each.service}: {each.pods} of {each.of} pods fit on no node ({each.why})" for each in found)
    return said or f"{total} pods fit", f"{len(nodes)} node{'' if len(nodes) == 1 else 's'}"


def _most(nodes: Iterable[Node]) -> dict[str, Decimal]:
    most: dict[str, Decimal] = {}
    for node in nodes:
        for resource, value in node.free.items():
            most[resource] = max(most.get(resource, Decimal(0)), value)
    return most


def _size(amounts: Amounts, most: Amounts) -> Decimal:
    """The largest share that this is of what is most free on a node; what no node has is larger than all."""
    shares = [value / most[name] if most.get(name) else Decimal(1000) for name, value in amounts.items() if value > 0]
    return max(shares, default=Decimal(0))


def _how_many(free: Amounts, needs: Amounts) -> int:
    return max(0, int(min(free.get(resource, Decimal(0)) // value for resource, value in needs.items())))


def _why(all_nodes: int, out: Mapping[str, int], free: Sequence[Amounts], needs: Amounts) -> str:
    """What each node lacks, by number of nodes: a node may be short of several things, and is counted for each."""
    if not all_nodes:
        return "there is no node"
    short = dict.fromkeys(needs, 0)
    for node in free:
        for resource, value in needs.items():
            short[resource] += node.get(resource, Decimal(0)) < value
    ranked = sorted(out.items(), key=lambda each: (-each[1], each[0]))
    said = [f"{count} {why}" for why, count in ranked[:NODES_SAID]]
    if others := sum(count for _, count in ranked[NODES_SAID:]):
        said.append(f"{others} for other reasons")
    for resource, count in sorted(short.items()):
        if count:
            best = max(Decimal(0), *(node.get(resource, Decimal(0)) for node in free))
            wants = f"a pod requests {amount(resource, needs[resource])}" if resource != PODS else "a pod is one more"
            said.append(f"{count} short of {resource} ({wants}, at most {amount(resource, best)} left)")
    return f"of {all_nodes} node{'s' if all_nodes > 1 else ''}: {', '.join(said)}"
