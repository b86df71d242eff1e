"""Looks for what nobody declared: objects that lead users to a side beside the declared routes, and workloads on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from flipgate.adapters.routes import declared
from flipgate.adapters.sought import find_sought, find_workloads, served_by
from flipgate.core.spec.service import DAEMON_SET, NO_DAEMON_SET, Service
from flipgate.core.traffic.kinds import SOUGHT
from flipgate.core.traffic.kinds.sought import Sought
from flipgate.core.traffic.traffic import RouteName
from flipgate.core.traffic.undeclared import Blind, Undeclared, not_looked, read_undeclared, shortened
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads import taken_out
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_traffic

WORKLOADS: Final[Mapping[str, str]] = MappingProxyType(
    {kind: f"{kind.lower()}s.apps" for kind in ("Deployment", "StatefulSet", DAEMON_SET)}
    | {"CronJob": "cronjobs.batch"}
)
"""Kinds of workload that are looked for, each with its resource."""


@dataclass(frozen=True)
class Others:
    """What leads to a side and was not declared, and where it was not looked for."""

    routes: tuple[Undeclared, ...]
    blind: tuple[Blind, ...]
    looked: tuple[str, ...]
    """The namespaces that were looked into where no list of all of them is given."""

    @property
    def unlooked(self) -> list[str]:
        """A sentence for each place where something was not looked for."""
        return list(not_looked(self.blind, self.looked))

    def leading_to(self, side: Side) -> tuple[Undeclared, ...]:
        """Those that lead to this side."""
        return tuple(each for each in self.routes if side in each.sides)


def look_for_others(world: World) -> Others:
    """Looks for all that leads to a side and is declared neither as a route nor to stay. What may not be listed is left
    out, and said; any other error is raised."""
    spec, places = world.application.spec, world.application.places
    sides = [place.namespace for place in places.values()]
    beside = list(dict.fromkeys(route.namespace for route in spec.routes))
    staying = [RouteName(each.kind, each.namespace, each.name) for each in spec.routes_that_stay]
    known = {*declared(world.application), *staying}
    groups = list(dict.fromkeys(kind.group for kind in SOUGHT.values()))
    served = dict(zip(groups, world.each(partial(served_by, world.cluster), groups), strict=True))

    def seek(kind: Sought) -> tuple[list[Undeclared], list[Blind]]:
        objects, blind = find_sought(world.cluster, kind, served[kind.group], sides, beside)
        return list(read_undeclared(kind, objects, places, known)), blind

    found = world.each(seek, SOUGHT.values())
    routes = sorted((each for some, _ in found for each in some), key=lambda each: str(each.name))
    blind = tuple(each for _, some in found for each in some)
    return Others(tuple(routes), blind, tuple(dict.fromkeys([*sides, *beside])))


def undeclared_problems(world: World) -> Iterator[str]:
    """Yields a sentence for each object that leads to a side and was not declared; where it was not looked for, and
    workloads that nobody declared, are said. What keeps it from being looked for is a problem of its own."""
    try:
        others = look_for_others(world)
        workloads, blind = _undeclared_workloads(world)
    except FlipgateError as error:
        yield f"what else leads to a side is not known: {error}"
        return
    for line in not_looked([*others.blind, *blind], others.looked):
        world.say(line)
    if daemons := [each for each in workloads if each.kind == DAEMON_SET]:
        world.say(f"{shortened(sorted(daemons, key=str))}: a {DAEMON_SET} {NO_DAEMON_SET}")
        workloads = [each for each in workloads if each not in daemons]
    if workloads:
        world.say(
            f"{shortened(sorted(workloads, key=str))}: on a side and not declared, so no release touches it; a CronJob "
            "or a worker there works whichever side is live: declare it under spec.services, or move it out of the "
            "sides' namespaces"
        )
    live = _live(world) if others.routes else None
    for each in others.routes:
        leads = " and ".join(f"{world.application.place_of(side).namespace} ({side})" for side in each.sides)
        fact = f"{each.name} leads to {leads}, and is not declared: its users are not moved with the others"
        yield f"{fact}; {each.mend(live)}"


def undeclared_evidence(world: World) -> list[Evidence]:
    """Returns what leads to a side and was not declared, for a question. Never raises: it decides nothing by itself."""
    try:
        others = look_for_others(world)
    except FlipgateError as error:
        return [_evidence(Verdict.UNKNOWN, str(error))]
    blind = "; ".join(others.unlooked)
    if others.routes:
        led = [f"{each.name} leads to {' and '.join(each.sides)}" for each in others.routes]
        return [
            _evidence(Verdict.FAIL, f"{shortened(led)}: users who come by it are not moved{blind and f'; {blind}'}")
        ]
    return [_evidence(Verdict.INFO if blind else Verdict.PASS, f"none found{blind and f'; {blind}'}")]


def need_declared(world: World, side: Side, verb: str) -> None:
    """Raises Refused (UndeclaredRoute) where something that was not declared leads users to this side, which is about
    to rest. Where it may not be looked for, that is said. `verb` is what a person types once it is mended."""
    others = look_for_others(world)
    for line in others.unlooked:
        world.say(line)
    if not (found := others.leading_to(side)):
        return
    first, *more = found
    also = f", and so do {shortened([each.name for each in more])}" if more else ""
    name = world.application.name
    raise Refused(
        f"leads to {side}, and is not declared{also}: users who come by it would be cut off",
        obj=str(first.name),
        reason=Why.UNDECLARED_ROUTE,
        untouched=f"{side}: the way back stays open",
        next_command=f"{first.mend(side.other)}, in the file of application {name}; flipgate check -f FILE, flipgate "
        f"apply -f FILE, then again flipgate {verb} {name}",
    )


def _live(world: World) -> Side | None:
    """The side that the declared routes name. What keeps them from being read is a problem of its own."""
    try:
        return look_at_traffic(world).active
    except FlipgateError:
        return None


def _evidence(verdict: Verdict, answer: str) -> Evidence:
    return Evidence("other routes", verdict, "what else leads to a side", "Kubernetes", answer, "all of it declared")


def _handed_over_still(world: World) -> tuple[Service, ...]:
    """What was taken out of the file and is handed over all the same; nothing where the record cannot be read."""
    try:
        record = world.store.find()
    except FlipgateError:
        return ()
    return taken_out.workers(world.application, record) if record else ()


def _undeclared_workloads(world: World) -> tuple[list[RouteName], list[Blind]]:
    """Returns the workloads of both sides that nobody declared, and what may not be listed. Not those that the file
    named once, and that a release still hands over with the others."""
    application = world.application
    known = (*application.spec.services, *_handed_over_still(world))
    names, blind = list[RouteName](), list[Blind]()
    for kind, resource in WORKLOADS.items():
        for place in application.places.values():
            ours = {place.workload_of(service) for service in known if service.kind == kind}
            found, unlooked = find_workloads(world.cluster, kind, resource, place.namespace)
            names += [RouteName(kind, place.namespace, name) for name in found if name not in ours]
            blind += unlooked
    return names, blind
