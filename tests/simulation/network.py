"""What lies between an actor and the API server: latency, and all that goes wrong on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flipgate.adapters.connection import OBJECT_BYTES, Connection
from flipgate.adapters.reading import Whole
from flipgate.core.values.errors import Unreachable
from tests.simulation.apiserver import Address, ApiServer, Obj, RefusalError
from tests.simulation.scheduler import Dead, Process, Scheduler

LATENCY_SECONDS = 0.004
SERVED = {"/api/v1": ("Service",), "/apis/traefik.io/v1alpha1": ("IngressRoute", "TraefikService")}
"""What may lead users to a side, and is served where: who puts one to rest asks for it."""
LONGEST_LATE_SECONDS = 600.0
"""How late a write may arrive that its sender has given up."""


@dataclass(frozen=True)
class Weather:
    """How much goes wrong: each about once in so many requests; 0 is never."""

    lost_answer: int = 0
    late_write: int = 0
    late_patch: int = 0
    """Of routes and workloads alone."""
    refused: int = 0
    killed: int = 0


CALM = Weather()


@dataclass
class Network:
    """Every request of every actor goes through here, and here is where they give way to each other."""

    scheduler: Scheduler
    server: ApiServer
    weather: Weather
    tell: Callable[[str, str], None]
    proxies: Callable[[str, Mapping[str, str]], tuple[int, dict[str, str], bytes] | None]
    """What pods and Services answer through the API server's proxy, by path; None where the path is no proxy's."""
    requests: int = 0
    open: bool = True
    """Whether requests are answered at all: the end of a simulation is not part of it."""
    sender: Process | None = None
    """Whose write is being done."""
    met: Callable[[Process, str, str], None] = lambda process, method, path: None
    """Called before each request."""
    listed: Callable[[Address, str], list[Obj] | None] = lambda address, selector: None
    """What is no object of the server's own: pods, as the world behind it has them."""

    def ask(
        self, method: str, path: str, query: Mapping[str, str], data: bytes | None, content_type: str, headers: Any
    ) -> tuple[int, dict[str, str], bytes]:
        """One request of the running task, there and back. Raises Unreachable."""
        if not self.open:
            raise Dead
        self.requests += 1
        choices, process = self.scheduler.choices, self.scheduler.current.process
        self.met(process, method, path)
        fate = self._fate(method)
        if fate == "killed":
            self.tell(process.name, f"is killed before {method} {path}")
            self.scheduler.kill(process)
        self.scheduler.sleep(LATENCY_SECONDS)
        if fate == "late":
            late = choices.seconds(LONGEST_LATE_SECONDS)
            self.tell(process.name, f"{method} {path} hangs; it arrives {late:.0f} s later")
            self._later(late, process, lambda: self.answer(process, method, path, query, data, content_type, headers))
            self.scheduler.sleep(10.0)
            raise Unreachable("did not answer (limit 10 s)", obj="API server")
        if fate == "refused":
            self.tell(process.name, f"{method} {path} is answered with 500")
            return 500, {}, b'{"message": "etcdserver: request timed out"}'
        answer = self.answer(process, method, path, query, data, content_type, headers)
        self.scheduler.sleep(LATENCY_SECONDS)
        if fate == "killed after":
            self.tell(process.name, f"is killed after {method} {path}")
            self.scheduler.kill(process)
        if fate == "lost":
            self.tell(process.name, f"the answer to {method} {path} is lost")
            self.scheduler.sleep(10.0)
            raise Unreachable("did not answer (limit 10 s)", obj="API server")
        return answer

    def answer(
        self,
        process: Process,
        method: str,
        path: str,
        query: Mapping[str, str],
        data: bytes | None,
        kind: str,
        headers: Any,
    ) -> tuple[int, dict[str, str], bytes]:
        """What the server makes of a request, and what it answers."""
        if (through := self.proxies(path, headers or {})) is not None:
            return through
        self.sender, made = process, self.server.made
        try:
            said = self._do(method, path, query, json.loads(data) if data else None, kind)
        except RefusalError as refusal:
            return refusal.status, {}, json.dumps(refusal.body()).encode()
        finally:
            self.sender = None
        return 201 if self.server.made > made else 200, {}, json.dumps(said).encode()

    def _do(self, method: str, path: str, query: Mapping[str, str], body: Any, kind: str) -> Obj:
        if path.endswith("/selfsubjectaccessreviews"):
            return {"status": {"allowed": True}}
        if path == "/apis":
            groups = ("traefik.io/v1alpha1", "apps/v1", "batch/v1")
            return {"groups": [{"name": g.split("/")[0], "preferredVersion": {"groupVersion": g}} for g in groups]}
        if path in SERVED:
            return {"resources": [{"kind": each} for each in SERVED[path]]}
        address = Address.of(path)
        if method == "GET":
            if address.name:
                return self.server.get(address)
            selector = query.get("labelSelector", "")
            found = self.listed(address, selector)
            items = self.server.items(address, selector) if found is None else found
            return {"items": items, "metadata": {"resourceVersion": str(self.server.version)}}
        if method == "POST":
            return self.server.create(address, body)
        if method == "PUT":
            return self.server.replace(address, body)
        if method == "PATCH":
            return self.server.patch(address, kind, body, query.get("fieldManager", ""))
        return self.server.delete(address)

    def _fate(self, method: str) -> str:
        choices, weather = self.scheduler.choices, self.weather
        if weather.killed and choices.once_in(weather.killed):
            return "killed after" if choices.below(2) else "killed"
        if method != "GET":
            late = weather.late_patch if method == "PATCH" and weather.late_patch else weather.late_write
            if late and choices.once_in(late):
                return "late"
            if weather.lost_answer and choices.once_in(weather.lost_answer):
                return "lost"
        if weather.refused and choices.once_in(weather.refused):
            return "refused"
        return ""

    def _later(self, seconds: float, process: Process, act: Callable[[], Any]) -> None:
        def arrive() -> None:
            self.scheduler.sleep(seconds)
            status, _, _ = act()
            self.tell(process.name, f"what hung arrives, and is answered with {status}")

        self.scheduler.spawn("late", arrive, Process(f"{process.name}, late"))


class SimulatedConnection(Connection):
    """A Connection whose requests go through the simulated network."""

    def __init__(self, network: Network) -> None:
        self.context, self.server, self._prefix = "simulation", "simulated", ""
        self.groups: dict[str, str] = {}
        self._network = network

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        timeout: float,
        data: bytes | None = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        most: int = OBJECT_BYTES,
    ) -> Whole:
        status, came, body = self._network.ask(method, path, query or {}, data, content_type, headers)
        return Whole(status, came, body)

    def open(
        self, method: str, url: str, timeout: float, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """A watch: the only answer that is read piece by piece."""
        parts = urlsplit(url)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        return Watch(self._network, Address.of(parts.path), query)


class Watch:
    """The answer to a watch, as far as a reader reads one."""

    status = 200

    def __init__(self, network: Network, address: Address, query: Mapping[str, str]) -> None:
        self.headers: dict[str, str] = {}
        self._network, self._address = network, address
        self._since = int(query.get("resourceVersion") or network.server.version)
        self._ends = network.scheduler.now + float(query["timeoutSeconds"])

    def read1(self, *_: Any, **__: Any) -> bytes:
        scheduler = self._network.scheduler
        if not scheduler.block(lambda: bool(self._news()), self._ends - scheduler.now):
            return b""
        change = self._news()[0]
        self._since = change.version
        return json.dumps({"type": change.kind, "object": change.obj}).encode() + b"\n"

    def _news(self) -> list[Any]:
        wanted = (self._address.api, self._address.plural)
        return [
            change
            for change in reversed_until(self._network.server.changes, self._since)
            if (change.address.api, change.address.plural) == wanted
            and self._address.namespace in ("", change.address.namespace)
        ]

    def close(self) -> None:
        self._ends = 0.0

    def release_conn(self) -> None:
        return


def reversed_until(changes: list[Any], since: int) -> list[Any]:
    """The changes after a version, oldest first, without looking through all that came before."""
    found = []
    for change in reversed(changes):
        if change.version <= since:
            break
        found.append(change)
    return found[::-1]
