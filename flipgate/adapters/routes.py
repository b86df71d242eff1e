"""Live routes in the cluster: which API they are served under, reading them, and one fenced patch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from flipgate.adapters.cluster import Cluster, Reader
from flipgate.core.spec.application import Application
from flipgate.core.traffic.grants import GRANTS
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.kinds.middleware import GROUP, PLURAL
from flipgate.core.traffic.moves import RoutePatch, forget_unrecorded, forget_way_back
from flipgate.core.traffic.reading import read_route
from flipgate.core.traffic.traffic import RouteName, RouteState, Traffic
from flipgate.core.values.errors import Conflict, NotFound, Refused, about
from flipgate.core.values.reasons import Why

GRANTS_VERSION = "v1beta1"
"""The one of ReferenceGrants that each release of the Gateway API serves, and that Traefik reads."""


@about(untouched="all routes")
def find_route_api(cluster: Reader, kind: str) -> str:
    """The group and version that routes of this kind are served under, for example `traefik.io/v1alpha1`.

    Raises Refused where there are none, or only those of a group that nobody reads any more (Traefik 2's first).
    """
    wanted, groups = KINDS[kind], cluster.groups()
    if wanted.group in groups:
        return groups[wanted.group]
    if wanted.dead_group in groups:
        raise Refused(
            f"are served under {wanted.dead_group} only, which Traefik 3 no longer reads",
            obj=f"{wanted.owner}'s routes",
            reason=Why.DEAD_ROUTE_API,
            next_command=wanted.moved_to,
        )
    raise Refused(
        f"this cluster serves no {wanted.group} API",
        obj=f"{wanted.owner}'s routes",
        reason=Why.NO_ROUTE_API,
        next_command=f"kubectl api-resources --api-group={wanted.group}",
    )


def serves(cluster: Reader, api_version: str, kind: str) -> bool:
    """Whether this kind of route is served there: a group may be, and one of its kinds not be installed."""
    kinds = {each["kind"] for each in cluster.get(f"/apis/{api_version}").get("resources") or []}
    return kind in kinds


def read_traffic(cluster: Reader, application: Application, api_of: Callable[[str], str]) -> Traffic:
    """Where every declared route sends users now; `api_of` says what its kind is served under. A route that is gone is
    part of the answer, not an error."""
    names = declared(application)
    return Traffic(tuple(find_route(cluster, application, name, api_of(name.kind), names) for name in names))


def declared(application: Application) -> list[RouteName]:
    """The routes of the application's file, in its order."""
    return [RouteName(route.kind, route.namespace, route.name) for route in application.spec.routes]


def find_route(
    cluster: Reader, application: Application, name: RouteName, api_version: str, known: Collection[RouteName] = ()
) -> RouteState:
    """One route as it is now, declared or not; one that is gone is said to be. `known` are the declared ones."""
    return read_route(name, find_object(cluster, name, api_version), application.places, known)


def patch_route(cluster: Cluster, patch: RoutePatch, *, timeout: float = 10.0) -> None:
    """Sends one fenced patch. Raises Conflict when a tested value or version is no longer there."""
    try:
        cluster.patch(_path(patch.route, patch.api_version), (*patch.operations, *patch.annotating), timeout=timeout)
    except NotFound as error:
        raise Refused(
            "is gone",
            obj=str(patch.route),
            reason=Why.ROUTE_MISSING,
            untouched=f"{patch.route}",
        ) from error


def get_route(cluster: Reader, route: RouteName, api_version: str) -> dict[str, Any]:
    """The object itself. Raises NotFound."""
    return cluster.get(_path(route, api_version))


def find_object(cluster: Reader, route: RouteName, api_version: str) -> dict[str, Any] | None:
    """The object itself, a live route's or one of flipgate's own; None where there is none."""
    return cluster.find(_path(route, api_version))


def apply_route(cluster: Cluster, obj: Mapping[str, Any]) -> None:
    """Makes a route of flipgate's own, or makes it so again."""
    meta = obj["metadata"]
    cluster.apply(_path(RouteName(obj["kind"], meta["namespace"], meta["name"]), obj["apiVersion"]), obj)


def make_route(cluster: Cluster, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Makes a route of flipgate's own. Raises Conflict where there is one of that name."""
    meta = obj["metadata"]
    every, _, _ = _path(RouteName(obj["kind"], meta["namespace"], meta["name"]), obj["apiVersion"]).rpartition("/")
    return cluster.create(every, obj)


def write_own(cluster: Cluster, route: RouteName, api_version: str, operations: Sequence[Mapping[str, Any]]) -> None:
    """Sends one fenced patch to a route of flipgate's own. Raises Conflict when what it tests is no longer there."""
    cluster.patch(_path(route, api_version), operations)


def delete_route(cluster: Cluster, route: RouteName, api_version: str, *, uid: str = "") -> None:
    """Deletes a route of flipgate's own; one that is gone already is fine. With a `uid` that very one: raises Conflict
    where it is another by now."""
    cluster.delete(_path(route, api_version), uid=uid)


def clear_unrecorded(cluster: Cluster, state: RouteState) -> None:
    """Takes off what a rollback without a record has left on a route. What another one has left since stays."""
    try:
        cluster.patch(_path(state.route, state.api_version), forget_unrecorded(state), timeout=5.0)
    except (Conflict, NotFound):
        return


def clear_way_back(cluster: Cluster, state: RouteState) -> None:
    """Takes the way back by hand off a route that has one. A line that somebody else has written since stays."""
    try:
        cluster.patch(_path(state.route, state.api_version), forget_way_back(state), timeout=5.0)
    except (Conflict, NotFound):
        return


def find_grants(cluster: Reader, kind: str, namespace: str) -> list[dict[str, Any]]:
    """The ReferenceGrants of a namespace, for routes of a kind that needs them. None where they are not installed."""
    path = f"/apis/{KINDS[kind].group}/{GRANTS_VERSION}/namespaces/{namespace}/{GRANTS}"
    try:
        return cluster.items(path)
    except NotFound:
        return []


def find_middleware(cluster: Reader, name: RouteName) -> dict[str, Any] | None:
    """One of Traefik's middlewares; None where it is not there, or nothing of Traefik's is served. Raises Forbidden."""
    if (api := cluster.groups().get(GROUP)) is None:
        return None
    return cluster.find(f"/apis/{api}/namespaces/{name.namespace}/{PLURAL}/{name.name}")


def _path(route: RouteName, api_version: str) -> str:
    return f"/apis/{api_version}/namespaces/{route.namespace}/{KINDS[route.kind].plural}/{route.name}"
