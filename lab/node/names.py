"""Names of Services for the commands of containers: a DNS server at the node's address, and the file that leads to it.

Answers as Kubernetes' own specification of DNS has it, A records only. There is nothing outside a lab, so no other name
exists. The library for it is loaded with the first question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from lab.node.kube import KubeError
from lab.node.services import Services
from lab.node.world import World

DOMAIN = "cluster.local"
PORT = 53
TTL_SECONDS = 5
LONGEST_CHAIN = 4


def resolv_conf(spec: Mapping[str, Any], namespace: str, server: str) -> str | None:
    """The resolv.conf of a pod that asks the cluster first; None for one that has the machine's."""
    if spec.get("dnsPolicy", "ClusterFirst") == "Default" or spec.get("hostNetwork"):
        return None
    search = f"{namespace}.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}"
    return f"nameserver {server}\nsearch {search}\noptions ndots:5\n"


class Names:
    """Answers questions about names, and opens the addresses that it tells."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._services = Services(world)
        self._transport: asyncio.DatagramTransport | None = None

    async def serve(self) -> None:
        """Listen at the node's address; where that can't be done, containers have the machine's names."""
        loop = asyncio.get_running_loop()
        try:
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: _Questions(self), local_addr=(self._world.address, PORT)
            )
        except OSError as error:
            self._world.log(f"no names of Services: {error}")
            return
        self._world.names = self._world.address

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        self._services.close()

    async def answer(self, question: bytes) -> bytes:
        """The answer to one DNS message; empty to what is none."""
        import dns.exception
        import dns.flags
        import dns.message
        import dns.rcode
        import dns.rrset

        try:
            asked = dns.message.from_wire(question)
            response = dns.message.make_response(asked, recursion_available=True)
        except dns.exception.DNSException:
            return b""
        response.flags |= dns.flags.AA
        if not asked.question:
            return response.to_wire()
        name = asked.question[0].name.to_text()
        try:
            records = await self._records(name, LONGEST_CHAIN)
        except (KubeError, httpx.HTTPError, OSError) as error:
            self._world.log(f"name {name}: {error!r}")
            response.set_rcode(dns.rcode.SERVFAIL)
            return response.to_wire()
        if not records:
            response.set_rcode(dns.rcode.NXDOMAIN)
        wanted = dns.rdatatype.to_text(asked.question[0].rdtype)
        for owner, kind, values in records:
            if kind in (wanted, "CNAME"):
                response.answer.append(dns.rrset.from_text(owner, TTL_SECONDS, "IN", kind, *values))
        return response.to_wire()

    async def _records(self, name: str, chain: int) -> list[tuple[str, str, list[str]]]:
        """Owner, type and values; none for a name that doesn't exist."""
        labels = name.lower().rstrip(".").split(".")
        if labels[-3:] != ["svc", *DOMAIN.split(".")] or not 5 <= len(labels) <= 6:
            return []
        *host, service_name, namespace = labels[:-3]
        service = await self._services.find(namespace, service_name)
        if service is None:
            return []
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            target = spec["externalName"].rstrip(".") + "."
            beyond = await self._records(target, chain - 1) if chain else []
            return [(name, "CNAME", [target]), *beyond]
        if spec.get("clusterIP") != "None":
            if host:
                return []
            await self._services.open(service)
            return [(name, "A", [spec["clusterIP"]])]
        ready = await self._services.endpoints(namespace, service_name)
        found = [address for address, own, _ in ready if not host or host == [own]]
        return [(name, "A", found[:20])] if found else []  # as many as fit into a datagram


class _Questions(asyncio.DatagramProtocol):
    def __init__(self, names: Names) -> None:
        self._names = names
        self._open: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        task = asyncio.create_task(self._reply(data, addr))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _reply(self, data: bytes, addr: Any) -> None:
        if answer := await self._names.answer(data):
            self._transport.sendto(answer, addr)
