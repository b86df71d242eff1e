"""Takes Jobs of flipgate's own away once they have been read, their pods with them."""

from __future__ import annotations

from contextlib import suppress

from flipgate.adapters.addresses import address
from flipgate.core.gates.job_check import APPLICATION, PART
from flipgate.core.values.errors import Conflict, FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.workloads.view import condition_of
from flipgate.steps.acting.acting import Acting


def forget_jobs(acting: Acting, side: Side, noun: str, *, passed: bool = False) -> None:
    """Deletes this application's Jobs of one kind of task on a side; with `passed`, those alone that completed. What
    cannot be deleted goes by itself later, and is said: nothing waits for it."""
    world = acting.world
    path = address("Job", world.application.place_of(side).namespace)
    selector = f"{APPLICATION}={world.application.name},{PART}={noun}"
    try:
        for job in world.cluster.items(path, labelSelector=selector):
            if passed and condition_of(job, "Complete").get("status") != "True":
                continue
            with suppress(Conflict):  # another stands there by its name
                meta = job["metadata"]
                acting.cluster.delete(f"{path}/{meta['name']}", uid=meta["uid"], dependents=True)
    except FlipgateError as error:
        world.say(f"Jobs of {noun} on {side} are left to their own end: {error.named_fact}")
