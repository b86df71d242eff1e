"""deployments/: the rights that are handed out are the rights that `flipgate check` asks for, no more and no fewer."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from flipgate.core.spec.application import load_application
from flipgate.core.traffic.kinds import SOUGHT
from flipgate.core.traffic.kinds.middleware import GROUP, PLURAL
from flipgate.core.workloads.kinds import KINDS as KINDS_OF_WORKLOAD
from flipgate.core.workloads.kinds import Rights
from flipgate.steps.looking.commands import SENDING
from flipgate.steps.releasing.rights import (
    FOR_DARK_PREVIEW,
    FOR_GRANTS,
    FOR_KEDA,
    FOR_MIXED,
    FOR_PREVIEW,
    OF_ITS_OWN,
    ON_ROUTES,
    ON_TRAEFIK,
    rights_on_a_side,
)
from tests.core.source import ROOT

TEXT = (ROOT / "deployments" / "rbac.yaml").read_text()
OBJECTS = list(yaml.safe_load_all(TEXT))
EXAMPLE = load_application((ROOT / "examples" / "sportsdata" / "flipgate.yaml").read_text(), "flipgate.yaml")
LOOKING: Rights = tuple((kind.group, kind.plural, "list") for kind in SOUGHT.values())
"""For what leads to a side and was not declared: not needed, and `check` says where it is lacking."""
CROSSING: Rights = tuple((kind.group, kind.plural, "list") for kind in SOUGHT.values() if kind.crossing)
WORKLOADS: Rights = (("apps", "statefulsets", "list"), ("apps", "daemonsets", "list"), ("batch", "cronjobs", "list"))
ROOM: Rights = (("", "limitranges", "list"),)
LOOKING_ON_A_SIDE = LOOKING + WORKLOADS + ROOM
WANTED = {
    "flipgate": OF_ITS_OWN,
    "production-blue": rights_on_a_side(EXAMPLE) + LOOKING_ON_A_SIDE,
    "production-green": rights_on_a_side(EXAMPLE) + LOOKING_ON_A_SIDE,
    "monitoring": ON_ROUTES["IngressRoute"] + CROSSING,
    "traefik": ON_TRAEFIK,
}


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {obj["metadata"]["namespace"]: obj for obj in OBJECTS if obj["kind"] == kind}


def asked(rights: Rights) -> set[tuple[str, str, str]]:
    return {(group, resource, verb) for group, resource, verbs in rights for verb in verbs.split()}


def given(role: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("namespace", WANTED)
def test_each_role_gives_what_check_asks_for(namespace: str) -> None:
    assert given(of_kind("Role")[namespace]) == asked(WANTED[namespace])


def test_the_rules_that_are_commented_out_are_what_only_some_applications_need() -> None:
    rule = re.findall(r"^  # (- apiGroups:.*|  resources:.*|  verbs:.*)$", TEXT, re.MULTILINE)
    others = {right for kind in ("TraefikService", "HTTPRoute") for right in asked(ON_ROUTES[kind]) if right[0]}
    preview = {right for rights in (*FOR_PREVIEW.values(), *FOR_DARK_PREVIEW.values()) for right in asked(rights)}
    middlewares = {(GROUP, PLURAL, "get")}
    stateful = KINDS_OF_WORKLOAD["StatefulSet"].rights
    on_a_side = asked(FOR_MIXED + FOR_KEDA + FOR_GRANTS["HTTPRoute"] + stateful)
    probe = {("", "secrets", "get")}  # one, by its name
    sending = {("", "services/proxy", verb) for verb in SENDING}
    expected = others | middlewares | on_a_side | preview | probe | sending
    assert given({"rules": yaml.safe_load("\n".join(rule))}) == expected


def test_every_role_is_bound_to_the_one_account_and_nothing_is_cluster_wide() -> None:
    roles, bindings = of_kind("Role"), of_kind("RoleBinding")
    assert roles.keys() == bindings.keys() == WANTED.keys()
    for namespace, binding in bindings.items():
        assert binding["roleRef"]["name"] == roles[namespace]["metadata"]["name"]
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "flipgate", "namespace": "flipgate"}]
    assert {obj["kind"] for obj in OBJECTS} == {"Namespace", "ServiceAccount", "Role", "RoleBinding"}


def test_no_secret_is_ever_asked_for() -> None:
    assert not [resource for rights in WANTED.values() for _, resource, _ in asked(rights) if "secret" in resource]
