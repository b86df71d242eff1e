"""Decides what a draft says of each workload: its role, count, image, Service and check."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flipgate.core.draft.found import Found, Object
from flipgate.core.spec.images import check_repository
from flipgate.core.traffic.targets import selects
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side
from flipgate.core.workloads.containers import LISTS, spots
from flipgate.core.workloads.view import repository_of

DRAFTED: Final = ("Deployment", "StatefulSet", "CronJob")
"""The kinds of workload that a service can be. Of another one than these two the draft says `kind`."""
LEFT_OUT: Final[Mapping[str, str]] = {
    "DaemonSet": "it cannot be scaled to 0: it runs on both sides, whichever is live, and no release touches it",
}
"""The kinds that no service can be, and what that means for one."""
CHECK_PORT: Final = 80
"""Of a check that names none."""
ROLES: Final = ("serving", "worker", "cron")
CONSUMES: Final = re.compile(r"work(er)?s?\b|consum|queue|process(or|ing)|listener|schedul|daemon|cron|jobs?\b")
"""A name that sounds like work taken from somewhere."""
_FOR_METRICS: Final = re.compile(r"metric|prometheus|monitor")
_NAME: Final = 40


@dataclass(frozen=True)
class DraftService:
    """One entry of `services`; with `choices`, what a person has to decide. `check` is one that its readinessProbe
    gives, and `no_check` why it gives none."""

    keys: Mapping[str, Any]
    remarks: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    check: Mapping[str, Any] | None = None
    no_check: str = ""

    @property
    def name(self) -> str:
        """The workload's name."""
        return str(self.keys["name"])


def draft_services(found: Found, live: Side, served: frozenset[str]) -> tuple[DraftService, ...]:
    """Decides on each workload of either side, as it is on `live`, or where that has none on the other side. `served`
    are the Services that routes name."""
    drafts = [
        _draft(found, live, kind, name, served)
        for kind in DRAFTED
        for name in found.workloads(kind)
        if name in found.sides[live].workloads.get(kind, {}) and not _before(found, live, kind, name)
    ]
    reached = {
        draft.name for draft in drafts if draft.keys["role"] == "serving" and _service_name(draft.keys) in served
    }
    return tuple(sorted(drafts, key=lambda each: (each.name not in reached, ROLES.index(each.keys["role"]), each.name)))


def only_dark(found: Found, live: Side) -> tuple[str, ...]:
    """Returns a sentence for each workload that the live side lacks: no service can be declared that it has not."""
    there, here = found.sides[live.other], found.sides[live]
    return tuple(
        f"{kind} {name} is on {live.other} alone, and so not declared: {live} needs one first, at 0 pods perhaps."
        for kind in DRAFTED
        for name in found.workloads(kind)
        if name in there.workloads.get(kind, {}) and name not in here.workloads.get(kind, {})
    )


def called_alike(found: Found, live: Side) -> tuple[str, ...]:
    """Returns a sentence for each workload whose name another one has, of another kind: a service is found by its name,
    so one of them alone is declared."""
    return tuple(
        f"{kind} {name} is not declared: {other} {name} is a service of that name. No release touches it."
        for kind in DRAFTED
        for name in found.workloads(kind)
        if name in found.sides[live].workloads.get(kind, {}) and (other := _before(found, live, kind, name))
    )


def _before(found: Found, live: Side, kind: str, name: str) -> str:
    """The kind before this one that has a workload of this name, too."""
    before = DRAFTED[: DRAFTED.index(kind)]
    return next((each for each in before if name in found.sides[live].workloads.get(each, {})), "")


def left_out(found: Found) -> tuple[str, ...]:
    """Returns a sentence for each workload that no service can be."""
    return tuple(
        f"{kind} {name} ({' and '.join(sides)}): {means}."
        for kind, means in LEFT_OUT.items()
        if kind not in DRAFTED
        for name in found.workloads(kind)
        if (sides := [side for side, its in found.sides.items() if name in its.workloads.get(kind, {})])
    )


def _draft(found: Found, live: Side, kind: str, name: str, served: frozenset[str]) -> DraftService:
    here, there = found.sides[live], found.sides[live.other]
    obj, other = here.workloads[kind][name], there.workloads.get(kind, {}).get(name)
    template = template_of(kind, obj)
    behind, beside = _behind(here.services, template, name, served)
    role = "cron" if kind == "CronJob" else "serving" if behind else "worker"
    keys: dict[str, Any] = {"name": name, **({} if kind in ("Deployment", "CronJob") else {"kind": kind}), "role": role}
    remarks, choices = [*_of_role(kind, name, role, beside)], list[str]()
    if role == "serving" and behind != name:
        keys["service"] = behind
    if role != "cron":
        keys["replicas"] = here.pods_of(kind, name) or there.pods_of(kind, name)
        if not keys["replicas"]:
            keys["replicas"] = 1
            choices.append(f"{name} has 0 pods on both sides. How many while a side is live?")
    container, chosen, unsure = _container(found, live, kind, name)
    keys |= chosen
    (choices if not chosen else remarks).extend(unsure)
    remarks += _scaled(here.scalers, kind, name)
    if other is None and not there.empty:
        choices.append(f"{kind} {name} is missing on {live.other}: a release needs it there, at 0 pods perhaps.")
    elif other and chosen and (away := _elsewhere(chosen, kind, other)):
        remarks.append(f"On {live.other} it has no image of this repository, but {away}.")
    if other and role == "serving" and behind not in there.services:
        choices.append(f"Service {behind} is missing on {live.other}.")
    remarks += _own_volumes(obj, template)
    check, no_check = _check(keys, container, template, here.services[behind]) if behind else (None, "")
    return DraftService(keys, tuple(remarks), tuple(choices), check, no_check)


def _behind(services: Mapping[str, Object], template: Object, name: str, served: frozenset[str]) -> tuple[str, str]:
    """The Service before these pods by which they serve, and a sentence on others; empty where there is none."""
    labels = (template.get("metadata") or {}).get("labels") or {}
    found = sorted(each for each, obj in services.items() if selects(obj, labels) and obj["spec"].get("ports"))
    serving = [each for each in found if not _for_metrics_alone(services[each])]
    serving.sort(key=lambda each: (each not in served, each != name, services[each]["spec"].get("clusterIP") == "None"))
    if not serving:
        return "", f"behind Service {', '.join(found)}, for metrics alone" if found else ""
    more = ", ".join(serving[1:])
    return serving[0], f"Its pods are also behind Service {more}." if more else ""


def _for_metrics_alone(service: Object) -> bool:
    return all(_FOR_METRICS.search(port.get("name") or "") for port in service["spec"]["ports"])


def _of_role(kind: str, name: str, role: str, beside: str) -> Iterator[str]:
    if role == "worker":
        why = beside or "no Service leads to it"
        yield f"A worker? {why[0].upper()}{why[1:]}. A worker consumes, and runs on the live side only."
    elif role == "serving":
        if beside:
            yield beside
        if CONSUMES.search(name):
            yield (
                "It serves, and so has pods on both sides. If it also takes work from a queue it is `role: mixed` "
                "(docs/handing-over.md)."
            )


def _container(found: Found, live: Side, kind: str, name: str) -> tuple[Mapping[str, Any], dict[str, Any], list[str]]:
    """The container that is the service's, what the file says of it (nothing where nothing tells which it is), and what
    a person should know."""
    template = template_of(kind, found.sides[live].workloads[kind][name])
    own = [each for each in spots(template) if each.list == LISTS[0]]
    listed = template["spec"]["containers"]
    best = _clear(own, name) if len(own) > 1 else own
    if not best:  # what stands in many pods is nobody's own
        many = Counter(image for k, n in _all(found, live) for image in _repositories(found, live, k, n))
        alone = [each for each in own if many[repository_of(each.image)] < 2]
        best = alone if len(alone) == 1 else []
    if not best:
        names = ", ".join(f"{each.name} ({repository_of(each.image)})" for each in own)
        return (
            listed[0],
            {},
            [f"which container of {name} does a release give a new image? {names}: declare `image:`, its repository."],
        )
    spot = best[0]
    try:
        repository = check_repository(repository_of(spot.image))
    except ValueError as error:
        return listed[spot.index], {}, [f"the image of {name} cannot be declared: {error}."]
    chosen = {"image": repository}
    first = next(each for each in own if repository_of(each.image) == repository)
    if first != spot:
        chosen = {"container": spot.name, **chosen}
    others = [f"{each.name} ({repository_of(each.image)})" for each in own if each != spot]
    sidecars = [f"Beside it, and kept as they are: {', '.join(others)}."] if others else []
    return listed[spot.index], chosen, sidecars


def _clear(own: list[Any], name: str) -> list[Any]:
    """Those that are called as the workload, or else those whose image is; else the one that nearly is."""
    for names in (lambda each: each.name, lambda each: repository_of(each.image).rpartition("/")[2]):
        if same := [each for each in own if names(each) == name]:
            return same
    near = [each for each in own if repository_of(each.image).rpartition("/")[2] in name.split("-")]
    return near if len(near) == 1 else []


def _all(found: Found, live: Side) -> Iterator[tuple[str, str]]:
    for kind, named in found.sides[live].workloads.items():
        yield from ((kind, name) for name in named)


def _repositories(found: Found, live: Side, kind: str, name: str) -> set[str]:
    template = template_of(kind, found.sides[live].workloads[kind][name])
    return {repository_of(each.image) for each in spots(template) if each.list == LISTS[0]}


def _elsewhere(chosen: Mapping[str, Any], kind: str, other: Object) -> str:
    """The images of the other side's pods, where none is of the chosen repository."""
    images = [each.image for each in spots(template_of(kind, other)) if each.list == LISTS[0]]
    return "" if any(repository_of(each) == chosen["image"] for each in images) else ", ".join(images)


def _scaled(scalers: tuple[Object, ...], kind: str, name: str) -> Iterator[str]:
    for each in scalers:
        spec, target = each["spec"], each["spec"]["scaleTargetRef"]
        if (target.get("kind", "Deployment"), target["name"]) != (kind, name):
            continue
        keda = each["kind"] == "ScaledObject"
        least = spec.get("minReplicaCount", 0) if keda else spec.get("minReplicas", 1)
        most = spec.get("maxReplicaCount", 100) if keda else spec["maxReplicas"]
        yield (
            f"{each['kind']} {each['metadata']['name']} scales it ({least} to {most} pods). A release brings up as "
            "many as the live side has then, and at least `replicas`."
        )


def _own_volumes(obj: Object, template: Object) -> Iterator[str]:
    volumes = template["spec"].get("volumes") or []
    claims = [each["persistentVolumeClaim"]["claimName"] for each in volumes if "persistentVolumeClaim" in each]
    claims += [each["metadata"]["name"] for each in obj["spec"].get("volumeClaimTemplates") or []]
    if claims:
        yield f"It keeps data in {', '.join(claims)}: each side has its own, and does not see what the other writes."


def _check(
    keys: Mapping[str, Any], container: Object, template: Object, service: Object
) -> tuple[dict[str, Any] | None, str]:
    """An HTTP check, as the readinessProbe of the service's container asks."""
    probe = container.get("readinessProbe") or {}
    asked = probe.get("httpGet")
    if not asked:
        other = next((word for word in ("grpc", "tcpSocket", "exec") if word in probe), "")
        why = f"its readinessProbe asks by {other}, and a check asks by HTTP" if other else "it has no readinessProbe"
        return None, f"{keys['name']}: {why}."
    path = f"/{str(asked.get('path') or '/').lstrip('/')}"
    wanted = _number(asked.get("port"), template)
    ports = service["spec"]["ports"]
    port = next((p["port"] for p in ports if _number(p.get("targetPort", p["port"]), template) == wanted), None)
    if port is None or "#" in path or " " in path:
        fact = f"asks port {asked.get('port')} for {path}, and no port of its Service leads there"
        return None, f"{keys['name']}: its readinessProbe {fact}."
    check: dict[str, Any] = {"name": keys["name"].replace(".", "-")[:_NAME].strip("-"), "service": keys["name"]}
    check |= {"port": port} if port != CHECK_PORT else {}
    check |= {"scheme": "https"} if asked.get("scheme") == "HTTPS" else {}
    return {**check, "path": path}, ""


def _number(port: Any, template: Object) -> Any:
    """The number of a port that may be named."""
    named = {each.get("name"): each["containerPort"] for c in _containers(template) for each in c.get("ports") or []}
    return named.get(port, port)


def _containers(template: Object) -> list[Object]:
    return list(template["spec"]["containers"])


def _service_name(keys: Mapping[str, Any]) -> str:
    return str(keys.get("service") or keys["name"])


def template_of(kind: str, obj: Object) -> Mapping[str, Any]:
    """A workload's pod template."""
    spec = obj["spec"]
    template: Mapping[str, Any] = spec["jobTemplate"]["spec"]["template"] if kind == "CronJob" else spec["template"]
    return template
