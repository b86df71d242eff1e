"""What has to stand behind a target before users are sent to its route: as much as Traefik asks for."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.targets import judge_service
from flipgate.core.traffic.traffic import Target

SERVICE: dict[str, Any] = {"spec": {"ports": [{"name": "http", "port": 80}]}}
OUTSIDE = {"spec": {"type": "ExternalName", "externalName": "x.example", "ports": [{"name": "http", "port": 80}]}}
WEB = {"name": "web", "port": 80}
RESTING = {**WEB, "name": "shadow"}


def slices(*ready: bool) -> list[dict[str, Any]]:
    found = [{"addresses": [f"10.0.0.{n}"], "conditions": {"ready": each}} for n, each in enumerate(ready)]
    return [{"ports": [{"name": "http", "port": 8080}], "endpoints": found}]


def target(kind: str, spec: dict[str, Any]) -> Target:
    """The target called `shadow` of a route with this spec."""
    shared = KINDS[kind].references(spec)
    (found,) = [each.target for some in shared for each in some if each.target.name == "shadow"]
    return found


MEMBERS = {
    "weight 0": target("TraefikService", {"weighted": {"services": [WEB, {**RESTING, "weight": 0}]}}),
    "weight 0 of a rule": target("IngressRoute", {"routes": [{"services": [WEB, {**RESTING, "weight": 0}]}]}),
    "a mirror": target("TraefikService", {"mirroring": {**WEB, "mirrors": [{**RESTING, "percent": 10}]}}),
    "the main one of a mirroring": target("TraefikService", {"mirroring": {**RESTING, "mirrors": [WEB]}}),
    "by the client's address": target("TraefikService", {"highestRandomWeight": {"services": [WEB, RESTING]}}),
}


@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
def test_each_member_needs_a_ready_endpoint_or_traefik_drops_the_rule(member: Target) -> None:
    for nobody in ([], slices(), slices(False)):
        unfit = judge_service(member, SERVICE, nobody)
        assert unfit
        assert unfit.reason == "NoReadyEndpoints"
    assert judge_service(member, SERVICE, slices(False, True)) is None


def test_who_hears_nothing_from_users_is_asked_for_no_more_than_traefik_does() -> None:
    member = MEMBERS["weight 0"]
    unfit = judge_service(member, SERVICE, slices(False))
    assert unfit
    assert "0 of 1 endpoints Ready on port http 80" in unfit.fact
    assert "traffic.traefik.allowEmptyServices" in unfit.fact
    assert judge_service(member, SERVICE, [], empty_allowed=True) is None
    assert judge_service(member, OUTSIDE, []) is None, "it has a name and no endpoints, which is enough"


def test_who_answers_users_needs_somebody_whatever_traefik_allows() -> None:
    unfit = judge_service(MEMBERS["the main one of a mirroring"], SERVICE, [], empty_allowed=True)
    assert unfit
    assert "allowEmptyServices" not in unfit.fact


def test_a_gateways_backend_of_weight_0_needs_nobody() -> None:
    """Traefik 3 gives it 500 of its own (gateway/httproute.go: loadWRRService), which no user is sent to."""
    backend = target("HTTPRoute", {"rules": [{"backendRefs": [WEB, {**RESTING, "weight": 0}]}]})
    assert judge_service(backend, SERVICE, []) is None
