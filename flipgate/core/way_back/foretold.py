"""Says what a rollback will bring back after a yes, and how: for a person who is asked before the move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from flipgate.core.record.record import Record
from flipgate.core.record.release import Release
from flipgate.core.spec.application import Application
from flipgate.core.way_back.way_back import contract_fact
from flipgate.core.workloads.counts import counts_that_matter
from flipgate.core.workloads.render import images_of
from flipgate.core.workloads.view import SideState

IMAGES_SAID: Final = 20
"""In one line."""


def after_the_flip(application: Application, record: Record, release: Release, old: SideState) -> list[str]:
    """Returns whether users could go back after this flip, how fast, and to which images."""
    if closed := _closed(record, old):
        return [closed]
    hours = application.spec.policy.soak_seconds / 3600
    name = application.name
    return [
        *_images(application, record, release, old),
        f"fast until {old.side} is put to rest, {hours:g} h after the flip at the earliest: its pods stay up, and the "
        f'routes move back at once: flipgate rollback {name} --reason "..."',
    ]


def after_the_rest(
    application: Application, record: Record, release: Release, old: SideState, kept: Mapping[str, int]
) -> list[str]:
    """The same once the old side rests with these pods (`counts.rest_counts`): what has to be started first, and how
    long that took the last time."""
    if closed := _closed(record, old):
        return [closed]
    wanted = counts_that_matter(application, record, old.side)
    missing = {name: more for name, count in sorted(wanted.items()) if (more := count - kept.get(name, 0)) > 0}
    occupant = record.sides.get(old.side)
    took = f" (it took {occupant.up_seconds:.0f} s the last time)" if occupant and occupant.up_seconds else ""
    pods = ", ".join(f"{name} {count}" for name, count in missing.items())
    first = f"{sum(missing.values())} pods are started first and have to be Ready{took}: {pods}"
    how = f'flipgate rollback {application.name} --to {old.side} --reason "..."'
    return [
        f"slow from then on: {first if missing else 'what serves is up, and what works is started after that'}; {how}",
        *_images(application, record, release, old),
    ]


def _closed(record: Record, old: SideState) -> str:
    """Why there is no way back; empty where there is one."""
    occupant = record.sides.get(old.side)
    if not record.ran_on(old.side):
        return f"no way back: nothing ever ran on {old.side}"
    if occupant and occupant.contracted:
        return f"no way back: {contract_fact(occupant.contracted)}"
    return ""


def _images(application: Application, record: Record, release: Release, old: SideState) -> Iterator[str]:
    """The images that users get, where they are others than this release's."""
    runs, brought = images_of(application, old), []
    without = [name for name in release.images if record.ran_without(old.side, name)]
    for name, image in release.images.items():
        if name not in without and runs.get(name) != image:
            brought.append(f"{name} {runs.get(name, 'nothing')}")
    if not (brought or without):
        yield "it brings back the same images"
        return
    said = [*brought, *(f"no {name}, which {old.side} never ran" for name in without)]
    more = len(said) - IMAGES_SAID
    shown = ", ".join(said[:IMAGES_SAID])
    rest = f" and {more} more: kubectl -n {old.namespace} get {old.resources} -o wide" if more > 0 else ""
    yield f"it brings back: {shown}{rest}"
