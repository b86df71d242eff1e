"""The agent: registers the node, keeps its Lease, and lets each pod that is bound to it live."""

import asyncio
import contextlib
import platform
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx

from lab.node.addresses import NoAddressLeftError
from lab.node.kube import MERGE, Json, KubeError, insist
from lab.node.metrics import Known
from lab.node.names import Names
from lab.node.pod import ENDED_PHASES, Pod
from lab.node.storage import Provisioner
from lab.node.world import World, rfc3339

KUBELET_PORT = 10250
LEASE_SECONDS = 40
_RENEW_SECONDS = 10.0
_REPORT_EACH = 6  # renewals
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


class Agent:
    """Everything on one node. `run` goes on until it is cancelled."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pods: dict[str, Pod] = {}
        self._names = Names(world)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        await self._names.serve()
        await insist(self._register, "registering the node", self.world.log)
        self.world.log(f"node {self.world.node} is registered")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._heartbeat())
            group.create_task(self._watch())
            group.create_task(Provisioner(self.world).run())

    def find(self, namespace: str, name: str) -> Pod | None:
        """The pod of that name; of two, the newer one."""
        wanted = (namespace, name)
        pods = (p for p in self.pods.values() if (p.pod["metadata"]["namespace"], p.pod["metadata"]["name"]) == wanted)
        return max(pods, key=lambda pod: str(pod.pod["metadata"].get("creationTimestamp", "")), default=None)

    def known(self) -> Iterator[Known]:
        """The node's pods, for who counts them."""
        for pod in self.pods.values():
            yield Known(pod.pod["metadata"]["namespace"], pod.pod["metadata"]["name"], pod.state)

    async def kill(self) -> None:
        """End every process and listener of the node's pods, at once and without telling the API server."""
        self._names.close()
        tasks = list(self._tasks.values())
        for pod in list(self.pods.values()):
            pod.removed()
        if tasks:
            await asyncio.wait(tasks, timeout=5)

    async def _register(self) -> None:
        kube, name = self.world.kube, self.world.node
        try:
            await kube.post("/api/v1/nodes", node_object(name))
        except KubeError as error:
            if error.code != 409:
                raise
            await kube.patch(f"/api/v1/nodes/{name}", node_object(name), MERGE)
        await self._report()

    async def _report(self) -> None:
        body = {"status": node_status(self.world.address, rfc3339())}
        await self.world.kube.patch(f"/api/v1/nodes/{self.world.node}/status", body)

    async def _heartbeat(self) -> None:
        beats = 0
        while True:
            pause = _RENEW_SECONDS
            try:
                await self._renew()
                beats += 1
                if beats % _REPORT_EACH == 0:
                    await self._report()
            except (KubeError, httpx.HTTPError) as error:
                self.world.log(f"renewing the node's lease: {error!r}")
                pause = 1.0
            await asyncio.sleep(pause)

    async def _renew(self) -> None:
        name = self.world.node
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now}
        try:
            await self.world.kube.patch(f"{_LEASES}/{name}", {"spec": spec}, MERGE)
        except KubeError as error:
            if error.code != 404:
                raise
            await self.world.kube.post(_LEASES, {"metadata": {"name": name}, "spec": spec})

    async def _watch(self) -> None:
        """List, then watch; from the start again when the watch breaks or is too old."""
        while True:
            try:
                async for kind, pod in self._events():
                    if kind == "DELETED":
                        self._removed(pod["metadata"]["uid"])
                    elif kind != "BOOKMARK":
                        self._seen(pod)
            except (KubeError, httpx.HTTPError, ValueError) as error:
                self.world.log(f"watching pods: {error!r}; listing again")
                await asyncio.sleep(0.2)

    async def _events(self) -> AsyncIterator[tuple[str, Json]]:
        selector = f"spec.nodeName={self.world.node}"
        listed = await self.world.kube.get("/api/v1/pods", fieldSelector=selector)
        for uid in set(self.pods) - {pod["metadata"]["uid"] for pod in listed["items"]}:
            self._removed(uid)
        # First those that had an address, so that no new pod is given one of theirs.
        for pod in sorted(listed["items"], key=lambda pod: "podIP" not in (pod.get("status") or {})):
            yield "ADDED", pod
        version = listed["metadata"]["resourceVersion"]
        async with contextlib.aclosing(
            self.world.kube.watch("/api/v1/pods", fieldSelector=selector, resourceVersion=version)
        ) as events:
            async for event in events:
                yield event

    def _seen(self, pod: Json) -> None:
        metadata: dict[str, Any] = pod["metadata"]
        uid = metadata["uid"]
        if uid in self.pods:
            self.pods[uid].updated(pod)
            return
        if (pod.get("status") or {}).get("phase") in ENDED_PHASES and not metadata.get("deletionTimestamp"):
            return
        try:
            known = self.pods[uid] = Pod(pod, self.world)
        except NoAddressLeftError as error:
            self.world.log(f"pod {metadata['namespace']}/{metadata['name']} is not run: {error}")
            return
        task = self._tasks[uid] = asyncio.create_task(known.run())
        task.add_done_callback(lambda done: self._over(uid, done))

    def _removed(self, uid: str) -> None:
        if uid in self.pods:
            self.pods[uid].removed()

    def _over(self, uid: str, task: asyncio.Task[None]) -> None:
        pod = self.pods.pop(uid)
        del self._tasks[uid]
        if not task.cancelled() and (error := task.exception()) is not None:
            metadata = pod.pod["metadata"]
            self.world.log(f"pod {metadata['namespace']}/{metadata['name']}: {error!r}")


def node_object(name: str) -> Json:
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": _architecture(),
        "node.kubernetes.io/instance-type": "lab",
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def node_status(address: str, now: str) -> Json:
    """The node's status: room for what a lab holds, healthy in every respect."""
    room = {"cpu": "16", "memory": "64Gi", "pods": "500", "ephemeral-storage": "100Gi"}
    facts = (
        ("Ready", "True", "KubeletReady"),
        ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID"),
    )
    return {
        "capacity": room,
        "allocatable": room,
        "declaredFeatures": ["ExtendWebSocketsToKubelet"],  # so that the API server passes kubectl's WebSockets on
        "conditions": [
            {"type": kind, "status": value, "reason": reason, "message": "", "lastHeartbeatTime": now}
            for kind, value, reason in facts
        ],
        "addresses": [{"type": "InternalIP", "address": address}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
        "nodeInfo": {
            "architecture": _architecture(),
            "bootID": "lab",
            "containerRuntimeVersion": "lab://1",
            "kernelVersion": platform.release(),
            "kubeProxyVersion": "",
            "kubeletVersion": "v1.36.3",
            "machineID": "lab",
            "operatingSystem": "linux",
            "osImage": "flipgate lab",
            "systemUUID": "lab",
        },
    }


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
