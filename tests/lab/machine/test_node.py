"""The node agent's decisions: environment, probes, status, addresses, logs."""

import asyncio
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lab.node import metrics
from lab.node.addresses import AddressPool, NoAddressLeftError
from lab.node.agent import node_status
from lab.node.container import pull_problem
from lab.node.containers import AppRunner, ProcessRunner, app_ports, process_environment
from lab.node.environment import MissingConfigError, Place, command_line, expand, needed, resolve
from lab.node.logs import LogBuffer, LogOptions, parse_options
from lab.node.probes import ProbeSpec, ProbeState, ask, next_pause, observe, parse_probe
from lab.node.status import ContainerState, Ended, PodState, image_id, next_backoff, phase, render, restarts_again

PLACE = Place("10.244.1.7", "10.244.0.1", "lab-node-1")
ENDED = Ended(1, "t1", "t2")


def pod(**metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "api-0", "namespace": "blue", "uid": "u1", **metadata}, "spec": {"containers": []}}


def state(*containers: ContainerState, inits: tuple[ContainerState, ...] = ()) -> PodState:
    return PodState("10.244.1.7", "10.244.0.1", "t0", containers, inits)


WAITING = ContainerState("app", "sportsdata/api:1")
RUNNING = replace(WAITING, running_since="t1", reason="", started=True)
READY = replace(RUNNING, ready=True)


# What is told of pods


def test_pods_are_told_by_the_names_of_kube_state_metrics() -> None:
    waiting, ready = state(replace(RUNNING, restarts=3), READY), state(READY)
    text = metrics.text([metrics.Known("blue", "api-0", waiting), metrics.Known("green", "api-1", ready)])
    assert 'kube_pod_status_ready{namespace="blue",pod="api-0",condition="false"} 1\n' in text
    assert 'kube_pod_status_ready{namespace="green",pod="api-1",condition="false"} 0\n' in text
    assert 'kube_pod_status_ready{namespace="green",pod="api-1",condition="true"} 1\n' in text
    assert 'kube_pod_status_phase{namespace="blue",pod="api-0",phase="Running"} 1\n' in text
    assert 'kube_pod_container_status_restarts_total{namespace="blue",pod="api-0",container="app"} 3\n' in text


# Environment


def test_values_come_from_everywhere_and_expand() -> None:
    container = {
        "envFrom": [
            {"configMapRef": {"name": "side"}, "prefix": "P_"},
            {"secretRef": {"name": "no", "optional": True}},
        ],
        "env": [
            {"name": "SIDE", "valueFrom": {"configMapKeyRef": {"name": "side", "key": "SIDE"}}},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k"}}},
            {"name": "MAYBE", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "none", "optional": True}}},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "TIER", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['tier']"}}},
            {"name": "ALL", "value": "$(SIDE)-$(POD)-$(NOT)-$$(SIDE)"},
        ],
    }
    sources = {("configmaps", "side"): {"SIDE": "blue"}, ("secrets", "keys"): {"k": "v"}, ("secrets", "no"): None}
    assert needed(container) == {("configmaps", "side"), ("secrets", "keys"), ("secrets", "no")}
    assert resolve(container, pod(labels={"tier": "web"}), PLACE, sources) == {
        "P_SIDE": "blue",
        "SIDE": "blue",
        "KEY": "v",
        "POD": "api-0",
        "IP": "10.244.1.7",
        "TIER": "web",
        "ALL": "blue-api-0-$(NOT)-$(SIDE)",
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [(None, 'configmap "side" not found'), ({}, "couldn't find key SIDE in ConfigMap blue/side")],
)
def test_what_is_missing_is_named(data: dict[str, str] | None, message: str) -> None:
    container = {"env": [{"name": "SIDE", "valueFrom": {"configMapKeyRef": {"name": "side", "key": "SIDE"}}}]}
    with pytest.raises(MissingConfigError, match=message):
        resolve(container, pod(), PLACE, {("configmaps", "side"): data})


def test_command_and_args_expand_and_a_container_without_a_command_has_none() -> None:
    container = {"command": ["traefik"], "args": ["--address=$(IP):8000", "$$HOME"]}
    assert command_line(container, {"IP": "10.0.0.1"}) == ["traefik", "--address=10.0.0.1:8000", "$HOME"]
    assert command_line({"args": ["x"]}, {}) == []
    assert expand("$(A", {"A": "1"}) == "$(A"


# Probes


def test_a_probe_is_read_with_its_defaults_and_named_ports() -> None:
    container = {
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/health/ready", "port": "http"}, "periodSeconds": 1},
        "livenessProbe": {"tcpSocket": {"port": 9}, "failureThreshold": 7},
    }
    readiness = parse_probe(container, "readinessProbe")
    assert readiness == ProbeSpec("http", port=8080, path="/health/ready", period=1)
    liveness = parse_probe(container, "livenessProbe")
    assert liveness is not None
    assert (liveness.kind, liveness.port, liveness.failures) == ("tcp", 9, 7)
    assert parse_probe(container, "startupProbe") is None


def test_a_verdict_needs_its_number_of_equal_answers() -> None:
    spec = ProbeSpec("http", failures=3, successes=2)
    seen = []
    now = ProbeState()
    for answer in (False, True, True, False, False, True, False, False, False):
        now = observe(spec, now, answer)
        seen.append(now.passed)
    assert seen == [None, None, True, True, True, True, True, True, False]


def test_a_probe_that_has_not_passed_starts_out_impatient() -> None:
    spec = ProbeSpec("http", period=1)
    assert next_pause(spec, ProbeState(), 0.1) == 0.2
    assert next_pause(spec, ProbeState(), 0.8) == 1
    assert next_pause(spec, ProbeState(passed=True), 0.1) == 1


@pytest.mark.parametrize(
    ("answer", "passed"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", True), (b"HTTP/1.1 503 No\r\n\r\n", False), (b"", False), (b"what\r\n", False)],
)
def test_asking_over_http(answer: bytes, passed: bool) -> None:
    async def play() -> tuple[bool, str]:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(asyncio.IncompleteReadError):  # a tcp probe connects, and says nothing
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            assert (await ask(ProbeSpec("tcp", port=port), "127.0.0.1"))[0]
            return await ask(ProbeSpec("http", port=port), "127.0.0.1")

    assert asyncio.run(play())[0] is passed


def test_asking_where_nobody_listens() -> None:
    passed, why = asyncio.run(ask(ProbeSpec("http", port=1), "127.0.0.1"))
    assert not passed
    assert "127.0.0.1:1" in why


# Status


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ((WAITING,), "Pending"),
        ((RUNNING,), "Running"),
        ((RUNNING, WAITING), "Pending"),
        ((replace(WAITING, last=ENDED, reason="CrashLoopBackOff"),), "Running"),
        ((replace(WAITING, ended=Ended(0, "t1", "t2")),), "Succeeded"),
        ((replace(WAITING, ended=ENDED), RUNNING), "Running"),
        ((replace(WAITING, ended=ENDED),), "Failed"),
    ],
)
def test_phase(containers: tuple[ContainerState, ...], expected: str) -> None:
    assert phase(state(*containers)) == expected


def test_inits_come_first() -> None:
    done = replace(WAITING, ended=Ended(0, "t1", "t2"))
    assert phase(state(RUNNING, inits=(RUNNING,))) == "Pending"
    assert phase(state(WAITING, inits=(replace(WAITING, ended=ENDED),))) == "Failed"
    assert phase(state(RUNNING, inits=(done,))) == "Running"


def conditions(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {condition["type"]: condition for condition in status["conditions"]}


def test_a_ready_pod() -> None:
    status = render(pod(), state(READY), (), "t9")
    assert {name: c["status"] for name, c in conditions(status).items()} == dict.fromkeys(
        ("PodScheduled", "Initialized", "ContainersReady", "Ready"), "True"
    )
    assert (status["podIP"], status["podIPs"], status["hostIP"]) == ("10.244.1.7", [{"ip": "10.244.1.7"}], "10.244.0.1")
    shown = status["containerStatuses"][0]
    assert shown["state"] == {"running": {"startedAt": "t1"}}
    assert shown["imageID"] == image_id("sportsdata/api:1")
    assert shown["imageID"].startswith("sha256:")


def test_what_has_not_changed_keeps_its_time() -> None:
    before = render(pod(), state(RUNNING), (), "t1")
    after = conditions(render(pod(), state(READY), before["conditions"], "t2"))
    assert after["Initialized"]["lastTransitionTime"] == "t1"
    assert after["Ready"]["lastTransitionTime"] == "t2"
    assert render(pod(), state(RUNNING), before["conditions"], "t2") == before


def test_an_unready_pod_names_its_containers() -> None:
    ready = conditions(render(pod(), state(RUNNING, READY), (), "t9"))["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
    assert ready["message"] == "containers with unready status: [app]"


def test_a_pod_whose_readiness_gate_nobody_has_opened_is_not_ready() -> None:
    gated = pod()
    gated["spec"]["readinessGates"] = [{"conditionType": "example.com/gate"}]
    shown = conditions(render(gated, state(READY), (), "t9"))
    assert (shown["ContainersReady"]["status"], shown["Ready"]["status"]) == ("True", "False")
    assert shown["Ready"]["reason"] == "ReadinessGatesNotReady"
    gated["status"] = {"conditions": [{"type": "example.com/gate", "status": "True"}]}
    assert conditions(render(gated, state(READY), (), "t9"))["Ready"]["status"] == "True"


def test_a_crash_loop_shows_the_last_end() -> None:
    looping = replace(WAITING, reason="CrashLoopBackOff", message="back-off 1s", last=ENDED, restarts=2)
    shown = render(pod(), state(looping), (), "t9")["containerStatuses"][0]
    assert shown["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 1s"}}
    assert shown["lastState"]["terminated"]["exitCode"] == 1
    assert (shown["restartCount"], shown["ready"]) == (2, False)


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [("Always", 0, True), ("OnFailure", 0, False), ("OnFailure", 1, True), ("Never", 1, False)],
)
def test_restart_policies(policy: str, code: int, again: bool) -> None:
    assert restarts_again(policy, code) is again


def test_backoff_doubles_to_its_limit_and_forgets_after_a_quiet_run() -> None:
    backoff = 0.0
    seen = [backoff := next_backoff(backoff, 1) for _ in range(6)]
    assert seen == [1, 2, 4, 8, 10, 10]
    assert next_backoff(10, 3600) == 1


def test_images_that_can_not_be_had() -> None:
    assert pull_problem({"image": "sportsdata/api:1"}, pod()) == ""
    assert "pulling image" in pull_problem({"image": "sportsdata/api:1-pull-fails"}, pod())
    assert pull_problem({"image": "nginx", "command": ["x"]}, pod()) == ""
    assert "nginx" in pull_problem({"image": "nginx"}, pod())
    healed = pod(annotations={"lab.flipgate.dev/behaviour": ""})
    assert pull_problem({"image": "sportsdata/api:1-pull-fails"}, healed) == ""


def test_the_node_has_room_and_is_ready() -> None:
    status = node_status("10.244.0.1", "t1")
    assert status["capacity"] == status["allocatable"]
    assert status["daemonEndpoints"]["kubeletEndpoint"]["Port"] == 10250
    assert conditions(status)["Ready"]["status"] == "True"


# Addresses and logs


def test_addresses_ascend_rest_and_run_out() -> None:
    now = [0.0]
    pool = AddressPool("10.0.0.254", "10.0.1.1", rest_seconds=60, clock=lambda: now[0])
    assert [pool.allocate(), pool.allocate()] == ["10.0.0.254", "10.0.1.1"]
    pool.release("10.0.1.1")
    with pytest.raises(NoAddressLeftError, match="4 pod addresses"):
        pool.allocate()
    now[0] = 61
    assert pool.allocate() == "10.0.1.1"


def test_a_reserved_address_is_given_to_nobody_else() -> None:
    pool = AddressPool("10.0.0.1", "10.0.0.9")
    assert pool.reserve("10.0.0.1")
    assert not pool.reserve("10.0.0.1")
    assert pool.allocate() == "10.0.0.2"


def test_logs_are_bounded_and_read_from_their_end() -> None:
    buffer = LogBuffer(lines=3)
    for number in range(5):
        buffer.write(f"line {number}")
    assert "".join(buffer.read(LogOptions())) == "line 2\nline 3\nline 4\n"
    assert list(buffer.read(LogOptions(tail_lines=1))) == ["line 4\n"]
    assert list(buffer.read(LogOptions(tail_lines=0))) == []
    assert next(iter(buffer.read(LogOptions(timestamps=True)))).endswith("Z line 2\n")


def test_following_a_log_ends_with_its_container() -> None:
    async def play() -> list[str]:
        buffer = LogBuffer()
        buffer.write("one")

        async def write() -> None:
            await asyncio.sleep(0.01)
            buffer.write("two")
            buffer.close()

        writing = asyncio.create_task(write())
        lines = [line async for line in buffer.follow(LogOptions())]
        await writing
        return lines

    assert asyncio.run(play()) == ["one\n", "two\n"]


def test_log_options() -> None:
    now = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    options = parse_options({"tailLines": "5", "sinceSeconds": "60", "follow": "true"}, now)
    assert options == LogOptions(tail_lines=5, since=datetime(2026, 1, 1, tzinfo=UTC), follow=True)
    with pytest.raises(ValueError, match="many"):
        parse_options({"tailLines": "many"}, now)


# Runners


def sample(image: str, restart: str = "Always", **annotations: str) -> tuple[AppRunner, list[str]]:
    lines: list[str] = []
    container = {"image": image, "ports": [{"containerPort": 0}]}
    told = {f"lab.flipgate.dev/{name.replace('_', '-')}": value for name, value in annotations.items()}
    obj = pod(annotations=told)
    obj["spec"]["restartPolicy"] = restart
    return AppRunner(container, obj, {"SIDE": "blue"}, "127.0.0.1", lines.append, restart == "Always"), lines


def test_a_crashing_image_ends_with_1_and_a_stopped_one_with_0() -> None:
    async def play() -> tuple[int, int]:
        crashing, lines = sample("sportsdata/api:1-crash", start_seconds="0.01")
        await crashing.start()
        crash = await crashing.wait()
        assert any("level=fatal" in line for line in lines)
        running, lines = sample("sportsdata/api:1", start_seconds="0.01", drain_seconds="0")
        await running.start()
        await asyncio.sleep(0.05)
        running.annotated({"lab.flipgate.dev/behaviour": "errors-50pct,sleepy"})
        await running.stop(1)
        assert any('word="sleepy"' in line for line in lines)
        return crash, await running.wait()

    assert asyncio.run(play()) == (1, 0)


def test_in_the_pod_of_a_job_it_ends_by_itself() -> None:
    async def play(image: str) -> tuple[int, list[str]]:
        working, lines = sample(image, "Never", start_seconds="0", run_seconds="0.01")
        await working.start()
        return await working.wait(), lines

    code, lines = asyncio.run(play("sportsdata/standings-refresh:1"))
    assert (code, lines[-1]) == (0, "level=info msg=done")
    assert asyncio.run(play("sportsdata/standings-refresh:1-crash"))[0] == 1


def test_a_process_writes_its_log_ends_by_itself_or_is_ended(tmp_path: Path) -> None:
    async def run(script: str, grace: float | None) -> tuple[int, list[str]]:
        lines: list[str] = []
        environment = process_environment({"WHO": "me"}, tmp_path, tmp_path, "api-0")
        runner = ProcessRunner([sys.executable, "-c", script], environment, tmp_path, lines.append)
        await runner.start()
        if grace is not None:
            while not lines:
                await asyncio.sleep(0.01)
            await runner.stop(grace)
        return await runner.wait(), lines

    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    assert asyncio.run(run("import os; print(os.environ['WHO'])", None)) == (0, ["me"])
    assert asyncio.run(run("raise SystemExit(3)", None))[0] == 3
    assert asyncio.run(run("import time; print('up', flush=True); time.sleep(60)", 5))[0] == 143
    assert asyncio.run(run(deaf, 0.05))[0] == 137


def test_ports_are_the_declared_ones() -> None:
    assert app_ports({"ports": [{"containerPort": 9}, {"containerPort": 53, "protocol": "UDP"}]}) == [9]
    assert app_ports({}) == [8080]
