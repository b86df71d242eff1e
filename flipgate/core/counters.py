"""Which side answered, by Traefik's own counters: for routes whose targets it counts each under its own name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from flipgate.core.routes import SERVICE
from flipgate.core.sides import Side
from flipgate.core.traffic import Target, Traffic

_LINE: Final = re.compile(r'^traefik_service_requests_total\{[^}]*service="([^"]+)"[^}]*\} (\S+)$', re.MULTILINE)


def counted_as(namespace: str, target: Target) -> str:
    """The name under which Traefik counts what it sends to a target: letters and digits, the rest is one dash."""
    return "-".join(re.findall(r"[^\W_]+", f"{namespace}-{target.name}-{target.port}")) + "@kubernetescrd"


def counted_targets(traffic: Traffic, namespaces: Mapping[Side, str]) -> dict[str, Side]:
    """Whose each counter is, for all that users may hear from on either side: a move replaces the namespace alone.

    Mirrors are left out: they are counted too, and nobody hears from them. So are TraefikServices of a side, which
    Traefik does not count.
    """
    entries = (entry for state in traffic.leading for entry in state.entries)
    targets = {entry.target for entry in entries if entry.target.answers and entry.target.kind == SERVICE}
    return {counted_as(namespaces[side], target): side for target in targets for side in Side}


def read_counters(text: str) -> dict[str, float]:
    """Requests so far by target, of a Traefik's metrics page."""
    found: dict[str, float] = {}
    for name, value in _LINE.findall(text):
        found[name] = found.get(name, 0.0) + float(value)
    return found


def sides_moved(
    before: Mapping[str, float], after: Mapping[str, float], targets: Mapping[str, Side]
) -> frozenset[Side]:
    """The sides that answered anybody between two readings. A counter that is smaller now began anew: Traefik lets go
    what it no longer serves."""
    grown = {name for name in targets if after.get(name, 0.0) != before.get(name, 0.0) and after.get(name)}
    return frozenset(targets[name] for name in grown)
