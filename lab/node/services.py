"""Services' own addresses, in the place of kube-proxy: a connection is led to one of the Service's Ready pods.

An address is listened on from when its name was first looked up (`lab.node.names`), so what nobody uses costs nothing.
Who is behind it is asked at each connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
from collections.abc import Iterator

import httpx

from lab.node.kube import Json, KubeError
from lab.node.world import World

_CHUNK = 65536


class Services:
    """The Services that were asked for. Methods raise KubeError and httpx.HTTPError."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._doors: dict[tuple[str, int], asyncio.Server] = {}
        self._opening = asyncio.Lock()
        self._behind: dict[tuple[str, int], tuple[str, str, str]] = {}

    async def find(self, namespace: str, name: str) -> Json | None:
        """The Service of that name."""
        try:
            return await self._world.kube.get(f"/api/v1/namespaces/{namespace}/services/{name}")
        except KubeError as error:
            if error.code == 404:
                return None
            raise

    async def endpoints(self, namespace: str, name: str) -> list[tuple[str, str, dict[str, int]]]:
        """Address, host name and ports by name of each pod behind a Service that is Ready."""
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        slices = await self._world.kube.get(path, labelSelector=f"kubernetes.io/service-name={name}")
        return [found for item in slices["items"] for found in _ready(item)]

    async def open(self, service: Json) -> None:
        """Listen on the Service's address; UDP is not led anywhere."""
        metadata, address = service["metadata"], service["spec"]["clusterIP"]
        async with self._opening:
            for port in service["spec"].get("ports") or ():
                if port.get("protocol", "TCP") == "TCP":
                    key = (address, int(port["port"]))
                    self._behind[key] = (metadata["namespace"], metadata["name"], port.get("name") or "")
                    if key not in self._doors:
                        self._doors[key] = await asyncio.start_server(functools.partial(self._lead, key), *key)

    def close(self) -> None:
        for door in self._doors.values():
            door.close()

    async def _lead(self, key: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        namespace, name, port = self._behind[key]
        try:
            ready = [
                (address, ports[port]) for address, _, ports in await self.endpoints(namespace, name) if port in ports
            ]
            if not ready:
                raise ConnectionRefusedError(f"service {namespace}/{name} has no Ready endpoint")
            there, back = await asyncio.open_connection(*random.choice(ready))
        except (OSError, KubeError, httpx.HTTPError) as error:
            self._world.log(f"connection to {key[0]}:{key[1]}: {error}")
            writer.transport.abort()
            return
        try:
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        finally:
            for end in (back, writer):
                end.close()


def _ready(item: Json) -> Iterator[tuple[str, str, dict[str, int]]]:
    ports = {port.get("name") or "": int(port["port"]) for port in item.get("ports") or () if port.get("port")}
    for endpoint in item.get("endpoints") or ():
        if (endpoint.get("conditions") or {}).get("ready", True):
            for address in endpoint["addresses"]:
                yield address, endpoint.get("hostname") or "", ports


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All that comes, and its end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
