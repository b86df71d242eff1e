"""kubectl's ways into a pod of a real lab, through the API server: port-forward and exec."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from flipgate.core.traffic import look_first
from flipgate.core.values.place import Place
from lab.control.records import Lab
from tests.core.builders import GREEN, NAMESPACES, route, route_object, service, traffic
from tests.lab.machine.kubectl import Kubectl, namespace

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def kubectl(lab: Lab) -> Iterator[Kubectl]:
    with namespace(lab, "ways-in") as made:
        labels = {"app": "api"}
        sample = {"name": "app", "image": "sportsdata/api:1", "env": [{"name": "SIDE", "value": "green"}]}
        metadata = {"name": "api-0", "labels": labels}
        made.apply(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [sample]}},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "api"},
                "spec": {"selector": labels, "ports": [{"port": 8080}]},
            },
        )
        made.ready("api-0")
        yield made


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def forwarded(kubectl: Kubectl, line: str) -> Iterator[subprocess.Popen[str]]:
    """A line as a person types it, with the lab's kubectl and kubeconfig at hand."""
    lab = kubectl.lab
    env = {**os.environ, "KUBECONFIG": str(lab.kubeconfig), "PATH": f"{lab.kubectl.parent}:{os.environ['PATH']}"}
    with subprocess.Popen(
        shlex.split(line), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert "Forwarding from" in process.stdout.readline(), process.stderr.read()
            yield process
        finally:
            process.kill()


def test_the_line_that_a_question_prints_shows_the_pod(kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr(look_first, "LOCAL_PORT", port)  # 9090 may be somebody's on this machine
    routes = traffic(route(route_object([service(NAMESPACES[GREEN], name="api", port=8080)])))
    (line,) = look_first.port_forwards(routes, Place(GREEN, kubectl.namespace))
    url = f"http://127.0.0.1:{port}"
    with forwarded(kubectl, line), httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        told = [client.get("/").json() for _ in range(3)]
        assert [(answer["pod"], answer["side"]) for answer in told] == [("api-0", "green")] * 3
        for _ in range(5):  # connections of their own, one after the other
            assert httpx.get(url, trust_env=False).status_code == 200


def test_a_port_that_nobody_listens_on_is_told(kubectl: Kubectl) -> None:
    port = free_port()
    line = f"kubectl -n {kubectl.namespace} port-forward pod/api-0 {port}:8099"
    with forwarded(kubectl, line) as process:
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
        assert process.stderr is not None
        assert ":8099: Connection refused" in process.stderr.readline()


def test_exec_runs_in_the_container_s_environment_and_tells_how_it_ended(kubectl: Kubectl) -> None:
    answer = kubectl.run("exec", "api-0", "--", "sh", "-c", "echo side $SIDE; echo oh >&2; exit 3")
    assert (answer.stdout, answer.returncode) == ("side green\n", 3)
    assert "oh\n" in answer.stderr
    assert "exit code 3" in answer.stderr
    assert kubectl("exec", "api-0", "--", sys.executable, "-c", "print('x' * 300000)") == "x" * 300000 + "\n"


def test_exec_takes_what_it_is_given(kubectl: Kubectl) -> None:
    assert json.loads(kubectl("exec", "-i", "api-0", "--", "cat", given={"a": 1})) == {"a": 1}


def test_exec_of_what_is_not_there_says_so(kubectl: Kubectl) -> None:
    answer = kubectl.run("exec", "api-0", "--", "program-of-nobody")
    assert answer.returncode != 0
    assert "executable file not found" in answer.stderr
