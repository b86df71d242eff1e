"""`kubectl exec`: a command beside a container, its streams in one WebSocket.

Kubernetes' protocol v5.channel.k8s.io: the first byte of a message says which stream it is of; the last message is a
Status. A terminal is not among what the lab has.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from asyncio.subprocess import DEVNULL, PIPE, Process

from starlette.websockets import WebSocket, WebSocketDisconnect

from lab.node.executing import Setting

PROTOCOL = "v5.channel.k8s.io"
STDIN, STDOUT, STDERR, STATUS, CLOSE = 0, 1, 2, 3, 255
_CHUNK = 32768


async def run(socket: WebSocket, setting: Setting) -> None:
    """Run what the query asks for; nothing of it is left when the other side goes."""
    await socket.accept(PROTOCOL)
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the other side has gone
        await _say(socket, STATUS, json.dumps(await _ran(socket, setting)).encode())
        await socket.close()


async def _ran(socket: WebSocket, setting: Setting) -> dict[str, object]:
    query = socket.query_params
    command = query.getlist("command")
    if query.get("tty"):
        return _failure("the lab has no terminals: leave --tty out")
    runner = setting.runner(command, lambda line: None)
    wants_input = bool(query.get("input"))
    try:
        process = await runner.spawn(PIPE if wants_input else DEVNULL, PIPE, PIPE)
    except OSError as error:
        return _failure(f"exec failed: unable to start container process: exec: {error}")
    listening = asyncio.create_task(_listen(socket, process))
    saying = asyncio.create_task(_say_all(socket, process))
    try:
        await asyncio.wait([listening, saying], return_when=asyncio.FIRST_COMPLETED)
        if not saying.done():
            raise WebSocketDisconnect(1006)
        code = await runner.wait()
    finally:
        for task in (listening, saying):
            task.cancel()
        await runner.kill()
        await asyncio.gather(listening, saying, return_exceptions=True)
    return _success() if code == 0 else _ended(code)


async def _listen(socket: WebSocket, process: Process) -> None:
    """Hand on what is given, until the other side goes."""
    with contextlib.suppress(WebSocketDisconnect):
        while message := await socket.receive_bytes():
            if process.stdin is None:
                continue
            with contextlib.suppress(OSError):  # it reads no more
                if message[0] == STDIN:
                    process.stdin.write(message[1:])
                    await process.stdin.drain()
                elif message[:2] == bytes([CLOSE, STDIN]):
                    process.stdin.close()


async def _say_all(socket: WebSocket, process: Process) -> None:
    await asyncio.gather(_tell(socket, STDOUT, process.stdout), _tell(socket, STDERR, process.stderr))
    await process.wait()


async def _tell(socket: WebSocket, stream: int, reader: asyncio.StreamReader | None) -> None:
    assert reader is not None
    while content := await reader.read(_CHUNK):
        await _say(socket, stream, content)


async def _say(socket: WebSocket, stream: int, content: bytes) -> None:
    await socket.send_bytes(bytes([stream]) + content)


def _success() -> dict[str, object]:
    return {"metadata": {}, "status": "Success"}


def _failure(message: str) -> dict[str, object]:
    return {"metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500, "message": message}


def _ended(code: int) -> dict[str, object]:
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
