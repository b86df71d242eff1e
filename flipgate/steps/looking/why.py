"""Why pods are not Ready, in Kubernetes' own words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from flipgate.adapters.addresses import address
from flipgate.adapters.logs import last_lines
from flipgate.core.values.errors import FlipgateError, Forbidden
from flipgate.core.values.foreign import printable, without_secrets
from flipgate.core.values.sides import Side
from flipgate.core.workloads.failed import owner_of
from flipgate.core.workloads.pod_causes import Cause, cause_of
from flipgate.core.workloads.view import pod_ready
from flipgate.steps.acting.world import World

LOGS_READ: Final = 3
"""Causes whose containers' last lines are read: each may take its time."""
LINE_SHOWN: Final = 200
LINE_READ: Final = 4_096
"""Characters of one line."""


def why_not_ready(world: World, side: Side, workloads: list[str]) -> str:
    """One sentence that counts the causes, for example `api: 2 CrashLoopBackOff`, with the last lines of a container
    that ended. Never raises."""
    namespace = world.application.place_of(side).namespace
    try:
        pods = world.cluster.items(address("Pod", namespace))
    except FlipgateError as error:
        return f"The pods could not be read: {error}"
    owned = [(owner, pod) for pod in pods if (owner := owner_of(pod)) in workloads]
    if not owned:
        return "No pods exist yet"
    waiting = [(owner, pod, cause_of(pod)) for owner, pod in owned if not pod_ready(pod)]
    causes = Counter((owner, cause.text) for owner, _, cause in waiting)
    said: list[str] = []
    for owner, text in sorted(causes):
        pod, cause = next((p, c) for o, p, c in waiting if (o, c.text) == (owner, text))
        more = _last_words(world, pod, cause) if cause.container and len(said) < LOGS_READ else ""
        said.append(f"{owner}: {causes[owner, text]} {text}{more}")
    there = Counter(owner for owner, _ in owned)
    silent = sorted(set(workloads) - {owner for owner, _ in causes})
    return "; ".join([*said, *(f"{name}: {_there(there[name])}" for name in silent)])


def _there(count: int) -> str:
    return f"no pods exist beside {count} Ready" if count else "no pods exist yet"


def _last_words(world: World, pod: Mapping[str, Any], cause: Cause) -> str:
    """What a container said before it ended: its termination message, or the last lines of its log."""
    lines, meta = cause.last_words.strip().split("\n")[-3:], pod["metadata"]
    if not cause.last_words.strip():
        try:
            lines = last_lines(world.cluster, meta["namespace"], meta["name"], cause.container, previous=cause.previous)
        except Forbidden:
            asked = f"kubectl auth can-i get pods --subresource=log -n {meta['namespace']}"
            return f" (no permission to read its last lines: {asked})"
        except FlipgateError as error:
            return f" (its last lines could not be read: {error.fact})"
    shown = [printable(without_secrets(line.strip()[:LINE_READ]), LINE_SHOWN) for line in lines]
    return f", last lines: {' | '.join(shown)}" if shown else ""
