"""A drift names who wrote the routes, and is one drift however often that one writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flipgate.core.record.record import Record
from flipgate.core.traffic.traffic import RouteState
from flipgate.core.way_back.drift import note_drift
from flipgate.core.way_back.explain import Drift, explain, judge_drift
from tests.core.builders import BLUE, GREEN, NOW, on, record, route, route_object, traefik_service, traffic, weighted

AT = "2026-03-01T11:59:00Z"


def owned(manager: str, fields: dict[str, Any], at: str = AT, operation: str = "Update") -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "time": at, "fieldsType": "FieldsV1", "fieldsV1": fields}


ROUTES: dict[str, Any] = {"f:spec": {".": {}, "f:routes": {}}}
STAMPED: dict[str, Any] = {"f:metadata": {"f:annotations": {"f:flipgate.dev/stamp": {}}}}


def written(obj: dict[str, Any], *entries: dict[str, Any]) -> dict[str, Any]:
    obj["metadata"]["managedFields"] = list(entries)
    return obj


def drifted(*states: RouteState) -> str:
    found = explain(record(), traffic(*states))
    assert isinstance(found, Drift)
    return str(found)


def by(at: str = AT, manager: str = "kubectl-edit") -> RouteState:
    newer = owned("flipgate", STAMPED, "2026-03-01T11:59:59Z")
    return route(written(route_object([on(GREEN)]), owned(manager, ROUTES, at), newer))


def test_who_owns_the_routes_entries_is_named_and_not_who_annotated_it_since() -> None:
    said = drifted(by())
    assert said.endswith("; written by kubectl-edit (Update) at 2026-03-01 11:59:00 UTC (IngressRoute edge/live)")


def test_of_two_routes_only_the_one_that_leads_elsewhere_is_named() -> None:
    at_home = route(written(route_object([on(BLUE)]), owned("helm", ROUTES)), name="other")
    assert "helm" not in drifted(by(), at_home)


@pytest.mark.parametrize(
    ("obj", "fields"),
    [
        (weighted(on(GREEN)), {"f:spec": {"f:weighted": {"f:services": {}}}}),
        (
            weighted(mirroring={"name": "web", "namespace": "shop-green", "port": 80}),
            {"f:spec": {"f:mirroring": {".": {}, "f:namespace": {}}}},
        ),
    ],
    ids=["weighted", "mirroring"],
)
def test_it_is_found_where_the_kind_of_route_has_it(obj: dict[str, Any], fields: dict[str, Any]) -> None:
    flux = owned("kustomize-controller", fields, operation="Apply")
    assert "; written by kustomize-controller (Apply) at" in drifted(traefik_service(written(obj, flux)))


def test_where_the_api_server_does_not_say_nobody_is_named() -> None:
    assert "written by" not in drifted(route(route_object([on(GREEN)])))


def noted(before: Record, state: RouteState) -> Record:
    seen = judge_drift(before, traffic(state), NOW)
    return note_drift(before, seen, None, "reconcile", NOW + timedelta(seconds=1))


def test_it_is_told_once_though_its_writer_has_another_time_by_now() -> None:
    first = noted(record(), by())
    assert "written by kubectl-edit (Update) at 2026-03-01 11:59:00 UTC" in first.outbox[0].text
    assert noted(first, by("2026-03-01T12:00:00Z")) == first
    assert noted(first, by(manager="argocd-controller")) == first
    elsewhere = route(written(route_object([on(GREEN), on(BLUE)]), owned("kubectl-edit", ROUTES)))
    assert len(noted(first, elsewhere).outbox) == 2, "another drift is told"
