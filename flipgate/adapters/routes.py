"""Live routes in the cluster: which API they are served under, reading them, and one fenced patch."""

from __future__ import annotations

from datetime import datetime

from flipgate.adapters.cluster import Cluster
from flipgate.core.application import Application
from flipgate.core.errors import NotFound, Refused
from flipgate.core.sides import Side
from flipgate.core.traffic import RouteName, RoutePatch, RouteState, Traffic, read_ingress_route

GROUP = "traefik.io"
DEAD_GROUP = "traefik.containo.us"


def ingress_route_api(cluster: Cluster) -> str:
    """The group and version Traefik's routes are served under, for example `traefik.io/v1alpha1`.

    Raises Refused where there are none, or only those of Traefik 2's first API group, which Traefik 3 no longer reads.
    """
    groups = cluster.groups()
    if GROUP in groups:
        return groups[GROUP]
    if DEAD_GROUP in groups:
        raise Refused(
            f"are served under {DEAD_GROUP} only, which Traefik 3 no longer reads",
            obj="Traefik's routes",
            reason="DeadRouteApi",
            untouched="all routes",
            next_command="move the IngressRoutes to traefik.io/v1alpha1 (Traefik's v2 to v3 migration guide)",
        )
    raise Refused(
        f"this cluster serves no {GROUP} API",
        obj="Traefik's routes",
        reason="NoRouteApi",
        untouched="all routes",
        next_command="kubectl api-resources --api-group=traefik.io",
    )


def read_traffic(cluster: Cluster, application: Application, api_version: str) -> Traffic:
    """Where every declared route sends users now. A route that is gone is part of the answer, not an error."""
    sides = {application.namespace_of(side): side for side in Side}
    states = []
    for route in application.spec.routes:
        name = RouteName(route.kind, route.namespace, route.name)
        states.append(read_ingress_route(name, cluster.find(_path(name, api_version)), sides))
    return Traffic(tuple(states))


def patch_route(cluster: Cluster, patch: RoutePatch, *, timeout: float = 10.0) -> None:
    """Sends one fenced patch. Raises Conflict when a tested value or version is no longer there."""
    try:
        cluster.patch(_path(patch.route, patch.api_version), patch.operations, timeout=timeout)
    except NotFound as error:
        raise Refused(
            "is gone",
            obj=str(patch.route),
            reason="RouteMissing",
            untouched=f"{patch.route}",
            next_command="flipgate status",
        ) from error


def touch_route(cluster: Cluster, state: RouteState, *, by: str, at: datetime) -> None:
    """Writes who confirmed the route as it is: its version changes, so a patch made for the old one is refused."""
    noted = {"flipgate.dev/confirmed": f"{at:%Y-%m-%dT%H:%M:%S.%fZ} {by}"}
    cluster.merge(_path(state.route, state.api_version), {"metadata": {"annotations": noted}}, timeout=5.0)


def _path(route: RouteName, api_version: str) -> str:
    return f"/apis/{api_version}/namespaces/{route.namespace}/{route.kind.lower()}s/{route.name}"
