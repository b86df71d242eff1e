"""Seeing for ourselves which side answers users: through every Traefik replica, as a user's request would go."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from flipgate.adapters.cluster import READ_SECONDS
from flipgate.core.bake import Heard, Reply, read_reply
from flipgate.core.errors import FlipgateError, Refused
from flipgate.core.sides import Side
from flipgate.steps.world import World

PAUSE_SECONDS = 0.02
ASK_SECONDS = 5.0


@dataclass(frozen=True)
class Seen:
    """What one Traefik replica showed. `first`: when the side first answered (monotonic seconds)."""

    replica: str
    proven: bool
    first: float | None
    last_answer: str


@dataclass(frozen=True)
class Proven:
    """All replicas' answers. `first_new_answer_ms` counts from `since` to the first answer of the side, anywhere."""

    replicas: tuple[Seen, ...]
    first_new_answer_ms: float | None
    seconds: float

    @property
    def ok(self) -> bool:
        return bool(self.replicas) and all(replica.proven for replica in self.replicas)

    @property
    def deaf(self) -> tuple[str, ...]:
        """Replicas that did not show the side in time, with what they said instead."""
        return tuple(f"{r.replica} ({r.last_answer})" for r in self.replicas if not r.proven)


def traefik_replicas(world: World, *, timeout: float = READ_SECONDS) -> list[str]:
    """The names of Traefik's Ready pods: users are sent to no others. Raises Refused when there are none: nothing
    could be proven."""
    spec = world.application.spec.traffic.traefik
    path = f"/api/v1/namespaces/{spec.namespace}/pods"
    pods = world.cluster.items(path, timeout=timeout, labelSelector=spec.selector)
    alive = [p for p in pods if p["status"].get("phase") == "Running" and not p["metadata"].get("deletionTimestamp")]
    ready = sorted(p["metadata"]["name"] for p in alive if _is_ready(p))
    if not ready:
        others = ", ".join(sorted(p["metadata"]["name"] for p in alive))
        raise Refused(
            f"no {'Ready' if others else 'running'} pod matches {spec.selector}"
            + (f" (running, but not Ready: {others})" if others else ""),
            obj=f"Traefik in namespace {spec.namespace}",
            reason="NoTraefik",
            untouched="all routes",
            next_command=f"kubectl -n {spec.namespace} get pods -l {spec.selector}",
        )
    return ready


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def need_sight(world: World, side: Side, replicas: list[str]) -> None:
    """Raises Refused unless each replica shows `side` now: better to find a blind probe before the move than after."""
    proven = prove(world, side, replicas, answers=1, timeout_seconds=min(10, _timeout(world)))
    if not proven.ok:
        raise Refused(
            f"does not show {side} answering, so a move could not be proven: {'; '.join(proven.deaf)}",
            obj="Traefik",
            reason="CannotSee",
            untouched="all routes",
            next_command=f"kubectl -n {world.application.spec.traffic.traefik.namespace} logs {replicas[0]}",
        )


def prove(
    world: World,
    side: Side,
    replicas: list[str],
    *,
    since: float | None = None,
    answers: int | None = None,
    timeout_seconds: float | None = None,
) -> Proven:
    """Asks every replica until each has answered from `side` so many times running, or the time is over.

    `since` is the monotonic time of the patch. Never raises for a replica that stays deaf: the caller decides.
    """
    began = time.monotonic()
    wanted = answers or world.application.spec.traffic.proof_answers
    deadline = began + (timeout_seconds or _timeout(world))
    seen = tuple(world.each(lambda name: _watch_replica(world, name, side, wanted, deadline), replicas))
    firsts = [each.first for each in seen if each.first is not None]
    ms = round((min(firsts) - (since or began)) * 1000, 1) if firsts else None
    return Proven(seen, ms, round(time.monotonic() - began, 3))


def ask(world: World, replica: str, *, timeout: float = ASK_SECONDS) -> Reply:
    """One request through one replica. Raises when there is no answer."""
    spec = world.application.spec.traffic
    answer = world.cluster.through_pod(
        spec.traefik.namespace, replica, spec.traefik.port, spec.path, host=spec.host, timeout=timeout
    )
    return read_reply(answer, spec.header)


def _watch_replica(world: World, replica: str, side: Side, wanted: int, deadline: float) -> Seen:
    first, in_a_row, last = None, 0, "no answer yet"
    while in_a_row < wanted:
        try:
            reply = ask(world, replica)
            ours, last = reply.judged(side) is Heard.GOOD, str(reply)
        except FlipgateError as error:
            ours, last = False, str(error)
        in_a_row = in_a_row + 1 if ours else 0
        if ours and first is None:
            first = time.monotonic()
        if time.monotonic() >= deadline:
            break
        if in_a_row < wanted:
            time.sleep(PAUSE_SECONDS)
    return Seen(replica, in_a_row >= wanted, first, last)


def _timeout(world: World) -> float:
    return float(world.application.spec.traffic.proof_timeout_seconds)
