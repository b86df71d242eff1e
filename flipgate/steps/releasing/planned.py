"""The plan that a person says yes to: routes, work that is handed over, migrations, pods that go, and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from flipgate.core.gates.hooks import HookPoint, hooks_at
from flipgate.core.record import clones
from flipgate.core.record.ledger import done_and_to_come
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.planned import Part, lines_of, parts
from flipgate.core.record.record import Record
from flipgate.core.record.release import Release
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.moves import RoutePatch, plan_move
from flipgate.core.traffic.told import fields_moved
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.foretold import after_the_flip, after_the_rest
from flipgate.core.workloads import hand_over_told
from flipgate.core.workloads.autoscalers import to_hold
from flipgate.core.workloads.counts import at_work, rest_counts
from flipgate.core.workloads.hand_over import Scaled
from flipgate.core.workloads.view import SideState, View
from flipgate.steps.acting.world import World
from flipgate.steps.looking.autoscalers import find_autoscalers
from flipgate.steps.looking.costs import costs_of
from flipgate.steps.looking.look import need_record
from flipgate.steps.looking.scaled_objects import find_scaled, find_unpaused

MAINTENANCE = "maintenance flag"
ROUTES, WORK, MIGRATIONS, HOOKS, BACK = "routes", "work", "migrations", "hooks", "a rollback"
AFTER_YES: Final[Mapping[QuestionKind, tuple[HookPoint, ...]]] = MappingProxyType(
    {
        QuestionKind.FLIP: (HookPoint.BEFORE_FLIP, HookPoint.AFTER_FLIP),
        QuestionKind.SCALE_DOWN: (HookPoint.AFTER_SETTLED,),
    }
)
GOES, STAYS, HELD = "what goes", "what stays", "autoscalers"


def move_of(world: World, view: View, release: Release) -> tuple[RoutePatch, ...]:
    """The patches that would send all users to the release's side, to be shown and to be bound to."""
    return plan_move(view.traffic, world.application.places, release.side)


def plan_of(world: World, view: View, release: Release, kind: QuestionKind) -> tuple[Part, ...]:
    """What a yes would do to routes, work and pods, and what would take it back, as it is kept with the question."""
    record, old = need_record(world, view), view.sides[release.side.other]
    if kind is QuestionKind.SCALE_DOWN:
        return _rest(world, record, release, old)
    pods = f"kubectl -n {old.namespace} get {old.resources}"
    back = after_the_flip(world.application, record, release, old)
    return parts(
        [
            _routes(world, view, release),
            (WORK, _work(world, record, old, view.sides[release.side]), pods),
            _migrations(world, record, release),
            (MAINTENANCE, _maintenance(world), ""),
            (HOOKS, hook_lines(world, kind), pods),
            (BACK, back, pods),
        ]
    )


def _maintenance(world: World) -> list[str]:
    flag, policy = world.application.spec.maintenance, world.application.spec.policy
    if flag is None:
        return []
    until = f"{policy.bake_seconds} s later, once the bake has passed, or when users are back"
    return [f"{flag}: {flag.during} from right before users move until {until}; then {flag.otherwise}"]


def hook_lines(world: World, kind: QuestionKind) -> list[str]:
    """The hooks that run once the move has a yes, by the file as it is now."""
    return [hook.line for hook in hooks_at(world.application.spec.hooks, *AFTER_YES[kind])]


def routes_moved(world: World, view: View, release: Release) -> tuple[str, ...]:
    """The part of it that says which fields of which routes change."""
    return lines_of(parts([_routes(world, view, release)]), ROUTES)


def _migrations(world: World, record: Record, release: Release) -> tuple[str, list[str], str]:
    """What is done to databases, and what is to come once users stay on the new code."""
    contracts = {each.name for each in world.application.spec.databases if each.contract}
    lines = [
        f"before users move: {each.database} is expanded, pods are started anew on it, and its copy {each.name} goes"
        for each in clones.of_release(record, release.name, [each.name for each in world.application.cloned()])
    ]
    return (
        MIGRATIONS,
        [*lines, *done_and_to_come(record, contracts)],
        f"flipgate status {record.application} -o wide",
    )


def _routes(world: World, view: View, release: Release) -> tuple[str, list[str], str]:
    patches = move_of(world, view, release)
    lines = fields_moved(patches) or [f"none changes: all lead to {release.side}"]
    whole = {
        f"kubectl -n {route.namespace} get {KINDS[route.kind].plural}.{version.partition('/')[0]} -o yaml"
        for route, version in ((each.route, each.api_version) for each in patches)
    }
    return ROUTES, lines, "; ".join(sorted(whole))


def _work(world: World, record: Record, old: SideState, new: SideState) -> list[str]:
    services, order = world.application.handed_over(), world.application.spec.policy.workers
    scaled: Scaled | Unread
    try:
        scaled = find_scaled(world, new.side, services)
    except FlipgateError as error:
        scaled = Unread(error.named_fact)
    return hand_over_told.told(services, order, old, new, at_work(services, record, new.side), scaled)


def _rest(world: World, record: Record, release: Release, old: SideState) -> tuple[Part, ...]:
    keep = rest_counts(world.application, world.application.spec.policy.rest_replicas)
    pods = f"kubectl -n {old.namespace} get {old.resources}"
    return parts(
        [
            (GOES, list(_going(old, keep)), pods),
            (STAYS, list(_staying(old, keep)), pods),
            (HOOKS, hook_lines(world, QuestionKind.SCALE_DOWN), pods),
            (HELD, list(_held(world, old, keep)), f"kubectl -n {old.namespace} get hpa"),
            _migrations(world, record, release),
            (BACK, after_the_rest(world.application, record, release, old, keep), pods),
        ]
    )


def _going(old: SideState, keep: Mapping[str, int]) -> Iterator[str]:
    costs = costs_of(old, keep)
    if costs.pods:
        yield f"given back: {costs}"
    for name, workload in sorted(old.workloads.items()):
        if workload.kind == "CronJob" and workload.up:
            yield f"{name}: is suspended"
        elif (going := workload.replicas - keep.get(name, 0)) > 0:
            yield f"{name}: {going} of {workload.replicas} pods"


def _staying(old: SideState, keep: Mapping[str, int]) -> Iterator[str]:
    for name, workload in sorted(old.workloads.items()):
        if stays := min(workload.replicas, keep.get(name, 0)):
            yield f"{name}: {stays} of {workload.replicas} pods"
    yield f"the workloads of {old.side}, their images and their configuration"


def _held(world: World, old: SideState, keep: Mapping[str, int]) -> Iterator[str]:
    """What would bring pods back otherwise, in the order in which it is held: before any pod goes."""
    try:
        unpaused = find_unpaused(world, old.side)
        holding = (*((each, 0) for each in unpaused), *to_hold(find_autoscalers(world, old.side), keep))
    except FlipgateError as error:
        yield f"whether any scales {old.side} is not known: {error.named_fact}"
        return
    for each, count in holding:
        yield f"{each.state} now: is held at {count} until {old.side} is brought up again"
