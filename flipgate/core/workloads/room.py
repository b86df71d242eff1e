"""Judges whether a namespace has room for more pods: by its ResourceQuotas and its LimitRanges. On plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from flipgate.core.values.frozen import dataclass

PODS: Final = frozenset({"pods", "count/pods"})
SHORT_NAMES: Final = {"cpu": "requests.cpu", "memory": "requests.memory"}
MUST_NAME: Final = frozenset({"requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
"""A quota on one of these refuses a pod that does not name it, where no LimitRange fills it in."""
REPLICA_SETS: Final = "count/replicasets.apps"
DEPLOYMENTS: Final = "count/deployments.apps"

Needs = Mapping[str, Decimal]
"""What something takes, by resource (`requests.cpu`), in cores, bytes and counts."""


@dataclass(frozen=True)
class Quota:
    """One ResourceQuota: what it allows and what is used, by its own names of resources, in cores, bytes and counts."""

    name: str
    hard: Needs
    used: Needs
    scoped: bool = False
    """Whether it holds for some pods alone, by their class or their priority: which ones is not judged here."""


@dataclass(frozen=True)
class Range:
    """One entry of a LimitRange: what each container, or each pod, may take, and has to."""

    name: str
    of: str
    """`Container` or `Pod`."""
    most: Needs
    least: Needs
    limits: Needs
    """What a container that names no limit gets, by the short name of the resource (`cpu`)."""
    requests: Needs


@dataclass(frozen=True)
class Wanted:
    """What one service still needs on a side: so many pods more, each of which takes so much."""

    pods: int
    needs: Needs
    containers: Mapping[str, Needs]
    """What each container of one pod takes, init containers too, by name."""
    kind: str = "Deployment"
    """Of its workload."""


@dataclass(frozen=True)
class Shortage:
    """Why a namespace does not take the pods that are wanted, and what to type about it."""

    text: str
    command: str
    known: bool = True
    """False where nobody can say: a number is missing."""
    certain: bool = True
    """False where it may hold for other pods than these, or is not known at all."""
    mend: str = ""


def short_quotas(
    quotas: Iterable[Quota], missing: Mapping[str, int], needs: Mapping[str, Needs], namespace: str
) -> Iterator[Shortage]:
    """Yields each resource of a quota of which too little is left for the missing pods of these services, or of which
    that cannot be told. Nothing where it says nothing about pods, or none is missing.

    `needs` is what one pod of a service takes, as far as its template says.
    """
    for quota in sorted(quotas, key=lambda each: each.name):
        for resource in sorted(quota.hard):
            yield from _short_of(quota, resource, missing, needs, namespace)


def short_of_objects(quotas: Iterable[Quota], wanted: Mapping[str, int], namespace: str) -> Iterator[Shortage]:
    """Yields each quota that does not take so many more objects of a kind (`count/replicasets.apps`): a new template
    is a new ReplicaSet."""
    for quota in sorted(quotas, key=lambda each: each.name):
        for resource, count in sorted(wanted.items()):
            hard, used = quota.hard.get(resource), quota.used.get(resource)
            if hard is not None and used is not None and used + count > hard:
                text = f"{_named(quota, namespace)}: {resource} {used} of {hard} used, {count} more wanted"
                yield _shortage(quota, text, namespace, resource, used + count)


def out_of_range(ranges: Iterable[Range], wanted: Mapping[str, Wanted], namespace: str) -> Iterator[Shortage]:
    """Yields what a LimitRange refuses of these services' pods: a container, or a pod, that asks for more than it may,
    or for less than it has to (kubernetes/plugin/pkg/admission/limitranger/admission.go)."""
    for each in sorted(ranges, key=lambda one: (one.name, one.of)):
        for service, its in sorted(wanted.items()):
            parts = its.containers if each.of == "Container" else {"": its.needs}
            for container, takes in parts.items():
                part = f"container {container}" if container else "a pod"
                yield from _refused(each, takes, f"{part} of {its.kind} {namespace}/{service}", namespace)


def _refused(range_: Range, takes: Needs, whose: str, namespace: str) -> Iterator[Shortage]:
    for bounds, word, beyond in ((range_.most, "most", _more), (range_.least, "least", _less)):
        for resource, bound in sorted(bounds.items()):
            for part in ("limits", "requests"):
                found = takes.get(f"{part}.{resource}")
                if found is not None and beyond(found, bound):
                    asked = f"{part[:-1]} {amount(resource, found)}"
                    text = (
                        f"LimitRange {namespace}/{range_.name} allows each {range_.of} at {word} "
                        f"{amount(resource, bound)} of {resource}, and {whose} has {asked}"
                    )
                    command = f"kubectl -n {namespace} edit limitrange {range_.name}"
                    yield Shortage(text, command, mend=f"change the one or the other ({command})")
                    break


def _more(found: Decimal, bound: Decimal) -> bool:
    return found > bound


def _less(found: Decimal, bound: Decimal) -> bool:
    return found < bound


def _short_of(
    quota: Quota, resource: str, missing: Mapping[str, int], needs: Mapping[str, Needs], namespace: str
) -> Iterator[Shortage]:
    """Whether the quota would admit the missing pods."""
    key = SHORT_NAMES.get(resource, resource)
    each = {name: Decimal(1) if key in PODS else needs.get(name, {}).get(key) for name in missing}
    if key in MUST_NAME and (silent := [service for service, need in each.items() if need is None]):
        text = f"{_named(quota, namespace)} asks for {key}, which the pods of {', '.join(silent)} do not name"
        yield _unknown(quota, text, namespace)
        return
    more = sum((count * (each[service] or Decimal(0)) for service, count in missing.items()), Decimal(0))
    used, hard = quota.used.get(resource), quota.hard[resource]
    if more and used is None:
        text = f"{_named(quota, namespace)}: nobody knows yet how much {resource} is used"
        yield _unknown(quota, text, namespace)
    elif used is not None and more and used + more > hard:
        whom = ", ".join(f"{service} {count}" for service, count in missing.items() if each[service])
        numbers = f"{amount(key, used)} of {amount(key, hard)} used, {amount(key, more)} more wanted"
        text = f"{_named(quota, namespace)}: {resource} {numbers} (pods missing: {whom})"
        yield _shortage(quota, text, namespace, resource, used + more)


def _named(quota: Quota, namespace: str) -> str:
    return f"ResourceQuota {namespace}/{quota.name}"


def _shortage(quota: Quota, text: str, namespace: str, resource: str, enough: Decimal) -> Shortage:
    edit = f"kubectl -n {namespace} edit resourcequota {quota.name}"
    mend = f"raise it to {amount(SHORT_NAMES.get(resource, resource), enough)} at least ({edit})"
    return Shortage(text, _look(quota, namespace), certain=not quota.scoped, mend=mend)


def _unknown(quota: Quota, text: str, namespace: str) -> Shortage:
    look = _look(quota, namespace)
    return Shortage(text, look, known=False, certain=False, mend=f"look at it ({look})")


def _look(quota: Quota, namespace: str) -> str:
    return f"kubectl -n {namespace} describe resourcequota {quota.name}"


def amount(resource: str, value: Decimal) -> str:
    """Formats a number for people: bytes in Mi."""
    return f"{value / 2**20:.0f}Mi" if resource.endswith(("memory", "storage")) else f"{value.normalize():f}"
