"""Makes out what a preview of a live route consists of: the one of a moment, and the one for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flipgate.adapters.routes import declared
from flipgate.core.traffic.preview import preview_names, preview_of
from flipgate.core.traffic.reading import read_route
from flipgate.core.traffic.traffic import RouteName
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World


def preview_objects(
    world: World,
    route: RouteName,
    obj: Mapping[str, Any],
    to: Side,
    host: str,
    *,
    what: str = "preview",
    first: Collection[RouteName] = (),
) -> dict[RouteName, dict[str, Any]]:
    """Returns by their names the objects that lead who asks for `host` to where this route will lead users, once they
    are moved to `to`; through the middlewares `first`. `obj` is the route as it is."""
    application, known = world.application, declared(world.application)
    names = preview_names(application.name, known.index(route), route, what=what)
    made = preview_of(
        obj,
        read_route(route, obj, application.places, known),
        names,
        place=application.place_of(to),
        host=application.spec.traffic.host,
        preview=host,
        first=first,
        by_https=application.spec.traffic.by_https,
    )
    return dict(zip(names, made, strict=True))
