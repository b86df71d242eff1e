"""The life of one pod on the lab's node, from its binding to its deletion, and the writing of its status."""

import asyncio
import shutil
import time
from collections.abc import Mapping
from typing import Any

import httpx

from lab.node import status
from lab.node.container import Container
from lab.node.kube import Json, KubeError, pod_path
from lab.node.world import World, rfc3339

ADDRESS_ANNOTATION = "lab.flipgate.dev/pod-ip"
ENDED_PHASES = ("Succeeded", "Failed")
_RETRY_SECONDS = 0.5
_LEAST_GRACE_SECONDS = 2.0


class Pod:
    """One pod. `updated` takes each newer version of its object; `run` returns when nothing is left of it."""

    def __init__(self, pod: Json, world: World) -> None:
        self.pod = pod
        self.uid: str = pod["metadata"]["uid"]
        self._world = world
        self._fixed, self.address = _address(pod, world)
        self._started_at = rfc3339()
        spec = pod["spec"]
        self._inits = [self._make(container, is_init=True) for container in spec.get("initContainers") or ()]
        self._containers = [self._make(container) for container in spec["containers"]]
        self._changed = asyncio.Event()
        self._leaving = asyncio.Event()
        self._gone = asyncio.Event()
        self._writing = asyncio.Lock()
        self._sent: Json | None = None
        self._ending_since: float | None = None
        if pod["metadata"].get("deletionTimestamp"):
            self._leaving.set()

    def _make(self, spec: Mapping[str, Any], is_init: bool = False) -> Container:
        return Container(spec, self.pod, self.address, self._world, self._note, is_init)

    def _note(self) -> None:
        self._changed.set()

    @property
    def state(self) -> status.PodState:
        """What it does now."""
        return status.PodState(
            self.address,
            self._world.address,
            self._started_at,
            tuple(container.state for container in self._containers),
            tuple(container.state for container in self._inits),
        )

    def container(self, name: str) -> Container | None:
        return next((c for c in (*self._containers, *self._inits) if c.spec["name"] == name), None)

    def updated(self, pod: Json) -> None:
        old = self.pod["metadata"].get("annotations")
        self.pod = pod
        if pod["metadata"].get("annotations") != old:
            for container in (*self._containers, *self._inits):
                container.updated(pod)
        if pod["metadata"].get("deletionTimestamp"):
            self._leaving.set()

    def removed(self) -> None:
        """The API server knows it no longer: end at once."""
        self._gone.set()
        self._leaving.set()

    async def run(self) -> None:
        writing = asyncio.create_task(self._write_statuses())
        try:
            if self._leaving.is_set():
                self._bury()
            else:
                await self._live()
            await self._write_status()
            await self._leaving.wait()
            if not self._gone.is_set():
                await self._delete()
        finally:
            writing.cancel()
            await asyncio.gather(*(container.kill() for container in (*self._containers, *self._inits)))
            if not self._fixed:
                self._world.addresses.release(self.address)
            await asyncio.to_thread(shutil.rmtree, self._world.folder / self.uid, ignore_errors=True)

    def _bury(self) -> None:
        """A pod that was leaving before this agent knew it: what ran of it ended with the agent before."""
        for container in (*self._containers, *self._inits):
            container.lost()

    async def _live(self) -> None:
        """Until every container has ended for good, by itself or because the pod is leaving."""
        living = asyncio.create_task(self._live_in_order())
        leaving = asyncio.create_task(self._leaving.wait())
        await asyncio.wait([living, leaving], return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if living.done():
            living.result()
            return
        living.cancel()
        await asyncio.wait([living])

    async def _live_in_order(self) -> None:
        """The init containers one after the other, then the others together. A sidecar has had its turn once it has
        started, and goes on until all others have ended."""
        policy = self.pod["spec"].get("restartPolicy", "Always")
        sidecars: list[tuple[Container, asyncio.Task[None]]] = []
        try:
            for init in self._inits:
                if init.is_sidecar:
                    sidecars.append((init, asyncio.create_task(init.live("Always"))))
                    await init.started.wait()
                    continue
                await self._live_together([init], "OnFailure" if policy == "Always" else policy)
                if init.state.ended is None or init.state.ended.exit_code:
                    return
            await self._live_together(self._containers, policy)
        finally:
            for sidecar, life in reversed(sidecars):
                await self._end(sidecar, life)

    async def _live_together(self, containers: list[Container], policy: str) -> None:
        lives = [asyncio.create_task(container.live(policy)) for container in containers]
        try:
            await asyncio.gather(*map(asyncio.shield, lives))
        except asyncio.CancelledError:
            await asyncio.gather(*(self._end(*pair) for pair in zip(containers, lives, strict=True)))
            raise

    async def _end(self, container: Container, life: asyncio.Task[None]) -> None:
        """Stop a container with its grace; a pod that is gone in the meantime gets none."""
        if life.done():
            return
        stopping = asyncio.create_task(container.stop(self._grace_left(), life))
        gone = asyncio.create_task(self._gone.wait())
        await asyncio.wait([stopping, gone], return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not stopping.done():
            await container.kill()
        await asyncio.wait([stopping])

    def _grace_seconds(self) -> float:
        metadata, spec = self.pod["metadata"], self.pod["spec"]
        return float(metadata.get("deletionGracePeriodSeconds", spec.get("terminationGracePeriodSeconds", 30)))

    def _grace_left(self) -> float:
        """Sidecars have what the others left of the pod's grace, and at least the kubelet's 2 s."""
        whole = self._grace_seconds()
        if self._ending_since is None:
            self._ending_since = time.monotonic()
        return min(whole, max(whole - (time.monotonic() - self._ending_since), _LEAST_GRACE_SECONDS))

    async def _write_statuses(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not await self._write_status():
                self._changed.set()
                await asyncio.sleep(_RETRY_SECONDS)

    async def _write_status(self) -> bool:
        """Write the status if it has changed; False when it could not be written and should be tried again."""
        async with self._writing:  # a later status must not be overtaken by an earlier one
            return await self._write_changed()

    async def _write_changed(self) -> bool:
        if self._gone.is_set() or (self.pod.get("status") or {}).get("phase") in ENDED_PHASES:
            return True  # what has ended stays as it ended
        rendered = self._render()
        if rendered == self._sent:
            return True
        body = {"metadata": {"uid": self.uid}, "status": _replacing(rendered)}
        try:
            await self._world.kube.patch(pod_path(self.pod) + "/status", body)
        except KubeError as error:
            if error.code not in (404, 409):
                self._world.log(f"status of {pod_path(self.pod)}: {error}")
            return error.code in (404, 409, 422)
        except httpx.HTTPError as error:
            self._world.log(f"status of {pod_path(self.pod)}: {error!r}")
            return False
        self._sent = rendered
        return True

    def _render(self) -> Json:
        previous = (self._sent or self.pod.get("status") or {}).get("conditions") or ()
        return status.render(self.pod, self.state, previous, rfc3339())

    async def _delete(self) -> None:
        """Tell the API server that nothing is left, until it has heard."""
        body: Json = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}}
        while not self._gone.is_set():
            try:
                await self._world.kube.delete(pod_path(self.pod), body)
                return
            except KubeError as error:
                if error.code in (404, 409):
                    return
                self._world.log(f"delete {pod_path(self.pod)}: {error}")
            except httpx.HTTPError as error:
                self._world.log(f"delete {pod_path(self.pod)}: {error!r}")
            await asyncio.sleep(_RETRY_SECONDS)


def _replacing(rendered: Json) -> Json:
    """A strategic merge would add an address to the old ones: say that the list is replaced."""
    lists = {name: [{"$patch": "replace"}, *rendered[name]] for name in ("podIPs", "hostIPs")}
    return {**rendered, **lists}


def _address(pod: Json, world: World) -> tuple[bool, str]:
    """The pod's address, and whether it is a fixed one: its annotation's, the one it had, or a new one."""
    annotations = pod["metadata"].get("annotations") or {}
    if fixed := annotations.get(ADDRESS_ANNOTATION):
        return True, fixed
    earlier = (pod.get("status") or {}).get("podIP")
    if earlier and world.addresses.reserve(earlier):
        return False, earlier
    return False, world.addresses.allocate()
