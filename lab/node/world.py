"""What every pod of the agent shares: the API server, the node it stands for, addresses, folders, events."""

import asyncio
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from lab.node.addresses import AddressPool
from lab.node.environment import Source, Sources
from lab.node.kube import Json, Kube, KubeError


def rfc3339(when: datetime | None = None) -> str:
    """A time (default: now) as Kubernetes' `metav1.Time` writes it."""
    return (when or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class World:
    """Shared by all pods of one agent."""

    kube: Kube
    node: str
    address: str
    folder: Path
    log: Callable[[str], None]
    bin_dir: Path | None = None
    lasting: Path | None = None
    names: str = ""
    """Where names of Services are answered; empty: nowhere."""
    addresses: AddressPool = field(default_factory=AddressPool)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def volumes(self) -> Path:
        """The folder of what outlives its pod."""
        return self.lasting or self.folder / "volumes"

    async def sources(self, namespace: str, wanted: Iterable[Source]) -> Sources:
        """Read ConfigMaps and Secrets, decoded; None for one that isn't there. Raises KubeError, httpx.HTTPError."""
        pairs = sorted(wanted)
        return dict(zip(pairs, await asyncio.gather(*(self._source(namespace, *pair) for pair in pairs)), strict=True))

    async def _source(self, namespace: str, kind: str, name: str) -> Mapping[str, str] | None:
        try:
            found = await self.kube.get(f"/api/v1/namespaces/{namespace}/{kind}/{name}")
        except KubeError as error:
            if error.code == 404:
                return None
            raise
        data: dict[str, str] = found.get("data") or {}
        if kind == "secrets":
            return {key: b64decode(value).decode(errors="replace") for key, value in data.items()}
        return data

    def event(self, pod: Mapping[str, Any], kind: str, reason: str, message: str) -> None:
        """Write a Kubernetes Event about a pod, in the background; one that fails is dropped."""
        task = asyncio.create_task(self._event(pod["metadata"], kind, reason, message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _event(self, metadata: Json, kind: str, reason: str, message: str) -> None:
        now = rfc3339()
        reference = {key: metadata[key] for key in ("name", "namespace", "uid")}
        body = {
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", **reference},
            "type": kind,
            "reason": reason,
            "message": message[:1024],
            "source": {"component": "kubelet", "host": self.node},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            await self.kube.post(f"/api/v1/namespaces/{metadata['namespace']}/events", body)
        except (KubeError, httpx.HTTPError) as error:
            self.log(f"event {reason} of {metadata['namespace']}/{metadata['name']} not written: {error!r}")
