"""Judges on which nodes a pod may run: by taints, by its node selector and by its required node affinity. On plain
values.

By the scheduler's own rules (kubernetes/staging/src/k8s.io/component-helpers/scheduling/corev1). What it also looks at
is not judged here: affinity to other pods, spread, volumes and ports of the host.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from flipgate.core.values.frozen import dataclass

Amounts = Mapping[str, Decimal]
"""By resource as a node names it (`cpu`, `memory`, `pods`), in cores, bytes and counts."""
KEEPING_OUT: Final = frozenset({"NoSchedule", "NoExecute"})
CORDONED: Final = "node.kubernetes.io/unschedulable"
"""The taint of a node that takes no new pods (`kubectl cordon`)."""
_NAME: Final = "metadata.name"
_INTEGER: Final = re.compile(r"[+-]?\d+")


@dataclass(frozen=True)
class Taint:
    """What keeps pods that do not tolerate it from a node."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return f"{self.key}{f'={self.value}' if self.value else ''}:{self.effect}"


@dataclass(frozen=True)
class Node:
    """One node as it was read. `free` is what is allocatable there without the requests of the pods bound to it."""

    name: str
    free: Amounts
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    """Those that keep pods out; a cordoned node has that of CORDONED."""


def keeps_out(node: Node, spec: Mapping[str, Any]) -> str:
    """Says what keeps all pods of this spec from the node, whatever is free there; empty where one may run."""
    for taint in node.taints:
        if not any(_tolerates(each, taint) for each in spec.get("tolerations") or []):
            return "cordoned" if taint.key == CORDONED else f"with taint {taint}"
    wanted: Mapping[str, str] = spec.get("nodeSelector") or {}
    for key, value in sorted(wanted.items()):
        if node.labels.get(key) != value:
            return f"without the label {key}={value} of its nodeSelector"
    return "" if _affine(node, spec) else "outside its required node affinity"


def _tolerates(toleration: Mapping[str, Any], taint: Taint) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.effect:
        return False
    if toleration.get("key") and toleration["key"] != taint.key:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == taint.value


def _affine(node: Node, spec: Mapping[str, Any]) -> bool:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(_term(node, each) for each in required.get("nodeSelectorTerms") or [])


def _term(node: Node, term: Mapping[str, Any]) -> bool:
    """One that asks for nothing matches no node."""
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    named = {_NAME: node.name}
    asked = [*((each, node.labels) for each in expressions), *((each, named) for each in fields)]
    return bool(asked) and all(_matches(each, labels) for each, labels in asked)


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """An operator that is not known matches nothing, as with the scheduler."""
    rule = OPERATORS.get(str(expression.get("operator")))
    return rule is not None and rule(labels.get(expression["key"]), expression.get("values") or [])


def _compared(greater: bool) -> Callable[[str | None, Sequence[str]], bool]:
    def rule(found: str | None, values: Sequence[str]) -> bool:
        if found is None or len(values) != 1 or not all(map(_INTEGER.fullmatch, (found, values[0]))):
            return False
        return int(found) > int(values[0]) if greater else int(found) < int(values[0])

    return rule


OPERATORS: Final[Mapping[str, Callable[[str | None, Sequence[str]], bool]]] = MappingProxyType(
    {
        "In": lambda found, values: found in values,
        "NotIn": lambda found, values: found not in values,
        "Exists": lambda found, _: found is not None,
        "DoesNotExist": lambda found, _: found is None,
        "Gt": _compared(greater=True),
        "Lt": _compared(greater=False),
    }
)
"""Of a node selector's requirement: a label's value (None without one) against the values named."""


def open_to(nodes: Iterable[Node], spec: Mapping[str, Any]) -> tuple[list[Node], dict[str, int]]:
    """Returns the nodes on which a pod of this spec may run, and why it may not on how many of the others."""
    may, out = [], dict[str, int]()
    for node in nodes:
        if why := keeps_out(node, spec):
            out[why] = out.get(why, 0) + 1
        else:
            may.append(node)
    return may, out
