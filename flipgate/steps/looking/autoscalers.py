"""Looks at what scales the services of a side that serve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flipgate.adapters.addresses import address
from flipgate.core.values.errors import FlipgateError, TemporaryError
from flipgate.core.values.place import Place
from flipgate.core.values.sides import Side
from flipgate.core.workloads.autoscalers import READ, Autoscaler, Autoscalers, by_service, to_take
from flipgate.core.workloads.counts import rest_counts
from flipgate.core.workloads.scaled_objects import SCALED_OBJECT
from flipgate.steps.acting.world import World
from flipgate.steps.looking.scaled_objects import list_scaled


def find_autoscalers(world: World, side: Side, kinds: Iterable[str] = tuple(READ)) -> Autoscalers:
    """Returns the HorizontalPodAutoscalers and ScaledObjects of the services that serve, by service. What may not be
    listed is said, and left out: no rest and no release ends for it. Raises TemporaryError."""
    place, services = world.application.place_of(side), tuple(world.application.serving())
    listed = ((kind, item) for kind in (kinds if services else ()) for item in _listed(world, place, kind))
    return by_service((READ[kind](item, place.namespace) for kind, item in listed), services, place)


def find_rested(world: World, side: Side, kinds: Iterable[str] = tuple(READ)) -> tuple[Autoscaler, ...]:
    """Returns those of them that a rest holds, or held: whoever brings the side up again takes them."""
    application = world.application
    counts = rest_counts(application, application.spec.policy.rest_replicas)
    return to_take(find_autoscalers(world, side, kinds), counts)


def find_held(world: World, side: Side) -> tuple[Autoscaler, ...]:
    """Returns those of them that say what a rest has found there. None of a kind that cannot be listed now."""
    found: list[Autoscaler] = []
    for kind in READ:
        try:
            each_of = find_autoscalers(world, side, (kind,)).values()
        except TemporaryError as error:
            world.say(f"whether a {kind} of {side} is held as at rest is not known: {error}")
            continue
        found += (each for some in each_of for each in some if each.before is not None)
    return tuple(found)


def _listed(world: World, place: Place, kind: str) -> list[dict[str, Any]]:
    try:
        if kind == SCALED_OBJECT:
            return list_scaled(world, place)
        return world.cluster.items(address(kind, place.namespace))
    except TemporaryError:
        raise
    except FlipgateError as error:
        world.say(f"whether a {kind} scales what serves on {place.side} is not known: {error}")
        return []
