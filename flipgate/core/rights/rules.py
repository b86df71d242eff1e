"""What flipgate must be allowed to do, by what an application declares: the one source of what `flipgate check` asks
about and of the Roles that it prints.

By name wherever Kubernetes can: `list`, `watch` and `create` name no object, and neither does who reads objects whose
names only the cluster knows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import product
from typing import Final

from flipgate.core.gates.database import Database
from flipgate.core.gates.hooks import Hook, HookPoint
from flipgate.core.gates.secrets import secrets_of
from flipgate.core.gates.task import Task
from flipgate.core.git.flux import GROUP as FLUX
from flipgate.core.git.flux import PLURAL as KUSTOMIZATIONS
from flipgate.core.rights.rule import EACH_THAT_ACTS, READING, UNNAMED, VERBS, Account, Rule
from flipgate.core.spec.application import Application
from flipgate.core.spec.service import Service
from flipgate.core.traffic.dark_preview import DARK
from flipgate.core.traffic.grants import GRANTS
from flipgate.core.traffic.kinds import KINDS, SOUGHT
from flipgate.core.traffic.kinds.middleware import GROUP as TRAEFIK
from flipgate.core.traffic.kinds.middleware import PLURAL as MIDDLEWARES
from flipgate.core.traffic.preview import preview_names
from flipgate.core.traffic.traffic import RouteName
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.place import Place, proxied
from flipgate.core.values.sides import Side
from flipgate.core.workloads.keepers import GROUPS
from flipgate.core.workloads.kinds import KINDS as KINDS_OF_WORKLOAD
from flipgate.core.workloads.kinds import Rights
from flipgate.core.workloads.named import SECRET
from flipgate.core.workloads.scaled_objects import KEDA

MAKING_JOBS: Final[Rights] = (("batch", "jobs", "create"), ("", "pods/log", "get"), ("", "events", "list"))
"""Why the API server lets a Job have no pod is said in its Events alone."""
SENDING: Final = ("create", "update", "patch", "delete")
"""Rights on `services/proxy` beside get, for a program's requests other than GET and HEAD: said where they lack, and
not needed by one that only reads."""
PRIVATE: Final = frozenset({"secrets", "pods/log", "pods/proxy", "services/proxy"})
"""What readers are not given: it shows more than the state of a release."""
OTHER_WORKLOADS: Final[Rights] = (
    ("apps", "deployments", "list"),
    ("apps", "statefulsets", "list"),
    ("apps", "daemonsets", "list"),
    ("batch", "cronjobs", "list"),
)
RUNS_CHECKS: Final = frozenset({Account.DEPLOY})
BESIDE_FLIP: Final = (HookPoint.BEFORE_FLIP, HookPoint.AFTER_FLIP)
ASKS_CHECKS: Final = frozenset({Account.DEPLOY, Account.FLIP})
"""A flip asks the checks by HTTP again, before anybody is moved."""
READS_SECRETS: Final = frozenset({Account.DEPLOY, Account.SETUP})
WRITES_COPIES: Final = frozenset({Account.DEPLOY, Account.FLIP})
UNDECLARED: Final = "What leads users to a side, and workloads there, that nobody declared."


@dataclass(frozen=True)
class Found:
    """What the cluster says beside the file."""

    keda: bool = False
    """Whether it serves KEDA's kinds."""
    gone: tuple[Service, ...] = ()
    """Services that a side ran and that the file names no longer: they are still handed over."""
    secrets: frozenset[tuple[str, str]] = frozenset()
    """Namespace and name of the Secrets that pods of the sides name."""
    keepers: frozenset[str] = frozenset()
    """The kinds that make Secrets from elsewhere and that the cluster serves: ExternalSecret, SealedSecret."""
    behind: frozenset[tuple[str, str]] = frozenset()
    """Kind and name of what routes name of a side and that is itself one of Traefik's or the Gateway API's kinds."""


NOTHING: Final = Found()


def rules_of(application: Application, own: str, found: Found = NOTHING) -> tuple[Rule, ...]:
    """Returns what flipgate must be allowed to do for this application; `own` is flipgate's own namespace."""
    return (
        *_own(application, own),
        *(rule for side in Side for rule in _side(application, application.place_of(side), found)),
        *_routes(application),
        *_traefik(application),
        *_flux(application),
        *_maintenance(application),
    )


def rules(
    namespace: str,
    rights: Rights,
    names: Collection[str] = (),
    *,
    why: str = "",
    needed: bool = True,
    by: frozenset[Account] = EACH_THAT_ACTS,
) -> Iterator[Rule]:
    """Yields the rules of these rights: verbs that name an object by these names, where there are any, the others
    without. Readers have what is read and needed, but for PRIVATE."""
    for group, resource, verbs in rights:
        given = [verb for verb in VERBS if verb in verbs.split()]
        shown = needed and resource not in PRIVATE and by == EACH_THAT_ACTS
        for reads, named in product((True, False), repeat=2):
            some = tuple(v for v in given if (v in READING) is reads and (bool(names) and v not in UNNAMED) is named)
            who = by | {Account.READER} if reads and shown else by
            if some:
                yield Rule(namespace, group, resource, some, tuple(names) if named else (), why, needed, who)


def behind_rules(namespace: str, behind: Iterable[tuple[str, str]]) -> Iterator[Rule]:
    """Yields what is needed where routes name, say, a TraefikService of a side: the other side's is looked into before
    each move."""
    for kind in sorted({kind for kind, _ in behind if kind in KINDS}):
        names = sorted(name for each, name in behind if each == kind)
        row = KINDS[kind]
        yield from rules(namespace, ((row.group, row.plural, "get"),), names, why="What the routes name of this side.")


def _own(application: Application, own: str) -> Iterator[Rule]:
    """What flipgate remembers. Its history has an object for each finished release, and RBAC knows no names by their
    beginning: so whoever may keep it may write all ConfigMaps of this namespace."""
    name = application.name
    setup = frozenset({Account.SETUP})
    record = "The record, and when reconcile last succeeded."
    yield from rules(own, (("", "namespaces", "get"),), [own], why="`apply` looks whether it is there.", by=setup)
    yield from rules(own, (("", "configmaps", "update"),), [f"record-{name}"], why=record)
    noted = frozenset({Account.RECONCILE})
    yield from rules(own, (("", "configmaps", "update"),), [f"reconcile-{name}"], why=record, by=noted)
    decides = frozenset({Account.SLACK})
    asked = "Who decides by a button: what the record asks, and the answer."
    yield from rules(own, (("", "configmaps", "get"),), [f"application-{name}"], why=asked, by=decides)
    yield from rules(own, (("", "configmaps", "get update"),), [f"record-{name}"], why=asked, by=decides)
    history = "The history is found by label, and each finished release is an object by its own name."
    yield from rules(own, (("", "configmaps", "get list create patch delete"),), why=history)
    lease = [f"flipgate-{name}"]
    yield from rules(own, (("coordination.k8s.io", "leases", "get create update"),), lease, why="Who acts.")
    headers = [header.secret for header in application.spec.traffic.probe.headers if header.secret]
    if secrets := [each.name for each in (*headers, *(secret for _, secret in secrets_of(application.spec)))]:
        why = "Headers of flipgate's own requests (traffic.probe.headers, metrics.*Authorization, gates)."
        yield from rules(own, (("", "secrets", "get"),), [*dict.fromkeys(secrets)], why=why)


def _side(application: Application, place: Place, found: Found) -> Iterator[Rule]:
    namespace = place.namespace
    yield from rules(namespace, (("", "namespaces", "get"),), [namespace])
    yield from rules(namespace, (("", "pods", "list"),), why="How pods come up, and what they really run.")
    config = "What pod templates and routes name: only the cluster knows the names."
    yield from rules(namespace, (("", "services", "get"), ("", "configmaps", "get")), why=config)
    yield from rules(namespace, (("", "events", "create"),), why="For `kubectl describe`: releases go on without.")
    room = "What could keep a side from coming up, or from being whole again; autoscalers, for the live side, too."
    listed: Rights = (("", "resourcequotas", "list"), ("autoscaling", "horizontalpodautoscalers", "list"))
    yield from rules(namespace, (*listed, ("discovery.k8s.io", "endpointslices", "list")), why=room)
    yield from rules(namespace, (("", "limitranges", "list"),), why=room, needed=False)
    services = (*application.spec.services, *found.gone)
    yield from _workloads(place, services)
    yield from _mixed(place, services)
    yield from _pointers(place, application.cloned())
    yield from _checks(application, place)
    yield from _parity(application, place, found)
    for kind in dict.fromkeys(gate.kind for gate in application.spec.gates):
        yield from rules(namespace, kind.rights, why=f"A gate of kind {kind.word}.")
    kinds = {KINDS[route.kind] for route in application.spec.routes}
    for group in sorted({kind.group for kind in kinds if kind.needs_grant}):
        yield from rules(namespace, ((group, GRANTS, "list"),), why="Whether a route may name what is here.")
    if application.spec.policy.rest_replicas:
        why = (
            "A minimum beyond policy.restReplicas is lowered while a side is at rest; only the cluster knows the names."
        )
        yield from rules(namespace, (("autoscaling", "horizontalpodautoscalers", "patch"),), why=why)
    if found.keda and any(service.role != "cron" for service in services):
        why = "What KEDA scales is paused at rest, workers on the dark side; only the cluster knows the names."
        needed = any(service.role == "worker" for service in services)
        yield from rules(namespace, ((KEDA, "scaledobjects", "list patch"),), why=why, needed=needed)
    yield from behind_rules(namespace, found.behind)
    why = "What a release that fails is told with: last lines of its pods, and Events."
    yield from rules(namespace, (("", "pods/log", "get"), ("", "events", "list")), why=why, needed=False)
    yield from rules(namespace, _sought(), why=UNDECLARED, needed=False)
    yield from rules(namespace, OTHER_WORKLOADS, why=UNDECLARED, needed=False)


def _workloads(place: Place, services: Iterable[Service]) -> Iterator[Rule]:
    named: dict[str, list[str]] = {}
    for service in services:
        named.setdefault(service.kind, []).append(place.workload_of(service))
    for kind, row in KINDS_OF_WORKLOAD.items():
        for right in row.rights if kind in named else ():
            own = right[1].partition("/")[0] == f"{kind.lower()}s"
            yield from rules(place.namespace, (right,), sorted(named[kind]) if own else (), why=f"Services: {kind}s.")


def _pointers(place: Place, databases: Iterable[Database]) -> Iterator[Rule]:
    if names := {each.clone.config_map: None for each in databases if each.clone}:
        why = "Databases that a release comes up on a copy of: pods are told which is theirs."
        yield from rules(place.namespace, (("", "configmaps", "patch"),), sorted(names), why=why)


def _mixed(place: Place, services: Iterable[Service]) -> Iterator[Rule]:
    """The kubelet is made to look at a ConfigMap at once, and pods are asked whether they do as they were told."""
    if switches := {service.consume.config_map: None for service in services if service.consume}:
        why = "Services of role mixed: told whether to consume, and asked."
        yield from rules(place.namespace, (("", "configmaps", "patch"),), sorted(switches), why=why)
        yield from rules(place.namespace, (("", "pods", "patch"), ("", "pods/proxy", "get")), why=why)


def _checks(application: Application, place: Place) -> Iterator[Rule]:
    tasks, namespace = application.spec.tasks, place.namespace
    asked, by_name = proxies(application, place)
    if asked:
        why = "Checks, as [SCHEME:]SERVICE:PORT."
        yield from rules(namespace, (("", "services/proxy", "get"),), by_name, why=why, by=ASKS_CHECKS)
        # `create` has a name here: the request names whom it asks in its path.
        names = tuple(by_name)
        if commands := _run_by(tasks, "command"):
            why = "Commands that send other requests than GET."
            yield Rule(namespace, "", "services/proxy", SENDING, names, why, needed=False, by=commands)
        if posting := _run_by([hook for hook in application.spec.hooks if hook.method == "POST"], "http"):
            why = "Hooks that POST, as [SCHEME:]SERVICE:PORT."
            yield Rule(namespace, "", "services/proxy", ("create",), names, why, by=posting)
    pulling = RUNS_CHECKS if application.spec.pre_pull else frozenset[Account]()
    if jobs := _run_by(tasks, "job", "workload") | pulling:
        why = "A task that is a Job: made and followed, with its log and Events; a flip suspends what has not ended."
        yield from rules(namespace, MAKING_JOBS, why=why, by=jobs)
        yield from rules(namespace, (("batch", "jobs", "get list patch"),), why=why)
    if application.spec.reach or application.spec.pre_pull:
        why = "Jobs that asked what has to be reached, or pulled images: taken away once they have ended."
        yield from rules(namespace, (("batch", "jobs", "delete"),), why=why, needed=False, by=RUNS_CHECKS)


def _run_by(tasks: Iterable[Task], *kinds: str) -> frozenset[Account]:
    """Who runs those of these kinds: what deploys, and for hooks beside the flip what flips."""
    of_kind = [task for task in tasks if task.kind in kinds]
    flips = any(isinstance(task, Hook) and task.at in BESIDE_FLIP for task in of_kind)
    others = any(not isinstance(task, Hook) or task.at not in BESIDE_FLIP for task in of_kind)
    return (RUNS_CHECKS if others else frozenset()) | ({Account.FLIP} if flips else set())


def _parity(application: Application, place: Place, found: Found) -> Iterator[Rule]:
    """Secrets are read by name and never listed. Who has no such right is told what is not known, and releases go on
    without, unless the file declares what has to be equal."""
    namespace, parity = place.namespace, application.spec.parity
    needed = parity is not None
    declared = [each for each in parity.equal if each.name] if parity else []
    names = {each.name or "" for each in declared if each.kind == SECRET}
    names |= {name for where, name in found.secrets if where == namespace}
    why = "Whether what pods name is there, and the same on both sides: digests alone are compared."
    if names:
        yield from rules(namespace, (("", "secrets", "get"),), sorted(names), why=why, needed=needed, by=READS_SECRETS)
    yield from rules(namespace, (("", "serviceaccounts", "get"),), why=why, needed=needed, by=READS_SECRETS)
    listed: Rights = (("", "configmaps", "list"), ("", "serviceaccounts", "list"))
    at_once = "Many of them at once; without, each is read by its name."
    yield from rules(namespace, listed, why=at_once, needed=False, by=READS_SECRETS)
    for kind in sorted(found.keepers):
        made = "Whether what makes Secrets from elsewhere has made them."
        rights = ((GROUPS[kind], f"{kind.lower()}s", "get"),)
        yield from rules(namespace, rights, why=made, needed=needed, by=READS_SECRETS)
    for kind in dict.fromkeys(each.kind for each in parity.copies()) if parity else ():
        copied = sorted({each.name or "" for each in declared if each.sync == "copy" and each.kind == kind})
        why, resource = "Copied from the live side (spec.parity); a flip stamps them.", f"{kind.lower()}s"
        yield from rules(namespace, (("", resource, "get patch"),), copied, why=why, by=WRITES_COPIES)
        yield from rules(namespace, (("", resource, "create"),), why=why, by=RUNS_CHECKS)
        left = "What was made empty and is not filled, its release being over, goes; without, it stays until the next."
        yield from rules(namespace, (("", resource, "delete"),), copied, why=left, needed=False, by=RUNS_CHECKS)


def proxies(application: Application, place: Place) -> tuple[bool, list[str]]:
    """Returns whether checks ask anything through the API server, and whom, as it names them; no names where a command
    gets an address that only the cluster knows (the first port of a Service that no check names)."""
    asking = [task for task in (*application.spec.checks, *application.spec.hooks) if not task.makes_job]
    service_of = {each.name: place.service_of(each) for each in application.spec.services}
    named = {proxied(task.scheme, service_of[task.asked], task.port) for task in asking if task.asked}
    commands = any(task.command for task in asking)
    unknown = commands and {each.name for each in application.serving()} - {task.asked for task in asking}
    return bool(asking), [] if unknown else sorted(named)


def _routes(application: Application) -> Iterator[Rule]:
    spec = application.spec
    for where, kind in dict.fromkeys((route.namespace, route.kind) for route in spec.routes):
        row = KINDS[kind]
        names = [route.name for route in spec.routes if (route.namespace, route.kind) == (where, kind)]
        why = "The live routes: moved by a flip and its way back, stamped by who prepares or rests a side."
        yield from rules(where, ((row.group, row.plural, "get patch"),), names, why=why)
    for number, route in enumerate(spec.routes):
        name = RouteName(route.kind, route.namespace, route.name)
        if spec.traffic.preview_host:
            yield from _preview(preview_names(application.name, number, name), "create patch delete", "previewHost")
        if spec.traffic.dark_preview:
            made = preview_names(application.name, number, name, what=DARK)
            yield from _preview(made, "get create patch delete", "darkPreview")
    sides = {place.namespace for place in application.places.values()}
    for where in dict.fromkeys(route.namespace for route in spec.routes):
        yield from rules(where, (("", "events", "create"),), why="For `kubectl describe`: releases go on without.")
        why = "Whether middlewares that routes go through lead to a side."
        yield from rules(where, ((TRAEFIK, MIDDLEWARES, "get"),), why=why, needed=False)
        if where not in sides:
            yield from rules(where, _sought(crossing=True), why=UNDECLARED, needed=False)


def _preview(names: Iterable[RouteName], verbs: str, key: str) -> Iterator[Rule]:
    for name in names:
        row, why = KINDS[name.kind], f"Routes of flipgate's own (traffic.{key})."
        yield from rules(name.namespace, ((row.group, row.plural, verbs),), [name.name], why=why)


def _sought(*, crossing: bool = False) -> Rights:
    found = (kind for kind in SOUGHT.values() if kind.crossing or not crossing)
    return tuple((kind.group, kind.plural, "list") for kind in found)


def _traefik(application: Application) -> Iterator[Rule]:
    if application.spec.traffic.address:  # it is asked then, and no pod
        return
    why = "Which side answers, through each of Traefik's pods: they come and go, so none is named."
    where = application.spec.traffic.traefik.namespace
    yield from rules(where, (("", "pods", "list"), ("", "pods/proxy", "get")), why=why)


def _maintenance(application: Application) -> Iterator[Rule]:
    if flag := application.spec.maintenance:
        why = "The maintenance flag: set before users are moved, and taken off."
        yield from rules(flag.namespace, (("", "configmaps", "get patch"),), [flag.config_map], why=why)


def _flux(application: Application) -> Iterator[Rule]:
    """Its source is asked, too, where that is allowed (`patch` on gitrepositories): without, it looks by itself."""
    git = application.spec.git
    if not git or not git.flux:
        return
    for each in (git.flux.blue, git.flux.green, git.flux.routes):
        if each:
            why = "What Flux says, and that it looks now."
            yield from rules(each.namespace, ((FLUX, KUSTOMIZATIONS, "get patch"),), [each.name], why=why)
