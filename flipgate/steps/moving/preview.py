"""Finds out, before users depend on it, whether Traefik can lead them to the new side: by a route under a host name
that nobody uses."""

from __future__ import annotations

from flipgate.adapters.routes import apply_route, declared, delete_route, get_route
from flipgate.core.gates.proof import Proven
from flipgate.core.record.intents import Preview
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.preview import preview_names
from flipgate.core.traffic.traffic import RouteName, Traffic
from flipgate.core.values.errors import PermanentError, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.world import World
from flipgate.steps.looking.preview import preview_objects
from flipgate.steps.looking.prove import prove

SEEN_SECONDS = 10.0
"""How long each replica may take to show a preview, beside its throttle."""


def need_preview(acting: Acting, traffic: Traffic, to: Side, replicas: list[str]) -> None:
    """Raises Refused (PreviewNotSeen) unless each replica leads requests for the preview's host to `to`, by routes that
    say what the live ones will say; PreviewNotMade where those may not be made. Nothing is done where no such host is
    declared.

    A write to the cluster like any other: journaled, and taken away again, also by whoever finds it left over.
    """
    world = acting.world
    host = world.application.spec.traffic.preview_host
    if not host:
        return
    with journal(acting, Preview(to, host)) as entry:
        try:
            _make(acting, traffic, to, host)
            proven = _look(world, to, replicas, host)
        finally:
            clear_preview(acting)
        if not proven.ok:
            raise _not_seen(world, to, host, proven)
        shown = len([each for each in proven.replicas if each.proven])
        entry.outcome = f"{host} leads to {to} through {shown} Traefik replica{'' if shown == 1 else 's'}"


def clear_preview(acting: Acting) -> None:
    """Takes away what a preview consists of; what is gone already is fine, and what may not be deleted is said."""
    world = acting.world
    if not world.application.spec.traffic.preview_host:
        return
    for number, route in enumerate(declared(world.application)):
        for name in preview_names(world.application.name, number, route):
            try:
                delete_route(acting.cluster, name, world.route_api(name.kind))
            except PermanentError as error:
                world.say(f"the preview's {name} may be left: {error}")


def _make(acting: Acting, traffic: Traffic, to: Side, host: str) -> None:
    try:
        for state in traffic.leading:
            _show(acting, state.route, to, host)
    except PermanentError as error:
        raise Refused(
            f"could not be made: {error.fact}",
            obj=f"preview of {acting.world.application.name}",
            reason=Why.PREVIEW_NOT_MADE,
            untouched="all routes",
            next_command="flipgate check -f APP.yaml (asks for the rights that it needs)",
        ) from error


def _show(acting: Acting, route: RouteName, to: Side, host: str) -> None:
    world = acting.world
    obj = get_route(world.cluster, route, world.route_api(route.kind))
    for made in preview_objects(world, route, obj, to, host).values():
        apply_route(acting.cluster, made)


def _look(world: World, to: Side, replicas: list[str], host: str) -> Proven:
    spec = world.application.spec.traffic
    patience = min(spec.proof_timeout_seconds, spec.traefik.throttle_seconds + SEEN_SECONDS)
    return prove(world, to, replicas, answers=1, timeout_seconds=patience, host=host)


def _not_seen(world: World, to: Side, host: str, proven: Proven) -> Refused:
    shown = "; ".join(proven.unproven) or "none of the replicas is Ready any more"
    asked = dict.fromkeys(KINDS[route.kind].unseen for route in declared(world.application))
    return Refused(
        f"does not lead {host} to {to} within {proven.seconds:.1f} s, so users could not be led there either: {shown}. "
        f"{' '.join(asked)}",
        obj=world.proxy.name,
        reason=Why.PREVIEW_NOT_SEEN,
        untouched="all routes",
        next_command=world.proxy.look_into(host=host),
    )
