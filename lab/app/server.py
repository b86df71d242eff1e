"""The listener of one sample pod: bound to the pod's own address, drained as a well-behaved server is."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator, Sequence

import uvicorn

from lab.app.health_rpc import HttpOrHealth
from lab.app.web import SampleApp

KEEP_ALIVE_SECONDS = 75
QUIET_SECONDS = 0.3
_POLL_SECONDS = 0.05
_now = time.monotonic


class _Server(uvicorn.Server):
    """uvicorn without signal handlers and without its ten wake-ups a second, which a hundred pods would multiply."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.over = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.over.wait()


class AppServer:
    """Serves one application on (address, port) pairs until it is drained or aborted."""

    def __init__(self, app: SampleApp) -> None:
        self.app = app
        self.ports: tuple[int, ...] = ()
        self._server = _Server(
            uvicorn.Config(
                app,
                http=HttpOrHealth,
                ws="websockets-sansio",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=1,
            )
        )
        self._sockets: list[socket.socket] = []
        self._serving: asyncio.Task[None] | None = None

    async def start(self, address: str, ports: Sequence[int]) -> None:
        """Listen; port 0 takes a free one. Raises OSError when an address can't be bound."""
        try:
            for port in ports:
                self._sockets.append(_listen(address, port))
        except OSError:
            self._close_sockets()
            raise
        self.ports = tuple(sock.getsockname()[1] for sock in self._sockets)
        self._serving = asyncio.create_task(self._server.serve(self._sockets))
        while not self._server.started and not self._serving.done():
            await asyncio.sleep(0)

    async def drain(self, announce_seconds: float, grace_seconds: float) -> None:
        """Keep serving for `announce_seconds` with `Connection: close` on each answer, so that the news of the pod's
        end reaches everybody; then refuse connections and let what is open finish. All within `grace_seconds`.

        On a busy machine the news may take longer: while users still ask, it serves on for up to half of its grace.
        """
        began = _now()
        self.app.draining = True
        await asyncio.sleep(min(announce_seconds, grace_seconds))
        while _now() < began + grace_seconds / 2 and _now() < self.app.last_asked + min(
            announce_seconds, QUIET_SECONDS
        ):
            await asyncio.sleep(_POLL_SECONDS)
        self._refuse()
        while self.app.busy and _now() < began + grace_seconds:
            await asyncio.sleep(_POLL_SECONDS)
        await self.abort()

    async def abort(self) -> None:
        """Refuse connections and close what is open."""
        self._refuse()
        self._server.over.set()
        for connection in list(self._server.server_state.connections):
            connection.shutdown()
            if not connection.transport.is_closing():  # a request under way: uvicorn would let it finish
                connection.transport.abort()
        for task in list(self._server.server_state.tasks):
            task.cancel()
        if self._serving:
            await asyncio.wait([self._serving])
        self._close_sockets()

    def _refuse(self) -> None:
        for server in getattr(self._server, "servers", ()):
            server.close()
        self._close_sockets()
        for connection in list(self._server.server_state.connections):
            if not hasattr(connection, "handshake_complete"):  # a WebSocket stays; an idle HTTP connection goes
                connection.shutdown()

    def _close_sockets(self) -> None:
        for sock in self._sockets:
            sock.close()


def _listen(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(1024)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
