"""Reads what a first application file can be drafted from: two namespaces, what leads to them, and Traefik's pods.
There is no application yet, so no World until the first draft stands. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from flipgate.adapters.addresses import address, namespace_address
from flipgate.adapters.cluster import Cluster, Reader
from flipgate.adapters.sought import find_gateway, find_pods, find_sought, served_by
from flipgate.adapters.store import Store
from flipgate.core.draft.found import Found, Leading, Object, Seen, SideFound
from flipgate.core.draft.text import Draft, draft_file
from flipgate.core.gates.header import judge_asking, judge_header
from flipgate.core.spec.application import Application, load_new_application
from flipgate.core.spec.sides import places_at
from flipgate.core.spec.traffic import TraefikSpec
from flipgate.core.traffic.kinds import KINDS, SOUGHT
from flipgate.core.traffic.kinds.http_route import HTTPRoute
from flipgate.core.traffic.traffic import RouteName
from flipgate.core.traffic.undeclared import Blind, not_looked, read_undeclared
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import FlipgateError, Forbidden, Refused
from flipgate.core.values.foreign import fault
from flipgate.core.values.place import Place, Places
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.workloads.scaled_objects import KEDA, SCALED_OBJECT
from flipgate.steps.acting.world import DEFAULT_NAMESPACE, World
from flipgate.steps.looking.ask import fetch
from flipgate.steps.looking.undeclared import WORKLOADS

ASK_SECONDS: Final = 5.0
AUTOSCALERS: Final = ("HorizontalPodAutoscaler", "horizontalpodautoscalers.autoscaling")


def draft(cluster: Cluster, namespaces: Mapping[Side, str], name: str, schema: str) -> Draft:
    """Drafts an application file of these two namespaces, asks users' question by it once (by https once more, where
    the answer leads there), and drafts it again with what was answered. What is returned has been read by flipgate's
    own loader.

    Raises Refused (NothingRuns) where neither namespace has a workload, BadInput for what no file can say (a name that
    is none, more services than a file may have), Forbidden where workloads or Services may not be listed.
    """
    found = find(cluster, namespaces, name)
    if all(side.empty for side in found.sides.values()):
        raise Refused(
            "have no workload, so there is nothing to draft from",
            obj=f"namespaces {' and '.join(namespaces.values())}",
            reason=Why.NOTHING_RUNS,
            untouched="the cluster",
            next_command="kubectl get deployments -A, to see where they are",
        )
    first = draft_file(found, schema)
    application = load_new_application(first.text, "the draft")
    if first.live is None or not found.traefiks:
        return first
    seen = _ask(cluster, application, first.live)
    second = draft_file(found, schema, seen)
    application = load_new_application(second.text, "the draft")
    if not seen.by_https:
        return second
    third = draft_file(found, schema, replace(_ask(cluster, application, first.live), by_https=True))
    load_new_application(third.text, "the draft")
    return third


def find(cluster: Reader, namespaces: Mapping[Side, str], name: str) -> Found:
    """Reads all of it. Raises Forbidden where workloads or Services of a side may not be listed."""
    places = places_at(namespaces)
    blind = list[Blind]()
    sides = {side: _side(cluster, place, blind) for side, place in places.items()}
    leading, objects = _leading(cluster, places, blind)
    traefiks, unlooked = _traefiks(cluster)
    routes = [each.obj for each in leading if each.name.kind == HTTPRoute.word]
    return Found(
        name,
        sides,
        leading,
        tuple(_followers(leading, objects)),
        traefiks,
        _gateways(cluster, routes),
        (*not_looked(blind, [*namespaces.values()]), *unlooked),
    )


def _side(cluster: Reader, place: Place, blind: list[Blind]) -> SideFound:
    if cluster.find(namespace_address(place.namespace)) is None:
        return SideFound(place, exists=False)
    workloads = {kind: _by_name(cluster.items(address(kind, place.namespace))) for kind in WORKLOADS}
    services = _by_name(cluster.items(address("Service", place.namespace)))
    scalers = list(_scalers(cluster, place, blind))
    return SideFound(place, True, workloads, services, tuple(scalers))


def _scalers(cluster: Reader, place: Place, blind: list[Blind]) -> Iterator[Object]:
    """ScaledObjects, and HorizontalPodAutoscalers that are not KEDA's own. Items of a list do not say their kind."""
    kinds = [AUTOSCALERS, (SCALED_OBJECT, f"scaledobjects.{KEDA}")] if KEDA in cluster.groups() else [AUTOSCALERS]
    for kind, resource in kinds:
        try:
            for obj in cluster.items(address(kind, place.namespace)):
                owners = obj["metadata"].get("ownerReferences") or []
                if not any(owner.get("kind") == SCALED_OBJECT for owner in owners):
                    yield {**obj, "kind": kind}
        except Forbidden:
            blind.append(Blind(resource, place.namespace))


def _by_name(objects: Iterable[dict[str, Any]]) -> dict[str, Object]:
    return {obj["metadata"]["name"]: obj for obj in objects}


def _leading(
    cluster: Reader, places: Places, blind: list[Blind]
) -> tuple[tuple[Leading, ...], dict[RouteName, Object]]:
    """What leads to a side, and all objects of the kinds that may."""
    sides = [place.namespace for place in places.values()]
    served = {group: served_by(cluster, group) for group in {kind.group for kind in SOUGHT.values()}}
    leading, objects = list[Leading](), dict[RouteName, Object]()
    for kind in SOUGHT.values():
        found, unlooked = find_sought(cluster, kind, served[kind.group], sides, ())
        blind += unlooked
        of_kind = {RouteName(kind.word, obj["metadata"]["namespace"], obj["metadata"]["name"]): obj for obj in found}
        objects |= of_kind
        for each in read_undeclared(kind, found, places, ()):
            leading.append(Leading(each.name, of_kind[each.name], each.sides))
    return tuple(sorted(leading, key=lambda each: str(each.name))), objects


def _followers(leading: Iterable[Leading], objects: Mapping[RouteName, Object]) -> Iterator[Leading]:
    """Routes that lead to one of these that is no door by itself: by them its users come."""
    behind = {each.name for each in leading if not SOUGHT[each.name.kind].door}
    for name, obj in objects.items():
        kind = KINDS.get(name.kind)
        if behind and kind and name not in behind:
            named = [each for shared in kind.references(obj.get("spec") or {}) for each in shared]
            if any(RouteName(e.target.kind, e.namespace or name.namespace, e.target.name) in behind for e in named):
                yield Leading(name, obj)


def _traefiks(cluster: Reader) -> tuple[tuple[Object, ...], tuple[str, ...]]:
    """Pods with the label that Traefik's chart gives them, in all namespaces, or else in the usual one."""
    usual = TraefikSpec()
    for namespace in ("", usual.namespace):
        try:
            return tuple(find_pods(cluster, usual.selector, namespace)), ()
        except Forbidden:
            continue
    return (), (f"Traefik's pods were not looked for, for want of rights to list pods in namespace {usual.namespace}",)


def _gateways(cluster: Reader, routes: Iterable[Object]) -> dict[tuple[str, str], Object]:
    """The Gateways that these HTTPRoutes name; one that may not be read is left out."""
    parents = [(each, obj) for obj in routes for each in obj["spec"].get("parentRefs") or []]
    names = {(str(p.get("namespace") or obj["metadata"]["namespace"]), str(p.get("name"))) for p, obj in parents}
    found = dict[tuple[str, str], Object]()
    for namespace, name in sorted(names):
        try:
            gateway = find_gateway(cluster, namespace, name)
        except Forbidden:
            continue
        found |= {(namespace, name): gateway} if gateway else {}
    return found


def _ask(cluster: Cluster, application: Application, live: Side) -> Seen:
    """One request through one replica, as a user's: does a header of the answer name the side?"""
    world = World(cluster, Store(cluster, DEFAULT_NAMESPACE, application.name), application, "draft")
    try:
        replica = world.proxy.replicas()[0]
        answer = fetch(world, replica, timeout=ASK_SECONDS)
    except FlipgateError as error:
        return Seen(fact=error.named_fact)
    except Exception as error:  # whatever stands there may answer anything
        return Seen(fact=fault(error))
    return _read(answer, application.spec.traffic.header or "", live)


def _read(answer: Answer, header: str, live: Side) -> Seen:
    naming = sorted(name for name, value in answer.headers.items() if value == live)
    if naming:
        return Seen("-".join(part.capitalize() for part in naming[0].split("-")))
    wrong = judge_asking(answer, header) or (judge_header(answer, header, live) if header else None)
    return Seen(fact=wrong.fact if wrong else "", by_https=bool(wrong and wrong.reason is Why.REDIRECTED_TO_HTTPS))
