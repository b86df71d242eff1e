"""Decides what a draft says of routes, and of how flipgate sees which side answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any, Final

from flipgate.core.draft.found import Found, Leading, Seen
from flipgate.core.spec.traffic import TraefikSpec, TrafficSpec
from flipgate.core.traffic.kinds import KINDS, SOUGHT
from flipgate.core.traffic.kinds.kind import Asking
from flipgate.core.traffic.reading import read_route
from flipgate.core.traffic.throttle import throttle_of
from flipgate.core.traffic.traefik_arguments import any_on, arguments_of, is_on
from flipgate.core.traffic.traffic import SERVICE, RouteName, RouteState
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side

HEADER: Final = "X-Served-Side"
"""What is declared where no answer has shown another one."""
METRICS: Final = "metrics"
"""As Traefik's chart names the entry point, and so the container port, where its pods serve /metrics."""
DOOR: Final = "web"
"""As the chart names the entry point for plain HTTP."""
TLS_DOOR: Final = "websecure"
"""As the chart names the entry point with TLS, which is on for it there without a word in any route."""
_CROSSING: Final = "providers.kubernetescrd.allowcrossnamespace"
_EMPTY: Final = "providers.kubernetescrd.allowemptyservices"
_HOST: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PATH: Final = re.compile(r"/[^\s#{}^$*\\]*")


@dataclass(frozen=True)
class DraftRoute:
    """One entry of `routes`, or of `routesThatStay`, with what is said beside it."""

    name: RouteName
    remark: str = ""


@dataclass(frozen=True)
class DraftTraffic:
    """All that a draft says of traffic. `choices` are what a person has to decide, by the key that they stand above."""

    live: Side | None
    """The side that all routes name; None where they name no one side."""
    routes: tuple[DraftRoute, ...]
    unmovable: tuple[DraftRoute, ...]
    keys: Mapping[str, Any]
    remarks: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    served: frozenset[str] = frozenset()
    """The Services that routes name."""


def draft_traffic(found: Found, app: str, seen: Seen | None = None) -> DraftTraffic:
    """Decides on routes and traffic. `seen` is what users' question was answered with, where it was asked."""
    movable = [each for each in found.routes if SOUGHT[each.name.kind].movable]
    names = [each.name for each in movable]
    states = [read_route(each.name, each.obj, found.places, names) for each in movable]
    sides = {entry.side for state in states for entry in state.entries}
    live = next(iter(sides)) if len(sides) == 1 else None
    choices: dict[str, str] = {}
    routes = tuple(DraftRoute(state.route, "" if live else str(state)) for state in states)
    if not routes:
        choices["routes"] = _no_route(found)
        routes = (DraftRoute(RouteName(next(iter(KINDS)), found.places[Side.BLUE].namespace, f"{app}-live")),)
    elif live is None:
        choices["routes"] = (
            "they lead to both sides. Which of them do users come by? Those move together, and have to lead to one "
            "side now; one that shall always lead where it does belongs under routesThatStay."
        )
    others = [each for each in found.routes if each not in movable]
    unmovable = tuple(DraftRoute(each.name, f"leads to {' and '.join(each.sides)}") for each in others)
    keys, remarks, asked = _asked(found, movable, states, app, by_https=bool(seen and seen.by_https))
    choices |= asked
    counted = bool(states) and all(KINDS[state.route.kind].counted for state in states)
    _name_the_side(keys, remarks, choices, seen, _port_of(found.traefiks, METRICS) if counted else None)
    served = {entry.target.name for state in states for entry in state.entries if entry.target.kind == SERVICE}
    return DraftTraffic(live, routes, unmovable, keys, remarks, choices, frozenset(served))


def _no_route(found: Found) -> str:
    ingresses = [each.name for each in found.routes if each.name.kind == "Ingress"]
    also = f" {ingresses[0]} cannot be moved: lead its host by one that can." if ingresses else ""
    return (
        f"nothing that can be moved ({', '.join(KINDS)}) was found to lead to either side. Name the one that users "
        f"come by.{also}"
    )


def _asked(
    found: Found, movable: list[Leading], states: list[RouteState], app: str, *, by_https: bool
) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """Which host and path to ask for, by which scheme, and at which of Traefik's ports."""
    keys: dict[str, Any] = {}
    remarks: dict[str, str] = {}
    choices: dict[str, str] = {}
    asking = [(each.obj, way) for each, state in zip(movable, states, strict=True) for way in _of_sides(each, state)]
    asking += [(each.obj, way) for each in found.followers for way in KINDS[each.name.kind].asked(_spec(each.obj))]
    plain = [(obj, way) for obj, way in asking if way.hosts and _PATH.fullmatch(way.path)]
    obj, way = min(plain or asking, key=lambda each: len(each[1].path), default=({}, Asking(0, ())))
    hosts = [host.lower() for host in way.hosts if _HOST.fullmatch(host.lower())]
    wild = [host.removeprefix("*.") for host in way.hosts if host.startswith("*.")]
    if hosts:
        keys["host"] = hosts[0]
        others = sorted({host.lower() for _, each in asking for host in each.hosts} - {hosts[0]})
        if others:
            remarks["host"] = f"One is asked for, for all of the routes; they also take {', '.join(others)}."
    else:
        keys["host"] = f"www.{wild[0]}" if wild and _HOST.fullmatch(wild[0]) else f"{app}.example"
        said = f"take {', '.join(way.hosts)}" if way.hosts else "name no host"
        choices["host"] = f"the routes {said}. Which host do users ask for?"
    keys["path"] = way.path if _PATH.fullmatch(way.path) else "/"
    secure, port = _door(found, obj, way)
    if by_https and not secure:
        secure, port = True, _port_of(found.traefiks, TLS_DOOR)
        remarks["scheme"] = "Who asks by http is sent to https."
    if secure:
        keys["scheme"] = "https"
    keys["traefik"] = _traefik(found, secure, port, choices, remarks)
    if (throttle := keys["traefik"].get("throttleSeconds", 0)) > TraefikSpec().throttle_seconds:
        keys["proofTimeoutSeconds"] = int(throttle) + TrafficSpec.model_fields["proof_timeout_seconds"].default
    return keys, remarks, choices


def _of_sides(each: Leading, state: RouteState) -> Iterator[Asking]:
    """How users ask for those of its rules that lead to a side."""
    leading = {entry.pointer.split("/")[3] for entry in state.entries}
    return (way for way in KINDS[each.name.kind].asked(_spec(each.obj)) if str(way.rule) in leading)


def _door(found: Found, obj: Mapping[str, Any], way: Asking) -> tuple[bool, int | None]:
    """Whether TLS is spoken there, and the container port where that is known. Of a Gateway a listener has the port of
    the entry point (doc.traefik.io, "Kubernetes Gateway API")."""
    listeners = list(_listeners(found, obj, way))
    if listeners:
        first = next((each for each in listeners if each.get("protocol") == "HTTP"), listeners[0])
        return first.get("protocol") == "HTTPS", first.get("port")
    plain = [door for door in way.doors if door != TLS_DOOR and not _by_tls(found.traefiks, door)]
    secure = way.tls or (bool(way.doors) and not plain)
    wanted = [door for door in way.doors if door not in plain] if secure else plain
    usual = TLS_DOOR if secure else DOOR
    ports = (_port_of(found.traefiks, door) for door in (*wanted, *way.doors, usual))
    return secure, next((port for port in ports if port), None)


def _listeners(found: Found, obj: Mapping[str, Any], way: Asking) -> Iterator[Mapping[str, Any]]:
    for parent in _spec(obj).get("parentRefs") or []:
        at = str(parent.get("namespace") or obj["metadata"]["namespace"]), str(parent.get("name"))
        for each in _spec(found.gateways.get(at) or {}).get("listeners") or []:
            if not way.doors or each.get("name") in way.doors:
                yield each


def _traefik(
    found: Found, secure: bool, port: int | None, choices: dict[str, str], remarks: dict[str, str]
) -> dict[str, Any]:
    usual, keys = TraefikSpec(), dict[str, Any]()
    namespaces = sorted({pod["metadata"]["namespace"] for pod in found.traefiks})
    if not namespaces:
        keys["namespace"] = usual.namespace
        choices["traefik"] = (
            f"no pod with the label {usual.selector} was found. In which namespace are Traefik's pods, and by which "
            "selector?"
        )
    elif usual.namespace not in namespaces:
        keys["namespace"] = namespaces[0]
    if len(namespaces) > 1:
        used = keys.get("namespace", usual.namespace)
        choices["traefik"] = f"Traefik runs in {', '.join(namespaces)}. Do users come by the one in {used}?"
    if port and port != (usual.https_port if secure else usual.port):
        keys["httpsPort" if secure else "port"] = port
    started = [arguments_of(pod) for pod in found.traefiks]
    if any(is_on(arguments, _EMPTY) for arguments in started):
        keys["allowEmptyServices"] = True
    throttle = _throttle(found, keys.get("namespace", usual.namespace))
    if throttle != usual.throttle_seconds:
        keys["throttleSeconds"] = int(throttle) if throttle.is_integer() else throttle
    crossing = any(each.name.kind in KINDS and not KINDS[each.name.kind].needs_grant for each in found.routes)
    if crossing and any(started) and not any(is_on(arguments, _CROSSING) for arguments in started):
        remarks["traefik"] = (
            "Traefik was not given --providers.kubernetescrd.allowCrossNamespace=true as an argument. Unless it has it "
            "otherwise, it leads to no other namespace than the route's own, and a flip could not be followed."
        )
    return keys


def _throttle(found: Found, namespace: str) -> float:
    """The longest for which a Traefik of this namespace was started to hold such a route back; of one that was not
    told, what the file has without a word."""
    providers = {KINDS[each.name.kind].provider for each in found.routes if each.name.kind in KINDS}
    pods = [arguments_of(pod) for pod in found.traefiks if pod["metadata"]["namespace"] == namespace]
    told, usual = [throttle_of(arguments, providers) for arguments in pods], TraefikSpec().throttle_seconds
    return max((usual if each is None else each for each in told), default=usual)


def _name_the_side(
    keys: dict[str, Any],
    remarks: dict[str, str],
    choices: dict[str, str],
    seen: Seen | None,
    metrics_port: int | None,
) -> None:
    """By the header that was seen; else by Traefik's counters, where each route has some; else a person has to say."""
    traefik = keys.pop("traefik")
    if seen and seen.header:
        keys["header"] = seen.header
        remarks["header"] = "Seen in an answer: it names the side that gave it."
    elif metrics_port:
        keys["traefik"] = {**traefik, "metricsPort": metrics_port}
        remarks["traefik"] = " ".join(
            each for each in (remarks.get("traefik"), "No header names the side: Traefik's counters do.") if each
        )
        return
    else:
        keys["header"] = HEADER
        why = f" Asked through Traefik just now: {seen.fact}." if seen and seen.fact else ""
        choices["header"] = (
            f'which header of each answer says the side that gave it? Its value has to be "blue" or "green".{why} '
            "docs/your-application.md says how services get one, and how to do without."
        )
    if traefik:
        keys["traefik"] = traefik


def _port_of(traefiks: Iterable[Mapping[str, Any]], name: str) -> int | None:
    """The container port of this name: Traefik's chart calls it as the entry point."""
    containers = [each for pod in traefiks for each in _spec(pod).get("containers") or []]
    ports = (port for each in containers for port in each.get("ports") or [] if port.get("name") == name)
    return next((int(port["containerPort"]) for port in ports), None)


def _by_tls(traefiks: Iterable[Mapping[str, Any]], door: str) -> bool:
    """Whether all that comes by this entry point comes by TLS."""
    return any(any_on(arguments_of(pod), f"entrypoints.{door}.http.tls".lower()) for pod in traefiks)


def _spec(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return obj.get("spec") or {}
