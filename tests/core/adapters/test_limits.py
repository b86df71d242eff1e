"""What one pod takes of a quota, as Kubernetes counts it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flipgate.adapters.limits import pod_needs


def container(**resources: Any) -> dict[str, Any]:
    return {"name": "c", "resources": resources}


def needs(*containers: dict[str, Any], **spec: Any) -> dict[str, str]:
    found = pod_needs({"spec": {"containers": list(containers), **spec}})
    return {name: str(value) for name, value in sorted(found.items())}


def test_containers_count_together_in_cores_and_bytes() -> None:
    web = container(requests={"cpu": "250m", "memory": "1Gi"}, limits={"memory": "2Gi"})
    assert pod_needs({"spec": {"containers": [web, web]}}) == {
        "requests.cpu": Decimal("0.5"),
        "requests.memory": Decimal(2 * 2**30),
        "limits.memory": Decimal(4 * 2**30),
    }


def test_a_request_that_is_not_named_is_the_limit() -> None:
    assert needs(container(limits={"cpu": "2"})) == {"limits.cpu": "2", "requests.cpu": "2"}


def test_what_one_container_does_not_name_nobody_can_say() -> None:
    assert needs(container(requests={"cpu": "1"}), container()) == {}


def test_the_greediest_init_container_counts_and_a_sidecar_beside_the_others() -> None:
    init, sidecar = container(requests={"cpu": "3"}), container(requests={"cpu": "1"}) | {"restartPolicy": "Always"}
    assert needs(container(requests={"cpu": "1"}), initContainers=[init]) == {"requests.cpu": "3"}
    assert needs(container(requests={"cpu": "1"}), initContainers=[sidecar]) == {"requests.cpu": "2"}
