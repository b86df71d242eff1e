"""Probes: what a manifest asks for, how a row of answers becomes a verdict (pure), and the asking itself."""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lab.node import health_rpc

FIRST_PERIOD_SECONDS = 0.1


@dataclass(frozen=True)
class ProbeSpec:
    """One probe of a container, its times in seconds."""

    kind: str  # "http", "tcp", "grpc", "exec", or "none" for what the lab doesn't know: counts as failed
    port: int = 0
    path: str = "/"
    scheme: str = "HTTP"
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    command: tuple[str, ...] = field(default=())
    service: str = ""
    delay: float = 0.0
    period: float = 10.0
    timeout: float = 1.0
    failures: int = 3
    successes: int = 1


@dataclass(frozen=True)
class ProbeState:
    """What a probe's answers so far amount to. `passed` is None until the first verdict."""

    passed: bool | None = None
    last: bool | None = None
    streak: int = 0


def parse_probe(container: Mapping[str, Any], name: str) -> ProbeSpec | None:
    """The container's `readinessProbe`, `livenessProbe` or `startupProbe`; None where it has none."""
    raw = container.get(name)
    if raw is None:
        return None
    times = ProbeSpec(
        kind="none",
        delay=float(raw.get("initialDelaySeconds", 0)),
        period=float(raw.get("periodSeconds", 10)),
        timeout=float(raw.get("timeoutSeconds", 1)),
        failures=int(raw.get("failureThreshold", 3)),
        successes=int(raw.get("successThreshold", 1)),
    )
    if "httpGet" in raw:
        get = raw["httpGet"]
        headers = tuple((header["name"], header["value"]) for header in get.get("httpHeaders", ()))
        return replace(
            times,
            kind="http",
            port=port_number(container, get["port"]),
            path=get.get("path") or "/",
            scheme=get.get("scheme", "HTTP"),
            host=get.get("host", ""),
            headers=headers,
        )
    if "tcpSocket" in raw:
        return replace(
            times,
            kind="tcp",
            port=port_number(container, raw["tcpSocket"]["port"]),
            host=raw["tcpSocket"].get("host", ""),
        )
    if "grpc" in raw:
        return replace(times, kind="grpc", port=int(raw["grpc"]["port"]), service=raw["grpc"].get("service") or "")
    if "exec" in raw:
        return replace(times, kind="exec", command=tuple(raw["exec"].get("command", ())))
    return times


def port_number(container: Mapping[str, Any], port: int | str) -> int:
    """A port given by number or by the name of a container port; 0, which never answers, for an unknown name."""
    if isinstance(port, int):
        return port
    for known in container.get("ports", ()):
        if known.get("name") == port:
            return int(known["containerPort"])
    return int(port) if port.isdigit() else 0


def observe(spec: ProbeSpec, state: ProbeState, answer: bool) -> ProbeState:
    """Take in one answer: a verdict changes only after `successes` or `failures` equal answers in a row."""
    streak = state.streak + 1 if answer == state.last else 1
    enough = spec.successes if answer else spec.failures
    return ProbeState(answer if streak >= enough else state.passed, answer, streak)


def next_pause(spec: ProbeSpec, state: ProbeState, pause: float) -> float:
    """Seconds to the next question. A lab is waited for, so a readiness probe that has not passed yet starts out asking
    more often than its period; it never asks more seldom, and how many failures count is left as it is."""
    if state.passed:
        return spec.period
    return min(pause * 2, spec.period)


async def ask(spec: ProbeSpec, address: str) -> tuple[bool, str]:
    """Ask once: whether it passed, and why not, in the kubelet's words."""
    try:
        async with asyncio.timeout(spec.timeout):
            if spec.kind == "http":
                return await _http(spec, spec.host or address)
            if spec.kind == "tcp":
                return await _tcp(spec.host or address, spec.port)
            if spec.kind == "grpc":
                return await health_rpc.check(address, spec.port, spec.service)
            return False, "missing probe handler"
    except TimeoutError:
        if spec.kind == "grpc":
            return False, f"timeout: health rpc did not complete within {spec.timeout:g}s"
        return False, f"no answer from {address}:{spec.port} within {spec.timeout:g} s"
    except OSError as error:
        return False, f"dial tcp {address}:{spec.port}: {error.strerror or error}"


async def _tcp(address: str, port: int) -> tuple[bool, str]:
    _, writer = await asyncio.open_connection(address, port)
    writer.close()
    return True, ""


async def _http(spec: ProbeSpec, address: str) -> tuple[bool, str]:
    context = _unverified() if spec.scheme == "HTTPS" else None
    reader, writer = await asyncio.open_connection(address, spec.port, ssl=context)
    try:
        headers = {"Host": f"{address}:{spec.port}", "User-Agent": "kube-probe/lab", "Connection": "close"}
        headers.update(spec.headers)
        lines = [f"GET {spec.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        words = (await reader.readline()).split(b" ", 2)
        code = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    if 200 <= code < 400:
        return True, ""
    return False, f"HTTP probe failed with statuscode: {code}"


@functools.cache
def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
