"""What may keep a side from being whole: a namespace's quotas and autoscalers, and what its pods take, as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import Reader
from flipgate.core.values.errors import Forbidden
from flipgate.core.way_back.way_back import Autoscaler
from flipgate.core.workloads.kinds import KINDS
from flipgate.core.workloads.room import Quota, Range
from flipgate.core.workloads.scalers import Scaler, read_scaler


def read_quotas(cluster: Reader, namespace: str) -> tuple[Quota, ...]:
    """The ResourceQuotas that hold for long-running pods. Raises Forbidden that names the right.

    One with a scope is taken to hold for all of them: that may be stricter than the cluster is, never laxer.
    """
    items = _list(cluster, address("ResourceQuota", namespace), "resourcequotas", namespace)
    lasting = [item for item in items if "Terminating" not in (item["spec"].get("scopes") or [])]
    return tuple(
        Quota(
            item["metadata"]["name"],
            amounts(item["spec"].get("hard")),
            amounts((item.get("status") or {}).get("used")),
            scoped=bool(
                item["spec"].get("scopeSelector") or set(item["spec"].get("scopes") or []) - {"NotTerminating"}
            ),
        )
        for item in lasting
    )


def read_ranges(cluster: Reader, namespace: str) -> tuple[Range, ...]:
    """The entries of the LimitRanges that hold for pods and containers. Raises Forbidden that names the right."""
    items = _list(cluster, address("LimitRange", namespace), "limitranges", namespace)
    return tuple(
        Range(
            item["metadata"]["name"],
            each["type"],
            most=amounts(each.get("max")),
            least=amounts(each.get("min")),
            limits=amounts(each.get("default")),
            requests=amounts(each.get("defaultRequest")),
        )
        for item in items
        for each in item["spec"].get("limits") or []
        if each["type"] in ("Container", "Pod")
    )


def read_autoscalers(cluster: Reader, namespace: str) -> tuple[Autoscaler, ...]:
    """The HorizontalPodAutoscalers of workloads that may scale down at all. Raises Forbidden that names the right."""
    items = _list_autoscalers(cluster, namespace)
    return tuple(
        Autoscaler(item["metadata"]["name"], item["spec"]["scaleTargetRef"]["name"], item["spec"].get("minReplicas", 1))
        for item in items
        if item["spec"]["scaleTargetRef"]["kind"] in KINDS and _shrinks(item["spec"])
    )


def read_scalers(cluster: Reader, namespace: str) -> tuple[Scaler, ...]:
    """All HorizontalPodAutoscalers of workloads, with their numbers. Raises Forbidden that names the right."""
    found = (read_scaler(item) for item in _list_autoscalers(cluster, namespace))
    return tuple(each for each in found if each)


def pod_needs(template: Mapping[str, Any], ranges: Iterable[Range] = ()) -> dict[str, Decimal]:
    """What one pod of this template takes of a quota, by resource (`requests.cpu`), in cores, bytes and counts.

    As Kubernetes counts: its containers together, or its greediest init container; a request that is not named is the
    limit, and what `ranges` (the namespace's LimitRanges) say comes after that. A resource that some container does not
    name is left out: an admission default may fill it in.
    """
    spec, filled = template.get("spec", {}), tuple(ranges)
    inits = spec.get("initContainers") or []
    beside = [*spec.get("containers", []), *(each for each in inits if each.get("restartPolicy") == "Always")]
    before = [each for each in inits if each.get("restartPolicy") != "Always"]
    needs = {}
    for kind in ("requests", "limits"):
        together, each = [_named(c, kind, filled) for c in beside], [_named(c, kind, filled) for c in before]
        overhead = amounts(spec.get("overhead"))
        for resource in _in_all([*together, *each]):
            most = max((init[resource] for init in each), default=Decimal(0))
            total = sum((c[resource] for c in together), Decimal(0))
            needs[f"{kind}.{resource}"] = max(total, most) + overhead.get(resource, Decimal(0))
    return needs


def container_needs(template: Mapping[str, Any], ranges: Iterable[Range] = ()) -> dict[str, dict[str, Decimal]]:
    """The same of each container by itself, init containers too, by its name."""
    spec, filled = template.get("spec", {}), tuple(ranges)
    return {
        each["name"]: {
            f"{kind}.{resource}": amount
            for kind in ("requests", "limits")
            for resource, amount in _named(each, kind, filled).items()
        }
        for each in [*spec.get("containers", []), *(spec.get("initContainers") or [])]
    }


def scheduled_requests(spec: Mapping[str, Any], ranges: Iterable[Range] = ()) -> dict[str, Decimal]:
    """What a pod of this spec requests of a node, by resource as a node names it, as the scheduler counts: what a
    container does not name is nothing, and what the whole pod requests (`spec.resources`) wins."""
    filled = tuple(ranges)
    total: dict[str, Decimal] = {}
    for each in spec.get("containers") or []:
        _add(total, _named(each, "requests", filled))
    most: dict[str, Decimal] = {}
    beside: dict[str, Decimal] = {}
    for each in spec.get("initContainers") or []:
        takes = _named(each, "requests", filled)
        if each.get("restartPolicy") == "Always":  # it stays beside those that come after it
            _add(beside, takes)
            _add(total, takes)
            takes = {}
        for resource in {*takes, *beside}:
            here = takes.get(resource, Decimal(0)) + beside.get(resource, Decimal(0))
            most[resource] = max(most.get(resource, Decimal(0)), here)
    together = {name: max(total.get(name, Decimal(0)), most.get(name, Decimal(0))) for name in {*total, *most}}
    together |= amounts((spec.get("resources") or {}).get("requests"))
    _add(together, amounts(spec.get("overhead")))
    return together


def _add(total: dict[str, Decimal], more: Mapping[str, Decimal]) -> None:
    for resource, value in more.items():
        total[resource] = total.get(resource, Decimal(0)) + value


def _named(container: Mapping[str, Any], kind: str, ranges: Iterable[Range]) -> dict[str, Decimal]:
    resources = container.get("resources") or {}
    limits = amounts(resources.get("limits"))
    own = limits | amounts(resources.get("requests")) if kind == "requests" else limits
    filled: dict[str, Decimal] = {}
    for each in ranges:
        if each.of == "Container":
            filled = {**(each.requests if kind == "requests" else each.limits), **filled}
    return filled | own


def _in_all(containers: Iterable[Mapping[str, Decimal]]) -> set[str]:
    sets = [set(each) for each in containers]
    return set.intersection(*sets) if sets else set()


def amounts(named: Mapping[str, Any] | None) -> dict[str, Decimal]:
    """What Kubernetes writes as quantities (`500m`, `64Mi`), as numbers: cores, bytes and counts."""
    from kubernetes.utils.quantity import parse_quantity

    return {name: parse_quantity(value) for name, value in (named or {}).items()}


def _shrinks(spec: Mapping[str, Any]) -> bool:
    down = (spec.get("behavior") or {}).get("scaleDown") or {}
    return bool(down.get("selectPolicy") != "Disabled")


def _list_autoscalers(cluster: Reader, namespace: str) -> list[dict[str, Any]]:
    path = address("HorizontalPodAutoscaler", namespace)
    return _list(cluster, path, "horizontalpodautoscalers.autoscaling", namespace)


def _list(cluster: Reader, path: str, resource: str, namespace: str) -> list[dict[str, Any]]:
    try:
        return cluster.items(path)
    except Forbidden as error:
        asked = f"kubectl auth can-i list {resource} -n {namespace}"
        raise Forbidden(f"no permission to list {resource} in namespace {namespace} ({asked})") from error
