"""How every flow begins: the World, with the run's log as its voice."""

from __future__ import annotations

from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from blocks.cluster import connect
from flipgate.steps.world import World, default_actor


def open_world(application: str, cluster: str) -> World:
    """The application's World; the Lease and the journal will name this flow run as the actor."""
    world = connect(application, cluster, actor=f"{flow_run.name} ({default_actor()})")
    world.say = get_run_logger().info
    return world
