"""Notices, while pods are waited for, that waiting is of no use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from flipgate.adapters.addresses import address
from flipgate.adapters.limits import read_scalers
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.unread import Unread
from flipgate.core.workloads.scalers import Scaler, fewer, taken_away
from flipgate.core.workloads.standstill import Seen, Standstill, final, first_seen, standstills, told
from flipgate.core.workloads.stateful import Events, Pods, claims_of, in_turn, refused_pods, stuck, unbound
from flipgate.core.workloads.view import SideState, Workload, pod_ready
from flipgate.steps.acting.world import World


@dataclass
class Waiting:
    """One wait for pods of a side: what stood in their way at each look, and since when."""

    world: World
    seen: Seen = field(default_factory=dict)
    turns: dict[str, str] = field(default_factory=dict)
    """How far each StatefulSet is whose pods come one by one, by service, at the last look."""
    unread: str = ""
    """Why Events could not be read, said once: a release does not fail for that."""

    def stuck(self, state: SideState, names: Iterable[str], *, passing: bool = False) -> tuple[Standstill, ...]:
        """Returns what keeps these services from coming up until somebody acts. What may pass by itself is among it
        once it has stood long enough; not while pods of the namespace are going, which make room. What the API server
        could not decide (a webhook that is out of reach) is among it only for who cannot wait: `passing`."""
        names = tuple(names)
        found = (*standstills(state, names), *self._stateful(state, names))
        now = self.world.monotonic()
        self.seen = first_seen(found, self.seen, now)
        over = tuple(each for each in final(found, self.seen, now) if passing or not each.passes)
        if any(each.patience_seconds for each in over) and pods_going(self.world, state.namespace):
            return tuple(each for each in over if not each.patience_seconds)
        return over

    def need_none(self, state: SideState, wanted: Mapping[str, int], *, obj: str, untouched: str) -> None:
        """Raises Refused, with the reason of the first, where something keeps these services from having so many pods:
        those that were set, and that somebody may have taken away since."""
        found = (*taken(self.world, state, wanted), *self.stuck(state, wanted))
        need_none(found, obj=obj, untouched=untouched)

    def _stateful(self, state: SideState, names: Iterable[str]) -> Iterator[Standstill]:
        """What the pods of StatefulSets show, and Events: the status of one has no condition that would say it."""
        self.turns = {}
        for name in names:
            workload = state.workloads[name]
            if not (workload.stateful and workload.replicas and not workload.rolled_out):
                continue
            try:
                pods = self.world.cluster.items(address("Pod", state.namespace), labelSelector=workload.selector)
            except FlipgateError:
                continue  # the time limit says that they could not be read
            if turn := in_turn(workload, pods):
                self.turns[name] = turn
            yield from filter(None, (self._with_events(each, pods) for each in stuck(name, workload, pods)))
            if workload.pods < workload.replicas and not any(not pod_ready(pod) for pod in pods):
                yield from refused_pods(name, workload, self._events(workload.kind, workload, workload.name))

    def _with_events(self, found: Standstill, pods: Pods) -> Standstill | None:
        """That; of a claim that is not bound, as far as Events say so."""
        if found.reason is not Why.CLAIM_NOT_BOUND:
            return found
        claims = dict.fromkeys(claim for pod in pods if not pod_ready(pod) for claim in claims_of(pod))
        return unbound(found, [self._events("PersistentVolumeClaim", found.workload, claim) for claim in claims])

    def _events(self, kind: str, workload: Workload, name: str) -> Events:
        """What Events say about an object of the workload's namespace, or why they could not be read."""
        about = f"involvedObject.kind={kind},involvedObject.name={name}"
        try:
            return self.world.cluster.items(address("Event", workload.namespace), fieldSelector=about)
        except FlipgateError as error:
            if str(error) != self.unread:
                self.unread = str(error)
                self.world.say(f"why {workload} gets no pods may not be read: {error}")
            return Unread(str(error))


def pods_going(world: World, namespace: str) -> bool:
    """Whether pods of the namespace are about to end: they make room. False where that cannot be read."""
    try:
        pods = world.cluster.items(address("Pod", namespace))
    except FlipgateError:
        return False
    return any(pod["metadata"].get("deletionTimestamp") for pod in pods)


def taken(world: World, state: SideState, wanted: Mapping[str, int]) -> tuple[Standstill, ...]:
    """Returns the services that ask for fewer pods than wanted, with who took them away. Never raises."""
    few = fewer(state, wanted)
    if not few:
        return ()
    scalers: tuple[Scaler, ...] | Unread
    try:
        scalers = read_scalers(world.cluster, state.namespace)
    except FlipgateError as error:
        scalers = Unread(error.named_fact)
    return tuple(taken_away(few, wanted, scalers))


def need_none(found: Iterable[Standstill], *, obj: str, untouched: str, reason: Why | None = None) -> None:
    """Raises Refused where there is any, for `reason`, or for that of the first."""
    ways = tuple(found)
    if ways:
        reason = reason or ways[0].reason
        raise Refused(
            told(ways),
            obj=obj,
            reason=reason,
            untouched=untouched,
            next_command=" && ".join(dict.fromkeys(each.command for each in ways)),
        )
