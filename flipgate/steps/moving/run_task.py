"""Runs one task of an application's file about a side, to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final

from flipgate.core.gates.task import Task
from flipgate.core.record.release import Release
from flipgate.core.values.errors import TemporaryError
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.own_job import own_job, with_variables
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.outbox import need_open
from flipgate.steps.looking.commands import run_command
from flipgate.steps.looking.look import look_at_side
from flipgate.steps.moving.jobs import run_job

NOTHING_MORE: Final[Mapping[str, str]] = MappingProxyType({})


def run_task(
    acting: Acting,
    side: Side,
    release: Release,
    task: Task,
    may_go_on: Callable[[], None],
    occasion: str = "",
    told: Mapping[str, str] = NOTHING_MORE,
) -> Evidence:
    """Runs it, or finds its Job, and returns its verdict; `output` is what it wrote. Whatever keeps it from being run
    is a verdict, too: unknown. `may_go_on` is asked while it runs, and what that raises ends it and is raised. Its Job
    is one for each release, and `occasion`, of what is done more than once. What it is `told` beside the usual are
    variables, without FLIPGATE_ before their names; one that is told something else is another Job."""
    if task.command:
        return run_command(acting.world, side, release.name, task, may_go_on, told)
    occasion = " ".join(filter(None, (occasion, *(f"{key}={value}" for key, value in told.items()))))
    if task.workload is None:
        return run_job(
            acting, side, release.name, task, may_go_on, with_variables(task.job or {}, told), occasion=occasion
        )
    world = acting.world
    service = world.application.service(task.workload)
    workload = look_at_side(world, side, [service]).workloads[service.name]
    name = workload.container_of(service.container)
    try:
        spec = own_job(workload.template, name, release.images[service.name], task.run or (), task.name)
    except KeyError:
        fact = f"not run: {workload} {f'has no container {name}' if workload.found else 'is not there'}"
        place = str(world.application.place_of(side))
        return Evidence(task.name, Verdict.UNKNOWN, task.what, place, fact, task.wanted)
    return run_job(acting, side, release.name, task, may_go_on, with_variables(spec, told), occasion)


def while_open(acting: Acting, release: Release) -> Callable[[], None]:
    """Returns what a task that runs is asked again and again: whether the Lease is still ours, and the release open.
    Raises LostLease, or Refused (Superseded, NoOpenRelease) where it is not."""

    def may_go_on() -> None:
        acting.check_lease()
        with suppress(TemporaryError):  # it is asked again soon, and one that is ended for this would be run once more
            need_open(acting.world.store.read(), release.name)

    return may_go_on
