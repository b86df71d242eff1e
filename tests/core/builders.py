"""Values for the tests of decisions: all that is usual is filled in, so that a test names only what it is about."""

from __future__ import annotations

import copy
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from flipgate.core.record.occupant import Occupant
from flipgate.core.record.phases import TRANSITIONS, Phase, QuestionKind, Reason
from flipgate.core.record.record import Approval, Decision, Question, Record
from flipgate.core.record.release import PhaseChange, Release
from flipgate.core.spec.application import Application, load_application
from flipgate.core.spec.service import Consume, Kind
from flipgate.core.traffic.moves import RoutePatch
from flipgate.core.traffic.reading import read_route
from flipgate.core.traffic.traffic import RouteName, RouteState, Traffic
from flipgate.core.values.errors import Refused
from flipgate.core.values.place import Place
from flipgate.core.values.sides import Side
from flipgate.core.values.who import Caller, Identity, Speaker
from flipgate.core.workloads.view import SideState, Workload, read_switch, read_workload

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BLUE, GREEN = Side.BLUE, Side.GREEN
NAMESPACES = {BLUE: "shop-blue", GREEN: "shop-green"}
PLACES = {side: Place(side, namespace) for side, namespace in NAMESPACES.items()}
RUN = {"web": "acme/web:1", "mailer": "acme/mailer:1"}
"""Images that ran on a side: without any, nothing ever did."""
DECLARED = frozenset({RouteName("TraefikService", "edge", "live")})
"""The routes that a route may follow."""
SHOP = """\
apiVersion: flipgate.dev/v1
kind: Application
metadata: {name: shop}
spec:
  sides: {blue: {namespace: shop-blue}, green: {namespace: shop-green}}
  routes: [{kind: IngressRoute, namespace: edge, name: live}]
  traffic: {host: shop.example, header: X-Served-Side}
  services:
    - {name: web, role: serving, replicas: 2, container: web}
    - {name: mailer, role: worker, replicas: 3}
"""


def at(seconds: float = 0) -> datetime:
    return NOW + timedelta(seconds=seconds)


def refuses(reason: str, match: str | None = None) -> pytest.RaisesExc[Refused]:
    """That the block is refused, for this reason."""
    return pytest.raises(Refused, match=match, check=lambda error: error.reason == reason)


@cache
def shop(*services: str, policy: str = "{}") -> Application:
    """The shop, with more services if need be."""
    more = "".join(f"    - {service}\n" for service in services)
    return load_application(f"{SHOP}{more}  policy: {policy}\n", "shop.yaml")


def declaring(application: Application, **parts: Mapping[str, Any]) -> Application:
    """The application with these facts in these parts of its spec, such as `policy={"bake_seconds": 0.3}`: they may be
    less than a file could ask for."""
    changed = {}
    for name, facts in parts.items():
        part = getattr(application.spec, name)
        assert facts.keys() <= type(part).model_fields.keys(), facts
        changed[name] = part.model_copy(update=facts)
    return application.model_copy(update={"spec": application.spec.model_copy(update=changed)})


# Releases and records

DARK = (Phase.DEPLOYING, Phase.DARK)
BAKING = (*DARK, Phase.FLIPPING, Phase.BAKING)
LIVE = (*BAKING, Phase.LIVE)
"""The phases that a release has gone through when it is dark, baking, live."""


def release(*phases: Phase, now: datetime | None = None, **facts: Any) -> Release:
    """A release that went through these phases, one second each (or all of them `now`), for the first reason the table
    has."""
    phases = phases or (Phase.DEPLOYING,)
    reasons = [Reason.BUILD_ANNOUNCED]
    reasons += [min(TRANSITIONS[old][new]) for old, new in pairwise(phases)]
    changes = tuple(
        PhaseChange(phase=phase, reason=reason, at=now or at(second))
        for second, (phase, reason) in enumerate(zip(phases, reasons, strict=True))
    )
    usual: dict[str, Any] = {
        "id": "3f2a9c01d4e8",
        "application_hash": "ab" * 32,
        "side": GREEN,
        "images": {"web": "acme/web:2"},
        "wanted": {"web": 2, "mailer": 0},
        "opened_by": "ci",
        "changes": changes,
    }
    return Release(**{**usual, **facts})


def record(**facts: Any) -> Record:
    """The shop at rest on blue, nothing open."""
    sides = {side: Occupant(images=RUN, since=NOW) for side in Side}
    return Record(**{"application": "shop", "active": BLUE, "sides": sides, **facts})


def question(**facts: Any) -> Question:
    usual: dict[str, Any] = {
        "id": "flip-3f2a9c01d4e8-1-aa",
        "kind": QuestionKind.FLIP,
        "release": "3f2a9c01d4e8-1",
        "basis": "basis-1",
        "summary": "Send all users from blue to green?",
        "asked_at": NOW,
        "expires_at": at(60),
    }
    return Question(**{**usual, **facts})


ANA, BEN = (Speaker(f"{name}@laptop", Caller(name)) for name in ("ana", "ben"))
"""Two people whose names the cluster has proven."""


def approval(**facts: Any) -> Approval:
    usual: dict[str, Any] = {
        "question": "flip-3f2a9c01d4e8-1-aa",
        "kind": QuestionKind.FLIP,
        "basis": "basis-1",
        "decision": Decision.APPROVE,
        "by": "ana",
        "via": "cli",
        "reason": "looks good",
        "at": at(10),
    }
    usual["identity"] = Identity(user=facts.get("by", "ana"))
    return Approval(**{**usual, **facts})


# Routes


def service(namespace: str | None = None, **more: Any) -> dict[str, Any]:
    """One service of a route's rule; without a namespace it is the route's own."""
    where = {} if namespace is None else {"namespace": namespace}
    return {"name": "web", "port": 80, **where, **more}


def on(side: Side, **more: Any) -> dict[str, Any]:
    """One service of a side."""
    return service(NAMESPACES[side], **more)


LEGACY = service("legacy")
"""One of neither side."""
UID = "6f0a1c52-1b0e-4b7e-9d3c-0a6b8f1f2a11"


def route_object(*rules: Sequence[Mapping[str, Any]], version: str = "7") -> dict[str, Any]:
    """An IngressRoute as the API server gives it: each rule is a list of services."""
    return {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "IngressRoute",
        "metadata": {"name": "live", "namespace": "edge", "uid": UID, "resourceVersion": version},
        "spec": {"routes": [{"match": "Host(`shop.example`)", "services": list(rule)} for rule in rules]},
    }


def route(obj: Mapping[str, Any] | None, *, name: str = "live", namespace: str = "edge") -> RouteState:
    return read_route(RouteName("IngressRoute", namespace, name), obj, PLACES, DECLARED)


def weighted(*services: Mapping[str, Any], version: str = "7", **spec: Any) -> dict[str, Any]:
    """A TraefikService as the API server gives it, with these services weighted, or (`spec`) of another sort."""
    return {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "TraefikService",
        "metadata": {"name": "live", "namespace": "edge", "uid": UID, "resourceVersion": version},
        "spec": spec or {"weighted": {"services": list(services)}},
    }


def traefik_service(obj: Mapping[str, Any] | None, *, name: str = "live", namespace: str = "edge") -> RouteState:
    return read_route(RouteName("TraefikService", namespace, name), obj, PLACES, DECLARED)


class PatchRefusedError(Exception):
    """A JSON patch's `test` found another value: nothing is changed."""


def applied(obj: Mapping[str, Any], operations: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """RFC 6902's test, replace, add and remove, as far as flipgate uses them, on a copy. Like the API server, a test
    for null passes where nothing stands."""
    out = copy.deepcopy(dict(obj))
    for op in operations:
        *path, last = (part.replace("~1", "/").replace("~0", "~") for part in op["path"].split("/")[1:])
        parent: Any = out
        for part in path:
            if not isinstance(parent, list) and part not in parent:
                raise PatchRefusedError(op)
            parent = parent[int(part)] if isinstance(parent, list) else parent[part]
        if op["op"] == "test" and op["value"] is None and (isinstance(parent, dict) and parent.get(last) is None):
            continue
        if op["op"] in ("test", "replace", "remove") and last not in parent:
            raise PatchRefusedError(op)
        if op["op"] == "test" and parent[last] != op["value"]:
            raise PatchRefusedError(op)
        if op["op"] in ("replace", "add"):
            parent[last] = op["value"]
        if op["op"] == "remove":
            del parent[last]
    return out


def patched(obj: Mapping[str, Any], patch: RoutePatch) -> dict[str, Any]:
    """After a patch, with what it notes on the route."""
    return applied(obj, (*patch.operations, *patch.annotating))


def sent_by(line: str) -> list[dict[str, Any]]:
    """The operations that a `kubectl patch` line would send."""
    found: list[dict[str, Any]] = json.loads(shlex.split(line)[-1].removeprefix("-p="))
    return found


def to_side(side: Side, **more: Any) -> RouteState:
    """A route that sends everybody to one side."""
    return route(route_object([on(side)]), **more)


def traffic(*routes: RouteState) -> Traffic:
    return Traffic(routes)


ROUTES = {
    "blue": traffic(to_side(BLUE)),
    "green": traffic(to_side(GREEN)),
    "split": traffic(to_side(BLUE), to_side(GREEN, name="second")),
    "missing": traffic(route(None)),
    "elsewhere": traffic(route(route_object([LEGACY]))),
}
"""Wherever the routes may be found."""


# Sides


def deployment(name: str = "web", *, image: str = "acme/web:1", **spec: Any) -> dict[str, Any]:
    """A Deployment whose pods are all there, as the API server gives it."""
    replicas = spec.pop("replicas", 2)
    container = {"name": name, "image": image, "envFrom": [{"configMapRef": {"name": "settings"}}]}
    return {
        "metadata": {"name": name, "resourceVersion": "41", "generation": 3},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [container]}}, **spec},
        "status": dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), replicas) | {"observedGeneration": 3},
    }


def cron_job(*, suspended: bool, last: str = "", **spec: Any) -> dict[str, Any]:
    """The shop's CronJob, as the API server gives it."""
    template = {"spec": {"containers": [{"name": "nightly", "image": "acme/nightly:1"}]}}
    return {
        "metadata": {"name": "nightly", "resourceVersion": "7", "uid": "uid-nightly"},
        "spec": {
            "schedule": "0 4 * * *",
            "suspend": suspended,
            "jobTemplate": {"spec": {"template": template, "backoffLimit": 2}},
            **spec,
        },
        "status": {"lastScheduleTime": last} if last else {},
    }


LEDGER = Consume(config_map="ledger-consume")


def told(value: str | None, **annotations: str) -> dict[str, Any]:
    """What tells the pods of the mixed service `ledger` whether to consume."""
    meta = {"name": LEDGER.config_map, "resourceVersion": "9", "annotations": annotations}
    return {"metadata": meta, "data": {} if value is None else {LEDGER.key: value}}


def job(name: str, owner: str = "uid-nightly", ended: str = "") -> dict[str, Any]:
    """One of a CronJob's Jobs; `ended` is Complete or Failed."""
    meta = {"name": name, "ownerReferences": [{"kind": "CronJob", "uid": owner}]}
    return {"metadata": meta, "status": {"conditions": [{"type": ended, "status": "True"}] if ended else []}}


def side(which: Side, *deployments: Mapping[str, Any]) -> SideState:
    """The shop's side: what is given, and usual Deployments for the rest of its services."""
    given = {obj["metadata"]["name"]: obj for obj in deployments}
    usual = {"web": deployment("web"), "mailer": deployment("mailer", image="acme/mailer:1", replicas=3)}
    switches = {}
    for obj in [given.pop(name) for name, obj in list(given.items()) if "spec" not in obj]:
        switches["ledger"] = read_switch(LEDGER.config_map, LEDGER.key, NAMESPACES[which], obj)
    kinds: dict[str, Kind] = {name: "CronJob" for name, obj in given.items() if "jobTemplate" in obj["spec"]}
    workloads = {
        name: read_workload(name, NAMESPACES[which], obj, kinds.get(name, "Deployment"))
        for name, obj in {**usual, **given}.items()
    }
    return SideState(PLACES[which], workloads, switches)


def stamped(state: SideState, epoch: str, *names: str) -> SideState:
    """The side, with a stamp of this epoch on these of its Deployments, or on all; with none where it is empty."""
    stamp = f"{epoch}.a" if epoch else None
    changed = {name: replace(state.workloads[name], stamp=stamp) for name in names or state.workloads}
    return replace(state, workloads={**state.workloads, **changed})


def without(state: SideState, name: str) -> SideState:
    """The side, with one of its Deployments gone."""
    return replace(state, workloads={**state.workloads, name: Workload(name, state.namespace)})
