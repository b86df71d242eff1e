"""What flipgate must be allowed to do, by what an application declares, and whether this user may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from flipgate.adapters.addresses import KEDA
from flipgate.core.git.flux import GROUP, PLURAL
from flipgate.core.spec.application import Application
from flipgate.core.traffic.grants import GRANTS
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.values.sides import Side
from flipgate.core.workloads.kinds import KINDS as KINDS_OF_WORKLOAD
from flipgate.core.workloads.kinds import Rights
from flipgate.steps.acting.world import World
from flipgate.steps.moving.jobs import FOR_JOBS

ON_A_SIDE: Rights = (
    ("", "namespaces", "get"),
    ("", "pods", "list"),
    ("", "services", "get"),
    ("", "services/proxy", "get"),
    ("", "configmaps", "get"),
    ("", "events", "create"),
    # For WayBackReady: what could keep the old side from being whole again; autoscalers for LiveSideReady, too.
    ("", "resourcequotas", "list"),
    ("autoscaling", "horizontalpodautoscalers", "list"),
    ("discovery.k8s.io", "endpointslices", "list"),
)
"""On the sides. Beside these: those of the kinds of workload that are declared (core/workloads/kinds.py)."""
FOR_MIXED: Rights = (
    ("", "configmaps", "patch"),
    # The kubelet is made to look at once, and the pods are asked whether they do as they were told.
    ("", "pods", "patch"),
    ("", "pods/proxy", "get"),
)
"""On the sides, where a service of role mixed is declared."""
FOR_KEDA: Rights = ((KEDA, "scaledobjects", "list patch"),)
"""On the sides, where KEDA is served and a worker is declared: what would start it on a dark side is paused there."""


FOR_FLUX: Rights = ((GROUP, PLURAL, "get patch"),)
"""Where a Kustomization of Flux's is named: what it says, and that it looks now. Its source is read and asked, too,
where that is allowed (`get patch` on gitrepositories): without, it looks by itself, and `check` says so."""


def _on_previews(verbs: str) -> Mapping[str, Rights]:
    made = {word: [KINDS[each] for each in kind.previews] for word, kind in KINDS.items()}
    return MappingProxyType({word: tuple((k.group, k.plural, verbs) for k in kinds) for word, kinds in made.items()})


FOR_PREVIEW: Final = _on_previews("create patch delete")
"""By the kind of route, where it stands, when a preview's host is declared: routes of flipgate's own are made there."""
FOR_DARK_PREVIEW: Final = _on_previews("get create patch delete")
"""The same for a dark preview, which is looked for before it is made."""
FOR_GRANTS: Mapping[str, Rights] = MappingProxyType(
    {word: ((kind.group, GRANTS, "list"),) if kind.needs_grant else () for word, kind in KINDS.items()}
)
"""By the kind of a declared route, on the sides: whether it may name what is there."""
OF_ITS_OWN: Rights = (
    ("", "namespaces", "get"),
    ("", "configmaps", "get list create update patch delete"),
    ("coordination.k8s.io", "leases", "get create update"),
)
ON_ROUTES: Mapping[str, Rights] = MappingProxyType(
    {word: ((kind.group, kind.plural, "get patch"), ("", "events", "create")) for word, kind in KINDS.items()}
)
"""By the kind of route: asked for in the namespaces where a route of that kind is declared."""
ON_TRAEFIK: Rights = (("", "pods", "list"), ("", "pods/proxy", "get"))


def rights_on_a_side(application: Application) -> Rights:
    """What flipgate must be allowed to do on each side of this application."""
    declared = {service.kind for service in application.spec.services}
    workloads = tuple(right for kind, row in KINDS_OF_WORKLOAD.items() if kind in declared for right in row.rights)
    gates = tuple(
        right for kind in dict.fromkeys(gate.kind for gate in application.spec.gates) for right in kind.rights
    )
    mixed = FOR_MIXED if application.mixed() else ()
    jobs = FOR_JOBS if any(check.job for check in application.spec.checks) else ()
    grants = tuple(right for kind in {route.kind for route in application.spec.routes} for right in FOR_GRANTS[kind])
    return ON_A_SIDE + workloads + mixed + jobs + gates + grants


def missing_rights(world: World, namespace: str) -> Iterator[str]:
    """Each right that flipgate needs and this user lacks, with the command that shows it; `namespace` is flipgate's
    own."""
    application = world.application
    keda = application.workers() and KEDA in world.cluster.groups()
    on_a_side = rights_on_a_side(application) + (FOR_KEDA if keda else ())
    places: list[tuple[str, Rights]] = [(application.place_of(side).namespace, on_a_side) for side in Side]
    places.append((namespace, OF_ITS_OWN))
    if not application.spec.traffic.address:  # else it is asked, and no pod
        places.append((application.spec.traffic.traefik.namespace, ON_TRAEFIK))
    routes = dict.fromkeys((route.namespace, route.kind) for route in application.spec.routes)
    places += [(where, ON_ROUTES[kind]) for where, kind in routes]
    if application.spec.traffic.preview_host:
        places += [(where, FOR_PREVIEW[kind]) for where, kind in routes]
    if application.spec.traffic.dark_preview:
        places += [(where, FOR_DARK_PREVIEW[kind]) for where, kind in routes]
    if (git := application.spec.git) and git.flux:
        places += [(each.namespace, FOR_FLUX) for each in (git.flux.blue, git.flux.green, git.flux.routes) if each]
    needed: dict[str, Rights] = {}
    for where, rights in places:
        needed[where] = needed.get(where, ()) + rights
    for where, rights in needed.items():
        yield from denied(world, where, rights)


def denied(world: World, where: str, needed: Rights) -> Iterator[str]:
    """Each right by itself, unless this user may do everything there: most who check a file by hand may."""
    if world.cluster.allowed("*", "*", "*", where):
        return
    # Once each: a route may stand on a side, and need the same there.
    asked = [*dict.fromkeys((verb, group, what) for group, what, verbs in needed for verb in verbs.split())]
    answers = world.each(lambda each: world.cluster.allowed(*each, where), asked)
    for verb, group, what in (each for each, may in zip(asked, answers, strict=True) if not may):
        kind, _, part = what.partition("/")
        kind += f".{group}" if group else ""
        command = f"kubectl auth can-i {verb} {kind}{f' --subresource={part}' if part else ''} -n {where}"
        yield f"no permission to {verb} {kind}{f'/{part}' if part else ''} in namespace {where} ({command})"
