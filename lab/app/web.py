"""The sample application itself: a plain ASGI application that tells in each answer which pod gave it."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from lab.app.behaviour import Behaviour
from lab.app.metrics import Metrics

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

LONGEST_SECONDS = 3600.0
LIVENESS = "liveness"
_CLOSE = (b"connection", b"close")


@dataclass(frozen=True)
class Identity:
    """Who answers."""

    service: str
    side: str
    version: str
    pod: str
    image: str

    def headers(self) -> Headers:
        return [
            (b"x-served-side", self.side.encode()),
            (b"x-served-pod", self.pod.encode()),
            (b"x-served-image", self.image.encode()),
        ]

    def about(self) -> dict[str, Any]:
        return {"service": self.service, "side": self.side, "version": self.version, "pod": self.pod}

    def health(self, *, ready: bool, bus: bool) -> dict[str, Any]:
        """What /health says: the whole, and each dependency by its name."""
        checks = {"PostgreSQL": True, "ServiceBus": bus}
        whole = "Unhealthy" if not ready else "Healthy" if all(checks.values()) else "Degraded"
        each = [{"name": name, "status": "Healthy" if well else "Unhealthy"} for name, well in checks.items()]
        return {"status": whole, "checks": each, **self.about()}


class SampleApp:
    """Answers as its version. `behaviour` may be replaced while it runs; `log` takes one line of text.

    Health and metrics endpoints are neither slowed down nor failed: only what users would ask for is. `last_asked` is
    when a user last asked, on the monotonic clock.
    """

    def __init__(self, identity: Identity, behaviour: Behaviour, log: Callable[[str], None]) -> None:
        self.identity = identity
        self.behaviour = behaviour
        self.metrics = Metrics()
        self.draining = False
        self.consuming = False
        self.last_asked = 0.0
        self.starts = 0
        self._log = log
        self._debt = 0
        self._headers = [*identity.headers(), (b"content-type", b"application/json")]
        self._body = json.dumps(identity.about()).encode()

    @property
    def busy(self) -> int:
        """Requests and WebSockets that are open now."""
        return self.metrics.in_flight + self.metrics.websockets

    def started(self, starts: int) -> None:
        """It has started so often on its volume, this time included: each answer says so."""
        self.starts = starts
        self._body = json.dumps({**self.identity.about(), "starts": starts}).encode()

    def serving(self, service: str) -> bool:
        """Its health, as gRPC asks for it: whether it is ready; under the name `liveness`, whether it is alive."""
        return service == LIVENESS or not self.behaviour.never_ready

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    async def _http(self, scope: MutableMapping[str, Any], send: Send) -> None:
        path: str = scope["path"]
        handler = _handler(path)
        began = time.perf_counter()
        if handler in ("health", "metrics"):
            code, body = self._probe(path)
        else:
            self.metrics.in_flight += 1
            self.last_asked = time.monotonic()
            try:
                code, body = await self._answer(path, scope["query_string"])
            finally:
                self.metrics.in_flight -= 1
        self.metrics.done(code, scope["method"], handler, time.perf_counter() - began)
        headers = [*self._headers, (b"content-length", str(len(body)).encode())]
        if self.draining:
            headers.append(_CLOSE)
        if handler == "metrics":
            headers[3] = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
        await send({"type": "http.response.start", "status": code, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _probe(self, path: str) -> tuple[int, bytes]:
        if path == "/metrics":
            return 200, self.metrics.text().encode()
        ready = path != "/health/ready" or self.serving("")
        health = self.identity.health(ready=ready, bus=not self.behaviour.bus_down)
        return (200 if ready else 503), json.dumps({**health, "consuming": self.consuming}).encode()

    async def _answer(self, path: str, query: bytes) -> tuple[int, bytes]:
        if self.behaviour.slow_seconds:
            await asyncio.sleep(self.behaviour.slow_seconds)
        if path == "/slow":
            await asyncio.sleep(_seconds(query))
        if self._fails():
            self._log(f'level=error msg="request failed" path={json.dumps(path)} status=500')
            return 500, b'{"error": "told to fail"}'
        if path.startswith("/api/"):
            return 200, json.dumps({**self.identity.about(), "links": {"self": path}}).encode()
        return 200, self._body

    def _fails(self) -> bool:
        """Spread failures evenly, so that 10 percent is 10 of each 100 and not a matter of luck."""
        self._debt += self.behaviour.errors_percent
        if self._debt < 100:
            return False
        self._debt -= 100
        return True

    async def _websocket(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        if scope["path"] != "/ws" or self.draining:
            await send({"type": "websocket.close", "code": 1001})
            return
        await send({"type": "websocket.accept", "headers": self.identity.headers()})
        self.metrics.websockets += 1
        try:
            while (message := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", **_payload(message)})
        finally:
            self.metrics.websockets -= 1


def _handler(path: str) -> str:
    if path.startswith("/health"):
        return "health"
    return {"/metrics": "metrics", "/slow": "slow"}.get(path, "app")


def _seconds(query: bytes) -> float:
    """`seconds=N` of a query; 1 where it is missing or no number."""
    try:
        seconds = float(parse_qs(query.decode()).get("seconds", ["1"])[0])
    except ValueError:
        return 1.0
    return min(max(seconds, 0.0), LONGEST_SECONDS)


def _payload(message: MutableMapping[str, Any]) -> dict[str, Any]:
    if message.get("text") is not None:
        return {"text": message["text"]}
    return {"bytes": message.get("bytes")}
