"""What scales a service that serves, beside flipgate: a HorizontalPodAutoscaler, or KEDA's ScaledObject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from flipgate.core.spec.service import Service
from flipgate.core.values.place import Place
from flipgate.core.workloads.minimums import AUTOSCALER, Minimum, read_minimum
from flipgate.core.workloads.scaled_objects import SCALED_OBJECT, ScaledObject, read_scaled_object

Autoscaler = Minimum | ScaledObject
Autoscalers = Mapping[str, tuple[Autoscaler, ...]]
"""Those of one side, by service."""
A = TypeVar("A", bound=Autoscaler)

READ: Final[Mapping[str, Callable[[Mapping[str, Any], str], Autoscaler | None]]] = MappingProxyType(
    {AUTOSCALER: read_minimum, SCALED_OBJECT: read_scaled_object}
)
"""How one of each kind is read, with its namespace."""


def by_service(found: Iterable[A | None], services: Iterable[Service], place: Place) -> dict[str, tuple[A, ...]]:
    """Returns those that scale one of these services' workloads, by service."""
    names: dict[tuple[str, str], str] = {(each.kind, place.workload_of(each)): each.name for each in services}
    sorted_out: dict[str, tuple[A, ...]] = {}
    for each in found:
        if each and (name := names.get((each.target, each.deployment))):
            sorted_out[name] = (*sorted_out.get(name, ()), each)
    return sorted_out


def to_hold(found: Autoscalers, counts: Mapping[str, int]) -> tuple[tuple[Autoscaler, int], ...]:
    """Returns those that would take a service from the count at which it is to rest, each with that."""
    return tuple((each, counts[name]) for name, each in _each(found) if each.holding(counts[name]))


def to_take(found: Autoscalers, counts: Mapping[str, int]) -> tuple[Autoscaler, ...]:
    """Returns those that a rest at these counts holds, or held once: whoever brings the side up takes them, so that no
    write of that rest arrives after it."""
    ours = (each for name, each in _each(found) if each.stamp or each.before is not None or each.holding(counts[name]))
    return tuple(ours)


def _each(found: Autoscalers) -> Iterator[tuple[str, Autoscaler]]:
    return ((name, each) for name, some in sorted(found.items()) for each in some)
