"""Looks whether a reference that was released again has other content than what is live: only the pods say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flipgate.adapters.addresses import address
from flipgate.core.record.release import Release
from flipgate.core.values.errors import FlipgateError, Forbidden
from flipgate.core.values.verdicts import Evidence
from flipgate.core.workloads import content
from flipgate.core.workloads.view import SideState
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side


def content_evidence(world: World, release: Release) -> list[Evidence]:
    """Returns, of each service whose reference was released again on one side and not on the other, whether its pods
    run other content than those of the live side. Never raises: it decides nothing."""
    try:
        new, old = (look_at_side(world, side) for side in (release.side, release.side.other))
    except FlipgateError as error:
        return [content.not_known(name, release.images[name], error.named_fact) for name in release.again]
    anew = content.new_content(release.images, content.marks(new), old)
    kept = tuple(content.not_pulled(world.application, new, release.images, anew))
    return [_compared(world, name, ref, new, old, kept) for name, ref in anew.items()]


def pods_now(world: World, side: SideState) -> Sequence[Mapping[str, Any]] | None:
    """Returns the pods of a side's namespace, by one list; None where they may not be listed, which is said."""
    try:
        return world.cluster.items(address("Pod", side.namespace))
    except Forbidden as error:
        world.say(f"not known what pods of {side.side} run: {error.named_fact}")
        return None


def content_now(side: SideState, pods: Iterable[Mapping[str, Any]] | None) -> dict[str, content.Content]:
    """Returns what these pods of a side run of each reference by a tag; of pods that are not known, that none says."""
    if pods is None:
        return {ref: content.Content(silent=1) for ref in content.content_of(side, [])}
    return content.content_of(side, pods)


def _compared(world: World, name: str, ref: str, new: SideState, old: SideState, kept: tuple[str, ...]) -> Evidence:
    try:
        ids, before = (_image_ids(world, side, name) for side in (new, old))
    except FlipgateError as error:
        return content.not_known(name, ref, error.named_fact)
    return content.compared(name, ref, new.side, ids, before, kept)


def _image_ids(world: World, side: SideState, name: str) -> frozenset[str]:
    workload = side.workloads[name]
    pods = world.cluster.items(address("Pod", side.namespace), labelSelector=workload.selector)
    return content.image_ids(pods, workload.container_of(world.application.service(name).container))
