"""Finds what routes name of a side beside their targets: middlewares, what those lead to, options of TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flipgate.adapters.routes import find_middleware
from flipgate.core.traffic.companions import LeftBehind, side_of
from flipgate.core.traffic.kinds.kind import MIDDLEWARE
from flipgate.core.traffic.kinds.middleware import GROUP, PLURAL, led_to
from flipgate.core.traffic.traffic import RouteName, RouteState, Traffic
from flipgate.core.values.errors import Forbidden, Refused
from flipgate.core.values.place import side_at
from flipgate.core.values.reasons import Why
from flipgate.steps.acting.world import World

Unread = Callable[[RouteName], None]
"""Gets each middleware that may not be read."""


def companion_problems(world: World, traffic: Traffic) -> Iterator[str]:
    """Yields a sentence for each thing of a side that a route names beside its targets, and for each namespace whose
    middlewares may not be read."""
    unread: dict[str, None] = {}
    for left in _left_behind(world, traffic, lambda name: unread.update({name.namespace: None})):
        yield f"{left.name} {left.fact}; {left.mend}"
    yield from map(no_middlewares_right, unread)


def no_middlewares_right(namespace: str) -> str:
    """Says that middlewares of this namespace may not be read."""
    resource = f"{PLURAL}.{GROUP}"
    command = f"kubectl auth can-i get {resource} -n {namespace}"
    return f"no permission to get {resource} in namespace {namespace} ({command})"


def need_companions(world: World, traffic: Traffic) -> None:
    """Raises Refused (LeftBehind) where a route names something of a side beside its targets. A middleware that may not
    be read is said."""

    def unread(name: RouteName) -> None:
        world.say(f"{name} may not be read, so whether it leads to a side is not known: flipgate check names the right")

    for left in _left_behind(world, traffic, unread):
        name = world.application.name
        raise Refused(
            left.fact,
            obj=str(left.name),
            reason=Why.LEFT_BEHIND,
            untouched="all routes",
            next_command=f"{left.mend}; flipgate check -f FILE, then again flipgate flip {name}",
        )


def _left_behind(world: World, traffic: Traffic, unread: Unread) -> Iterator[LeftBehind]:
    for state in traffic.routes:
        yield from _of_route(world, state, unread)


def _of_route(world: World, state: RouteState, unread: Unread) -> Iterator[LeftBehind]:
    places, seen = world.application.places, set[RouteName]()
    waiting = [(name, tuple[RouteName, ...]()) for name in state.companions]
    while waiting:
        name, by = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if found := side_of(name, places):
            side = side_at(places, found.namespace)
            assert side
            yield LeftBehind(found, side, state.route, by)
        elif name.kind == MIDDLEWARE:
            waiting += [(each, (*by, name)) for each in _led_to(world, name, unread)]


def _led_to(world: World, name: RouteName, unread: Unread) -> list[RouteName]:
    try:
        spec = (find_middleware(world.cluster, name) or {}).get("spec") or {}
    except Forbidden:
        unread(name)
        return []
    return list(led_to(spec, name.namespace))
