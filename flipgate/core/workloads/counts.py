"""How many pods: every rule for how many a service has to ask for, or has to have Ready, each written once.

Asked for: `wanted_counts` (a side that is brought up), `whole_counts` (in the end), `beside_live` (until workers
have moved), `scaled_up` (one that users return to), `at_work` (what works on the live side alone),
`rest_counts`. Ready: `counts_to_move`, `counts_that_matter` with `enough`, `one_each`.
Remembered: `present_counts`, `suspended`, `largest`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flipgate.core.record.record import Record
from flipgate.core.spec.application import Application
from flipgate.core.spec.service import Service
from flipgate.core.values.sides import Side
from flipgate.core.workloads.view import SideState, Workload


def counted(application: Application) -> tuple[Service, ...]:
    """Returns the serving services whose pods are counted: those that are declared with any."""
    return tuple(service for service in application.serving() if service.replicas)


# What a workload is asked for


def wanted_counts(application: Application, active: SideState | None) -> dict[str, int]:
    """For a side that is brought up, of every service: what the active side asks for now (it may have been
    autoscaled), at least the file's number; without an active side (a first release ever) the file's number.
    Workers stay at 0, and CronJobs suspended, until traffic has moved, or work would be taken twice."""
    present = active.replicas if active else {}
    return {
        service.name: max(service.replicas, present.get(service.name, 0)) if service.serves else 0
        for service in application.spec.services
    }


def whole_counts(application: Application, active: SideState | None) -> dict[str, int]:
    """Returns how many pods a side that is brought up has in the end, when users and work have moved there. CronJobs
    have none of their own."""
    present = active.replicas if active else {}
    return {
        service.name: max(service.replicas, present.get(service.name, 0))
        for service in application.spec.services
        if service.kind != "CronJob"
    }


def beside_live(application: Application, active: SideState | None) -> dict[str, int]:
    """Returns how many pods a side that is brought up has while the other still has all of its own: workers that are
    started first come up beside the old ones; else the old ones make room."""
    whole, up = whole_counts(application, active), wanted_counts(application, active)
    early = application.spec.policy.workers == "new-first"
    first = {service.name for service in application.workers() if early}
    return {name: count if name in first else up[name] for name, count in whole.items()}


def scaled_up(service: Service, carried: int, other: int = 0) -> int:
    """For a service of a side that users return to, or are on: the most of what it carried while it was live, what the
    other side has now, and the file's number."""
    return max(service.replicas, carried, other)


def at_work(services: Iterable[Service], record: Record | None, side: Side) -> dict[str, int]:
    """For a side that begins to work, of each of these services that it has: the file's number, or as many as worked
    before, there or on the other side, where these were more (they may have been autoscaled). 1 for a CronJob, unless
    it `stays_suspended`: that is left as it is."""
    noted = [each.replicas for each in record.sides.values()] if record else []
    return {
        service.name: 1
        if service.kind == "CronJob"
        else max(service.replicas, *(worked.get(service.name, 0) for worked in noted), 0)
        for service in services
        if not (record and record.ran_without(side, service.name)) and service.name not in stays_suspended(record, side)
    }


def stays_suspended(record: Record | None, side: Side) -> tuple[str, ...]:
    """Returns the CronJobs that somebody had stopped on the side that users left for this one; when they go back, on
    this one itself. No move of users starts them."""
    left = record.sides.get(side.other if record.left_by_users(side.other) else side) if record else None
    return left.suspended if left else ()


def said_to_stay(record: Record, side: Side) -> list[str]:
    """Returns the same, a sentence each."""
    return [f"{name} stays suspended, as it was when users left" for name in stays_suspended(record, side)]


def rest_counts(application: Application, keep: int) -> dict[str, int]:
    """For a side at rest, of every service: `keep` pods of each serving one, none of a worker."""
    serving = {service.name for service in counted(application)}
    return {service.name: keep if service.name in serving else 0 for service in application.spec.services}


def below_the_file(application: Application, state: SideState) -> dict[str, tuple[int, int]]:
    """Returns the serving services that ask for fewer pods on a side than the file says: name to (asked, declared)."""
    found = ((service, state.workloads[service.name]) for service in counted(application))
    asked = {service.name: (each.replicas, service.replicas) for service, each in found if each.found}
    return {name: (asks, declared) for name, (asks, declared) in sorted(asked.items()) if asks < declared}


# What has to be Ready


def counts_that_matter(application: Application, record: Record | None, side: Side) -> dict[str, int]:
    """What each serving service of the side carried when it was last live; the file's number where nobody noted it.
    Without a record, one pod each. A service that a later release added is none of it.

    Not what the other side has now: the autoscaler of a bad release must not close the way back from it.
    """
    if record is None:
        return one_each(application)
    occupant = record.sides.get(side)
    known = occupant.replicas if occupant else {}
    if not record.left_by_users(side):  # a 0 may be that of a side at rest
        known = {name: count for name, count in known.items() if count}
    wanted = {service.name: known.get(service.name, service.replicas) for service in counted(application)}
    carried = {name: count for name, count in wanted.items() if count and not record.ran_without(side, name)}
    return carried or wanted  # a side of which nothing is declared any more is no side that needs nothing


def counts_to_move(application: Application, active: SideState, *, first: bool) -> dict[str, int]:
    """What each serving service has to have Ready before users are sent to its side: as many as the active side has
    Ready now, one at least; before the `first` release ever, the file's number."""
    ready = active.ready
    return {s.name: s.replicas if first else max(1, ready.get(s.name, 0)) for s in counted(application)}


def one_each(application: Application) -> dict[str, int]:
    """Returns the fewest pods with which each serving service answers at all."""
    return {service.name: 1 for service in counted(application)}


def enough(wanted: Mapping[str, int]) -> dict[str, int]:
    """How many of these pods have to be Ready for a side to take all users: a quarter may be missing, rounded down.

    Kubernetes itself takes as much from a live Deployment while it is rolled over (maxUnavailable, 25 %).
    """
    return {name: count - count // 4 for name, count in wanted.items()}


# Compared with what is there


def short_of(side: SideState, wanted: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Returns the services with fewer Ready pods than wanted: name to (ready, wanted). Pods that were told to end do
    not count, though they are Ready for a moment still."""
    ready = {name: min(each.ready, each.replicas) for name, each in side.workloads.items()}
    return {name: (ready.get(name, 0), count) for name, count in sorted(wanted.items()) if ready.get(name, 0) < count}


def coming_up(side: SideState, wanted: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Returns how far each service is of which pods are wanted: name to (Ready, wanted). Pods of an older template,
    which go, do not count. A service that was taken out of the file meanwhile is none of the side's."""
    known = {name: count for name, count in sorted(wanted.items()) if count and name in side.workloads}
    pods = {name: (side.workloads[name], count) for name, count in known.items()}
    return {name: (min(each.ready, each.updated, count), count) for name, (each, count) in pods.items()}


def all_of(counts: Mapping[str, tuple[int, int]]) -> str:
    """Returns what `coming_up` found as text: `3 of 4 pods`."""
    return f"{sum(ready for ready, _ in counts.values())} of {sum(wanted for _, wanted in counts.values())} pods"


def each_of(counts: Mapping[str, tuple[int, int]]) -> str:
    """The same, with what is not all Ready yet: `3 of 4 pods Ready (web 1/2)`."""
    short = ", ".join(f"{name} {ready}/{wanted}" for name, (ready, wanted) in counts.items() if ready < wanted)
    return f"{all_of(counts)} Ready{short and f' ({short})'}"


def said(missing: Mapping[str, tuple[int, int]]) -> str:
    """Returns what `short_of` and its kin found as text: `web 1 of 2, api 0 of 1`."""
    return ", ".join(f"{name} {ready} of {count}" for name, (ready, count) in missing.items())


def without_pods(application: Application, record: Record | None, state: SideState) -> dict[str, tuple[int, int]]:
    """Returns the serving services that carried users on a side and have no Ready pod at all there now."""
    return short_of(state, dict.fromkeys(counts_that_matter(application, record, state.side), 1))


def short_of_itself(application: Application, state: SideState) -> dict[str, tuple[int, int]]:
    """The serving services of a side with fewer Ready pods than it asks for itself, or with none."""
    asked = state.replicas
    return short_of(state, {service.name: max(1, asked[service.name]) for service in counted(application)})


def not_serving(
    side: SideState, serving: Iterable[Service], *, enough: Mapping[str, int] | None = None
) -> tuple[str, ...]:
    """Serving services that do not carry what the side itself asks of them now (it may be autoscaled), as
    `name ready/wanted`: each one declared with pods has to have one at least, and be rolled out.

    With `enough`, that many Ready pods of a service will do, whatever is being started or replaced beside them.
    """
    found = []
    for service in sorted(serving, key=lambda each: each.name):
        workload = side.workloads.get(service.name) or Workload(side.place.workload_of(service), side.namespace)
        asked = workload.replicas if enough is None else min(workload.replicas, enough.get(service.name, 1))
        wanted = max(1, asked)
        if service.replicas and workload.ready < wanted:
            found.append(f"{service.name} {workload.ready}/{wanted}")
        elif service.replicas and enough is None and not workload.rolled_out:
            found.append(f"{service.name} {workload.ready}/{wanted} and still rolling out")
    return tuple(found)


# What is remembered of a side, for the way back to it


def present_counts(state: SideState) -> dict[str, int]:
    """Returns what the workloads that exist ask for now."""
    return {name: count for name, count in state.replicas.items() if name not in state.missing}


def suspended(state: SideState) -> tuple[str, ...]:
    """Returns the CronJobs of a live side that start no Jobs there: somebody has stopped them."""
    return tuple(name for name, each in sorted(state.workloads.items()) if each.found and each.suspended)


def largest(state: SideState, before: Mapping[str, int]) -> dict[str, int]:
    """Returns the larger of what a side asks for before it goes to rest and what was noted `before`: an idle side may
    have been shrunk by its autoscaler, or rested halfway by a run that died."""
    return {name: max(count, before.get(name, 0)) for name, count in state.replicas.items()}
