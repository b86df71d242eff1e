"""What lies between an actor and the API server: latency, and all that goes wrong on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn
from urllib.parse import parse_qs, urlsplit

from flipgate.adapters.connection import OBJECT_BYTES, READ_SECONDS, Connection, error_of, object_of, patient
from flipgate.adapters.reading import Whole
from flipgate.core.values.errors import Unreachable
from tests.simulation.apiserver import Address, ApiServer, Obj, RefusalError
from tests.simulation.scheduler import Dead, Process, Scheduler
from tests.simulation.weather import Fate, Sky

GARBAGE = b"<html>upstream connect error or disconnect/reset before headers</html>"
TIMED_OUT = b'{"message": "etcdserver: request timed out"}'
REFUSALS: Mapping[Fate, tuple[int, bytes]] = MappingProxyType(
    {
        Fate.REFUSED: (500, TIMED_OUT),
        Fate.REFUSED_AND_DONE: (500, TIMED_OUT),
        Fate.THROTTLED: (429, b'{"message": "too many requests, please try again later", "reason": "TooManyRequests"}'),
        Fate.UNAVAILABLE: (503, b"apiserver not ready"),
    }
)
"""Status and body. etcd's timeout says nothing about whether it was done."""
LATENCY_SECONDS = 0.008
ALLOWED: Obj = {"status": {"allowed": True}}
GROUPS: Obj = {
    "groups": [
        {"name": each.split("/")[0], "preferredVersion": {"groupVersion": each}}
        for each in ("traefik.io/v1alpha1", "apps/v1", "batch/v1")
    ]
}
SERVED = {"/api/v1": ("Service",), "/apis/traefik.io/v1alpha1": ("IngressRoute", "TraefikService")}
"""What may lead users to a side, and is served where: who puts one to rest asks for it."""
LONGEST_LATE_SECONDS = 600.0
"""How late a write may arrive that its sender has given up."""


class Said(NamedTuple):
    """One answer, its body as an object of the API server's or as bytes."""

    status: int
    headers: Mapping[str, str]
    body: Obj | bytes

    def whole(self) -> Whole:
        """As it comes through a real connection."""
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return Whole(self.status, self.headers, body)


@dataclass
class Network:
    """Every request of every actor goes through here, and here is where they give way to each other."""

    scheduler: Scheduler
    server: ApiServer
    sky: Sky
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
    ) -> Said:
        """One request of the running task, there and back. Raises Unreachable."""
        if not self.open:
            raise Dead
        self.requests += 1
        process, sky = self.scheduler.current.process, self.sky
        if off := sky.set_clock(process):
            self.tell(process.name, off)
        self.met(process, method, path)
        fate, what = sky.fate(method), f"{method} {path}"
        if fate is Fate.KILLED:
            self.tell(process.name, f"is killed before {what}")
            self.scheduler.kill(process)
        self._stand_still(process, f"before {what}")
        self.scheduler.sleep(LATENCY_SECONDS)  # there and back: on the way back nobody could tell the difference

        def done(sender: Process = process) -> Said:
            return self.answer(sender, method, path, query, data, content_type, headers)

        if fate is Fate.DONE:
            said = done()
        elif fate is Fate.LATE:
            late = self.scheduler.choices.seconds(LONGEST_LATE_SECONDS)
            self.tell(process.name, f"{what} hangs; it arrives {late:.0f} s later")
            self._later(late, process, done)
            self._give_up()
        else:
            said = self._wrong(fate, process, what, done)
        self._stand_still(process, f"after {what}")
        return said

    def _wrong(self, fate: Fate, process: Process, what: str, done: Callable[[], Said]) -> Said:
        """The answer where something goes wrong with a request, once it has arrived."""
        if fate in REFUSALS:
            status, said = REFUSALS[fate]
            if fate is Fate.REFUSED_AND_DONE:
                done()
            if fate is not Fate.UNAVAILABLE:  # a burst is told by what comes of it
                self.tell(process.name, f"{what} is answered with {status}")
            return Said(status, {"Retry-After": "1"} if status == 429 else {}, said)
        answer = done()
        if fate is Fate.KILLED_AFTER:
            self.tell(process.name, f"is killed after {what}")
            self.scheduler.kill(process)
        if fate is Fate.LOST:
            self.tell(process.name, f"the answer to {what} is lost")
            self._give_up()
        body = answer.whole().body
        self.tell(process.name, f"{what} is answered with garbage")
        return Said(answer.status, answer.headers, body[: len(body) // 2] if fate is Fate.HALVED else GARBAGE)

    def _give_up(self) -> NoReturn:
        self.scheduler.sleep(READ_SECONDS)
        raise Unreachable(f"did not answer (limit {READ_SECONDS:g} s)", obj="API server")

    def _stand_still(self, process: Process, when: str) -> None:
        if found := self.sky.stand_still():
            seconds, noticed = found
            self.tell(process.name, f"stands still for {seconds:.0f} s {when}")
            self.scheduler.pause(process, seconds, noticed=noticed)

    def answer(
        self,
        process: Process,
        method: str,
        path: str,
        query: Mapping[str, str],
        data: bytes | None,
        kind: str,
        headers: Any,
    ) -> Said:
        """What the server makes of a request, and what it answers."""
        if "/proxy/" in path and (through := self.proxies(path, headers or {})) is not None:
            return Said(*through)
        self.sender, made = process, self.server.made
        try:
            said = self._do(method, path, query, json.loads(data) if data else None, kind)
        except RefusalError as refusal:
            return Said(refusal.status, {}, refusal.body())
        finally:
            self.sender = None
        return Said(201 if self.server.made > made else 200, {}, said)

    def _do(self, method: str, path: str, query: Mapping[str, str], body: Any, kind: str) -> Obj:
        if path.endswith("/selfsubjectaccessreviews"):
            return ALLOWED
        if path == "/apis":
            return GROUPS
        if path in SERVED:
            return {"resources": [{"kind": each} for each in SERVED[path]]}
        address = Address.of(path)
        if method == "GET":
            return self._read(address, query)
        if method == "POST":
            return self.server.create(address, body)
        if method == "PUT":
            return self.server.replace(address, body)
        if method == "PATCH":
            return self.server.patch(address, kind, body, query.get("fieldManager", ""))
        return self.server.delete(address)

    def _read(self, address: Address, query: Mapping[str, str]) -> Obj:
        age, selector = self.sky.age(), query.get("labelSelector", "")
        if address.name:
            return self.server.get(address) if not age else self.server.got(address, self.scheduler.now - age)
        items = self.listed(address, selector)
        if items is None and age:
            items = self.server.listed(address, selector, self.scheduler.now - age)
        elif items is None:
            items = self.server.items(address, selector)
        return {"items": items, "metadata": {"resourceVersion": str(self.server.version)}}

    def _later(self, seconds: float, process: Process, act: Callable[[Process], Said]) -> None:
        late = Process(f"{process.name}, late")

        def arrive() -> None:
            self.scheduler.sleep(seconds)
            self.tell(process.name, f"what hung arrives, and is answered with {act(late).status}")

        self.scheduler.spawn("late", arrive, late)


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
        return self._network.ask(method, path, query or {}, data, content_type, headers).whole()

    def json(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float = READ_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> Obj:
        """As the real one, but that what was asked for is not written and parsed again: half of a life's time."""
        del headers  # a server that sends whole objects, whatever form of a list is asked for
        data = None if body is None else json.dumps(body).encode()
        said = patient(timeout, lambda left: self._network.ask(method, path, query or {}, data, content_type, None))
        if said.status >= 400:
            raise error_of(path, said.whole())
        if isinstance(said.body, bytes):
            return object_of(path, said.body, f"answered {said.status} with")
        return _own(said.body)

    def pass_on(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, *, timeout: float, most: int
    ) -> Whole:
        return self._network.ask(method, target, {}, body, "", headers).whole()

    def open(
        self, method: str, url: str, timeout: float, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """A watch: the only answer that is read piece by piece."""
        parts = urlsplit(url)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        return Watch(self._network, Address.of(parts.path), query)


def _own(obj: Obj) -> Obj:
    """Its reader's own two levels down: what the product writes into. A test finds out who goes deeper."""
    made = {key: dict(value) if isinstance(value, dict) else value for key, value in obj.items()}
    if "items" in made:
        made["items"] = [_own(each) for each in made["items"]]
    return made


class Watch:
    """The answer to a watch, as far as a reader reads one."""

    status = 200

    def __init__(self, network: Network, address: Address, query: Mapping[str, str]) -> None:
        self.headers: dict[str, str] = {}
        self._network, self._address = network, address
        self._since = int(query.get("resourceVersion") or network.server.version)
        self._ends = network.scheduler.now + float(query["timeoutSeconds"])
        self._deaf = network.sky.deaf()

    def read1(self, *_: Any, **__: Any) -> bytes:
        scheduler = self._network.scheduler
        if not scheduler.block(lambda: not self._deaf and bool(self._news()), self._ends - scheduler.now):
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
