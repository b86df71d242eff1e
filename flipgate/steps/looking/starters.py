"""Looks for autoscalers that would start workers on the side that is dark."""

from __future__ import annotations

from collections.abc import Iterator

from flipgate.adapters.addresses import KEDA, address
from flipgate.adapters.limits import read_scalers
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.workloads.starters import SCALED_OBJECT, Starter, pod_autoscaler, scaled_object
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_traffic


def starter_problems(world: World) -> Iterator[str]:
    """Each autoscaler that may start a worker on the dark side, with the command that mends it. A ScaledObject of the
    live side, which has to work there, is only said. Where KEDA is not served nothing is asked of it."""
    if not world.application.workers():
        return
    try:
        live = look_at_traffic(world).active
    except FlipgateError:
        live = None  # a problem of its own, and named already
    for side in Side:
        place = world.application.place_of(side)
        ours = {(service.kind, place.workload_of(service)) for service in world.application.workers()}
        try:
            found = [each for each in _starters(world, place.namespace) if (each.target, each.deployment) in ours]
        except FlipgateError as error:
            yield f"autoscalers of {side} could not be looked at: {error}"
            continue
        for each in found:
            if each.kind != SCALED_OBJECT or (live and side is not live):
                yield each.problem(place)
            elif live and not each.held:
                world.say(each.warning(place))


def _starters(world: World, namespace: str) -> list[Starter]:
    cluster = world.cluster
    found = [pod_autoscaler(each) for each in read_scalers(cluster, namespace)]
    if KEDA in cluster.groups():
        found += [scaled_object(each) for each in cluster.items(address(SCALED_OBJECT, namespace))]
    return [each for each in found if each]
