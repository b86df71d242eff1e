"""Looks at the dark preview: what it is to consist of, what there is of it, whether it shows the dark side, and who may
come by it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import takewhile
from typing import Any

from flipgate.adapters.routes import declared, find_middleware, find_object
from flipgate.core.gates.bake import Reply
from flipgate.core.gates.previewed import judge_previewed, settled
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision, EntryState, JournalEntry, Record
from flipgate.core.record.release import Release
from flipgate.core.traffic.dark_preview import (
    DARK,
    DARK_PREVIEW,
    DarkPreviewTold,
    as_wanted,
    asked_by_users,
    is_ours,
    lets_some_in,
    name_of,
    tell,
)
from flipgate.core.traffic.kinds.kind import MIDDLEWARE
from flipgate.core.traffic.kinds.middleware import led_to
from flipgate.core.traffic.preview import preview_names
from flipgate.core.traffic.reading import read_route
from flipgate.core.traffic.traffic import RouteName, RouteState, Traffic
from flipgate.core.values.errors import FlipgateError, Forbidden, NotFound, Refused
from flipgate.core.values.foreign import sentence
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.place import side_at
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.acting.world import World
from flipgate.steps.looking.companions import no_middlewares_right
from flipgate.steps.looking.preview import preview_objects
from flipgate.steps.looking.prove import probe

SEEN_SECONDS = 10.0
"""How long Traefik may take to show it, beside its throttle."""
PAUSE_SECONDS = 0.25


@dataclass(frozen=True)
class DarkPreviewSeen:
    """What there is of it, by the name of each object that it may consist of; None where there is no such object.
    `wanted`: what each is to be; empty while it is to lead nowhere."""

    found: dict[RouteName, dict[str, Any] | None]
    wanted: dict[RouteName, dict[str, Any]]
    unread: tuple[FlipgateError, ...] = ()
    """Why some of them could not be read, where none is to be there: what was seen of the others can be taken away."""

    @property
    def lacking(self) -> dict[RouteName, dict[str, Any]]:
        """What is not as it is to be."""
        return {name: obj for name, obj in self.wanted.items() if not as_wanted(self.found[name], obj)}

    @property
    def left(self) -> dict[RouteName, dict[str, Any]]:
        """What is flipgate's own, and is not to be there."""
        return {name: obj for name, obj in self.found.items() if obj and is_ours(obj) and name not in self.wanted}


def dark_side(record: Record) -> Side | None:
    """The side to which it is to lead: that of a release that is dark, and that nobody has said no to."""
    release, said = record.under_way, record.approval
    refused = said is not None and said.kind is QuestionKind.FLIP and said.decision is Decision.REJECT
    return release.side if release and release.phase is Phase.DARK and not refused else None


def address_of(world: World) -> str:
    """What people open; empty where no dark preview is declared."""
    spec = world.application.spec.traffic
    if spec.dark_preview is None:
        return ""
    return f"{'https' if spec.by_https else 'http'}://{spec.dark_preview.host}{spec.path}"


def may_be_there(world: World, record: Record) -> bool:
    """Whether there is anything to look for: one is declared, or was made before it left the file."""
    return world.application.spec.traffic.dark_preview is not None or bool(record.dark_preview)


def failures(record: Record) -> list[JournalEntry]:
    """The tries to have it right that failed since one that did not, the last one first."""
    tries = (entry for entry in reversed(record.journal) if entry.step == DARK_PREVIEW)
    return list(takewhile(lambda entry: entry.state is EntryState.UNDONE, tries))


def look_at_dark_preview(world: World, side: Side | None, known: Collection[str] = ()) -> DarkPreviewSeen:
    """Reads what there is of it, and makes out what it is to be where it is to lead to `side`. `known` are the names
    that the record has, of routes that may have left the file. Raises Refused where users ask for its host: they would
    be led there."""
    wanted = _wanted(world, side) if side else {}
    names = dict.fromkeys([*_names(world), *map(name_of, known)])

    def find(name: RouteName) -> dict[str, Any] | FlipgateError | None:
        try:
            return find_object(world.cluster, name, world.route_api(name.kind))
        except FlipgateError as error:
            return error

    read = dict(zip(names, world.each(find, names), strict=True))
    unread = tuple(each for each in read.values() if isinstance(each, FlipgateError))
    if unread and wanted:
        raise unread[0]
    found = {name: None if isinstance(each, FlipgateError) else each for name, each in read.items()}
    return DarkPreviewSeen(found, wanted, unread)


def _names(world: World) -> Iterator[RouteName]:
    for number, route in enumerate(declared(world.application)):
        yield from preview_names(world.application.name, number, route, what=DARK)


def _wanted(world: World, side: Side) -> dict[RouteName, dict[str, Any]]:
    application, spec = world.application, world.application.spec.traffic.dark_preview
    if spec is None:
        return {}
    objects = _live_routes(world)
    if taken := next(_taken(world, objects), None):
        raise Refused(taken, obj="spec.traffic.darkPreview.host", reason=Why.DARK_PREVIEW_NOT_KEPT)
    states = (read_route(name, obj, application.places, [*objects]) for name, obj in objects.items())
    made: dict[RouteName, dict[str, Any]] = {}
    for route in (state.route for state in Traffic(tuple(states)).leading):
        if (obj := objects[route]) is None:
            raise NotFound("is not there", obj=str(route))
        first = _declared_middlewares(world)
        made |= preview_objects(world, route, obj, side, spec.host, what=DARK, first=first)
    return made


def _live_routes(world: World) -> dict[RouteName, dict[str, Any] | None]:
    """The declared routes' objects as they are; None where there is none."""
    names = declared(world.application)
    found = world.each(lambda name: find_object(world.cluster, name, world.route_api(name.kind)), names)
    return dict(zip(names, found, strict=True))


def _taken(world: World, objects: Mapping[RouteName, Mapping[str, Any] | None]) -> Iterator[str]:
    """Yields a sentence for each live route that takes those who ask for the preview's host."""
    if (spec := world.application.spec.traffic.dark_preview) is None:
        return
    for name, obj in objects.items():
        if obj is not None and asked_by_users(obj, name.kind, spec.host):
            yield f"{spec.host} is a host of {name}: users who ask for it would be shown the dark side"


def _declared_middlewares(world: World) -> list[RouteName]:
    spec = world.application.spec.traffic.dark_preview
    return [RouteName(MIDDLEWARE, each.namespace, each.name) for each in spec.middlewares] if spec else []


def read_dark_preview(world: World, record: Record) -> DarkPreviewTold | None:
    """What `status` says of it."""
    if not may_be_there(world, record):
        return None
    side = dark_side(record) if address_of(world) else None
    seen = look_at_dark_preview(world, side, record.dark_preview)
    if seen.unread:
        raise seen.unread[0]
    failed = failures(record)
    return tell(address_of(world), side, seen.lacking, seen.left, failed[0].outcome if failed else "")


def dark_preview_evidence(world: World, release: Release) -> list[Evidence]:
    """What a person is told of it beside the gates; nothing where none is declared. Never raises: nothing is decided
    by it."""
    if not (address := address_of(world)):
        return []
    try:
        seen = look_at_dark_preview(world, release.side)
        fact = _shown(world, release.side) if not seen.lacking else f"is not there: {', '.join(map(str, seen.lacking))}"
    except FlipgateError as error:
        fact = f"not seen: {error.named_fact}"
    asked = f"which side answers at {address}"
    return [Evidence("dark preview", Verdict.INFO, asked, "Traefik", fact, f"{release.side}, or a login")]


def standing_address(world: World, side: Side) -> tuple[str, ...]:
    """The address, where it leads to `side` now; nothing where it does not, or that cannot be read."""
    address = address_of(world)
    try:
        return (address,) if address and not look_at_dark_preview(world, side).lacking else ()
    except FlipgateError as error:
        world.say(f"the dark preview could not be looked at: {error}")
        return ()


def _shown(world: World, side: Side) -> str:
    """Asks through each replica for its host, until that has been answered or the time is over."""
    spec = world.application.spec.traffic
    assert spec.dark_preview
    host, ends = spec.dark_preview.host, world.monotonic() + spec.traefik.throttle_seconds + SEEN_SECONDS

    def ask(replica: str) -> Reply | str:
        while True:
            try:
                reply: Reply | str = probe(world, replica, host=host, only=side)
            except Exception as error:  # any at all: it is a look for people
                reply = sentence(error)
            if settled(reply, side) or world.monotonic() >= ends:
                return reply
            world.sleep(PAUSE_SECONDS)

    replicas = world.proxy.replicas()
    return judge_previewed(dict(zip(replicas, world.each(ask, replicas), strict=True)), side)


def dark_preview_problems(world: World) -> Iterator[str]:
    """Yields a sentence for each declared middleware that is not there, stands on a side, or may not be read; and where
    users ask for its host."""
    if world.application.spec.traffic.dark_preview is None:
        return
    taken = _taken(world, _live_routes(world))
    yield from (f"spec.traffic.darkPreview.host: {each}; name another" for each in taken)
    for name in _declared_middlewares(world):
        key = "spec.traffic.darkPreview.middlewares"
        if side := side_at(world.application.places, name.namespace):
            yield f"{key}: {name} stands on {side}; let it stand in a namespace of neither side"
            continue
        try:
            if find_middleware(world.cluster, name) is None:
                dropped = "is not there, and Traefik drops a rule that names it"
                yield f"{key}: {name} {dropped}: make it, or correct the file"
        except Forbidden:
            yield no_middlewares_right(name.namespace)


def dark_preview_notes(world: World, traffic: Traffic) -> Iterator[str]:
    """Yields a warning where everybody who knows the host may see the dark side, as far as the middlewares say."""
    spec = world.application.spec.traffic.dark_preview
    if spec is None:
        return
    if len(traffic.leading) > 1:
        yield (
            f"spec.traffic.darkPreview: {spec.host} stands for {len(traffic.leading)} routes; where several take the "
            "same path it shows one of them, as Traefik prefers (the longer rule)"
        )
    bare = [state.route for state in traffic.leading if not _guarded(world, state)]
    if bare:
        yield (
            f"spec.traffic.darkPreview: {spec.host} shows the dark side to all who know it (by {bare[0]}): no "
            "middleware of it lets only some in; declare one under darkPreview.middlewares (ipAllowList, basicAuth, "
            "forwardAuth)"
        )


def _guarded(world: World, state: RouteState) -> bool:
    """Whether any middleware before this route's preview turns people away; one that may not be read is believed."""
    waiting = [*_declared_middlewares(world), *(name for name in state.companions if name.kind == MIDDLEWARE)]
    seen = set[RouteName]()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        try:
            spec = (find_middleware(world.cluster, name) or {}).get("spec") or {}
        except Forbidden:
            return True
        if lets_some_in(spec):
            return True
        waiting += [each for each in led_to(spec, name.namespace) if each.kind == MIDDLEWARE]
    return False
