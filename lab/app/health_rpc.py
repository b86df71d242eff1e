"""The sample application's gRPC health service (grpc.health.v1.Health/Check), on the ports that it serves HTTP on.

A connection that begins with HTTP/2's preface is taken over from uvicorn; the library for it is loaded with the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CHECK = "/grpc.health.v1.Health/Check"
SERVING, NOT_SERVING = 1, 2
UNIMPLEMENTED = "12"
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def framed(message: bytes) -> bytes:
    """A message as gRPC sends it: not compressed, its length before it."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def encode_request(service: str) -> bytes:
    """HealthCheckRequest as protobuf: field 1, a string."""
    name = service.encode()
    length, rest = b"", len(name)
    while rest > 0x7F:
        length, rest = length + bytes([rest & 0x7F | 0x80]), rest >> 7
    return b"\x0a" + length + bytes([rest]) + name if name else b""


def asked_service(body: bytes) -> str:
    """The service of a framed HealthCheckRequest; empty where it names none, or is none."""
    at, length, shift = 6, 0, 0
    if body[5:6] != b"\x0a":
        return ""
    while at < len(body):
        length |= (body[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not body[at - 1] & 0x80:
            break
    return body[at : at + length].decode(errors="replace")


class HealthConnection(asyncio.Protocol):
    """One HTTP/2 connection. `serving(service)` says how that service is now; all other calls are not implemented."""

    def __init__(
        self, transport: asyncio.Transport, serving: Callable[[str], bool], over: Callable[[Any], None]
    ) -> None:
        from h2.config import H2Configuration  # here: most labs are never asked by gRPC
        from h2.connection import H2Connection

        self.transport = transport
        self._serving = serving
        self._over = over
        self._calls: dict[int, tuple[str, bytearray]] = {}
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._h2.initiate_connection()

    def data_received(self, data: bytes) -> None:
        from h2.exceptions import ProtocolError

        try:
            for event in self._h2.receive_data(data):
                self._take(event)
        except ProtocolError:
            self.shutdown()
            return
        self.transport.write(self._h2.data_to_send())

    def connection_lost(self, exc: Exception | None) -> None:
        self._over(self)

    def shutdown(self) -> None:
        """What uvicorn asks of its connections when it ends."""
        self.transport.write(self._h2.data_to_send())
        self.transport.close()

    def _take(self, event: Any) -> None:
        from h2 import events

        if isinstance(event, events.RequestReceived):
            self._calls[event.stream_id] = (_path(event), bytearray())
        elif isinstance(event, events.DataReceived) and event.stream_id in self._calls:
            self._calls[event.stream_id][1].extend(event.data)
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, events.StreamEnded) and event.stream_id in self._calls:
            self._answer(event.stream_id, *self._calls.pop(event.stream_id))
        elif isinstance(event, events.StreamReset):
            self._calls.pop(event.stream_id, None)

    def _answer(self, stream: int, path: str, body: bytearray) -> None:
        head = [(":status", "200"), ("content-type", "application/grpc")]
        if path != CHECK:
            why = [("grpc-status", UNIMPLEMENTED), ("grpc-message", f"unknown method {path}")]
            self._h2.send_headers(stream, head + why, end_stream=True)
            return
        status = SERVING if self._serving(asked_service(bytes(body))) else NOT_SERVING
        self._h2.send_headers(stream, head)
        self._h2.send_data(stream, framed(b"\x08" + bytes([status])))
        self._h2.send_headers(stream, [("grpc-status", "0")], end_stream=True)


def _path(request: Any) -> str:
    return next((value for name, value in request.headers if name == ":path"), "")


class HttpOrHealth(HttpToolsProtocol):
    """uvicorn's connection, until its first bytes turn out to be HTTP/2."""

    _begun = b""
    _is_http = False

    def data_received(self, data: bytes) -> None:
        if not self._is_http:
            data = self._begun = self._begun + data
            if _PREFACE.startswith(data[: len(_PREFACE)]) and len(data) < len(_PREFACE):
                return
            if data.startswith(_PREFACE):
                self._hand_over(data)
                return
            self._is_http = True
        super().data_received(data)

    def _hand_over(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        health = HealthConnection(self.transport, self.config.app.serving, self.connections.discard)  # type: ignore[union-attr]
        self.connections.add(health)  # type: ignore[arg-type]
        self.transport.set_protocol(health)
        health.data_received(data)
