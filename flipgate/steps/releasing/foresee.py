"""What a deploy would do, before it does: for a person who wants to see it first. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flipgate.core.gates import preflight as rows_of
from flipgate.core.gates.database import Database
from flipgate.core.gates.hooks import HookPoint, hooks_at
from flipgate.core.record.phases import Phase
from flipgate.core.record.queue import has_them, waits_for
from flipgate.core.spec.application import Application
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.verdicts import Evidence
from flipgate.core.workloads.containers import Marks, changes
from flipgate.core.workloads.content import deploy_again, not_pulled
from flipgate.core.workloads.differences import differing_lines, refusal, undeclared
from flipgate.core.workloads.render import images_of
from flipgate.core.workloads.standing import standing_rows
from flipgate.core.workloads.view import SideState
from flipgate.steps.acting.world import World
from flipgate.steps.looking.differing import differing
from flipgate.steps.looking.look import look, need_record
from flipgate.steps.looking.parity import coming_configuration
from flipgate.steps.looking.preflight import preflight
from flipgate.steps.releasing.by_git import by_git
from flipgate.steps.releasing.meant import Meant, given_images, mean, said_again


@dataclass(frozen=True)
class ServicePlan:
    """One service: the image that users have, and would have; the pods of the dark side now, and then."""

    service: str
    image_now: str
    """Empty where the live side has none."""
    image_then: str
    pods_now: int
    pods_then: int


@dataclass(frozen=True)
class DeployPlan:
    """A deploy, foreseen. `side` is the dark side."""

    release: str
    """Its id: the hash of what it would run."""
    side: str
    namespace: str
    outcome: str
    services: tuple[ServicePlan, ...]
    objects: tuple[str, ...]
    """What would be changed on the dark side, as KIND NAMESPACE/NAME."""
    checks: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What a person should know of it before."""
    differences: tuple[str, ...] = ()
    """What the dark side's pods and ConfigMaps would have other than the live side's, beside images."""
    preflight: tuple[Evidence, ...] = ()
    """What is asked before anything is written, and what it says now."""
    hooks: tuple[str, ...] = ()
    """What would be run at which point, in the order of the points."""
    refused: str = ""
    """What would end the release by what the preflight says now; empty where nothing would, or none is brought up."""


def foresee(world: World, images: Mapping[str, str], again: str = "") -> DeployPlan:
    """Looks, and says what a deploy of these images would be (with the mark `again` also of what is live). Raises as a
    deploy does, but for a release that is in the way: then it says so."""
    view = look(world)
    record = need_record(world, view)
    given = given_images(world.application, record, images)
    if busy := waits_for(record):
        fact = f"waits: release {busy.name} is `{busy.phase}`; it is planned anew when that has ended"
        if has_them(record, given, again):
            fact = f"nothing: release {busy.name}, which is `{busy.phase}`, has these images"
        place = world.application.place_of(busy.side.other)
        return DeployPlan("", str(place.side), place.namespace, fact, (), (), ())
    meant = mean(world, view, given, said_again(images, again))
    dark = view.sides[meant.side]
    live = images_of(world.application, meant.live) if meant.live else {}
    services = tuple(
        ServicePlan(name, live.get(name, ""), image, dark.replicas[name], meant.wanted[name])
        for name, image in meant.images.items()
    )
    asks = tuple(f"{each.name}: {each.what}" for each in world.application.spec.checks)
    objects = tuple(_changed(world.application, meant, dark))
    found = differing(world, view, meant.side, coming_configuration(world, view, meant.side))
    changed = {} if by_git(world) else undeclared(world.application, found)
    notes = (
        *(_expanded(each) for each in world.application.spec.databases),
        *not_pulled(world.application, dark, meant.images, meant.again),
        *([f"{meant.side} {refusal(changed)}: until then no flip is asked about"] if changed else []),
    )
    outcome = _outcome(meant, deploy_again(world.application, given))
    still = standing_rows(world.application, dark, meant.images, meant.again)
    differs, rows = tuple(differing_lines(found)), (*still, *preflight(world, view, None))
    hooks = tuple(hook.line for hook in hooks_at(world.application.spec.hooks, *HookPoint))
    refused = rows_of.refusal(rows) if _brings_up(meant) else ""
    side, space = str(meant.side), dark.namespace
    return DeployPlan(meant.id, side, space, outcome, services, objects, asks, notes, differs, rows, hooks, refused)


def _brings_up(meant: Meant) -> bool:
    """Whether a release would be brought up, and so the preflight asked."""
    same = meant.unseen is not None and meant.unseen.id == meant.id
    return meant.unseen.phase is Phase.DEPLOYING if meant.unseen and same else not meant.is_live


def _expanded(database: Database) -> str:
    if database.clone is None:
        return f"database {database.name} is expanded first: {database.expand.what}"
    copied = f"database {database.name} is copied first ({database.clone.create.what}), and the copy expanded"
    return f"{copied} ({database.expand.what}); the live one once the flip is approved"


def _outcome(meant: Meant, all_the_same: str) -> str:
    if meant.unseen and meant.unseen.id == meant.id:
        return f"goes on with release {meant.unseen.name}, which is the same"
    if meant.is_live:
        live = f"nothing: {meant.side.other} has these images and this configuration live"
        return f"{live}. Next: {all_the_same}" if all_the_same else live
    if meant.unseen:
        return f"opens release {meant.id} on {meant.side} in the place of {meant.unseen.name}"
    return f"opens release {meant.id} on {meant.side}"


def _changed(application: Application, meant: Meant, dark: SideState) -> Iterator[str]:
    """The workloads that would be written."""
    for service in application.spec.services:
        workload = dark.workloads[service.name]
        image, again = meant.images[service.name], meant.again.get(service.name, "")
        if changes(workload, service, image, meant.wanted[service.name], Marks(again)):
            yield str(workload)
