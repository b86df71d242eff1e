"""Looks at KEDA's ScaledObjects of what works on one side at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from flipgate.adapters.addresses import address
from flipgate.core.spec.service import Service
from flipgate.core.values.errors import FlipgateError, Forbidden, TemporaryError
from flipgate.core.values.place import Place
from flipgate.core.values.sides import Side
from flipgate.core.workloads.autoscalers import by_service
from flipgate.core.workloads.hand_over import Scaled
from flipgate.core.workloads.scaled_objects import KEDA, SCALED_OBJECT, ScaledObject, read_scaled_object
from flipgate.steps.acting.world import World

TRIES: Final = 3
PAUSE_SECONDS: Final = 0.2


def find_scaled(world: World, side: Side, services: Iterable[Service]) -> Scaled:
    """Returns the ScaledObjects of these services' workloads, by service; of what works by a ConfigMap's word, and of
    CronJobs, none. Where KEDA is not served nothing is asked. A fault is borne TRIES times: who goes back goes on
    without them, and comes by no second time. Raises Forbidden that names the right."""
    place = world.application.place_of(side)
    asked_of = [each for each in services if each.kind != "CronJob" and not each.consume]
    listed = list_scaled(world, place) if asked_of else []
    return by_service((read_scaled_object(item, place.namespace) for item in listed), asked_of, place)


def list_scaled(world: World, place: Place) -> list[dict[str, Any]]:
    for left in reversed(range(TRIES)):
        try:
            served = KEDA in world.cluster.groups()
            return world.cluster.items(address(SCALED_OBJECT, place.namespace)) if served else []
        except TemporaryError:
            if not left:
                raise
            world.sleep(PAUSE_SECONDS)
        except Forbidden as error:
            asked = f"kubectl auth can-i list scaledobjects.{KEDA} -n {place.namespace}"
            raise Forbidden(f"no permission to list scaledobjects in namespace {place.namespace} ({asked})") from error
    raise AssertionError("not reached: the last fault is raised")


def find_unpaused(world: World, side: Side) -> tuple[ScaledObject, ...]:
    """Returns those of the declared workers of a dark side that KEDA may start there. Where they may not be listed that
    is said: a release does not end for it."""
    try:
        found = find_scaled(world, side, world.application.workers())
    except Forbidden as error:
        world.say(f"whether KEDA may start workers on {side} is not known: {error}")
        return ()
    return tuple(each for some in found.values() for each in some if not each.held)


def paused_by_hand(world: World, to: Side, services: Iterable[Service]) -> list[str]:
    """Returns the commands that do what a hand-over to this side would, for a person; none where nobody can tell."""
    handed = tuple(services)
    try:
        old, new = (find_scaled(world, side, handed) for side in (to.other, to))
    except FlipgateError:
        return []
    stop = [each.hold_by_hand() for some in old.values() for each in some if not each.held]
    return stop + [each.let_go_by_hand for some in new.values() for each in some if each.before is not None]
