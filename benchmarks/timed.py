"""A connection to the API server that notes what it was asked, when and for how long: for the profile of a move."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from flipgate.adapters.cluster import Reader
from flipgate.adapters.connection import Connection


@dataclass(frozen=True)
class Asked:
    """One request, such as `GET configmaps`. Times in seconds since the epoch."""

    what: str
    began: float
    ended: float


class TimedConnection(Connection):
    """A connection that notes each request in `asked`, in the order of their ends."""

    asked: list[Asked]

    @classmethod
    def of(cls, cluster: Reader) -> TimedConnection:
        """The same connections, noted from now on."""
        timed = cls(cluster._connection._client, cluster.context)
        timed.asked = []
        return timed

    def send(self, method: str, path: str, *rest: Any, **more: Any) -> Any:
        began = time.time()
        try:
            return super().send(method, path, *rest, **more)
        finally:
            self.asked.append(Asked(f"{method} {kind_of(path)}", began, time.time()))


def kind_of(path: str) -> str:
    """The resource that a path of the API server names, such as `configmaps`."""
    words = path.strip("/").split("/")
    inside = words[words.index("namespaces") + 2 :] if "namespaces" in words[:-2] else words[-1:]
    return inside[0]


def steps_of(asked: list[Asked], began: float, patched: float) -> dict[str, float]:
    """In ms: each request between these two moments, by number and name, and what lies between them."""
    inside = [each for each in asked if each.began >= began and each.ended <= patched]
    steps = {f"{number}. {each.what}": (each.ended - each.began) * 1000 for number, each in enumerate(inside, 1)}
    return {**steps, "flipgate's own Python before the patch": (patched - began) * 1000 - sum(steps.values())}
