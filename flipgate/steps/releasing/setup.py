"""Setting an application up: checking its file against the cluster, writing it down, and its first record: adopting
what runs, or saying that nothing does yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from flipgate.adapters.addresses import namespace_address
from flipgate.adapters.cluster import Cluster, Reader
from flipgate.adapters.routes import find_route_api, read_traffic, serves
from flipgate.adapters.store import Store
from flipgate.core.record.occupant import Occupant
from flipgate.core.record.record import EntryState, JournalEntry, Record
from flipgate.core.rights.rule import Account
from flipgate.core.rights.rules import behind_rules
from flipgate.core.spec.application import Application
from flipgate.core.traffic.grants import look_for_grants, not_granted
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.traffic import RouteName, Traffic
from flipgate.core.values import stamps
from flipgate.core.values.errors import Conflict, FlipgateError, Forbidden, Refused, about
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.workloads.autoscalers import Autoscaler
from flipgate.core.workloads.containers import of_another_repository, untold
from flipgate.core.workloads.render import environment_config_maps, images_of
from flipgate.core.workloads.standstill import held_back, paused
from flipgate.core.workloads.taken_out import roles_of
from flipgate.core.workloads.view import SideState, View
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.world import World
from flipgate.steps.looking.ask import probe_problems
from flipgate.steps.looking.autoscalers import find_rested
from flipgate.steps.looking.commands import commands_here, unread_applications
from flipgate.steps.looking.companions import companion_problems
from flipgate.steps.looking.dark_preview import dark_preview_notes, dark_preview_problems
from flipgate.steps.looking.git import git_problems
from flipgate.steps.looking.grants import missing_grants
from flipgate.steps.looking.header import Found, check_header, header_problems, need_header, throttle_problems
from flipgate.steps.looking.look import look, look_at_side, look_at_traffic
from flipgate.steps.looking.maintenance import maintenance_problems
from flipgate.steps.looking.neighbours import neighbour_problems
from flipgate.steps.looking.other_kinds import kind_problems, need_kinds
from flipgate.steps.looking.preflight import preflight_problems
from flipgate.steps.looking.scaled_objects import find_scaled
from flipgate.steps.looking.services import count_notes, service_problems, serving_notes
from flipgate.steps.looking.starters import starter_problems
from flipgate.steps.looking.undeclared import undeclared_problems
from flipgate.steps.looking.volumes import volume_notes
from flipgate.steps.looking.who import approver_problems
from flipgate.steps.looking.written_back import applied_problems
from flipgate.steps.moving.move import close_routes, forget_unrecorded
from flipgate.steps.moving.stamp import stamp, stamp_anew, stamp_unstamped
from flipgate.steps.releasing.rights import denied, missing_rights, named_behind

_SECOND_SIDE = ": nothing of the application is there (docs/your-application.md says how to make a second side)"


def check_application(
    cluster: Cluster,
    application: Application,
    namespace: str,
    say: Callable[[str], None] = lambda _: None,
    account: Account | None = None,
) -> list[str]:
    """What stands between this file and a release on this cluster, one sentence each; empty when nothing does. What
    users' question was answered with is said, and what was not looked for. Of rights those that one account needs are
    asked about, or all."""
    world = World(cluster, Store(cluster, namespace, application.name), application, "check", say=say)
    problems = [*missing_rights(world, namespace, account), *approver_problems(world), *probe_problems(world)]
    if problems:
        return problems
    for note in (*volume_notes(world), *serving_notes(world), *_preview_notes(world)):
        say(note)
    on_sides = [problem for side in Side for problem in _side(world, side)]
    commands = commands_here(world)
    found = [
        *_routes(world),
        *undeclared_problems(world),
        *on_sides,
        *commands,
        *starter_problems(world),
        *maintenance_problems(world),
        *neighbour_problems(cluster, application, namespace, say),
        *unread_applications(world),
    ]
    in_git = [*applied_problems(world, say), *git_problems(world, say)]
    if asks_no_pod := account is Account.READER:
        say("Traefik was not asked how users are answered: a reader asks no pod")
    deploys = account in (None, Account.SETUP, Account.DEPLOY)
    return [*found, *preflight_problems(world, reads_all=deploys), *in_git, *(() if asks_no_pod else _header(world))]


def apply_application(
    cluster: Cluster, application: Application, text: str, namespace: str, say: Callable[[str], None] = lambda _: None
) -> None:
    """Writes the application's file to flipgate's namespace, which is created when missing. Changes nothing else.

    Raises Refused as `need_place` and `need_alone` do.
    """
    need_place(cluster, application)
    need_alone(cluster, application, namespace, say)
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    if cluster.find(namespace_address(namespace)) is None:
        cluster.apply(namespace_address(namespace), body)
    Store(cluster, namespace, application.name).write_application(text)


@about_application(untouched="everything")
def adopt(world: World) -> Record:
    """Takes what runs as settled: the record's first version. Raises Refused when the routes name no one side, or when
    that side lacks workloads, or serves nobody: nothing runs there that could be meant to run; or answers users without
    the header that names it (HeaderMissing and others, looking/header.py). Where Traefik cannot be asked that is said.

    Both sides are stamped from then on: no write that is on its way passes for one of ours. Adopting again stamps what
    came to them since, and changes nothing else while the record stands.
    """
    view = look(world)
    if view.record is not None:
        _stamp_both(world, view, view.record)
        return view.record
    active = _need_one_side(world, view)
    _need_workloads(view.sides[active], f"; if nothing ever ran there: flipgate init {world.application.name}")
    if world.application.serving() and not _serve(world, view.sides[active]):
        raise Refused(
            "has no Ready pod of any serving service: nothing runs there that could be adopted",
            obj=f"side {view.sides[active].place}, which the routes name,",
            reason=Why.NOTHING_RUNS,
            next_command=f"flipgate init {world.application.name} before a first release ever; else bring {active} up "
            "and adopt again",
        )
    need_header(world, _unnamed(world, active))
    for note in count_notes(world, view.sides[active]):
        world.say(note)
    now = world.now()
    occupants = {
        side: Occupant(
            images=images_of(world.application, state),
            roles=roles_of(world.application),
            replicas=state.replicas,
            since=now,
        )
        for side, state in view.sides.items()
    }
    return _first_record(world, view, "Adopt", active, occupants)


@about_application(untouched="everything")
def init(world: World) -> Record:
    """The record's first version where nothing is live yet: the side that the routes name serves nobody, and nothing
    ever ran there. The first release is brought up on the other side.

    Raises Refused when the routes name no one side, when something is Ready on it (`adopt` then), and when the other
    side lacks workloads. Doing it again changes nothing while the record stands.
    """
    view = look(world)
    if view.record is not None:
        _stamp_both(world, view, view.record)
        return view.record
    active = _need_one_side(world, view)
    if running := _serve(world, view.sides[active]):
        raise Refused(
            f"has Ready pods: {', '.join(f'{name} {ready}' for name, ready in running.items())}",
            obj=f"side {view.sides[active].place}, which the routes name,",
            reason=Why.ALREADY_RUNS,
        )
    _need_workloads(view.sides[active.other])
    now = world.now()
    occupants = {side: Occupant(since=now) for side in Side}
    return _first_record(world, view, "Init", active, occupants)


def _serve(world: World, state: SideState) -> dict[str, int]:
    """The serving services of a side that have Ready pods, and how many."""
    return {s.name: state.ready[s.name] for s in world.application.serving() if state.ready[s.name]}


def _need_one_side(world: World, view: View) -> Side:
    if view.active is not None:
        return view.active
    raise Refused(
        f"the routes name no one side: {view.traffic}",
        reason=Why.ROUTES_SPLIT,
        next_command="point every route wholly at one side, then the same again",
    )


def _need_workloads(state: SideState, otherwise: str = "") -> None:
    if state.missing:
        raise Refused(
            f"lacks {state.lacks}",
            obj=f"side {state.place}",
            reason=Why.WORKLOAD_MISSING,
            next_command=f"kubectl -n {state.namespace} get {state.resources}{otherwise}",
        )


def _first_record(world: World, view: View, step: str, active: Side, sides: dict[Side, Occupant]) -> Record:
    """Writes it, or finds the one that somebody else wrote meanwhile."""
    now, outcome = world.now(), f"active {active}"
    first = JournalEntry(id=1, step=step, state=EntryState.DONE, actor=world.actor, at=now, ended=now, outcome=outcome)
    name, scaled = world.application.name, _scaled(world)
    on_sides = (each.stamp for side in view.sides.values() for each in side.stamped)
    epoch = _last_epoch([*on_sides, *(each.stamp for each in scaled), *(each.stamp for each in view.traffic.routes)])
    record = Record(application=name, epoch=epoch, active=active, sides=sides, journal=(first,))
    try:
        record = world.store.create(record)
    except Conflict:
        return world.store.read()
    # Whatever was sent before is refused from here on, also where a record was lost and this is a second beginning.
    with world.acting_without_lease(record.epoch, record) as acting:
        for state in view.sides.values():
            stamp(acting, state, over_unrecorded=True)
        stamp_anew(acting, scaled)
        close_routes(acting, view.traffic)
        for left in forget_unrecorded(acting, view.traffic):
            world.say(left)
    return record


def _stamp_both(world: World, view: View, record: Record) -> None:
    """What bears a stamp already keeps it: somebody acts on it, or did."""
    with world.acting_without_lease(record.epoch, record) as acting:
        for state in view.sides.values():
            stamp_unstamped(acting, state)


def _scaled(world: World) -> list[Autoscaler]:
    """What KEDA has of the workers on both sides, and what scales the others there and was written by one of ours
    before. Where it may not be looked at nobody of ours has written it."""
    try:
        found = [find_scaled(world, side, world.application.workers()) for side in Side]
    except Forbidden as error:
        world.say(f"KEDA's ScaledObjects are not stamped: {error}")
        found = []
    rested = (each for side in Side for each in find_rested(world, side) if each.stamp)
    return [*(each for side in found for some in side.values() for each in some), *rested]


def _last_epoch(found: Iterable[str | None]) -> int:
    """The latest epoch of these stamps: an application may be adopted anew after its record was lost."""
    epochs = [stamps.epoch_of(stamp) for stamp in found]
    return max((epoch for epoch in epochs if epoch is not None), default=0)


def _routes(world: World) -> Iterator[str]:
    try:
        traffic = look_at_traffic(world)
    except FlipgateError as error:
        yield str(error)
        return
    for route in traffic.leading:
        if route.whole is None:
            yield f"{route}; each route must point wholly at one side{'' if route.found else _why(world, route.route)}"
    if traffic.active is None and all(route.whole for route in traffic.leading):
        then = "point them there first, or declare one that shall stay under spec.routesThatStay"
        yield f"the routes lead to both sides ({traffic}): a release needs all of them at one; {then}"
    yield from _behind(world, traffic)
    yield from companion_problems(world, traffic)
    yield from dark_preview_problems(world)
    for side in Side:
        namespace = world.application.place_of(side).namespace
        for asking, target in missing_grants(world, traffic, side):
            fact = f"{target.kind} {namespace}/{target.name} {not_granted(asking, namespace)}"
            yield f"{fact} ({look_for_grants(namespace)})"


def _preview_notes(world: World) -> Iterator[str]:
    """What cannot be read is a problem of its own, and said beside it."""
    if world.application.spec.traffic.dark_preview is None:
        return
    try:
        yield from dark_preview_notes(world, look_at_traffic(world))
    except FlipgateError:
        return


def _header(world: World) -> Iterator[str]:
    """How Traefik follows a move, and the live side answers users, where it does: before a first release ever nothing
    does. What keeps it from being looked at is a problem of its own, and said already."""
    yield from throttle_problems(world)
    try:
        side = look_at_traffic(world).active
        serves_users = side is not None and bool(_serve(world, look_at_side(world, side)))
    except FlipgateError:
        return
    if side and serves_users:
        for note in count_notes(world, look_at_side(world, side)):
            world.say(note)
        yield from header_problems(world, _unnamed(world, side, world.say))


def _unnamed(world: World, side: Side, seen: Callable[[str], None] = lambda _: None) -> Found:
    """Through which of Traefik's pods the live side does not answer as users are answered, or not say which it is."""
    try:
        replicas = world.proxy.replicas()
    except FlipgateError as error:
        where = "; spec.traffic.traefik says where to look" if getattr(error, "reason", "") == Why.NO_TRAEFIK else ""
        return {"none of its pods": f"{error.named_fact}{where}"}
    return check_header(world, side, replicas, seen=seen)


def _behind(world: World, traffic: Traffic) -> Iterator[str]:
    """A route that names, say, a TraefikService of a side: before each move the other side's is looked into."""
    named = named_behind(traffic)
    for side in Side:
        yield from denied(world, behind_rules(world.application.place_of(side).namespace, named))


def _why(world: World, route: RouteName) -> str:
    """A half installed cluster serves no such kind; a half migrated one serves both groups, and the route may stand in
    the one that Traefik no longer reads."""
    api, kind = world.route_api(route.kind), KINDS[route.kind]
    if not serves(world.cluster, api, route.kind):
        return f" ({api} has no {route.kind} here: are all of {kind.owner}'s CRDs installed?)"
    left = kind.dead_group in world.cluster.groups()
    return f" ({kind.dead_group} is still served: was the route left there?)" if left else ""


def _side(world: World, side: Side) -> Iterator[str]:
    namespace = world.application.place_of(side).namespace
    if world.cluster.find(namespace_address(namespace)) is None:
        yield f"namespace {namespace} ({side}) does not exist"
        return
    state = look_at_side(world, side)
    if state.missing:
        hint = _SECOND_SIDE if len(state.missing) == len(state.workloads) else ""
        yield f"namespace {namespace} ({side}) lacks {state.lacks}{hint}"
    missing = [service for service in world.application.spec.services if service.name in state.missing]
    yield from kind_problems(world.cluster, state.place, missing)
    for name, pointer in state.pointers.items():
        if pointer.value is None:
            what = f"{pointer} {f'lacks the key {pointer.key}' if pointer.found else 'does not exist'}"
            yield f"{what}; it tells pods which database {name} is"
    for name, switch in state.switches.items():
        if not switch.found:
            yield f"{switch} does not exist; it tells {name} whether to consume"
        elif switch.name in environment_config_maps(state.workloads[name].template):
            yield f"{switch} is read by {name} as environment, which pods see only when they start; mount it"
    yield from _containers(world, state)
    partitioned = {name: w for name, w in state.workloads.items() if w.stateful and w.stateful.partition}
    for each in (*paused(state.workloads), *held_back(partitioned)):
        yield f"{each.fact} ({each.command})"
    yield from service_problems(world, state)


def _containers(world: World, state: SideState) -> Iterator[str]:
    """Which container is each service's; what may be meant is only said."""
    for service in world.application.spec.services:
        workload = state.workloads[service.name]
        if service.container and workload.found and service.container not in workload.images:
            known = ", ".join(workload.images)
            yield f"{workload} has no container {service.container} (it has: {known})"
        if not_told := untold(workload, service):
            yield f"{workload} {not_told}"
        if other := of_another_repository(workload, service):
            world.say(f"{workload} {other}")


@about(untouched="the cluster")
def need_place(cluster: Reader, application: Application) -> None:
    """Raises Refused unless both sides' namespaces exist, each route names a side, and nothing declared is there as
    another kind: what applying asks first."""
    _need_both(cluster, application)
    _need_routes(cluster, application)
    need_kinds(cluster, application)


@about(untouched="the cluster")
def need_alone(
    cluster: Reader, application: Application, namespace: str, say: Callable[[str], None] = lambda _: None
) -> None:
    """Raises Refused (DeclaredTwice) where another application in this namespace of flipgate's declares what only one
    of them can write. Whose file cannot be read is said."""
    if both := list(neighbour_problems(cluster, application, namespace, say)):
        raise Refused("; ".join(both), obj=f"application {application.name}", reason=Why.DECLARED_TWICE)


def _need_routes(cluster: Reader, application: Application) -> None:
    for state in read_traffic(cluster, application, partial(find_route_api, cluster)).leading:
        if not state.entries:
            raise Refused(
                state.unmovable,
                obj=str(state.route),
                reason=Why.ROUTE_UNKNOWN,
                next_command=f"kubectl -n {state.route.namespace} get {KINDS[state.route.kind].plural}",
            )


def _need_both(cluster: Reader, application: Application) -> None:
    for side in Side:
        namespace = application.place_of(side).namespace
        if cluster.find(namespace_address(namespace)) is None:
            raise Refused(
                "does not exist",
                obj=f"namespace {namespace} ({side})",
                reason=Why.NAMESPACE_MISSING,
                next_command=f"kubectl create namespace {namespace}",
            )
