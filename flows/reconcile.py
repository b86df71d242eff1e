"""Reconcile: finish or back out what was interrupted, let questions and kept sides expire, tell what was not told."""

from __future__ import annotations

from prefect import flow

from flipgate.steps.ask import expire
from flipgate.steps.look import look
from flipgate.steps.settle import kept_too_long, rest_expired
from flows.opening import open_world
from tasks import steps


@flow(name="reconcile", flow_run_name="reconcile {application}")
def reconcile(application: str, cluster: str = "default") -> str:
    """Settles an interrupted step, and starts the pipeline that has to go on.

    Args:
        application: The application's name.
        cluster: The flipgate-cluster block to use; `default` needs no block.
    """
    world = open_world(application, cluster)
    outcome = steps.recover(world)
    world.say(outcome.fact)
    if expired := expire(world):
        steps.end_waiting(world, expired)
    if outcome.pipeline and world.unattended():
        steps.go_on(world, outcome, cluster)
    if kept_too_long(world, look(world)):
        with world.acting():
            rest_expired(world)
    return outcome.fact
