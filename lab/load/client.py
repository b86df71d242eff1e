"""The users: connections that stay open, each asking at its own pace. One asyncio loop carries all of them."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httptools
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from lab.load.tally import Row

TIMEOUT_SECONDS = 5.0
_MOST_DEBT_SECONDS = 1.0
_RETRY_SECONDS = 0.05
_WS_PAUSE_SECONDS = 0.25

Record = Callable[[Row], None]


@dataclass(frozen=True)
class Plan:
    """What to ask, and how often. `rate` is all clients' requests per second together; None is as fast as they can."""

    url: str
    host: str
    path: str = "/"
    clients: int = 8
    rate: float | None = 200.0
    long: int = 0
    long_seconds: float = 5.0
    websockets: int = 0

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    @property
    def tls(self) -> dict[str, Any]:
        """What a connection by https is opened with; nothing by http."""
        if not self.url.startswith("https:"):
            return {}
        return {"ssl": _any_certificate(), "server_hostname": self.host}

    def request(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nUser-Agent: flipgate-load\r\nAccept: */*\r\n\r\n".encode()


@dataclass(frozen=True)
class Answer:
    """A whole answer, or (status 0) why there is none."""

    status: int
    side: str = ""
    failure: str = ""


class Connection(asyncio.Protocol):
    """One keep-alive connection. `usable` turns False when either end has said that it is over."""

    def __init__(self) -> None:
        self.usable = True
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[Answer] | None = None
        self._side = ""
        self._begun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> "asyncio.Future[Answer]":
        assert self._transport is not None
        self._side, self._begun = "", False
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiting

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._settle(Answer(0, failure="garbage"))
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        if self._begun:
            self._settle(Answer(0, failure="cut-off"))
        else:
            self._settle(Answer(0, failure="reset" if isinstance(error, ConnectionResetError) else "closed"))

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-served-side":
            self._side = value.decode(errors="replace")

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self.close()
        self._settle(Answer(status, self._side, f"status-{status}" if status >= 500 or status == 404 else ""))

    def _settle(self, answer: Answer) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)


class User:
    """One client with one connection at a time."""

    def __init__(self, plan: Plan, record: Record, channel: str = "request") -> None:
        self._plan = plan
        self._record = record
        self._channel = channel
        self._connection: Connection | None = None
        self._tls = plan.tls

    async def ask_for(self, path: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        began = time.time()
        try:
            async with asyncio.timeout(timeout_seconds):
                answer = await (await self._open()).ask(self._plan.request(path))
        except TimeoutError:
            answer = Answer(0, failure="timeout")
            self.close()
        except OSError as error:
            answer = Answer(0, failure="refused" if isinstance(error, ConnectionRefusedError) else "unreachable")
        now = time.time()
        self._record(Row(now, now - began, answer.side, answer.status, answer.failure, self._channel))
        if answer.failure and not answer.status:
            await asyncio.sleep(_RETRY_SECONDS)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    async def _open(self) -> Connection:
        if self._connection is None or not self._connection.usable:
            loop = asyncio.get_running_loop()
            _, self._connection = await loop.create_connection(Connection, *self._plan.address, **self._tls)
        return self._connection


def _any_certificate() -> ssl.SSLContext:
    """A lab's Traefik has one of its own."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def run(plan: Plan, record: Record, stop: asyncio.Event) -> None:
    """Be all users of the plan until `stop`; requests under way are finished, long ones and WebSockets are left."""
    users = [_ask_steadily(plan, number, record, stop) for number in range(plan.clients)]
    steady = [asyncio.create_task(user) for user in users]
    others = [asyncio.create_task(_ask_long(plan, record)) for _ in range(plan.long)]
    others += [asyncio.create_task(_talk(plan, record)) for _ in range(plan.websockets)]
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*steady, *others, stopping], return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    await asyncio.gather(*steady)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _ask_steadily(plan: Plan, number: int, record: Record, stop: asyncio.Event) -> None:
    user = User(plan, record)
    interval = plan.clients / plan.rate if plan.rate else 0.0
    due = time.monotonic() + interval * number / plan.clients
    while not stop.is_set():
        if interval:
            await _pause(due - time.monotonic(), stop)
            due = max(due + interval, time.monotonic() - _MOST_DEBT_SECONDS)
            if stop.is_set():
                break
        await user.ask_for(plan.path)
    user.close()


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    """Sleep, in steps that notice a stop soon; a step is cheaper than waiting for the event each time."""
    while seconds > 0 and not stop.is_set():
        await asyncio.sleep(min(seconds, 0.25))
        seconds -= 0.25


async def _ask_long(plan: Plan, record: Record) -> None:
    user = User(plan, record, "long")
    try:
        while True:
            await user.ask_for(f"/slow?seconds={plan.long_seconds:g}", plan.long_seconds + TIMEOUT_SECONDS)
    finally:
        user.close()


async def _talk(plan: Plan, record: Record) -> None:
    """A WebSocket that stays open: one row for each message that came back, one failure for each end not ours."""
    address, port = plan.address
    scheme = "wss" if plan.tls else "ws"
    while True:
        began = time.time()
        try:
            async with connect(
                f"{scheme}://{plan.host}/ws",
                host=address,
                port=port,
                proxy=None,
                open_timeout=TIMEOUT_SECONDS,
                **plan.tls,
            ) as socket:
                side = socket.response.headers.get("X-Served-Side", "") if socket.response else ""
                while True:
                    began = time.time()
                    await socket.send("flipgate")
                    async with asyncio.timeout(TIMEOUT_SECONDS):
                        await socket.recv()
                    now = time.time()
                    record(Row(now, now - began, side, 101, "", "websocket"))
                    await asyncio.sleep(_WS_PAUSE_SECONDS)
        except ConnectionClosed as error:
            failure = f"websocket-closed-{error.rcvd.code if error.rcvd else 1006}"
        except (WebSocketException, OSError, TimeoutError, EOFError) as error:
            failure = f"websocket-{type(error).__name__}"
        now = time.time()
        record(Row(now, now - began, "", 0, failure, "websocket"))
        with contextlib.suppress(TimeoutError):
            await asyncio.sleep(_RETRY_SECONDS)
