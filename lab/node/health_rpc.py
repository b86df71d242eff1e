"""A gRPC probe: grpc.health.v1.Health/Check over HTTP/2 without TLS, as the kubelet does (pkg/probe/grpc/grpc.go)."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any

from lab.app.health_rpc import CHECK, SERVING, UNIMPLEMENTED, encode_request, framed

_STATES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


@dataclass
class _Answer:
    """What has come of one call."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    broken: str = ""
    over: bool = False


async def check(address: str, port: int, service: str) -> tuple[bool, str]:
    """Ask once: whether it serves, and why not, in the kubelet's words. Takes as long as the other side does."""
    try:
        reader, writer = await asyncio.open_connection(address, port)
    except OSError as error:
        return False, f'error: failed to connect service at "{address}:{port}": {error.strerror or error}'
    try:
        return _judged(await _call(reader, writer, f"{address}:{port}", service))
    except OSError as error:
        return False, f"error: health rpc probe failed: {error.strerror or error}"
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str, service: str) -> _Answer:
    from h2.config import H2Configuration  # here: most labs never ask by gRPC
    from h2.connection import H2Connection
    from h2.exceptions import ProtocolError

    line = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    line.initiate_connection()
    wanted = {":method": "POST", ":scheme": "http", ":authority": authority, ":path": CHECK}
    wanted |= {"content-type": "application/grpc", "te": "trailers", "user-agent": "kube-probe/lab"}
    line.send_headers(1, list(wanted.items()))
    line.send_data(1, framed(encode_request(service)), end_stream=True)
    answer = _Answer()
    while not answer.over:
        writer.write(line.data_to_send())
        data = await reader.read(65536)
        try:
            for event in line.receive_data(data):
                _take(answer, event, line)
        except ProtocolError as error:
            answer.broken, answer.over = f"no HTTP/2: {error}", True
        if not data and not answer.over:
            answer.broken, answer.over = "connection closed before an answer", True
    return answer


def _take(answer: _Answer, event: Any, line: Any) -> None:
    from h2 import events

    if isinstance(event, events.ResponseReceived | events.TrailersReceived):
        answer.headers.update((str(name), str(value)) for name, value in event.headers)
    elif isinstance(event, events.DataReceived):
        answer.body += event.data
        line.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
    elif isinstance(event, events.StreamEnded):
        answer.over = True
    elif isinstance(event, events.StreamReset | events.ConnectionTerminated):
        answer.broken, answer.over = f"the server ended it (HTTP/2 error {int(event.error_code or 0)})", True


def _judged(answer: _Answer) -> tuple[bool, str]:
    code, message = answer.headers.get("grpc-status", ""), answer.headers.get("grpc-message", "")
    if answer.broken:
        return False, f"error: health rpc probe failed: {answer.broken}"
    if code == UNIMPLEMENTED:
        words = "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"
        return False, f"{words}: {message}"
    if code != "0":
        said = f"code = {code or 'none'} desc = {message or 'HTTP status ' + answer.headers.get(':status', 'none')}"
        return False, f"error: health rpc probe failed: rpc error: {said}"
    state = answer.body[6] if answer.body[5:6] == b"\x08" and len(answer.body) > 6 else 0
    if state == SERVING:
        return True, ""
    return False, f'service unhealthy (responded with "{_STATES.get(state, state)}")'
