"""Hearing from the API server when the live route changes, and to which side."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Self

from flipgate.core.traffic.kinds import KINDS
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.place import side_at
from flipgate.steps.acting.world import World

WATCH_SECONDS = 2.0
"""One watch's length: how long ending may take."""


class RouteWatch:
    """A watch on the application's first route, in a thread, from entering to leaving."""

    def __init__(self, world: World) -> None:
        route = world.application.spec.routes[0]
        self._world = world
        self._list = f"/apis/{world.route_api(route.kind)}/namespaces/{route.namespace}/{KINDS[route.kind].plural}"
        self._name = route.name
        self._heard: list[tuple[float, str]] = []
        self._over = threading.Event()
        self._failed: FlipgateError | None = None
        self._thread = threading.Thread(target=self._listen, name="route watch", daemon=True)

    def heard(self) -> list[tuple[float, str]]:
        """Each change of the route so far: when it was told of (seconds since the epoch), and the side it named then.

        Raises FlipgateError when the watch broke off: what came after that was not heard.
        """
        if self._failed:
            raise self._failed
        return list(self._heard)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(timeout=2 * WATCH_SECONDS)

    def _listen(self) -> None:
        try:
            version = self._world.cluster.get(self._list)["metadata"]["resourceVersion"]
            while not self._over.is_set():
                for event in self._world.cluster.watch(self._list, seconds=WATCH_SECONDS, resourceVersion=version):
                    at = time.time()
                    version = event["object"]["metadata"]["resourceVersion"]
                    self._note(at, event["object"])
        except FlipgateError as error:
            self._failed = error

    def _note(self, at: float, route: dict[str, Any]) -> None:
        if route["metadata"]["name"] == self._name:
            namespace = route["spec"]["routes"][0]["services"][0]["namespace"]
            self._heard.append((at, str(side_at(self._world.application.places, namespace))))
