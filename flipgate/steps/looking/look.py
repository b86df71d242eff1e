"""Looks at the world at one moment. This is the only maker of a DarkSide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import Reader
from flipgate.adapters.routes import read_traffic
from flipgate.core.record.events import InvolvedObject
from flipgate.core.record.record import Record
from flipgate.core.record.release import Release
from flipgate.core.spec.service import Kind, Service
from flipgate.core.traffic.traffic import DarkSide, Traffic, dark_side
from flipgate.core.values.errors import FlipgateError, PermanentError, Refused, Silent, TemporaryError, Unreachable
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.way_back.explain import Drift, OpenStep, explain
from flipgate.core.workloads.counts import coming_up
from flipgate.core.workloads.render import config_maps
from flipgate.core.workloads.taken_out import ran_on
from flipgate.core.workloads.view import ENDED_PHASES, SideState, Switch, View, Workload, read_switch, read_workload
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.world import World

MOST_READ = 12
"""Objects of a kind that are read by name where somebody may be in a hurry; more are listed."""
AT_LEISURE = 1
"""The same where nobody is."""
LIST_SECONDS = 3.0
"""What a list may take before each of its objects is read by name: users on a bad side may be waiting."""
OTHERS, MANY_OTHERS = 3, 50
"""How many objects a list may have for each that is wanted, and beside."""


def look(world: World) -> View:
    """Reads both sides, the record and the routes. The routes come last, so that the stamps in every write are older
    than the routes it rests on."""
    sides = {side: look_at_side(world, side) for side in Side}
    record = world.store.find()
    traffic = look_at_traffic(world)
    dark = dark_side(traffic, world.application.places, both_protected=record is not None and record.both_protected)
    return View(sides, record, traffic, dark)


def look_at_traffic(world: World) -> Traffic:
    """Where the live routes send users, read now."""
    traffic = read_traffic(world.cluster, world.application, world.route_api)
    # Events on them need to know which they are: seen once, nobody has to ask for it.
    found = [(state.route, state.uid) for state in traffic.routes if state.uid]
    world.uids.update({InvolvedObject(name.kind, name.namespace, name.name): uid for name, uid in found})
    return traffic


def look_at_side(
    world: World, side: Side, only: Sequence[Service] | None = None, *, at_leisure: bool = False
) -> SideState:
    """The declared services of one side (or `only` these of them), each workload by its name; more than MOST_READ of a
    kind by one list, and more than AT_LEISURE where who looks is in no hurry.

    Few are not listed else, for right after a write to anything else an API server keeps a list waiting for its cache
    to catch up (ConsistentListFromCache: up to 100 ms, seen), and users on a bad side wait with it. A read by name does
    not. Of many that wait is less than what their reads take. Who cannot list reads them by name.
    """
    found = _listed(world, side, only, AT_LEISURE if at_leisure or world.memory else MOST_READ)
    left = [path for path in paths_of(world, side, only) if path not in found]
    found |= dict(zip(left, world.each(world.cluster.find, left), strict=True))
    return side_of(world, side, found.values(), only)


def _listed(world: World, side: Side, only: Sequence[Service] | None, few: int) -> dict[str, Mapping[str, Any] | None]:
    """What there is of kinds of which many are declared, by address; nothing of those that cannot be listed."""
    place = world.application.place_of(side)
    many: dict[Kind, list[str]] = {}
    for service in world.application.spec.services if only is None else only:
        many.setdefault(service.kind, []).append(place.workload_of(service))
    found: dict[str, Mapping[str, Any] | None] = {}
    for kind, names in many.items():
        if len(names) <= few:
            continue
        items = list_few(world, address(kind, place.namespace), len(names))
        if items is None:
            continue
        there = {each["metadata"]["name"]: {**each, "kind": kind} for each in items}
        found |= {address(kind, place.namespace, name): there.get(name) for name in names}
    return found


def list_few(world: World, path: str, wanted: int) -> list[dict[str, Any]] | None:
    """The items of a list in which so many are wanted; None where it may not be read, is not answered as it should be
    or within LIST_SECONDS, or has many others: a namespace may be shared with thousands. Who gets None reads by name.
    Raises Unreachable."""
    try:
        return world.cluster.few(path, wanted * OTHERS + MANY_OTHERS, timeout=LIST_SECONDS)
    except Silent:
        return None  # an API server may hold lists back while it answers what is asked by name
    except Unreachable:
        raise  # a read by name would wait for as long once more
    except (TemporaryError, PermanentError):
        return None


def look_at_coming(world: World, release: Release) -> dict[str, tuple[int, int]]:
    """How many pods of a release that is brought up are Ready and wanted, of each service, by one request a kind."""
    side, _ = list_side(world, release.side)
    return coming_up(side, release.wanted)


def read_taken_out(world: World, record: Record, side: Side, say: Callable[[str], None]) -> SideState:
    """What the side ran and the file names no longer (`core/workloads/taken_out.py`). Whoever declares no CronJob need
    not have the rights on them: what cannot be read is said, and left out."""
    found: dict[str, Workload] = {}
    switches: dict[str, Switch] = {}
    for service in ran_on(world.application, record, side):
        try:
            state = look_at_side(world, side, [service])
        except FlipgateError as error:
            say(f"{service.name}, which is no longer in the file, could not be read on {side}: {error}")
        else:
            found.update(state.workloads)
            switches.update(state.switches)
    return SideState(world.application.place_of(side), found, switches)


def paths_of(world: World, side: Side, only: Sequence[Service] | None = None) -> tuple[str, ...]:
    """Returns the addresses of all objects of a side: its workloads, and the ConfigMaps by which pods are told."""
    place = world.application.place_of(side)
    services = world.application.spec.services if only is None else only
    clones = [] if only is not None else [each.clone for each in world.application.cloned()]
    workloads = [address(service.kind, place.namespace, place.workload_of(service)) for service in services]
    switches = [address("ConfigMap", place.namespace, s.consume.config_map) for s in services if s.consume]
    pointers = [address("ConfigMap", place.namespace, each.config_map) for each in clones if each]
    return tuple(dict.fromkeys([*workloads, *switches, *pointers]))


def side_of(
    world: World, side: Side, found: Iterable[Mapping[str, Any] | None], only: Sequence[Service] | None = None
) -> SideState:
    """Returns a side's declared services (or `only` these) from the objects that were found on it; each says its kind,
    as the items of a list do not by themselves."""
    place = world.application.place_of(side)
    namespace = place.namespace
    known = {(each["kind"], each["metadata"]["name"]): each for each in found if each}
    # As of routes: seen once, nobody has to ask for it.
    world.uids.update(
        {InvolvedObject(kind, namespace, n): o["metadata"].get("uid", "") for (kind, n), o in known.items()}
    )
    services = world.application.spec.services if only is None else only
    named = {service.name: (place.workload_of(service), service.kind, service.image) for service in services}
    return SideState(
        place,
        {s: read_workload(name, namespace, known.get((kind, name)), kind, of) for s, (name, kind, of) in named.items()},
        {s.name: _switch(s.consume.config_map, s.consume.key, namespace, known) for s in services if s.consume},
        {
            each.name: _switch(each.clone.config_map, each.clone.key, namespace, known)
            for each in world.application.cloned()
            if each.clone and only is None
        },
    )


def _switch(config_map: str, key: str, namespace: str, known: Mapping[tuple[str, str], Mapping[str, Any]]) -> Switch:
    return read_switch(config_map, key, namespace, known.get(("ConfigMap", config_map)))


def list_side(world: World, side: Side) -> tuple[SideState, dict[Kind, str]]:
    """What of one side asks for a number of pods, by one list of each kind, and the version of each list to watch from:
    how who waits for pods looks. CronJobs are left out, as if there were none."""
    namespace = world.application.place_of(side).namespace
    kinds = dict.fromkeys(service.kind for service in world.application.spec.services if service.kind != "CronJob")
    lists = {kind: world.cluster.get(address(kind, namespace)) for kind in kinds}
    found = [{**item, "kind": kind} for kind, each in lists.items() for item in each["items"]]
    versions: dict[Kind, str] = {kind: each["metadata"]["resourceVersion"] for kind, each in lists.items()}
    return side_of(world, side, found), versions


@about_application(untouched="both sides")
def need_record(world: World, view: View) -> Record:
    """The record. Raises Refused before `adopt` or `init`."""
    if view.record is None:
        raise Refused(
            "is not managed yet: nobody has told flipgate that what runs is meant to run", reason=Why.UNMANAGED
        )
    return view.record


@about_application(untouched="both sides and all routes")
def need_dark(world: World, view: View) -> DarkSide:
    """The dark side. Raises Refused with all values when the routes, or a move under way, do not allow to name one."""
    record, then = need_record(world, view), ", then run the reconcile flow"
    match explain(record, view.traffic):
        case OpenStep(entry):
            fact = f"journal entry {entry.id} ({entry.step}, begun {entry.at:%H:%M:%S} by {entry.actor}) is open"
        case Drift(fact):
            then = " (says what ends it)"
        case _ if view.dark is not None:
            return view.dark
        case _:
            fact = f"the release is `{record.phase}`: both sides are protected"
    raise Refused(
        f"no side can be called dark: {fact}",
        reason=Why.NO_DARK_SIDE,
        next_command=f"flipgate status {world.application.name}{then}",
    )


def side_of_release(view: View, release: Release | None) -> Side | None:
    """The side that a release is for, or, without one, that the next would be for: None where no side is dark."""
    if release is not None:
        return release.side
    return view.active.other if view.active else None


def need_its_side(world: World, view: View, release: Release) -> DarkSide:
    """The dark side, which the release is for. Raises Refused (SideIsLive) where users are on its side by now."""
    dark = need_dark(world, view)
    if dark.side is not release.side:
        fact, obj = f"is for {release.side}, which has the live traffic now", f"release {release.name}"
        raise Refused(fact, obj=obj, reason=Why.SIDE_IS_LIVE, untouched="both sides")
    return dark


def running_pods(cluster: Reader, workload: Workload) -> list[str]:
    """The names of a workload's pods that run, those among them that have been told to end. What has ended stays listed
    for as long as nobody clears it away: evicted pods."""
    listed = cluster.items(address("Pod", workload.namespace), labelSelector=workload.selector)
    return [pod["metadata"]["name"] for pod in listed if (pod.get("status") or {}).get("phase") not in ENDED_PHASES]


def configuration(cluster: Reader, side: SideState) -> dict[str, Any]:
    """The data of each ConfigMap that the side's pods read, by name; None for one that is not there, or is empty.

    Without the keys by which flipgate tells pods what to do: it sets them, and changes no release.
    """
    names = {name for workload in side.workloads.values() for name in config_maps(workload.template)}
    found = {name: cluster.find(address("ConfigMap", side.namespace, name)) for name in sorted(names)}
    return {
        name: {key: value for key, value in data.items() if key not in side.set_in(name)} or None
        for name, data in ((name, (obj or {}).get("data") or {}) for name, obj in found.items())
    }
