"""A pod's volumes as folders of the machine, and where a container's command is to see them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lab.node import inside
from lab.node.environment import expand
from lab.node.kube import KubeError
from lab.node.world import World

Object = Mapping[str, Any]

DATA = ("emptyDir", "persistentVolumeClaim")
"""Kinds that an application keeps its own data in. The sample keeps to them: it reads no files of other kinds."""
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class VolumeError(Exception):
    """A volume can't be had, at least not yet; says which and why, in the kubelet's words."""


@dataclass(frozen=True)
class Mount:
    """A folder or file of the machine, and where a container sees it."""

    source: Path
    target: str
    read_only: bool
    kind: str


def entered(command: Sequence[str], mounts: Sequence[Mount], folder: Path, working_dir: str) -> list[str]:
    """The command line that runs `command` where it sees these mounts; `folder` is the container's own."""
    if not mounts:
        return list(command)
    root = folder.with_name(f".{folder.name}.root")
    root.mkdir(exist_ok=True)
    order = {
        "root": str(root),
        "mounts": [(str(mount.source), mount.target, mount.read_only) for mount in mounts],
        "folders": [working_dir, str(folder)] if working_dir else [str(folder)],
    }
    return [sys.executable, "-I", "-S", inside.__file__, json.dumps(order), *command]


def is_below(path: str, mounts: Sequence[Mount]) -> bool:
    """Whether this path is one of a mount's."""
    return any(PurePosixPath(path).is_relative_to(mount.target) for mount in mounts)


async def mounts_of(
    container: Object, pod: Object, values: Mapping[str, str], world: World, sample: bool
) -> tuple[Mount, ...]:
    """What a container mounts, made where it is to be made. The account's token is no file in the lab.

    Raises:
        VolumeError: One of its volumes can't be had.
        KubeError, httpx.HTTPError: The API server could not be asked.
    """
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    found = []
    for wanted in container.get("volumeMounts") or ():
        if wanted["mountPath"].rstrip("/") == ACCOUNT:
            continue
        volume = volumes[wanted["name"]]
        try:
            source = await _source(volume, pod, world)
        except VolumeError:
            if sample and _kind(volume) not in DATA:
                continue
            raise
        if below := wanted.get("subPath") or expand(wanted.get("subPathExpr") or "", values):
            source = _below(source, below, volume["name"])
        target = "/" + wanted["mountPath"].strip("/")
        found.append(Mount(source, target, bool(wanted.get("readOnly")), _kind(volume)))
    return tuple(found)


async def renew(pod: Object, world: World) -> None:
    """Write what the pod's ConfigMaps and Secrets say now over what was written before. Raises as `mounts_of`."""
    for volume in pod["spec"].get("volumes") or ():
        if _kind(volume) in ("configMap", "secret") and _folder(volume, pod, world).is_dir():
            await _source(volume, pod, world)


def _kind(volume: Object) -> str:
    return next((key for key in volume if key != "name"), "emptyDir")


def _folder(volume: Object, pod: Object, world: World) -> Path:
    return world.folder / str(pod["metadata"]["uid"]) / ".volumes" / str(volume["name"])


async def _source(volume: Object, pod: Object, world: World) -> Path:
    kind = _kind(volume)
    if kind == "emptyDir":
        folder = _folder(volume, pod, world)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    if kind == "hostPath":
        return _host_path(volume["hostPath"], volume["name"], world)
    if kind == "persistentVolumeClaim":
        return await _claimed(volume, pod, world)
    if kind in ("configMap", "secret"):
        return await _written(volume, kind, pod, world)
    raise _failed(volume["name"], f"the lab mounts no {kind} volumes")


def _host_path(host: Object, name: str, world: World) -> Path:
    """A path of this machine, as it is: a folder that isn't there is made only among the lab's own."""
    path = Path(host["path"])
    if not path.exists():
        if not path.is_relative_to(world.volumes):
            raise _failed(name, f"hostPath {path} does not exist, and the lab makes nothing outside its own folder")
        path.mkdir(parents=True)
    return path


async def _claimed(volume: Object, pod: Object, world: World) -> Path:
    namespace, claim = pod["metadata"]["namespace"], volume["persistentVolumeClaim"]["claimName"]
    try:
        found = await world.kube.get(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/{claim}")
        name = (found.get("spec") or {}).get("volumeName")
        if not name or (found.get("status") or {}).get("phase") != "Bound":
            raise _failed(volume["name"], f'persistentvolumeclaim "{claim}" is not bound')
        spec = (await world.kube.get(f"/api/v1/persistentvolumes/{name}"))["spec"]
    except KubeError as error:
        if error.code == 404:
            raise _failed(volume["name"], str(error)) from error
        raise
    host = spec.get("hostPath") or spec.get("local")
    if host is None:
        raise _failed(volume["name"], f"PersistentVolume {name} is none of this machine: it has no hostPath")
    return _host_path(host, volume["name"], world)


async def _written(volume: Object, kind: str, pod: Object, world: World) -> Path:
    """A ConfigMap or a Secret as files; each is replaced whole."""
    told = volume[kind]
    name = told["name"] if kind == "configMap" else told["secretName"]
    plural = {"configMap": "configmaps", "secret": "secrets"}[kind]
    try:
        found = await world.kube.get(f"/api/v1/namespaces/{pod['metadata']['namespace']}/{plural}/{name}")
    except KubeError as error:
        if error.code != 404:
            raise
        if not told.get("optional"):
            raise _failed(volume["name"], f'{kind.lower()} "{name}" not found') from error
        found = {}
    content = _content(found, kind)
    items = {item["key"]: (item["path"], item.get("mode")) for item in told.get("items") or ()}
    items = items or {key: (key, None) for key in content}
    if missing := sorted(items.keys() - content.keys()) if not told.get("optional") else []:
        raise _failed(volume["name"], f"references non-existent config key: {missing[0]}")
    folder = _folder(volume, pod, world)
    files = {folder / path: (content[key], mode) for key, (path, mode) in items.items() if key in content}
    await asyncio.to_thread(_write, folder, files, told.get("defaultMode") or 0o644)
    return folder


def _content(found: Object, kind: str) -> dict[str, bytes]:
    data: dict[str, str] = found.get("data") or {}
    if kind == "secret":
        return {key: base64.b64decode(value) for key, value in data.items()}
    binary = {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}
    return {key: value.encode() for key, value in data.items()} | binary


def _write(folder: Path, files: Mapping[Path, tuple[bytes, int | None]], default_mode: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in [path for path in folder.rglob("*") if path.is_file() and path not in files]:
        path.unlink()
    for path, (content, mode) in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.write_bytes(content)
        new.chmod(mode or default_mode)
        os.replace(new, path)


def _below(source: Path, sub_path: str, name: str) -> Path:
    if ".." in PurePosixPath(sub_path).parts or sub_path.startswith("/"):
        raise _failed(name, f"subPath {sub_path} leads out of the volume")
    path = source / sub_path
    if not path.exists():
        path.mkdir(parents=True)
    return path


def _failed(name: str, why: str) -> VolumeError:
    return VolumeError(f'MountVolume.SetUp failed for volume "{name}" : {why}')
