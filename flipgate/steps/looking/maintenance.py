"""Reads the maintenance flag as it stands in its ConfigMap."""

from __future__ import annotations

from collections.abc import Iterator

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import Reader
from flipgate.core.record.maintenance import Maintenance
from flipgate.core.spec.maintenance import MaintenanceSpec
from flipgate.core.values.errors import FlipgateError, Forbidden, NotFound
from flipgate.core.values.frozen import dataclass
from flipgate.steps.acting.world import World

READ_SECONDS = 5.0


@dataclass(frozen=True)
class Flag:
    """What stands there; `value` is None where the key, or all of the ConfigMap, does not exist."""

    found: bool
    value: str | None = None
    version: str = ""


def path_of(flag: MaintenanceSpec | Maintenance) -> str:
    """The address of its ConfigMap."""
    return address("ConfigMap", flag.namespace, flag.config_map)


def read_flag(cluster: Reader, flag: MaintenanceSpec | Maintenance) -> Flag:
    """Reads it. Raises what the API server says, but for a ConfigMap that is not there."""
    try:
        obj = cluster.get(path_of(flag), timeout=READ_SECONDS)
    except NotFound:
        return Flag(False)
    return Flag(True, (obj.get("data") or {}).get(flag.key), obj["metadata"]["resourceVersion"])


def wrong_with(flag: MaintenanceSpec, found: Flag) -> str:
    """Why it cannot be set as it stands; empty where it can, and where somebody else has set it."""
    if not found.found:
        return f"ConfigMap {flag.namespace}/{flag.config_map} does not exist"
    if found.value is None:
        return f"ConfigMap {flag.namespace}/{flag.config_map} has no key {flag.key}"
    if found.value not in (flag.during, flag.otherwise):
        return f'{flag} is neither "{flag.during}" nor "{flag.otherwise}"'
    return ""


def maintenance_problems(world: World) -> Iterator[str]:
    """What keeps the declared flag from being set; the right is named with all others."""
    spec = world.application.spec.maintenance
    if spec is None:
        return
    try:
        wrong = wrong_with(spec, read_flag(world.cluster, spec))
    except Forbidden:
        return
    except FlipgateError as error:
        wrong = error.named_fact
    if wrong:
        yield f"spec.maintenance: {wrong}"
