"""What a build would be as a release, before anything is written: its side, all images, the counts, its id."""

from __future__ import annotations

from collections.abc import Mapping

from flipgate.core.record import queue
from flipgate.core.record import record as records
from flipgate.core.record.phases import Build
from flipgate.core.record.release import Release, release_id
from flipgate.core.spec.application import Application
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side
from flipgate.core.workloads.counts import wanted_counts
from flipgate.core.workloads.render import image_refs, images_of, render, wanted_images
from flipgate.core.workloads.view import SideState, View
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import configuration, need_dark, need_record
from flipgate.steps.looking.parity import coming_configuration
from flipgate.steps.looking.written_back import need_none_written_back


@dataclass(frozen=True)
class Meant:
    """What a build would release: its id, all images and the counts; nothing of it is written yet."""

    id: str
    side: Side
    images: dict[str, str]
    again: dict[str, str]
    """The services whose reference was released again, now or when it became live, each with its mark."""
    wanted: dict[str, int]
    live: SideState | None
    is_live: bool
    """Whether users have exactly this already."""
    unseen: Release | None
    """The open release, which users have not seen, and this would take the place of; it may be the same."""


def mean(world: World, view: View, given: Mapping[str, str], said: Mapping[str, str]) -> Meant:
    """What these images would be as a release; those that were `said` to have other content by now have a mark. Raises
    Refused where no side is dark, the dark side lacks something, or (WrittenBack) Flux would take the release back."""
    record, dark = need_record(world, view), need_dark(world, view)
    need_none_written_back(world, view)
    active, side = live_side(record, view, dark.side.other), view.sides[dark.side]
    images = wanted_images(world.application, active or side, given)
    # What stays as it is live stays under its mark: pods of that name that were left on the dark side are older.
    again = {**(_marks(world, active, images) if active else {}), **queue.again_of(record, images), **said}
    identity = release_id(render(world.application, side, images, coming_configuration(world, view, dark.side)), again)
    unseen = record.release if record.phase.row.build is Build.SUPERSEDES else None
    live = active is not None and _is_live(world, active, images, identity)
    wanted = wanted_counts(world.application, active)
    return Meant(identity, dark.side, images, again, wanted, active, live, unseen)


def given_images(application: Application, record: records.Record, images: Mapping[str, str]) -> dict[str, str]:
    """The images that are not taken from the live side, the newest of each service: those that a release which nobody
    has seen goes on with, those that waited, and `images`. None where only such waited as the file names no more.
    Raises BadInput where `images` cannot be meant, or are none and none waited."""
    known = {service.name for service in application.spec.services}
    given = image_refs(images, application) if images or not record.queued else {}
    built = {name: image for name, image in queue.joined(record, given).items() if name in known}
    return {name: image for name, image in queue.carried_on(record).items() if name in known} | built if built else {}


def said_again(images: Mapping[str, str], mark: str) -> dict[str, str]:
    """These services under this mark; none without one."""
    return dict.fromkeys(images, mark) if mark else {}


def live_side(record: records.Record, view: View, side: Side) -> SideState | None:
    """The active side; None before a first release ever, whatever its Deployments say: nothing of it is to be kept."""
    return view.sides[side] if record.ran_on(side) else None


def _marks(world: World, active: SideState, images: Mapping[str, str]) -> dict[str, str]:
    """The marks on the live side of what keeps its image."""
    runs = images_of(world.application, active)
    return {
        name: mark for name, image in runs.items() if image == images[name] and (mark := active.workloads[name].again)
    }


def _is_live(world: World, active: SideState, wanted: Mapping[str, str], identity: str) -> bool:
    if dict(wanted) != images_of(world.application, active):
        return False
    rendered = render(world.application, active, wanted, configuration(world.cluster, active))
    return release_id(rendered, _marks(world, active, wanted)) == identity
