"""Sets whether a mixed service's pods consume, through a key of their ConfigMap, and reads whether they follow it."""

from __future__ import annotations

from datetime import UTC, timedelta

from flipgate.adapters.addresses import address, address_of
from flipgate.core.spec.service import Consume
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import Conflict, FlipgateError
from flipgate.core.values.foreign import fault
from flipgate.core.workloads.hand_over import had_time_to_follow, pod_says
from flipgate.core.workloads.view import Switch, Workload, pod_ready, read_switch
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World

TRIES = 5
ASK_SECONDS = 2.0
REFRESH = "flipgate.dev/consume"
"""An annotation on pods. Its value is for nobody: a kubelet that sees its pod change updates the pod's volumes at once,
instead of within a minute or so."""


def set_consuming(acting: Acting, switch: Switch, work: bool) -> None:
    """Tells a mixed service's pods whether to consume. Raises as `set_key`."""
    set_key(acting, switch, str(work).lower())


def set_key(acting: Acting, switch: Switch, value: str) -> None:
    """Sets a key by which pods are told. Reads and tries again where anything else in the ConfigMap has changed.

    Raises LostLease when a later actor has stamped it, Conflict when anybody has since it was read.
    """
    at = f"{acting.world.now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    stamp = switch.stamp
    for left in reversed(range(TRIES)):
        acting.check_lease()
        switch.need_ours(acting.epoch)
        try:
            acting.cluster.merge(address_of(switch), switch.saying(value, at))
            return
        except Conflict:
            found = acting.cluster.find(address_of(switch))
            switch = read_switch(switch.name, switch.key, switch.namespace, found)
            if not left or switch.stamp != stamp:
                switch.need_ours(acting.epoch)
                raise


def refresh_volumes(acting: Acting, workload: Workload, work: bool) -> None:
    """Has the kubelets update the ConfigMap in the pods now. Never raises: without this they do so later."""
    world = acting.world
    part = {"metadata": {"annotations": {REFRESH: f"{str(work).lower()} {world.now().isoformat()}"}}}
    pods = _pods(workload)
    try:
        world.each(
            lambda pod: acting.cluster.merge(f"{pods}/{pod}", part, timeout=ASK_SECONDS), _ready_pods(world, workload)
        )
    except FlipgateError as error:
        world.say(f"the pods of {workload} may take a minute to see their ConfigMap: {error}")


def unconfirmed(world: World, consume: Consume, workload: Workload, switch: Switch) -> str:
    """Returns which Ready pods do not confirm what their key says, and what they say; empty when all confirm it."""
    if consume.status is None:
        wait = timedelta(seconds=consume.settle_seconds)
        done = had_time_to_follow(switch, wait, world.now())
        return "" if done else f"given {consume.settle_seconds} s to follow its key"
    status, work = consume.status, switch.says(True)

    def ask(pod: str) -> str:
        answer: Answer | str
        try:
            answer = world.cluster.through_pod(
                workload.namespace, pod, status.port, status.path, scheme=status.scheme, timeout=ASK_SECONDS
            )
        except Exception as error:  # any at all: a pod that says nothing has not said so
            answer = fault(error)
        other = pod_says(status.json_path, answer, work)
        return f"pod {pod}: {other}" if other else ""

    try:
        pods = _ready_pods(world, workload)
    except FlipgateError as error:
        return f"its pods could not be listed: {error.fact}"
    return "; ".join(filter(None, world.each(ask, pods)))


def _pods(workload: Workload) -> str:
    return address("Pod", workload.namespace)


def _ready_pods(world: World, workload: Workload) -> list[str]:
    pods = world.cluster.items(_pods(workload), labelSelector=workload.selector)
    staying = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    return sorted(pod["metadata"]["name"] for pod in staying if pod_ready(pod))
