"""Volumes that last: each claim of the lab's StorageClass gets a folder of this machine, which goes with the claim.

The PersistentVolume controller binds; this is the external provisioner that it waits for.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from lab.node.kube import Json, KubeError
from lab.node.world import World

CLASS = "lab"
PROVISIONER = "lab.flipgate.dev/node"
_BY = "pv.kubernetes.io/provisioned-by"
_CLAIMS, _VOLUMES = "/api/v1/persistentvolumeclaims", "/api/v1/persistentvolumes"


class Provisioner:
    """Goes on until it is cancelled."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def run(self) -> None:
        await asyncio.gather(self._follow(_CLAIMS, self.claimed), self._follow(_VOLUMES, self.released))

    async def claimed(self, claim: Json) -> None:
        """Make a volume for a claim of the lab's class that has none."""
        spec, metadata = claim["spec"], claim["metadata"]
        if spec.get("storageClassName") != CLASS or spec.get("volumeName") or metadata.get("deletionTimestamp"):
            return
        try:
            await self._world.kube.post(_VOLUMES, volume_for(claim, self._world.volumes))
        except KubeError as error:
            if error.code != 409:  # made before, and not bound yet
                raise

    async def released(self, volume: Json) -> None:
        """Take back a volume whose claim is gone, with what is in it."""
        metadata = volume["metadata"]
        ours = (metadata.get("annotations") or {}).get(_BY) == PROVISIONER
        phase = (volume.get("status") or {}).get("phase")
        policy = volume["spec"].get("persistentVolumeReclaimPolicy")
        if not ours or phase != "Released" or policy != "Delete" or metadata.get("deletionTimestamp"):
            return
        await asyncio.to_thread(shutil.rmtree, self._world.volumes / metadata["name"], ignore_errors=True)
        try:
            await self._world.kube.delete(f"{_VOLUMES}/{metadata['name']}", {})
        except KubeError as error:
            if error.code != 404:
                raise

    async def _follow(self, path: str, take: Callable[[Json], Awaitable[None]]) -> None:
        """Take each object as it is and as it becomes; from the start again when a call or the watch breaks."""
        while True:
            try:
                listed = await self._world.kube.get(path)
                for item in listed["items"]:
                    await take(item)
                async for kind, item in self._world.kube.watch(
                    path, resourceVersion=listed["metadata"]["resourceVersion"]
                ):
                    if kind in ("ADDED", "MODIFIED"):
                        await take(item)
            except (KubeError, httpx.HTTPError, ValueError, OSError) as error:
                self._world.log(f"volumes: {error!r}; looking again")
                await asyncio.sleep(0.5)


def volume_for(claim: Json, folder: Path) -> Json:
    """The PersistentVolume of a claim: a folder of its own, which the kubelet that we play makes when it is mounted."""
    metadata, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{metadata['uid']}"
    reference = {key: metadata[key] for key in ("namespace", "name", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_BY: PROVISIONER}},
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **reference},
            "hostPath": {"path": str(folder / name), "type": "DirectoryOrCreate"},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": CLASS,
            "volumeMode": spec.get("volumeMode", "Filesystem"),
        },
    }
