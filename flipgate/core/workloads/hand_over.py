"""Decides whose turn it is when the work of the live side is handed over, on plain values. A step does it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Literal

from flipgate.core.spec.service import Service
from flipgate.core.values.answer import Answer, api_servers_own, wrong_scheme
from flipgate.core.values.errors import Refused
from flipgate.core.values.foreign import NotJson, parse_json, shown
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.jsonpath import PathMissing, look_up
from flipgate.core.values.managed_fields import Writer
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.workloads.scaled_objects import ScaledObject
from flipgate.core.workloads.view import SideState, Switch, Workload

Order = Literal["old-first", "new-first"]
DEFAULT_GRACE_SECONDS = 30.0
"""Kubernetes' own."""
Jobs = Mapping[str, tuple[str, ...]]
"""The names of the Jobs that run, by service."""
Scaled = Mapping[str, tuple[ScaledObject, ...]]
"""KEDA's ScaledObjects of one side's workers, by service."""
Unconfirmed = Collection[tuple[Side, str]]
"""Services that are not on a side as their object says: mixed ones whose pods do not confirm what their key says yet,
workers at 0 some of whose pods still end."""

NONE_SCALED: Final[Mapping[Side, Scaled]] = MappingProxyType({})


@dataclass(frozen=True)
class Turn:
    """What a hand-over does next, on one side: change objects first, then wait."""

    side: Side
    work: bool
    """Whether the services are to work on this side, or to stop there."""
    change: tuple[str, ...] = ()
    """Services whose objects do not say so yet."""
    pods: tuple[str, ...] = ()
    """Services whose pods are waited for: to come, to go, or to follow their ConfigMap."""
    jobs: Jobs = field(default_factory=dict)
    """Jobs of suspended CronJobs that are waited for until they end."""

    @property
    def over(self) -> bool:
        """Whether nothing is left to do in it."""
        return not (self.change or self.pods or self.jobs)


def next_turn(
    services: Iterable[Service],
    order: Order,
    old: SideState,
    new: SideState,
    jobs: Jobs,
    *,
    counts: Mapping[str, int],
    skip: Collection[str] = (),
    unconfirmed: Unconfirmed = frozenset(),
    scaled: Mapping[Side, Scaled] = NONE_SCALED,
) -> Turn | None:
    """Returns what has to be done now for these services to work on the new side and only there; None when it is so.

    old-first: nothing starts on the new side before all is quiet on the old. new-first: the other way round. It goes
    by what is, not by what was done: begun again halfway, or the other way round, it does what is missing. `jobs` run
    on the old side. What starts is what `counts` (`counts.at_work`) names. Services to `skip` are left as they are, on
    both sides. `unconfirmed` ones have pods that do not confirm yet what their ConfigMap says, or are at 0 and have
    pods that still end. What KEDA has `scaled` is paused where it stops, and let go where it starts; from then on its
    count is KEDA's.
    """
    handed = [service for service in services if service.name not in skip]
    starting = [service for service in handed if service.name in counts]
    stop = _turn(handed, old, None, jobs=jobs, unconfirmed=unconfirmed, scaled=scaled.get(old.side, {}))
    start = _turn(starting, new, counts, jobs={}, unconfirmed=unconfirmed, scaled=scaled.get(new.side, {}))
    turns = (stop, start) if order == "old-first" else (start, stop)
    return next((turn for turn in turns if not turn.over), None)


def _turn(
    services: Iterable[Service],
    state: SideState,
    counts: Mapping[str, int] | None,
    *,
    jobs: Jobs,
    unconfirmed: Unconfirmed,
    scaled: Scaled,
) -> Turn:
    """What is left to do on a side: these services start, or without `counts` they stop."""
    ordered, work = sorted(services, key=lambda service: service.name), counts is not None
    change = tuple(each.name for each in ordered if not _set_right(each, state, counts, scaled.get(each.name, ())))
    unchanged = [service for service in ordered if service.name not in change]
    pods = tuple(s.name for s in unchanged if not _arrived(s, state, work, (state.side, s.name) in unconfirmed))
    quiet = [s.name for s in unchanged if not work and not state.workloads[s.name].up]
    return Turn(state.side, work, change, pods, {name: jobs[name] for name in quiet if jobs.get(name)})


def _set_right(
    service: Service, state: SideState, counts: Mapping[str, int] | None, scaled: tuple[ScaledObject, ...]
) -> bool:
    """Whether its object says what it should. One that does not exist has nothing to change; one that works already may
    have been scaled since, down to the file's number."""
    workload, switch = state.workloads[service.name], state.switches.get(service.name)
    if switch is not None:
        return not switch.found or switch.says(counts is not None)
    if not workload.found:
        return True
    if counts is None:
        return not workload.up and all(each.held for each in scaled)
    if workload.kind == "CronJob":
        return workload.up
    if any(each.before is not None for each in scaled):
        return False
    if any(each.rules for each in scaled):
        return True
    return workload.replicas >= max(service.replicas, min(1, counts[service.name]))


def _arrived(service: Service, state: SideState, work: bool, unconfirmed: bool) -> bool:
    """Whether it is as its object says. One that was never installed does not work."""
    workload, switch = state.workloads[service.name], state.switches.get(service.name)
    if switch is not None:
        return not unconfirmed if switch.found else not work
    if not workload.found:
        return not work or not (service.replicas or service.kind == "CronJob")
    if workload.kind == "CronJob":
        return True
    return workload.rolled_out and (work or not (workload.ready or unconfirmed))


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


def pod_says(json_path: str, answer: Answer | str, work: bool) -> str:
    """What a pod says that differs from its ConfigMap; empty when it agrees. A string as `answer` says why there is
    none, and no answer is no agreement."""
    if isinstance(answer, str):
        return f"no answer: {answer}"
    if instead := api_servers_own(answer):
        return ", ".join((f"no answer: {instead}", *wrong_scheme(answer)))
    if answer.unread:
        return f"status {answer.status}, and {answer.unread}"
    try:
        found = look_up(json_path, parse_json(answer.body))
    except PathMissing as missing:
        return f'status {answer.status}, without "{missing.at}" in its body'
    except NotJson:
        return ", ".join((f"status {answer.status}, and its body is no JSON", *wrong_scheme(answer)))
    return "" if found is work else f"{json_path} is {shown(found)}"


def had_time_to_follow(switch: Switch, wait: timedelta, now: datetime) -> bool:
    """Whether pods that cannot be asked have had their time since the key was set. A key that somebody else set counts
    as old."""
    try:
        return now - datetime.fromisoformat(switch.set_at) >= wait
    except (TypeError, ValueError):
        return True


@dataclass(frozen=True)
class Working:
    """A service that works on a side, how one sees it, and what stops it by hand."""

    seen: str
    stop: str
    by: Writer | None = None
    """Who set it so last, as far as the API server says."""

    def __str__(self) -> str:
        return f"{self.seen}, set by {self.by}" if self.by else self.seen


def working(services: Iterable[Service], state: SideState) -> tuple[Working, ...]:
    """Returns which of these services work on a side, and how one sees it. On a dark side none may."""
    return tuple(_working(services, state))


def _working(services: Iterable[Service], state: SideState) -> Iterator[Working]:
    for service in services:
        workload, switch = state.workloads[service.name], state.switches.get(service.name)
        if switch is not None:
            if switch.says(True):
                yield Working(f"{switch} tells {service.name} to consume", switch.stop_by_hand)
        elif workload.up:
            cron = workload.kind == "CronJob"
            seen = f"{workload} {'is not suspended' if cron else f'asks for {workload.replicas} pods'}"
            yield Working(seen, workload.by_hand(workload.asking(0)), workload.scaled_by)


def grace_seconds(workload: Workload) -> float:
    """How long Kubernetes lets a pod of it end by itself."""
    seconds = (workload.template.get("spec") or {}).get("terminationGracePeriodSeconds")
    return DEFAULT_GRACE_SECONDS if seconds is None else float(seconds)


def jobs_still_running(side: Side, namespace: str, told: str, seconds: float) -> Refused:
    """Returns the refusal to start new schedules beside Jobs of the old ones."""
    return Refused(
        f"still running {seconds:g} s after their CronJobs were suspended: {told}. The new ones wait for them",
        obj=f"Jobs on {side}",
        reason=Why.JOBS_STILL_RUNNING,
        untouched="these Jobs, and all routes",
        next_command=f"kubectl -n {namespace} get jobs; spec.policy.jobsTimeoutSeconds says how long to wait",
    )
