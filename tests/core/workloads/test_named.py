"""What a pod cannot start without, by its template."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.workloads.named import Named, accounts_of, named_by, references
from flipgate.core.workloads.view import Workload

SECRET, MAP = "Secret", "ConfigMap"


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({"containers": [{"envFrom": [{"secretRef": {"name": "a"}}]}]}, [(SECRET, "a", ())]),
        ({"initContainers": [{"envFrom": [{"configMapRef": {"name": "a"}}]}]}, [(MAP, "a", ())]),
        (
            {"containers": [{"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "a", "key": "k"}}}]}]},
            [(SECRET, "a", ("k",))],
        ),
        (
            {"containers": [{"env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "k"}}}]}]},
            [(MAP, "a", ("k",))],
        ),
        ({"containers": [{"env": [{"name": "X", "value": "1"}]}]}, []),
        ({"volumes": [{"secret": {"secretName": "a"}}, {"emptyDir": {}}]}, [(SECRET, "a", ())]),
        ({"volumes": [{"configMap": {"name": "a", "items": [{"key": "k", "path": "p"}]}}]}, [(MAP, "a", ("k",))]),
        (
            {"volumes": [{"projected": {"sources": [{"secret": {"name": "a"}}, {"configMap": {"name": "b"}}]}}]},
            [(SECRET, "a", ()), (MAP, "b", ())],
        ),
        ({"volumes": [{"csi": {"nodePublishSecretRef": {"name": "a"}}}]}, [(SECRET, "a", ())]),
        ({"serviceAccountName": "a"}, [("ServiceAccount", "a", ())]),
        ({"serviceAccountName": "default"}, []),
    ],
)
def test_each_place_of_a_template_that_names_an_object(spec: dict[str, Any], names: list[Any]) -> None:
    assert list(references({"spec": spec})) == [Named(kind, name, frozenset(keys)) for kind, name, keys in names]


def test_what_images_alone_are_pulled_with_is_told_apart_from_what_a_pod_needs() -> None:
    pulling: dict[str, Any] = {"imagePullSecrets": [{"name": "a"}]}
    assert list(references({"spec": pulling})) == [Named(SECRET, "a", pulls=True)]
    both = {**pulling, "volumes": [{"secret": {"secretName": "a"}}]}
    for spec, pulls in ((pulling, True), (both, False)):
        (found,) = named_by([Workload("web", "green", template={"spec": spec})])
        assert (found.needed, found.pulls) == (True, pulls)


def test_what_every_template_calls_optional_is_not_needed() -> None:
    optional = {"name": "a", "key": "k", "optional": True}
    env = {"spec": {"containers": [{"env": [{"name": "X", "valueFrom": {"secretKeyRef": optional}}]}]}}
    volume = {"spec": {"volumes": [{"secret": {"secretName": "a"}}]}}
    web, api = Workload("web", "green", template=env), Workload("api", "green", template=volume)
    assert named_by([web]) == (Named(SECRET, "a", by=("Deployment web",), needed=False),)
    assert named_by([web, api]) == (Named(SECRET, "a", by=("Deployment web", "Deployment api")),)


def test_a_service_that_gets_no_pods_needs_nothing() -> None:
    """`replicas: 0`: it may name what nobody has made."""
    volume = {"spec": {"volumes": [{"secret": {"secretName": "a", "items": [{"key": "k", "path": "p"}]}}]}}
    web, api = Workload("web", "green", template=volume), Workload("api", "green", template=volume)
    assert named_by([web], idle={"web"}) == (Named(SECRET, "a", by=("Deployment web",), needed=False),)
    (both,) = named_by([web, api], idle={"web"})
    assert (both.needed, both.keys) == (True, {"k"})


def test_images_are_pulled_with_the_accounts_that_pods_run_as() -> None:
    specs: tuple[dict[str, Any], ...] = ({}, {"serviceAccountName": "robot"}, {"serviceAccount": "older"})
    workloads = [Workload("web", "green", found=True, template={"spec": spec}) for spec in specs]
    assert accounts_of(workloads) == ("default", "older", "robot")
    assert accounts_of(workloads[1:2]) == ("robot",)
    assert accounts_of([Workload("web", "green")]) == ()


def test_several_workloads_need_it_once_with_all_keys() -> None:
    def template(key: str) -> dict[str, Any]:
        source = {"secretKeyRef": {"name": "a", "key": key}}
        return {"spec": {"containers": [{"env": [{"name": "X", "valueFrom": source}]}]}}

    found = named_by(
        [Workload("web", "green", template=template("x")), Workload("api", "green", template=template("y"))]
    )
    assert found == (Named(SECRET, "a", frozenset("xy"), ("Deployment web", "Deployment api")),)
