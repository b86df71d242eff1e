"""What is particular to the pods of a StatefulSet: they come one by one, keep their template and have volumes of their
own. On plain values.

Its controller goes by the ordinal, from the first up, and stops at the first pod that is not Ready; so it does when it
replaces pods, from the last down (kubernetes/pkg/controller/statefulset: stateful_set_control.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from flipgate.core.values.foreign import SENTENCE_SHOWN, printable
from flipgate.core.values.reasons import Why
from flipgate.core.values.unread import Unread
from flipgate.core.workloads.kinds import Stateful
from flipgate.core.workloads.pod_causes import cause_of, first_start
from flipgate.core.workloads.standstill import PATIENCE_SECONDS, Standstill, refused
from flipgate.core.workloads.view import Workload, condition_of, pod_ready

REVISION_LABEL: Final = "controller-revision-hash"
CLAIM_PATIENCE_SECONDS: Final = 60.0
"""How long the cluster may say that a claim could not be bound, with no pod more or fewer, until that is final: a
provisioner tries again."""
STARTING_PATIENCE_SECONDS: Final = 300.0
"""How long a pod of the template before may take to start, where nothing of it has gone wrong: it was moved to another
node, say, right before the release."""
ABOUT_CLAIMS: Final = ("persistentvolumeclaim", "persistent volumes to bind", "pvc")
"""Words of the scheduler, in small letters, about a claim that a pod waits for (kubernetes/pkg/scheduler/framework/
plugins/volumebinding)."""
FAILED_BINDING: Final = "FailedBinding"
"""Why no volume is there for a claim: Kubernetes says it as a Normal Event (pkg/controller/volume/persistentvolume)."""

Pods = Sequence[Mapping[str, Any]]
Events = Sequence[Mapping[str, Any]] | Unread


def in_turn(workload: Workload, pods: Pods) -> str:
    """Says how far a StatefulSet is whose pods come one by one, and which pod the next one waits for; empty for any
    other, and for one that is whole."""
    its = workload.stateful
    if its is None or not its.one_by_one or workload.rolled_out or workload.replicas < 2:
        return ""
    told = f"{workload.name} {workload.ready} of {workload.replicas}, one at a time"
    blocked = first_blocked(workload, its, pods)
    if blocked is None:
        return f"{told}: {workload.updated} are of this release, the last ones first"
    ordinal, pod = blocked
    name = f"{workload.name}-{ordinal}"
    why = f" ({cause_of(pod).text})" if pod else ""
    following = f"{workload.name}-{ordinal + 1}"
    last = ordinal == its.first + workload.replicas - 1
    if last or any(each["metadata"]["name"] == following for each in pods):
        return f"{told}: nothing goes on before {name} is Ready{why}"
    return f"{told}: {following} waits for {name}{why}"


def going(workload: Workload) -> str:
    """Says how many pods of a StatefulSet are left that ends them one by one; empty for any other."""
    its = workload.stateful
    return f"{workload.pods} pods left, they end one at a time" if its and its.one_by_one and workload.pods else ""


def first_blocked(workload: Workload, its: Stateful, pods: Pods) -> tuple[int, Mapping[str, Any] | None] | None:
    """Returns the first of its pods that is not there or not Ready, by ordinal; None where each is."""
    named = {pod["metadata"]["name"]: pod for pod in pods}
    for ordinal in range(its.first, its.first + workload.replicas):
        pod = named.get(f"{workload.name}-{ordinal}")
        if pod is None or not pod_ready(pod):
            return ordinal, pod
    return None


def stuck(service: str, workload: Workload, pods: Pods) -> Iterator[Standstill]:
    """What a StatefulSet's pods show that keeps it from coming up until somebody acts."""
    its = workload.stateful
    if its is None:
        return
    for pod in sorted(pods, key=lambda each: str(each["metadata"]["name"])):
        if not pod_ready(pod) and not pod["metadata"].get("deletionTimestamp"):
            yield from _left_behind(service, workload, its, pod)
            yield from _without_volume(service, workload, pod)


def _left_behind(service: str, workload: Workload, its: Stateful, pod: Mapping[str, Any]) -> Iterator[Standstill]:
    """A pod of the template before that never gets Ready holds all others up, for good: Kubernetes waits for it before
    it replaces any (kubernetes.io, StatefulSets, "Forced rollback")."""
    of = (pod["metadata"].get("labels") or {}).get(REVISION_LABEL)
    if its.one_by_one and its.revision and of and of != its.revision:
        name = pod["metadata"]["name"]
        fact = (
            f"{workload} is held up by its pod {name}, which is of the template before and not Ready "
            f"({cause_of(pod).text}): Kubernetes replaces none before that one is"
        )
        delete = f"kubectl -n {workload.namespace} delete pod {name}"
        patience = STARTING_PATIENCE_SECONDS if first_start(pod) else PATIENCE_SECONDS
        yield Standstill(service, workload, Why.PODS_HELD_BACK, fact, delete, patience)


def _without_volume(service: str, workload: Workload, pod: Mapping[str, Any]) -> Iterator[Standstill]:
    said = condition_of(pod, "PodScheduled")
    message = printable(" ".join(str(said.get("message", "")).split()), SENTENCE_SHOWN)
    if said.get("status") == "False" and any(word in message.lower() for word in ABOUT_CLAIMS):
        name, claims = pod["metadata"]["name"], claims_of(pod)
        fact = f"{workload}: its pod {name} has no volume yet ({', '.join(claims) or 'no claim'}): {message}"
        look = f"kubectl -n {workload.namespace} describe pvc {' '.join(claims)}".strip()
        yield Standstill(service, workload, Why.CLAIM_NOT_BOUND, fact, look, CLAIM_PATIENCE_SECONDS)


def claims_of(pod: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the names of the volume claims that a pod has."""
    volumes = pod.get("spec", {}).get("volumes") or []
    return tuple(each["persistentVolumeClaim"]["claimName"] for each in volumes if each.get("persistentVolumeClaim"))


def refused_pods(service: str, workload: Workload, events: Events) -> Iterator[Standstill]:
    """The API server's refusal of a pod, or of its claim, that a StatefulSet lacks: only an Event says it, and only one
    since somebody last wrote the count or the image is about what it says now. Both clocks are the cluster's."""
    if isinstance(events, Unread) or workload.pods >= workload.replicas:
        return
    written = _written(workload)
    news = [each for each in events if each.get("reason") == "FailedCreate" and _since(each, written)]
    if news:
        last = max(news, key=_when)
        yield refused(service, workload, printable(" ".join(str(last.get("message", "")).split()), SENTENCE_SHOWN))


def unbound(found: Standstill, events: Iterable[Events]) -> Standstill | None:
    """Returns that a pod has no volume, with what Events of its claims say since somebody last wrote the count or the
    image; None where they tell no failure: it may be being made, and how long that takes nobody knows. What failed
    before may be mended, and what still does is said again and again."""
    written = _written(found.workload)
    read = [each for some in events if not isinstance(some, Unread) for each in some if _since(each, written)]
    bad = [each for each in read if each.get("type") == "Warning" or each.get("reason") == FAILED_BINDING]
    said = dict.fromkeys(f"{e.get('reason')}: {printable(str(e.get('message', '')), SENTENCE_SHOWN)}" for e in bad)
    return replace(found, fact=f"{found.fact} ({'; '.join(said)})") if said else None


def _written(workload: Workload) -> datetime | None:
    """When somebody last wrote its count or its image, by the cluster's clock."""
    writers = [workload.scaled_by, *workload.images_by.values()]
    return max((writer.at for writer in writers if writer and writer.at), default=None)


def _since(event: Mapping[str, Any], moment: datetime | None) -> bool:
    try:
        return moment is None or datetime.fromisoformat(_when(event)) >= moment
    except (TypeError, ValueError):
        return False


def _when(event: Mapping[str, Any]) -> str:
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")


AT_REST: Final = "when its side goes to rest"
HANDED_OVER: Final = "when its work is handed over"


def two_sets(service: str, workloads: Iterable[Workload]) -> Iterator[str]:
    """Says of a service whose pods have volumes, by its workloads of both sides, that these are two sets of data."""
    claims = dict.fromkeys(name for each in workloads if each.stateful for name in each.stateful.claims)
    if claims:
        yield (
            f"StatefulSets {service} have volumes ({', '.join(claims)}), and each side has its own: one side does not "
            f"see what the other writes. Where that is meant, write `ownData: true` for {service}"
        )


def deletes(workload: Workload, when: str) -> str:
    """Says that its data is deleted when it is scaled down, and how it is kept; empty where it stays."""
    its = workload.stateful
    if its is None or not (its.claims and its.scaling_deletes):
        return ""
    keep = """'{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenScaled":"Retain"}}}'"""
    command = f"kubectl -n {workload.namespace} patch {workload.named} --type=merge -p={keep}"
    what = ", ".join(its.claims)
    return f"its data ({what}) is deleted with its pods {when} (whenScaled: Delete); to keep it: {command}"
