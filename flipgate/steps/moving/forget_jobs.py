"""Takes Jobs of flipgate's own away once they have been read, or are over, their pods with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from flipgate.adapters.addresses import address
from flipgate.core.gates.job_check import APPLICATION, PART, RELEASE
from flipgate.core.gates.reach import ReachTask
from flipgate.core.spec.pre_pull import NOUN
from flipgate.core.values.errors import Conflict, FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.workloads.job_status import completed, finished
from flipgate.steps.acting.acting import Acting
from flipgate.steps.moving.jobs import stop_jobs


def forget_jobs(acting: Acting, side: Side, noun: str, *, passed: bool = False) -> None:
    """Deletes this application's Jobs of one kind of task on a side; with `passed`, those alone that completed. What
    cannot be deleted goes by itself later, and is said: nothing waits for it."""
    _forget(acting, side, noun, completed if passed else lambda _: True)


def end_jobs(acting: Acting, side: Side) -> None:
    """Stops the Jobs of tasks on a side that is given up; those go that nobody reads. Raises as `stop_jobs`."""
    stop_jobs(acting, side)
    forget_stopped(acting, side)


def forget_stopped(acting: Acting, side: Side, *, keep: str = "") -> None:
    """Deletes Jobs that ask endpoints, or pull images, and that somebody has stopped: nobody reads them, and what is
    suspended never goes by itself. Those of the release `keep` are still to be run."""
    spec = acting.application.spec
    for noun in (*([ReachTask.noun] if spec.reach else ()), *([NOUN] if spec.pre_pull else ())):
        _forget(acting, side, noun, lambda job: _stopped(job) and job["metadata"]["labels"].get(RELEASE) != keep)


def _stopped(job: Mapping[str, Any]) -> bool:
    return bool(job["spec"].get("suspend")) and not finished(job)


def _forget(acting: Acting, side: Side, noun: str, those: Callable[[Mapping[str, Any]], bool]) -> None:
    world = acting.world
    path = address("Job", world.application.place_of(side).namespace)
    selector = f"{APPLICATION}={world.application.name},{PART}={noun}"
    try:
        for job in filter(those, world.cluster.items(path, labelSelector=selector)):
            with suppress(Conflict):  # another stands there by its name
                meta = job["metadata"]
                acting.cluster.delete(f"{path}/{meta['name']}", uid=meta["uid"], dependents=True)
    except FlipgateError as error:
        world.say(f"Jobs of {noun} on {side} are left to their own end: {error.named_fact}")
