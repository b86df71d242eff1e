"""Looks for autoscalers that would start workers on the side that is dark, or hold them at 0 on the live one."""

from __future__ import annotations

from collections.abc import Iterator

from flipgate.adapters.addresses import address
from flipgate.adapters.limits import read_scalers
from flipgate.core.values.errors import FlipgateError, NotFound
from flipgate.core.values.sides import Side
from flipgate.core.workloads.scaled_objects import KEDA
from flipgate.core.workloads.starters import from_nothing, starts_jobs, while_dark, while_live
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.looking.scaled_objects import find_scaled


def starter_problems(world: World) -> Iterator[str]:
    """Each autoscaler that may start a worker on the dark side, or hold it at 0 on the live one, with the command that
    mends it; ScaledJobs of the dark side are said. Where KEDA is not served nothing is asked of it."""
    if not world.application.workers():
        return
    try:
        live = look_at_traffic(world).active
    except FlipgateError:
        live = None  # a problem of its own, and named already
    for side in Side:
        try:
            found = [*_pod_autoscalers(world, side), *(_scaled_objects(world, side, side is live) if live else ())]
        except FlipgateError as error:
            yield f"autoscalers of {side} could not be looked at: {error}"
            continue
        yield from (problem for problem in found if problem)
    if live:
        _say_scaled_jobs(world, live.other)


def _pod_autoscalers(world: World, side: Side) -> Iterator[str]:
    place = world.application.place_of(side)
    names = {(service.kind, place.workload_of(service)) for service in world.application.workers()}
    for each in read_scalers(world.cluster, place.namespace):
        if (each.target, each.deployment) in names:
            yield from_nothing(each, place)


def _scaled_objects(world: World, side: Side, live: bool) -> Iterator[str]:
    place, judge = world.application.place_of(side), while_live if live else while_dark
    for found in find_scaled(world, side, world.application.workers()).values():
        yield from (judge(each, place) for each in found)


def _say_scaled_jobs(world: World, dark: Side) -> None:
    """They are no problem of the file's: nobody can declare one, and flipgate hands none over."""
    place = world.application.place_of(dark)
    if KEDA not in world.cluster.groups():
        return
    try:
        found = world.cluster.items(address("ScaledJob", place.namespace))
    except NotFound:
        return  # a KEDA that serves none
    except FlipgateError as error:
        world.say(f"ScaledJobs of {dark} were not looked for: {error}")
        return
    for sentence in (starts_jobs(each, place) for each in found):
        if sentence:
            world.say(sentence)
