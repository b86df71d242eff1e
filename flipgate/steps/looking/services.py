"""The Kubernetes Services by which a side's services are asked: whether they are there, and which one was meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flipgate.adapters.addresses import address
from flipgate.adapters.limits import read_scalers
from flipgate.core.spec.application import Application
from flipgate.core.spec.service import Service
from flipgate.core.traffic.targets import judge_service, ports_of, selects
from flipgate.core.traffic.traffic import SERVICE, Target
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.workloads.counts import below_the_file
from flipgate.core.workloads.view import SideState, Workload
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side


def service_problems(world: World, state: SideState) -> Iterator[str]:
    """Each Service that a check asks, or that the file names, and that a side lacks, or lacks a port of."""
    namespace = state.namespace
    for service, asked in _asked(world.application):
        name = state.place.service_of(service)
        obj = world.cluster.find(address(SERVICE, namespace, name))
        if obj is None:
            said = f", and {_checks(asked)} it" if asked else f"; spec.services names it as that of {service.name}"
            yield f"Service {namespace}/{name} does not exist{said}{_meant(world, state, service)}"
            continue
        for port, checks in asked.items():
            if unfit := judge_service(Target(SERVICE, name, port, answers=False), obj, ()):
                yield f"Service {namespace}/{name} {unfit.fact}, and {_checks({port: checks})} it{_port(obj, checks)}"


def serving_notes(world: World) -> Iterator[str]:
    """Yields each service that is declared serving, and that nothing asks: no check, and no Service on either side;
    nothing where Services may not be listed. What works by itself would work on the dark side, too."""
    asked = {service.name for service, _ in _asked(world.application)}
    unasked = [service for service in world.application.serving() if service.name not in asked]
    if not unasked:
        return
    behind: set[str] = set()
    for side in Side:
        state = look_at_side(world, side, unasked)
        try:
            found = world.cluster.items(address(SERVICE, state.namespace))
        except FlipgateError:
            return  # releases do without that right
        for name, workload in state.workloads.items():
            if not workload.found or any(selects(obj, _labels(workload)) for obj in found):
                behind.add(name)
    for service in unasked:
        if service.name not in behind:
            yield (
                f"{service.name} is declared serving, and no Service selects its pods: if it works by itself (a "
                "queue, a schedule), declare role: worker, or it works on both sides at once"
            )


def count_notes(world: World, live: SideState) -> Iterator[str]:
    """Yields each service that the live side asks fewer pods for than the file: `status` is red for it. Nothing of one
    that an autoscaler scales, or may scale, for these may not be listed; nor where a person took fewer as right."""
    few = below_the_file(world.application, live)
    if not few:
        return
    try:
        scalers, record = read_scalers(world.cluster, live.namespace), world.store.find()
    except FlipgateError:
        return
    occupant = record.sides.get(live.side) if record else None
    accepted = occupant.accepted if occupant else {}
    for name, (asks, declared) in few.items():
        workload = live.workloads[name]
        if accepted.get(name, declared) > asks and not any(each.scales(workload) for each in scalers):
            fact = f"{name}: the file says {declared}, the live side asks for {asks}: `status` will call it TooFewPods"
            scale = f"kubectl -n {live.namespace} scale {workload.named} --replicas={declared}"
            yield f"{fact} ({scale}; or `replicas: {asks}` in the file)"


def _labels(workload: Workload) -> Mapping[str, Any]:
    return workload.template.get("metadata", {}).get("labels") or {}


def _asked(application: Application) -> Iterator[tuple[Service, Mapping[int | str, list[str]]]]:
    """Services that are asked by their Kubernetes Service, each with the checks that ask at a port."""
    for service in application.serving():
        asked: dict[int | str, list[str]] = {}
        for check in application.spec.checks:
            if check.service == service.name:
                asked.setdefault(check.port, []).append(check.name)
        if asked or service.service:
            yield service, asked


def _checks(asked: Mapping[int | str, list[str]]) -> str:
    names = [name for checks in asked.values() for name in checks]
    return f"check{'s' if len(names) > 1 else ''} {', '.join(names)} ask{'' if len(names) > 1 else 's'}"


def _port(service: Mapping[str, Any], checks: list[str]) -> str:
    """Which port to declare in the place of one that a Service has not."""
    ports = [str(each["port"]) for each in service.get("spec", {}).get("ports") or []]
    one = f"`port: {ports[0]}`" if len(ports) == 1 else "one of these as `port:`"
    return f"; declare {one} for {', '.join(checks)}, or give the Service that port" if ports else ""


def _meant(world: World, state: SideState, service: Service) -> str:
    """The Services that select the workload's pods, to be declared in the place of the one that is missing; else how it
    is made. They are not known where they cannot be listed: releases do without that right."""
    workload = state.workloads[service.name]
    try:
        found = world.cluster.items(address(SERVICE, state.namespace)) if workload.found else []
    except FlipgateError:
        found = []
    behind = [obj for obj in found if selects(obj, _labels(workload))]
    others = [f"{obj['metadata']['name']} ({ports_of(obj)})" for obj in behind]
    if not others:
        return f"; {_made(world, state, service)}"
    first = others[0].partition(" ")[0]
    return f"; {workload}'s pods are behind {', '.join(others)}: declare `service: {first}` for {service.name}"


def _made(world: World, state: SideState, service: Service) -> str:
    """How a Service comes to be where it is missing: as on the other side, if it is there."""
    other = world.application.place_of(state.side.other)
    name = other.service_of(service)
    if world.cluster.find(address(SERVICE, other.namespace, name)) is not None:
        return f"make it as it is on {other.side}: kubectl -n {other.namespace} get service {name} -o yaml"
    return f"make it, or declare another as `service:` for {service.name}"
