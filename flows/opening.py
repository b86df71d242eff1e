"""How every flow begins, and how one ends that a person has overtaken."""

from __future__ import annotations

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from blocks.cluster import connect
from flipgate.core.errors import LostLease
from flipgate.core.release import Phase
from flipgate.steps.unwatched import look_whether_watched
from flipgate.steps.world import World, default_actor

BY_A_PERSON = frozenset({Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.ABORTED})


def open_world(application: str, cluster: str) -> World:
    """The application's World; the Lease and the journal will name this flow run as the actor."""
    world = connect(application, cluster, actor=f"{flow_run.name} ({default_actor()})")
    world.say = get_run_logger().info
    return world


def begin(application: str, cluster: str) -> World:
    """The application's World, once its run has looked whether reconcile still runs: nobody else would say so."""
    world = open_world(application, cluster)
    look_whether_watched(world, get_run_logger().warning)
    return world


def overtaken(world: World, release: str, lost: LostLease) -> State[str]:
    """The state of a run that lost its Lease to a rollback: an end, not a failure. Raises `lost` otherwise."""
    record = world.store.read()
    found = [each for each in (record.release, record.last) if each and each.name == release]
    if not found or found[0].phase not in BY_A_PERSON:
        raise lost
    why = next(change.message for change in reversed(found[0].changes) if change.phase in BY_A_PERSON)
    message = f"{release} is `{found[0].phase}`: {why}"
    world.say(message)
    return Completed(name="Overtaken", message=message, data=message)
