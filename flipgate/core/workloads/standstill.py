"""Judges whether waiting will bring a workload up, or something stands in its way until somebody acts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.workloads.view import SideState, Workload

PATIENCE_SECONDS: Final = 15.0
"""How long a refusal has to stand, with no pod more or fewer, until it is final. A ReplicaSet's controller tries again
after 5 ms, and each time after twice as long: eleven times in the first ten seconds."""

NEXT: Final = (
    ("exceeded quota", "kubectl -n {0} describe resourcequotas"),
    ("violates PodSecurity", "kubectl get namespace {0} --show-labels"),
    (" per Container is ", "kubectl -n {0} describe limitranges"),
    (" per Pod is ", "kubectl -n {0} describe limitranges"),
    ("serviceaccount ", "kubectl -n {0} get serviceaccounts"),
    ("", "kubectl -n {0} get events --field-selector=reason=FailedCreate"),
)
"""Words of an API server's refusal, and what to type about it in a namespace; the first that it contains counts."""

POD_NAMED: Final = re.compile(r'^pods "[^"]*" is forbidden: ')
"""How an API server begins a refusal."""
ALIKE: Final = 3
"""So many refusals by one thing are said as one."""

PASSES: Final = (
    "failed calling webhook",
    "Internal error occurred",
    "timed out",
    "deadline exceeded",
    "connection refused",
    "unable to handle the request",
    "too many requests",
    "status unknown for quota",
    "try again later",
)
"""Words of an API server that could not decide: a webhook that is out of reach, a quota that is counted anew. It may
take the pods a moment later."""
LASTS: Final = ("denied the request", "exceeded quota", "violates PodSecurity")
"""Words of one that has decided: with them, those above count for nothing."""

Seen = Mapping[tuple[str, str, int, int], float]
"""When each standstill was seen first, by monotonic time; by service, reason, and its pods: all, and Ready."""


@dataclass(frozen=True)
class Standstill:
    """Why no pods of a service come up by waiting: the word, a sentence about the workload, and what to type."""

    service: str
    workload: Workload
    reason: Why
    fact: str
    command: str
    patience_seconds: float = 0.0
    """How long it has to stand until it is final: it may pass by itself."""
    said: str = ""
    """The API server's own words, without the pod's name: the same for all that one thing refuses."""
    passes: bool = False
    """Whether it may pass however long it has stood: whoever can wait waits for it to its own time limit."""

    @property
    def key(self) -> tuple[str, str, int, int]:
        """The same as long as nothing moves."""
        return self.service, self.reason, self.workload.pods, self.workload.ready


def paused(workloads: Mapping[str, Workload]) -> Iterator[Standstill]:
    """Each of these that is paused: its controller starts no pod of a new template (`kubectl rollout pause`)."""
    for service, workload in sorted(workloads.items()):
        if workload.paused:
            fact = f"{workload} is paused: Kubernetes starts no pod of its new template"
            resume = f"kubectl -n {workload.namespace} rollout resume {workload.named}"
            yield Standstill(service, workload, Why.DEPLOYMENT_PAUSED, fact, resume)


def held_back(workloads: Mapping[str, Workload]) -> Iterator[Standstill]:
    """Each of these whose update strategy keeps pods at the template before, as only a StatefulSet's can."""
    for service, workload in sorted(workloads.items()):
        its = workload.stateful
        patch = f"kubectl -n {workload.namespace} patch {workload.named} --type=merge -p="
        if its and its.partition:
            fact = (
                f"{workload} has updateStrategy.rollingUpdate.partition {its.partition}: Kubernetes keeps its pods "
                f"before {workload.name}-{its.first + its.partition} at the template before"
            )
            command = f"""{patch}'{{"spec":{{"updateStrategy":{{"rollingUpdate":{{"partition":0}}}}}}}}'"""
            yield Standstill(service, workload, Why.PODS_HELD_BACK, fact, command)
        elif its and its.on_delete and workload.pods:  # pods that are made anew have the newest template
            fact = (
                f"{workload} has updateStrategy OnDelete: Kubernetes keeps its {workload.pods} pods at the template "
                "before until somebody deletes them"
            )
            command = f"""{patch}'{{"spec":{{"updateStrategy":{{"type":"RollingUpdate"}}}}}}'"""
            yield Standstill(service, workload, Why.PODS_HELD_BACK, fact, command)


def standstills(state: SideState, names: Iterable[str]) -> tuple[Standstill, ...]:
    """Returns what keeps these services from coming up, of those that are asked for pods and not as wanted."""
    asked = {name: state.workloads[name] for name in names}
    behind = {name: workload for name, workload in asked.items() if workload.replicas and not workload.rolled_out}
    # Kubernetes scales a paused Deployment: only one that lacks pods of its newest template is held up.
    held = {name: workload for name, workload in behind.items() if workload.updated < workload.replicas}
    older = {name: workload for name, workload in held.items() if workload.updated < workload.pods}
    kept = (*paused(held), *held_back(older))  # a strategy holds back none that is made anew
    return (*(replace(each, patience_seconds=PATIENCE_SECONDS) for each in kept), *_refused(behind))


def first_seen(found: Iterable[Standstill], before: Seen, now: float) -> Seen:
    """Returns since when each of these stands, by what was seen at the look `before`."""
    return {each.key: before.get(each.key, now) for each in found}


def final(found: Iterable[Standstill], seen: Seen, now: float) -> tuple[Standstill, ...]:
    """Returns those that have stood longer than patience goes. One that `passes` is among them."""
    return tuple(each for each in found if now - seen[each.key] >= each.patience_seconds)


def _refused(workloads: Mapping[str, Workload]) -> Iterator[Standstill]:
    """A quota, a LimitRange, PodSecurity or a webhook: whatever it was, the API server says it."""
    for service, workload in sorted(workloads.items()):
        if workload.refusal:
            yield refused(service, workload, workload.refusal)


def refused(service: str, workload: Workload, said: str) -> Standstill:
    """Returns that the API server refuses pods of it, in its own words."""
    fact = f"{workload} has {workload.pods} of {workload.replicas} pods, and the API server refuses more: {said}"
    command = next(command for words, command in NEXT if words in said).format(workload.namespace)
    if workload.refused_before:
        fact += ", said before it was written last"
    undecided = any(words in said for words in PASSES) and not any(words in said for words in LASTS)
    passes = undecided or workload.refused_before
    cause = POD_NAMED.sub("", said)
    return Standstill(service, workload, Why.PODS_REFUSED, fact, command, PATIENCE_SECONDS, cause, passes)


def told(found: Sequence[Standstill]) -> str:
    """Returns all of these as text: what one thing refuses to many is said once, with the others' names."""
    by_cause: dict[str, list[Standstill]] = {}
    for each in found:
        by_cause.setdefault(each.said or each.fact, []).append(each)
    return "; ".join(_told_once(alike) for alike in by_cause.values())


def _told_once(alike: Sequence[Standstill]) -> str:
    if len(alike) < ALIKE:
        return "; ".join(each.fact for each in alike)
    others = ", ".join(each.workload.name for each in alike[1:])
    return f"{alike[0].fact} (and the same to {len(alike) - 1} others: {others})"
