"""Looks whether another application of this flipgate writes what this one declares to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flipgate.adapters.cluster import Reader
from flipgate.adapters.store import files
from flipgate.core.spec.application import Application, load_application
from flipgate.core.spec.neighbours import written_by_both
from flipgate.core.values.errors import FlipgateError


def neighbour_problems(
    cluster: Reader, application: Application, namespace: str, say: Callable[[str], None] = lambda _: None
) -> Iterator[str]:
    """Yields what another application in this namespace of flipgate's writes, too; asks nothing where the file declares
    no such thing. One whose file cannot be read is said."""
    if not (application.spec.maintenance or (application.spec.parity and application.spec.parity.copies())):
        return
    try:
        texts = files(cluster, namespace)
    except FlipgateError as error:
        say(f"whether another application writes the same is not known: {error}")
        return
    for name, text in sorted(texts.items()):
        if name == application.name:
            continue
        try:
            other = load_application(text, f"ConfigMap {namespace}/application-{name}")
        except FlipgateError as error:
            say(f"whether application {name} writes the same is not known: {error}")
            continue
        yield from written_by_both(application, other)
