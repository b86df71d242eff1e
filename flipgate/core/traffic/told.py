"""Says what a move changes: each route with its fields, as they are and as they will be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flipgate.core.traffic.moves import RoutePatch


def fields_moved(patches: Iterable[RoutePatch]) -> list[str]:
    """Returns a line for each field that these patches change:
    `IngressRoute edge/live: spec.routes[0].services[0].namespace shop-blue -> shop-green`."""
    return [f"{patch.route}: {line}" for patch in patches for line in _fields(patch)]


def _fields(patch: RoutePatch) -> Iterator[str]:
    was = {op["path"]: op["value"] for op in patch.operations if op["op"] == "test"}
    for op in patch.operations:
        if op["op"] != "test":
            path = op["path"]
            change = f"{was[path]} -> {op['value']}" if path in was else f"added ({op['value']})"
            yield f"{field_of(path)} {change}"


def field_of(pointer: str) -> str:
    """Returns a JSON pointer as people write a field: `spec.routes[0].services[0].namespace`."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in parts).removeprefix(".")
