"""Handing over what works on the live side alone: whose turn it is, decided on plain values. Doing it is a step."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flipgate.core.service import Service
from flipgate.core.sides import Side
from flipgate.core.view import SideState, Workload

Order = Literal["old-first", "new-first"]
Jobs = Mapping[str, tuple[str, ...]]
"""The names of the Jobs that run, by service."""


@dataclass(frozen=True)
class Turn:
    """What is next, on one side: `tell` these services to work there (`work`), or to stop; then wait for `pods` of
    these to come, or to go, and for the `jobs` of a suspended CronJob to end."""

    side: Side
    work: bool
    tell: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    jobs: Jobs = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether nothing is left to do in it."""
        return not (self.tell or self.pods or self.jobs)


def next_turn(
    services: Iterable[Service],
    order: Order,
    old: SideState,
    new: SideState,
    jobs: Jobs,
    *,
    skip: Collection[str] = (),
) -> Turn | None:
    """What has to be done now for these services to work on the new side and only there; None when it is so.

    old-first: nothing starts on the new side before all is quiet on the old. new-first: the other way round. It goes
    by what is, not by what was done: begun again halfway, or the other way round, it does what is missing. `jobs` run
    on the old side. Services to `skip` are left as they are, on both sides.
    """
    handed = [service for service in services if service.name not in skip]
    stop = _turn(handed, old, work=False, jobs=jobs)
    start = _turn(handed, new, work=True, jobs={})
    turns = (stop, start) if order == "old-first" else (start, stop)
    return next((turn for turn in turns if not turn.over), None)


def _turn(services: Iterable[Service], state: SideState, *, work: bool, jobs: Jobs) -> Turn:
    both = sorted(((s, state.workloads[s.name]) for s in services), key=lambda pair: pair[0].name)
    tell = tuple(service.name for service, workload in both if not _told(service, workload, work))
    told = [(service, workload) for service, workload in both if service.name not in tell]
    pods = tuple(service.name for service, workload in told if not _arrived(service, workload, work))
    running = {s.name: jobs[s.name] for s, workload in told if not work and not workload.up and jobs.get(s.name)}
    return Turn(state.side, work, tell, pods, running)


def _told(service: Service, workload: Workload, work: bool) -> bool:
    """Whether its object says what it should. One that is not there cannot be told anything."""
    if not workload.found:
        return True
    if not work:
        return not workload.up
    return workload.up if workload.kind == "CronJob" else workload.replicas >= service.replicas


def _arrived(service: Service, workload: Workload, work: bool) -> bool:
    """Whether it is as its object says. One that was never installed does not work."""
    if not workload.found:
        return not work or not (service.replicas or service.kind == "CronJob")
    if workload.kind == "CronJob":
        return True
    return workload.rolled_out and (work or not workload.ready)


def running_jobs(jobs: Iterable[Mapping[str, Any]], owners: Iterable[Workload]) -> dict[str, tuple[str, ...]]:
    """The Jobs of these CronJobs that have neither completed nor failed, by CronJob; also those started by hand."""
    names = {owner.uid: owner.name for owner in owners if owner.uid}
    found: dict[str, list[str]] = {}
    for job in jobs:
        for owner in job["metadata"].get("ownerReferences") or []:
            if owner.get("uid") in names and not _ended(job):
                found.setdefault(names[owner["uid"]], []).append(job["metadata"]["name"])
    return {name: tuple(sorted(running)) for name, running in found.items()}


def _ended(job: Mapping[str, Any]) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or []
    return any(each.get("type") in ("Complete", "Failed") and each.get("status") == "True" for each in conditions)


def working(services: Iterable[Service], state: SideState) -> tuple[str, ...]:
    """Which of these services work on a side, and how one sees it: on a dark side, none may."""
    return tuple(_working(services, state))


def _working(services: Iterable[Service], state: SideState) -> Iterator[str]:
    for service in services:
        workload = state.workloads[service.name]
        if workload.up:
            cron = workload.kind == "CronJob"
            yield f"{workload} {'is not suspended' if cron else f'asks for {workload.replicas} pods'}"
