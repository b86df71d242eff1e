"""Reads what a release that did not come up leaves behind, before its pods may go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from flipgate.adapters.addresses import address
from flipgate.adapters.logs import tail
from flipgate.core.record.release import Release
from flipgate.core.values.errors import FlipgateError, Forbidden, Refused
from flipgate.core.values.verdicts import not_passed
from flipgate.core.workloads.failed import PODS_KEPT, FailedPod, Tail, choose, concerns, report, wanted_tails
from flipgate.steps.acting.world import World

NAMED: Final = 20
READ_SECONDS: Final = 20.0
"""For all logs together: a release that has failed is not held up for long."""


def what_failed(world: World, release: Release, refused: Refused) -> str:
    """Returns the pods of a release that failed, with the last lines of their containers and the Warnings about them,
    as Markdown; empty where there is nothing to keep, or the file says not to (`policy.keepLogs`). What may not be read
    is said in it. Never raises."""
    if not world.application.spec.policy.keep_logs:
        return ""
    place, notes = world.application.place_of(release.side), list[str]()
    services = {place.workload_of(each): each.name for each in world.application.spec.services}
    gates = {each.gate for each in not_passed(refused.evidence)}
    asked = [check.service for check in world.application.spec.checks if check.name in gates and check.service]
    pods = choose(_read(world, "Pod", place.namespace, notes), services, asked)
    warnings = _read(world, "Event", place.namespace, notes, selector="type=Warning")
    ends = world.monotonic() + READ_SECONDS
    with_logs = [_with_tails(world, each, ends) for each in pods[:PODS_KEPT]]
    if more := len(pods) - len(with_logs):
        notes.append(f"{more} more pods are not shown: {', '.join(each.name for each in pods[PODS_KEPT:][:NAMED])}")
    title = f"{release.name} failed on {release.side}: {refused.reason}"
    return report(title, refused.fact, with_logs, [each for each in warnings if concerns(each, services)], notes)


def _read(world: World, kind: str, namespace: str, notes: list[str], selector: str = "") -> list[dict[str, Any]]:
    try:
        return world.cluster.items(address(kind, namespace), fieldSelector=selector)
    except Forbidden:
        asked = f"kubectl auth can-i list {kind.lower()}s -n {namespace}"
        notes.append(f"{kind}s are not shown: no permission to list them ({asked})")
    except FlipgateError as error:
        notes.append(f"{kind}s are not shown: {error.fact}")
    return []


def _with_tails(world: World, failed: FailedPod, ends: float) -> FailedPod:
    tails: list[Tail] = []
    for container, previous in wanted_tails(failed.pod):
        text, unread = "", ""
        if world.monotonic() >= ends:
            unread = f"logs are read for {READ_SECONDS:g} s at most"
        else:
            text, unread = _tail(world, failed, container, previous=previous)
        if text != (tails[-1].text if tails and previous else "") or unread:
            tails.append(Tail(container, previous, text, unread))
    return replace(failed, tails=tuple(tails))


def _tail(world: World, failed: FailedPod, container: str, *, previous: bool) -> tuple[str, str]:
    """What a container wrote last, or why that is not known."""
    namespace = failed.pod["metadata"]["namespace"]
    try:
        return tail(world.cluster, namespace, failed.name, container, previous=previous), ""
    except Forbidden:
        asked = f"kubectl auth can-i get pods --subresource=log -n {namespace}"
        return "", f"no permission to read its log ({asked})"
    except FlipgateError as error:
        return "", f"its log could not be read: {error.fact}"
