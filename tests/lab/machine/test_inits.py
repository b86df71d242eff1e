"""Init containers: one after the other, sidecars among them, whoever runs in them."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.node.logs import LogOptions
from lab.node.pod import Pod
from lab.node.status import ContainerState, Ended, PodState, is_ready, phase, render
from tests.lab.machine.one_pod import Node, a_pod, until

SERVES = {"name": "app", "image": "sportsdata/api:1", "ports": [{"containerPort": 18414}]}
SIDECAR = {"restartPolicy": "Always"}
QUICK = {"lab.flipgate.dev/run-seconds": "0.05", "lab.flipgate.dev/drain-seconds": "0"}


def writes(name: str, folder: Path, then: str = "exit 0") -> dict[str, Any]:
    """A container that says its name in the diary, with what came before, and goes on."""
    return ran(name, f"echo {name} >> {folder}/diary; {then}")


def ran(name: str, script: str) -> dict[str, Any]:
    return {"name": name, "image": "tool", "command": ["sh", "-c", script]}


def stays(name: str, folder: Path, first: str = "") -> dict[str, Any]:
    goodbye = f"trap 'echo end-of-{name} >> {folder}/diary; exit 0' TERM; while :; do sleep 0.02; done"
    return ran(name, f"{first}echo {name} >> {folder}/diary; {goodbye}") | SIDECAR


def after(name: str, folder: Path) -> str:
    """A script's first part: it goes on once somebody has said this name in the diary. A sidecar without a startup
    probe has started as soon as its process has, so whoever comes next may be quicker with its name."""
    return f"until grep -qx {name} {folder}/diary; do sleep 0.02; done; "


def diary(folder: Path) -> list[str]:
    path = folder / "diary"
    return path.read_text().split() if path.exists() else []


def lived(folder: Path, spec: dict[str, Any], done: Any) -> Node:
    """The node after a pod of this spec lived on it until `done(pod)`, and was deleted with its grace."""

    async def play() -> Node:
        node = Node(folder)
        pod = a_pod({"terminationGracePeriodSeconds": 5, **spec}, annotations=QUICK)
        async with node.running(pod) as known:
            await until(lambda: done(known))
            await until(lambda: node.statuses)
            leaving = {**pod["metadata"], "deletionTimestamp": "now", "deletionGracePeriodSeconds": 5}
            known.updated({**pod, "metadata": leaving})
            await until(lambda: all(container.ended for container in known.state.containers))
            await until(lambda: all(init.ended for init in known.state.inits))
        return node

    return asyncio.run(play())


def ready(pod: Pod) -> bool:
    return is_ready(pod.state)


def test_they_run_in_order_whoever_runs_in_them(tmp_path: Path) -> None:
    sample = {"name": "migrate", "image": "sportsdata/migrate:1"}
    spec = {
        "initContainers": [writes("one", tmp_path, "sleep 0.3"), sample, writes("two", tmp_path)],
        "containers": [SERVES, writes("main", tmp_path, "sleep 100")],
    }
    lived(tmp_path, spec, lambda pod: ready(pod) and "main" in diary(tmp_path))
    assert diary(tmp_path) == ["one", "two", "main"]


def test_a_container_of_the_sample_s_image_that_states_its_own_command_runs_that(tmp_path: Path) -> None:
    """As a hook does, with the image of the service whose pod template it is made of."""
    spec = {"initContainers": [writes("migrate", tmp_path) | {"image": SERVES["image"]}], "containers": [SERVES]}
    lived(tmp_path, spec, ready)
    assert diary(tmp_path) == ["migrate"]


def test_a_sidecar_starts_in_its_turn_and_ends_after_the_others_backwards(tmp_path: Path) -> None:
    spec = {
        "initContainers": [
            stays("proxy", tmp_path),
            ran("one", f"{after('proxy', tmp_path)}echo one >> {tmp_path}/diary"),
            stays("log", tmp_path),
        ],
        "containers": [stays("main", tmp_path, after("log", tmp_path)) | {"restartPolicy": None}],
    }
    lived(tmp_path, spec, lambda pod: ready(pod) and "main" in diary(tmp_path))
    assert diary(tmp_path) == ["proxy", "one", "log", "main", "end-of-main", "end-of-log", "end-of-proxy"]


def test_the_next_one_waits_for_a_sidecar_s_startup_probe(tmp_path: Path) -> None:
    probe = {"exec": {"command": ["test", "-e", str(tmp_path / "up")]}, "periodSeconds": 1, "failureThreshold": 30}
    late = writes("late", tmp_path, f"sleep 0.5; echo up >> {tmp_path}/diary; touch {tmp_path}/up; sleep 100")
    spec = {
        "initContainers": [late | SIDECAR | {"startupProbe": probe}],
        "containers": [writes("main", tmp_path, "sleep 100")],
    }
    lived(tmp_path, spec, lambda pod: ready(pod) and "main" in diary(tmp_path))
    assert diary(tmp_path) == ["late", "up", "main"]


def test_a_job_is_done_when_its_containers_are_and_its_sidecar_is_ended(tmp_path: Path) -> None:
    sample = {"name": "proxy", "image": "sportsdata/proxy:1", "ports": [{"containerPort": 18415}]} | SIDECAR
    spec = {"restartPolicy": "Never", "initContainers": [sample], "containers": [writes("work", tmp_path, "sleep 0.6")]}
    log: list[str] = []

    def done(pod: Pod) -> bool:
        log[:] = pod._inits[0].logs.read(LogOptions())
        return phase(pod.state) == "Succeeded" and pod.state.inits[0].ended is not None

    node = lived(tmp_path, spec, done)
    assert "listening" in log[-3], "it serves beside the work"
    assert node.statuses[-1]["phase"] == "Succeeded"
    assert node.statuses[-1]["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 0


def test_a_sidecar_that_ends_is_run_again(tmp_path: Path) -> None:
    spec = {
        "restartPolicy": "Never",
        "initContainers": [writes("flaky", tmp_path, "sleep 0.2; exit 1") | SIDECAR],
        "containers": [writes("main", tmp_path, "sleep 100")],
    }
    lived(tmp_path, spec, lambda pod: diary(tmp_path).count("flaky") > 1 and phase(pod.state) == "Running")


@pytest.mark.parametrize(("policy", "starts"), [("Never", 1), ("Always", 2)])
def test_one_that_fails_is_tried_again_unless_the_pod_says_never(tmp_path: Path, policy: str, starts: int) -> None:
    spec = {
        "restartPolicy": policy,
        "initContainers": [writes("one", tmp_path, "exit 3")],
        "containers": [writes("main", tmp_path)],
    }

    async def play() -> str:
        node = Node(tmp_path)
        async with node.running(a_pod(spec)) as pod:
            await until(lambda: diary(tmp_path).count("one") == starts)
            await until(lambda: policy == "Always" or phase(pod.state) == "Failed")
            return phase(pod.state)

    assert asyncio.run(play()) == ("Failed" if policy == "Never" else "Pending")
    assert "main" not in diary(tmp_path)


WAITING = ContainerState("app", "sportsdata/api:1")
RUNNING = replace(WAITING, running_since="t1", reason="", started=True)
BESIDE = replace(RUNNING, name="proxy", sidecar=True)


def shown(*containers: ContainerState, inits: tuple[ContainerState, ...]) -> dict[str, Any]:
    state = PodState("10.244.1.7", "10.244.0.1", "t0", containers, inits)
    return render(a_pod({}), state, (), "t9")


def test_a_sidecar_counts_for_readiness_and_not_for_the_end() -> None:
    ready_app = replace(RUNNING, ready=True)
    unready = shown(ready_app, inits=(BESIDE,))
    assert unready["phase"] == "Running"
    told = {condition["type"]: condition for condition in unready["conditions"]}
    assert (told["Initialized"]["status"], told["Ready"]["status"]) == ("True", "False")
    assert told["Ready"]["message"] == "containers with unready status: [proxy]"
    done = replace(WAITING, ended=Ended(0, "t1", "t2"))
    assert (
        shown(done, inits=(replace(BESIDE, running_since=None, ended=Ended(137, "t1", "t2")),))["phase"] == "Succeeded"
    )


def test_what_waits_for_its_turn_says_so_and_what_is_done_is_ready() -> None:
    status = shown(RUNNING, inits=(replace(WAITING, name="one", ended=Ended(0, "t1", "t2")),))
    assert status["initContainerStatuses"][0]["ready"] is True
    early = shown(WAITING, inits=(replace(BESIDE, started=False),))
    assert early["phase"] == "Pending"
    assert early["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing"
