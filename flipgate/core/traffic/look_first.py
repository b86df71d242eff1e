"""How a person looks at the dark side before they decide: from their own machine, through no route."""

from __future__ import annotations

from typing import Final

from flipgate.core.traffic.traffic import SERVICE, Traffic
from flipgate.core.values.place import Place

LOCAL_PORT: Final = 9090
"""Of the first line on the person's machine; each next one has the next."""
MOST: Final = 5
"""Lines: who looks at more reads the routes."""


def port_forwards(traffic: Traffic, place: Place) -> tuple[str, ...]:
    """Returns a `kubectl port-forward` for each Service of this place that users would reach, in the routes' order;
    of what follows a route through a TraefikService, too."""
    entries = [entry.target for route in traffic.routes for entry in route.entries if entry.target.kind == SERVICE]
    found = list(dict.fromkeys((target.name, target.port) for target in entries if target.port is not None))[:MOST]
    return tuple(
        f"kubectl -n {place.namespace} port-forward service/{name} {LOCAL_PORT + number}:{port}"
        for number, (name, port) in enumerate(found)
    )
