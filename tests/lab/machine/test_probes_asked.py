"""Probes by gRPC and by a command: really asked, of the sample application and of what runs by a command of its own."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.node.logs import LogOptions
from lab.node.pod import Pod
from lab.node.probes import ProbeSpec, ask, parse_probe
from lab.node.status import is_ready
from tests.lab.machine.one_pod import ADDRESS, Node, a_pod, until

GRPC = {"grpc": {"port": 18411}, "periodSeconds": 1}


def sample(probe: dict[str, Any], image: str = "sportsdata/api:1") -> dict[str, Any]:
    container = {"name": "app", "image": image, "ports": [{"containerPort": 18410}], "readinessProbe": probe}
    return {"containers": [container | {"env": [{"name": "SIDE", "value": "blue"}]}]}


def command(script: str, probe: dict[str, Any]) -> dict[str, Any]:
    return {
        "containers": [
            {"name": "app", "image": "redis", "command": [sys.executable, "-c", script], "readinessProbe": probe}
        ]
    }


async def verdict(node: Node, pod: Pod, words: str = "probe failed") -> bool:
    """Whether it became Ready; False once a probe of it has been told to have failed in these words."""
    await until(lambda: is_ready(pod.state) or any(words in message for message in node.events))
    return is_ready(pod.state)


def judged(folder: Path, spec: dict[str, Any], words: str = "probe failed") -> tuple[bool, list[str]]:
    async def play() -> tuple[bool, list[str]]:
        node = Node(folder)
        async with node.running(a_pod(spec)) as pod:
            return await verdict(node, pod, words), node.events

    return asyncio.run(play())


def test_a_grpc_probe_is_read() -> None:
    probe = parse_probe({"readinessProbe": {"grpc": {"port": 9000, "service": "orders"}}}, "readinessProbe")
    assert probe is not None
    assert (probe.kind, probe.port, probe.service) == ("grpc", 9000, "orders")


def test_a_probe_that_the_lab_does_not_know_has_failed() -> None:
    probe = parse_probe({"readinessProbe": {"telepathy": {}}}, "readinessProbe")
    assert probe is not None
    assert asyncio.run(ask(probe, "127.0.0.1")) == (False, "missing probe handler")


def test_the_sample_answers_grpc_health_beside_http(tmp_path: Path) -> None:
    async def play() -> None:
        node = Node(tmp_path)
        async with node.running(a_pod(sample(GRPC))) as pod:
            assert await verdict(node, pod)
            for port in (18410, 18411):
                assert await ask(ProbeSpec("grpc", port=port, service="orders"), ADDRESS) == (True, "")
                assert await ask(ProbeSpec("http", port=port), ADDRESS) == (True, "")

    asyncio.run(play())


def test_the_sample_that_is_not_ready_says_so_by_grpc(tmp_path: Path) -> None:
    words = 'Readiness probe failed: service unhealthy (responded with "NOT_SERVING")'
    ready, told = judged(tmp_path, sample(GRPC | {"failureThreshold": 1}, "sportsdata/api:1-never-ready"), words)
    assert not ready
    assert words in told


def test_what_is_alive_though_not_ready_is_asked_as_liveness(tmp_path: Path) -> None:
    async def play() -> tuple[bool, str]:
        node = Node(tmp_path)
        async with node.running(a_pod(sample(GRPC, "sportsdata/api:1-never-ready"))) as pod:
            await until(lambda: pod.container("app") and "listening" in "".join(_log(pod)))
            return await ask(ProbeSpec("grpc", port=18411, service="liveness"), ADDRESS)

    assert asyncio.run(play()) == (True, "")


def _log(pod: Pod) -> list[str]:
    container = pod.container("app")
    assert container is not None
    return list(container.logs.read(LogOptions()))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("import time; time.sleep(60)", "failed to connect service"),
        (
            "import socket; s = socket.create_server(('127.0.0.9', 18411)); c = s.accept()[0]; c.sendall(b'no');"
            "import time; time.sleep(60)",
            "health rpc",
        ),
    ],
)
def test_a_container_that_speaks_no_grpc_is_not_ready(tmp_path: Path, script: str, words: str) -> None:
    ready, told = judged(tmp_path, command(script, GRPC | {"failureThreshold": 1, "timeoutSeconds": 5}), words)
    assert not ready
    assert any(words in message for message in told)


def test_an_exec_probe_of_the_sample_runs_with_its_environment(tmp_path: Path) -> None:
    asks = {"exec": {"command": ["sh", "-c", 'test "$SIDE" = blue']}, "periodSeconds": 1}
    assert judged(tmp_path, sample(asks)) == (True, [])


def test_an_exec_probe_whose_program_is_not_there_fails_in_the_kubelets_words(tmp_path: Path) -> None:
    asks = {"exec": {"command": ["/bin/grpc_health_probe-of-nobody"]}, "failureThreshold": 1}
    ready, told = judged(tmp_path, sample(asks))
    assert not ready
    assert "executable file not found" in told[0]


def test_an_exec_probe_that_fails_tells_what_it_said(tmp_path: Path) -> None:
    asks = {"exec": {"command": ["sh", "-c", "echo the store is empty; exit 4"]}, "failureThreshold": 1}
    ready, told = judged(tmp_path, command("import time; time.sleep(60)", asks))
    assert (ready, told) == (False, ["Readiness probe failed: the store is empty"])


def test_an_exec_probe_of_a_command_sees_the_environment_and_files_of_its_container(tmp_path: Path) -> None:
    asks = {"exec": {"command": ["sh", "-c", 'test "$WHO" = me && test -e ready']}, "periodSeconds": 1}
    spec = command("open('ready', 'w').close(); import time; time.sleep(60)", asks | {"failureThreshold": 30})
    spec["containers"][0]["env"] = [{"name": "WHO", "value": "me"}]
    assert judged(tmp_path, spec) == (True, [])


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    asks = {"exec": {"command": ["sh", "-c", f"(sleep 2; touch {mark}) & sleep 30"]}, "failureThreshold": 1}
    ready, told = judged(tmp_path, sample(asks))
    assert not ready
    assert "timed out after 1s" in told[0]

    async def later() -> bool:
        await asyncio.sleep(2.2)
        return mark.exists()

    assert not asyncio.run(later())
