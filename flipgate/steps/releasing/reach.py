"""Asks what an application has to reach, from the dark side, before anything of a release is brought up there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flipgate.core.gates.reach import Endpoint, ReachTask, judged
from flipgate.core.record.release import Release
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.reach_job import reach_job
from flipgate.steps.acting.acting import Acting
from flipgate.steps.looking.look import look_at_side
from flipgate.steps.looking.preflight import need_rows
from flipgate.steps.moving.forget_jobs import forget_jobs, forget_stopped
from flipgate.steps.moving.jobs import run_job
from flipgate.steps.moving.run_task import while_open


def need_endpoints(acting: Acting, release: Release, before: Sequence[Evidence] = ()) -> list[Evidence]:
    """Returns what each declared endpoint's Job found. Raises Refused (PreflightFailed) with all of it, and the rows of
    `before`, where one does not answer, or nothing could ask it."""
    evidence = ask_endpoints(acting, release)
    need_rows(acting.world, release, evidence, before)
    return evidence


def ask_endpoints(acting: Acting, release: Release) -> list[Evidence]:
    """Returns what each endpoint's Job found, one after the other, all of them. Those that passed leave nothing; one
    that did not is kept for a look. Raises as `while_open` does."""
    world, may_go_on = acting.world, while_open(acting, release)
    forget_stopped(acting, release.side, keep=release.name)  # of a release that this one has superseded
    found = []
    for endpoint in world.application.spec.reach:
        may_go_on()
        world.say(f"reach {endpoint.name}: asking {endpoint.target}")
        found.append(_ask(acting, release, endpoint, may_go_on))
    if found:
        forget_jobs(acting, release.side, ReachTask.noun, passed=True)
    return found


def _ask(acting: Acting, release: Release, endpoint: Endpoint, may_go_on: Callable[[], None]) -> Evidence:
    world = acting.world
    service = world.application.service(endpoint.asker(each.name for each in world.application.serving()))
    task = endpoint.task(service.name)
    workload = look_at_side(world, release.side, [service]).workloads[service.name]
    container, image = workload.container_of(service.container), endpoint.image or release.images[service.name]
    bare = endpoint.image is not None or endpoint.run is None
    try:
        spec = reach_job(workload.template, container, image, endpoint.words, endpoint.name, bare=bare)
    except KeyError:
        fact = f"not asked: {workload} {f'has no container {container}' if workload.found else 'is not there'}"
        row = Evidence(task.name, Verdict.UNKNOWN, task.what, str(workload), fact, task.wanted)
        return judged(endpoint, str(workload), row)
    found = run_job(acting, release.side, release.name, task, may_go_on, spec)
    return judged(endpoint, str(workload), found)
