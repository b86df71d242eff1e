"""One pod on a node without a cluster: the API server's side is a dictionary, the pod's address a loopback one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from lab.node.kube import Kube
from lab.node.pod import ADDRESS_ANNOTATION, Pod
from lab.node.world import World

ADDRESS = "127.0.0.9"


@dataclass
class Node:
    """A world whose API server answers from `objects` by path, and keeps the statuses and events that it was told."""

    folder: Path
    objects: dict[str, Any] = field(default_factory=dict)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "GET":
            found = self.objects.get(path)
            missing = {"kind": "Status", "message": f"{path} not found", "code": 404}
            return httpx.Response(404, json=missing) if found is None else httpx.Response(200, json=found)
        body = json.loads(request.content or b"{}")
        if path.endswith("/status"):
            self.statuses.append(body["status"])
        elif path.endswith("/events"):
            self.events.append(body["message"])
        return httpx.Response(200, json=body)

    @asynccontextmanager
    async def running(self, pod: Mapping[str, Any]) -> AsyncIterator[Pod]:
        """The pod lives within the block, and is gone after it."""
        kube = Kube(httpx.AsyncClient(base_url="http://api.example", transport=httpx.MockTransport(self.answer)))
        world = World(kube, "lab-node-1", "127.0.0.1", self.folder, lambda line: None)
        known = Pod(dict(pod), world)
        life = asyncio.create_task(known.run())
        try:
            yield known
        finally:
            known.removed()
            await life
            await kube.close()


def a_pod(spec: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    """A pod's object, at the loopback address."""
    annotations = {ADDRESS_ANNOTATION: ADDRESS, **metadata.pop("annotations", {})}
    names = {"name": "api-0", "namespace": "blue", "uid": "u1"}
    return {"metadata": {**names, "annotations": annotations, **metadata}, "spec": dict(spec)}


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
