"""The kubelet's own endpoint, as far as a lab asks for it: logs, exec and port-forward for the API server, and what
Prometheus scrapes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lab.node import forwarding, metrics, remote
from lab.node.agent import Agent
from lab.node.container import Container
from lab.node.logs import LogBuffer, LogOptions, parse_options


def kubelet(agent: Agent) -> Starlette:
    """The web application behind the node's port 10250."""

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok")

    async def pods(request: Request) -> Response:
        return PlainTextResponse(metrics.text(agent.known()), media_type="text/plain; version=0.0.4")

    async def logs(request: Request) -> Response:
        path = request.path_params
        pod = agent.find(path["namespace"], path["pod"])
        container = pod.container(path["container"]) if pod else None
        if container is None:
            return PlainTextResponse(
                f"{path['namespace']}/{path['pod']} has no container {path['container']} here", 404
            )
        try:
            options = parse_options(dict(request.query_params), datetime.now(UTC))
        except ValueError as error:
            return PlainTextResponse(f"log options: {error}", 400)
        buffer = _buffer(container, options)
        if isinstance(buffer, str):
            return PlainTextResponse(buffer, 400)
        return StreamingResponse(_text(buffer, options), media_type="text/plain")

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/metrics", pods),
            Route("/containerLogs/{namespace}/{pod}/{container}", logs, methods=["GET"]),
            *ways_in(agent),
        ]
    )


def ways_in(agent: Agent) -> list[WebSocketRoute]:
    """kubectl's port-forward and exec."""

    async def forward(socket: WebSocket) -> None:
        pod = agent.find(socket.path_params["namespace"], socket.path_params["pod"])
        if pod is None:
            await socket.close()
            return
        await forwarding.Forwarder(socket, pod.address).run()

    async def execute(socket: WebSocket) -> None:
        path = socket.path_params
        pod = agent.find(path["namespace"], path["pod"])
        container = pod.container(path["container"]) if pod else None
        if container is None or container.setting is None:
            await socket.close()
            return
        await remote.run(socket, container.setting)

    return [
        WebSocketRoute("/portForward/{namespace}/{pod}", forward),
        WebSocketRoute("/exec/{namespace}/{pod}/{container}", execute),
    ]


class _Connection(HttpToolsProtocol):
    """Takes port-forward's WebSockets, whose protocol has a slash in its name: the WebSocket library would refuse it.
    The answer names it by a header of its own."""

    def handle_websocket_upgrade(self) -> None:
        unheard = (b"sec-websocket-protocol", forwarding.PROTOCOL.encode())
        self.headers[:] = [header for header in self.headers if header != unheard]
        super().handle_websocket_upgrade()


def server(agent: Agent, address: str, port: int, certificate: str, key: str) -> uvicorn.Server:
    config = uvicorn.Config(
        kubelet(agent),
        host=address,
        port=port,
        http=_Connection,
        ws="websockets-sansio",
        ssl_certfile=certificate,
        ssl_keyfile=key,
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def _buffer(container: Container, options: LogOptions) -> LogBuffer | str:
    """The log that is asked for, or why there is none, in the kubelet's words."""
    name, pod = container.spec["name"], container.pod["metadata"]["name"]
    state = container.state
    if options.previous:
        if container.previous_logs is None and state.last is None:
            return f'previous terminated container "{name}" in pod "{pod}" not found'
        return container.previous_logs or container.logs
    if state.running_since is None and state.ended is None and state.last is None:
        return f'container "{name}" in pod "{pod}" is waiting to start: {state.message or state.reason}'
    return container.logs


async def _text(buffer: LogBuffer, options: LogOptions) -> AsyncIterator[str]:
    left = options.limit_bytes if options.limit_bytes is not None else float("inf")
    if options.follow:
        async for line in buffer.follow(options):
            yield line
        return
    for line in buffer.read(options):
        if left <= 0:
            return
        yield line[: int(left)] if left != float("inf") else line
        left -= len(line)
