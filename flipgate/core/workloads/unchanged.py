"""Compares the live side before and after the other one went to rest: nothing of it should have changed by that."""

from __future__ import annotations

from collections.abc import Iterator

from flipgate.core.values.managed_fields import set_by
from flipgate.core.workloads.view import SideState, Workload


def unchanged(before: SideState, after: SideState) -> str:
    """Returns, as a sentence, that counts, pod templates and Ready pods of a side are what they were; else what is not.
    Nothing is moved by that: an autoscaler may have done it."""
    found = [line for name, each in sorted(before.workloads.items()) for line in _changes(each, after.workloads[name])]
    if found:
        return f"warning: {after.side} changed meanwhile, and nothing was moved for it: {'; '.join(found)}"
    up = [each for each in after.workloads.values() if each.up]
    pods = sum(each.ready for each in up)
    return f"{after.side} is as it was before: {len(up)} workload{'s' if len(up) != 1 else ''}, {pods} pods Ready"


def _changes(before: Workload, after: Workload) -> Iterator[str]:
    if before.uid != after.uid:
        yield f"{after} is {'another one' if after.found and before.found else 'gone' if before.found else 'new'}"
        return
    if (before.replicas, before.up) != (after.replicas, after.up):
        by = set_by(after.scaled_by, "set")
        if after.kind == "CronJob":
            yield f"{after} is {'not suspended' if after.up else 'suspended'}{by}"
        else:
            yield f"{after} asks for {after.replicas} pods, before for {before.replicas}{by}"
    if before.template != after.template:
        yield f"{after} has another pod template"
    if before.ready != after.ready:
        yield f"{after} has {after.ready} pods Ready, before {before.ready}"
