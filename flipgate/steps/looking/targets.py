"""Checks, before a move forward, that all that the routes will name on the new side exists and has a Ready endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from flipgate.adapters.addresses import address
from flipgate.adapters.routes import find_route
from flipgate.core.traffic.grants import look_for_grants, not_granted
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.targets import (
    LEADS_ELSEWHERE,
    MISSING,
    SERVICE_MISSING,
    SERVICE_PORT_MISSING,
    Unfit,
    judge_service,
)
from flipgate.core.traffic.traffic import RouteName, RouteState, Target, Traffic
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.looking.companions import need_companions
from flipgate.steps.looking.grants import missing_grants
from flipgate.steps.looking.look import list_few

Services = Mapping[str, Mapping[str, Any] | None]
"""By name, as the API server has them; None for one that is not there."""
FEW = 3
"""So many Services are read by name."""
Objects = Mapping[str, tuple[Mapping[str, Any] | None, list[dict[str, Any]]]]
"""Each Service with its EndpointSlices."""
OWNER = "kubernetes.io/service-name"
"""The label of an EndpointSlice that says which Service's it is."""


def need_targets(world: World, traffic: Traffic, to: Side) -> Services:
    """Returns the Services that the routes will name on `to`, as they were read. Raises Refused unless each exists with
    the port that they name, and has a Ready endpoint where Traefik asks for one (ServiceMissing, ServicePortMissing,
    NoReadyEndpoints).

    Two requests a Service, all at once; two in all of more than a few. Never asked on the way back. Raises Refused
    (LeadsElsewhere) for a TraefikService of that side which leads anywhere else, (ReferenceGrantMissing) for what a
    route may not name, and (LeftBehind) for what a route names of a side beside its targets.
    """
    need_companions(world, traffic)
    need_grants(world, traffic, to)
    services = services_of(world, _targets(traffic), to)
    names = list(dict.fromkeys(target.name for target in services))
    namespace = world.application.place_of(to).namespace
    objects = _listed(world, namespace, names) or _read(world, namespace, names)
    empty_allowed = world.application.spec.traffic.traefik.allow_empty_services
    for target in services:
        if unfit := judge_service(target, *objects[target.name], empty_allowed=empty_allowed):
            raise _refused(namespace, target, unfit, _look(unfit.reason, namespace, target.name))
    return {name: service for name, (service, _) in objects.items()}


def led_to(world: World, traffic: Traffic, to: Side) -> Services:
    """Returns the Services that the routes would name on `to`, all read at once; None for one that is not there. None
    at all where a TraefikService of that side leads elsewhere or is not there: before the move that is refused."""
    try:
        names = list(dict.fromkeys(target.name for target in services_of(world, _targets(traffic), to)))
    except Refused as refused:
        world.say(f"not known which Services the routes would name on {to}: {refused.fact}")
        return {}
    namespace = world.application.place_of(to).namespace
    paths = [address("Service", namespace, name) for name in names]
    return dict(zip(names, world.each(world.cluster.find, paths), strict=True))


def _targets(traffic: Traffic) -> list[Target]:
    return [entry.target for state in traffic.leading for entry in state.entries]


def need_grants(world: World, traffic: Traffic, to: Side) -> None:
    """Raises Refused where a route may not name what it would name on `to`: Traefik would answer users with 500."""
    namespace = world.application.place_of(to).namespace
    for route, target in missing_grants(world, traffic, to):
        unfit = Unfit(Why.REFERENCE_GRANT_MISSING, not_granted(route, namespace))
        raise _refused(namespace, target, unfit, look_for_grants(namespace))


def _look(reason: str, namespace: str, name: str) -> str:
    if reason == SERVICE_MISSING:
        return f"kubectl -n {namespace} get services"
    if reason == SERVICE_PORT_MISSING:
        return f"kubectl -n {namespace} get service {name} -o yaml"
    return f"kubectl -n {namespace} get endpointslices -l {OWNER}={name}"


def _listed(world: World, namespace: str, names: Sequence[str]) -> Objects:
    """Services, and the EndpointSlices of each, by one list of either; nothing of a few, and where they cannot be
    listed. A list may have to wait for an API server's cache (look.py): before a move there is time for that."""
    if len(names) <= FEW:
        return {}
    found = list_few(world, address("Service", namespace), len(names))
    slices = list_few(world, address("EndpointSlice", namespace), len(names)) if found is not None else None
    if found is None or slices is None:
        return {}
    services = {each["metadata"]["name"]: each for each in found}
    of: dict[str, list[dict[str, Any]]] = {}
    for each in slices:
        of.setdefault(each["metadata"].get("labels", {}).get(OWNER, ""), []).append(each)
    return {name: (services.get(name), of.get(name, [])) for name in names}


def _read(world: World, namespace: str, names: Sequence[str]) -> Objects:
    found = world.each(lambda read: read(), [r for name in names for r in _reads(world, namespace, name)])
    return {name: (found[2 * n], found[2 * n + 1]) for n, name in enumerate(names)}


def _reads(world: World, namespace: str, name: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The Service, and its EndpointSlices by the label that says whose they are."""
    slices = address("EndpointSlice", namespace)
    selector = f"{OWNER}={name}"
    return (
        partial(world.cluster.find, address("Service", namespace, name)),
        partial(world.cluster.items, slices, labelSelector=selector),
    )


def services_of(world: World, targets: Iterable[Target], to: Side) -> list[Target]:
    """The Services that routes to these targets name, in their order; behind a TraefikService of the side, those it
    names. Raises Refused (ServiceMissing, LeadsElsewhere) for a TraefikService that is not there, or leads elsewhere.
    """
    waiting = list(targets)
    services: dict[Target, None] = {}
    behind: dict[Target, None] = {}
    while waiting:
        target = waiting.pop(0)
        if target.kind not in KINDS:
            services[target] = None
        elif target not in behind:
            behind[target] = None
            waiting += [entry.target for entry in _behind(world, target, to).entries]
    return list(services)


def _behind(world: World, target: Target, to: Side) -> RouteState:
    """A TraefikService in the side's own namespace: whoever is sent to it must stay on that side."""
    namespace = world.application.place_of(to).namespace
    name = RouteName(target.kind, namespace, target.name)
    state = find_route(world.cluster, world.application, name, world.route_api(target.kind))
    look = f"kubectl -n {namespace} get {KINDS[target.kind].plural} -o yaml"
    if not state.found:
        raise _refused(namespace, target, Unfit(SERVICE_MISSING, MISSING), look)
    if state.whole is not to:
        raise _refused(namespace, target, Unfit(LEADS_ELSEWHERE, f"would send users elsewhere ({state})"), look)
    return state


def _refused(namespace: str, target: Target, unfit: Unfit, look: str) -> Refused:
    obj = f"{target.kind} {namespace}/{target.name}"
    return Refused(unfit.fact, obj=obj, reason=unfit.reason, untouched="all routes", next_command=look)
