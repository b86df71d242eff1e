"""The Job that asks an endpoint as a service's pods would: what of the template it has, and what keeps it from being
one of the service's pods."""

from __future__ import annotations

from typing import Any

from flipgate.core.workloads.reach_job import NEVER_READY, reach_job
from tests.core.workloads.test_own_job import TEMPLATE


def made(*, bare: bool) -> dict[str, Any]:
    return reach_job(TEMPLATE, "web", "acme/ask:1", ["ask"], "database", bare=bare)["template"]


def test_it_has_the_labels_and_the_account_that_a_network_goes_by_and_is_never_ready() -> None:
    pod = made(bare=True)
    assert pod["metadata"]["labels"] == {**TEMPLATE["metadata"]["labels"], "flipgate.dev/task": "database"}
    assert (pod["spec"]["serviceAccountName"], pod["spec"]["nodeSelector"]) == ("web", {"disk": "fast"})
    assert pod["spec"]["readinessGates"] == [{"conditionType": NEVER_READY}], "no Service sends it anybody"


def test_an_image_that_only_asks_is_given_no_secret() -> None:
    pod = made(bare=True)
    (container,) = pod["spec"]["containers"]
    assert not {"env", "envFrom", "volumeMounts"} & container.keys()
    assert "volumes" not in pod["spec"]
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["metadata"]["annotations"] == {}, "nothing is injected, and nothing scrapes it"


def test_a_command_of_the_services_own_image_has_what_its_program_has() -> None:
    pod = made(bare=False)
    (container,) = pod["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "web"}}]
    assert pod["spec"]["volumes"] == TEMPLATE["spec"]["volumes"]
