"""Judges whether users can be sent to what a route would name on the side it moves to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flipgate.core.traffic.traffic import Target
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why

SERVICE_MISSING = Why.SERVICE_MISSING
SERVICE_PORT_MISSING = Why.SERVICE_PORT_MISSING
NO_READY_ENDPOINTS = Why.NO_READY_ENDPOINTS
LEADS_ELSEWHERE = Why.LEADS_ELSEWHERE
MISSING = "does not exist, and a route would send users to it"

EMPTY_DROPS = (
    "No user hears from it (weight 0, or a mirror), but Traefik drops the whole rule for it, unless its "
    "allowEmptyServices is on: declare traffic.traefik.allowEmptyServices then"
)


@dataclass(frozen=True)
class Unfit:
    """Why users cannot be sent there: the fact with its numbers, and its reason."""

    reason: Why
    fact: str


def judge_service(
    target: Target,
    service: Mapping[str, Any] | None,
    slices: Iterable[Mapping[str, Any]],
    *,
    empty_allowed: bool = False,
) -> Unfit | None:
    """Judges whether Traefik could serve users from a Service by this target; None where it can.

    The Service has to be there and have the port, or Traefik refuses the whole rule, whatever the weight. What users
    hear from needs a Ready endpoint; so does the rest of the rule, where Traefik drops it all for one member without:
    unless its allowEmptyServices is on (`empty_allowed`).
    """
    if service is None:
        return Unfit(SERVICE_MISSING, MISSING)
    port = find_port(service, target.port)
    if port is None:
        return Unfit(SERVICE_PORT_MISSING, _no_port(service, target.port))
    silent = not target.answers
    if silent and (empty_allowed or not target.needed or _leads_outside(service)):
        return None
    ready, known = count_endpoints(slices, port.get("name") or "")
    told = f"{ready} of {known} endpoints Ready on port {_port_text(port)}"
    if ready:
        return None
    if silent:
        return Unfit(NO_READY_ENDPOINTS, f"has nobody behind it: {told}. {EMPTY_DROPS}")
    return Unfit(NO_READY_ENDPOINTS, f"has nobody to answer users: {told}{_outside(service)}")


def find_port(service: Mapping[str, Any], wanted: int | str | None) -> Mapping[str, Any] | None:
    """Returns the Service's port as Traefik finds it: by its number, or, where a text is wanted, by its name."""
    key = "port" if isinstance(wanted, int) else "name"
    ports = service.get("spec", {}).get("ports") or []
    return next((port for port in ports if wanted and port.get(key) == wanted), None)


def count_endpoints(slices: Iterable[Mapping[str, Any]], port: str) -> tuple[int, int]:
    """Endpoints that serve the port of this name: how many are Ready, and how many there are.

    One that says nothing of its readiness is Ready (discovery.k8s.io/v1). One pod of a dual-stack Service stands in two
    slices and counts once.
    """
    known: dict[str, bool] = {}
    for each in slices:
        if port not in [served.get("name") or "" for served in each.get("ports") or []]:
            continue
        for endpoint in each.get("endpoints") or []:
            pod = (endpoint.get("targetRef") or {}).get("name") or endpoint["addresses"][0]
            ready = (endpoint.get("conditions") or {}).get("ready") is not False
            known[pod] = known.get(pod, False) or ready
    return sum(known.values()), len(known)


def _no_port(service: Mapping[str, Any], wanted: int | str | None) -> str:
    asked = f"has no port {wanted}" if wanted else "is named without a port, which Traefik does not serve"
    return f"{asked} (it has: {ports_of(service)})"


def ports_of(service: Mapping[str, Any]) -> str:
    """Returns its ports as text for people: `http 80, admin 8080`."""
    return ", ".join(_port_text(port) for port in service.get("spec", {}).get("ports") or []) or "none"


def selects(service: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether a Service leads to pods with these labels. One without a selector leads to none by itself."""
    selector = service.get("spec", {}).get("selector") or {}
    return bool(selector) and selector.items() <= labels.items()


def _port_text(port: Mapping[str, Any]) -> str:
    return f"{port.get('name')} {port['port']}" if port.get("name") else str(port["port"])


def _outside(service: Mapping[str, Any]) -> str:
    """Adds, for a Service that leads out of the cluster, that such endpoints cannot be counted."""
    named = service.get("spec", {}).get("externalName")
    return f" (it is an ExternalName: {named})" if _leads_outside(service) else ""


def _leads_outside(service: Mapping[str, Any]) -> bool:
    return bool(service.get("spec", {}).get("type") == "ExternalName")
