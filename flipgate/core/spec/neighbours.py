"""What two applications must not both declare: each of them writes it at a time of its own."""

from __future__ import annotations

from collections.abc import Iterator

from flipgate.core.spec.application import Application
from flipgate.core.values.sides import Side


def written_by_both(mine: Application, other: Application) -> Iterator[str]:
    """Yields each object that both applications write, in words: the key of a maintenance flag, and copies."""
    flag, theirs = mine.spec.maintenance, other.spec.maintenance
    if flag and theirs and flag.is_key_of(theirs):
        yield f"spec.maintenance: {flag} is application {other.name}'s, too: either would take off what the other set"
    for kind, namespace, name in sorted(_copies(mine) & _copies(other)):
        yield f"spec.parity: {kind} {namespace}/{name} is copied by application {other.name}, too, at its own times"


def _copies(application: Application) -> set[tuple[str, str, str]]:
    """Kind, namespace and name of what is copied there: of either side, for each is the dark one at some time."""
    parity = application.spec.parity
    copied = parity.copies() if parity else ()
    namespaces = [application.place_of(side).namespace for side in Side]
    return {(each.kind, namespace, each.name or "") for each in copied for namespace in namespaces}
