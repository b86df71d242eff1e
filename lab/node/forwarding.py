"""`kubectl port-forward`: each pair of streams that kubectl opens is one connection to a port of the pod.

As the kubelet does it (k8s.io/kubelet, pkg/cri/streaming/portforward): an error stream and a data stream of each
request, told apart by headers, in SPDY within the WebSocket that the API server passes on (ExtendWebSocketsToKubelet).
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib

from starlette.websockets import WebSocket, WebSocketDisconnect

from lab.node import spdy

PROTOCOL = "SPDY/3.1+portforward.k8s.io"
_CHUNK = 32768


class Forwarder:
    """One WebSocket: connections to the ports of one pod."""

    def __init__(self, socket: WebSocket, address: str) -> None:
        self._socket = socket
        self._address = address
        self._framer = spdy.Framer()
        self._errors: dict[str, int] = {}
        self._given: dict[int, asyncio.Queue[bytes]] = {}
        self._connections: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until the other side goes; nothing of it is open afterwards."""
        await self._socket.accept(headers=[(b"sec-websocket-protocol", PROTOCOL.encode())])
        try:
            while True:
                for frame in self._framer.feed(await self._socket.receive_bytes()):
                    await self._take(frame)
        except (WebSocketDisconnect, ValueError, KeyError, zlib.error):
            return
        finally:
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _take(self, frame: spdy.Frame) -> None:
        if frame.kind == spdy.SYN_STREAM:
            await self._socket.send_bytes(self._framer.reply(frame.stream))
            self._opened(frame)
        elif frame.kind == spdy.PING:
            await self._socket.send_bytes(spdy.pong(frame))
        elif frame.kind == spdy.RST_STREAM:
            self._give(frame.stream, b"")
        elif frame.kind == 0:
            if frame.data:
                self._give(frame.stream, frame.data)
            if frame.ends:
                self._give(frame.stream, b"")

    def _give(self, stream: int, content: bytes) -> None:
        if stream in self._given:
            self._given[stream].put_nowait(content)

    def _opened(self, frame: spdy.Frame) -> None:
        request = frame.headers["requestid"]
        if frame.headers["streamtype"] == "error":
            self._errors[request] = frame.stream
            return
        self._given[frame.stream] = asyncio.Queue()
        lead = self._lead(frame.stream, self._errors.pop(request), int(frame.headers["port"]))
        task = asyncio.create_task(lead)
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _lead(self, stream: int, error_stream: int, port: int) -> None:
        why = b""
        try:
            await self._connected(stream, port)
        except OSError as error:
            why = f"dial tcp {self._address}:{port}: {error.strerror or error}".encode()
        del self._given[stream]
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the other side has gone
            await self._socket.send_bytes(spdy.data(error_stream, why, ends=True))
            await self._socket.send_bytes(spdy.data(stream, b"", ends=True))

    async def _connected(self, stream: int, port: int) -> None:
        """Lead both ways until the pod has said all, whatever the other side still sends."""
        reader, writer = await asyncio.open_connection(self._address, port)
        giving = asyncio.create_task(self._to_pod(stream, writer))
        try:
            while content := await reader.read(_CHUNK):
                await self._socket.send_bytes(spdy.data(stream, content))
        finally:
            giving.cancel()
            await asyncio.gather(giving, return_exceptions=True)
            writer.close()

    async def _to_pod(self, stream: int, writer: asyncio.StreamWriter) -> None:
        while content := await self._given[stream].get():
            writer.write(content)
            await writer.drain()
        writer.write_eof()
