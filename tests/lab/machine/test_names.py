"""Names of Services in a real lab: a command resolves them, and what it resolves answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from lab.control.records import Lab
from lab.node.names import resolv_conf
from tests.lab.machine.kubectl import Kubectl, namespace

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

ASKS = """
import json, socket, sys, urllib.request
def asked(name, port):
    try:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return json.load(direct.open(f"http://{name}:{port}/", timeout=10))["pod"]
    except OSError as error:
        return str(error)
def addresses(name):
    try:
        return sorted({info[4][0] for info in socket.getaddrinfo(name, None, socket.AF_INET)})
    except OSError as error:
        return str(error)
space = sys.argv[1]
print(json.dumps({
    "asked": [asked(f"api{rest}", 80) for rest in ("", f".{space}", f".{space}.svc", f".{space}.svc.cluster.local")],
    "cluster": addresses("api"), "headless": addresses("each"), "one": addresses(f"api-0.each"),
    "alias": addresses("other"), "nobody": addresses("nobody"), "outside": addresses("example.com"),
}), flush=True)
"""


@pytest.fixture(scope="module")
def kubectl(lab: Lab) -> Iterator[Kubectl]:
    with namespace(lab, "names") as made:
        yield made


def service(name: str, **spec: Any) -> dict[str, Any]:
    whole = {"selector": {"app": "api"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]} | spec
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": whole}


def test_a_command_finds_services_by_name(kubectl: Kubectl) -> None:
    api = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "api-0", "labels": {"app": "api"}},
        "spec": {
            "hostname": "api-0",
            "subdomain": "each",
            "containers": [{"name": "app", "image": "sportsdata/api:1"}],
        },
    }
    other = {"type": "ExternalName", "externalName": f"api.{kubectl.namespace}.svc.cluster.local", "selector": None}
    kubectl.apply(api, service("api"), service("each", clusterIP="None"), service("other", **other))
    kubectl.ready("api-0")
    address = kubectl.get("pod/api-0")["status"]["podIP"]
    kubectl.until(lambda: address in kubectl("get", "endpointslices"), "the pod among the endpoints")
    container = {"name": "app", "image": "tool", "command": [sys.executable, "-c", ASKS, kubectl.namespace]}
    spec = {"restartPolicy": "Never", "containers": [container]}
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asker"}, "spec": spec})
    kubectl.until(
        lambda: kubectl("get", "pod", "asker", "-o", "jsonpath={.status.phase}") == "Succeeded", "the answers"
    )
    told = json.loads(kubectl("logs", "asker"))
    cluster = kubectl.get("service/api")["spec"]["clusterIP"]
    assert told["asked"] == ["api-0"] * 4
    assert (told["cluster"], told["alias"]) == ([cluster], [cluster])
    assert (told["headless"], told["one"]) == ([address], [address])
    assert all("Name or service not known" in told[name] for name in ("nobody", "outside")), told


def test_a_pod_that_wants_the_machine_s_own_names_has_them() -> None:
    assert "search blue.svc.cluster.local svc.cluster.local" in (resolv_conf({}, "blue", "10.244.0.1") or "")
    assert resolv_conf({"dnsPolicy": "Default"}, "blue", "10.244.0.1") is None
    assert resolv_conf({"hostNetwork": True}, "blue", "10.244.0.1") is None
