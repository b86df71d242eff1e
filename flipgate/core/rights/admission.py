"""Policies for what RBAC cannot see: which fields of a workload flipgate's accounts change, and that none of them
shrinks what the routes lead to (ValidatingAdmissionPolicy, admissionregistration.k8s.io/v1, from Kubernetes 1.30 on).

Fields are compared by what the objects hold and not by a list of what there may be: a field that Kubernetes gets later
is held, too. https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import yaml

from flipgate.core.rights.roles import APART, ONE
from flipgate.core.spec.application import Application
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.kinds.kind import RouteKind
from flipgate.core.values.frozen import dataclass

OURS: Final = "flipgate.dev/"
NAMESPACE_CONTROLLER: Final = "system:serviceaccount:kube-system:namespace-controller"
RECORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"configmaps": ("application-", "record-", "release-", "chain-", "reconcile-", "freeze-"), "leases": ("flipgate-",)}
)
"""What the names begin with, by the kind of object, in flipgate's own namespace. The application's file says who may
approve: whoever could write that could write themselves in."""
RECORD_NAME: Final = "(object == null ? oldObject : object).?metadata.?name.orValue('')"
"""Not that of the request: there is none where all objects of a kind are deleted, or a name is to be generated."""
API: Final = "admissionregistration.k8s.io/v1"
WORKLOADS: Final = (
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"]},
    {"apiGroups": ["batch"], "resources": ["cronjobs"]},
)
_KEPT: Final = (
    {"apiGroups": [""], "resources": ["configmaps"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]},
)
_HEAD: Final = f"""\
# What flipgate's accounts may change of {{name}}'s workloads: tags and digests of images, replicas, suspend, labels
# and annotations under {OURS}; and they shrink nothing that a route leads to. Kubernetes 1.30 or newer.
# A policy knows the routes as the API server has heard of them, some milliseconds late: it stands behind flipgate's
# own fences, and replaces none of them.
"""
_LEFT_OUT: Final = """\
# Not here: {name}, who writes applications, records, history and Leases in namespace {own}. It is one for all
# applications there, and what is applied above leaves it as it is. --writers GROUP prints it, and it denies all others:
# name each group of people who type `flipgate rollback`, `approve`, `adopt` or `apply` by a login of their own, and of
# who breaks the glass.
"""
_DENYING: Final = """\
---
# SHARED by all applications that have their records in namespace {own}: applied, {name}
# replaces the groups that were named there before (kubectl get validatingadmissionpolicy {name} -o yaml).
# Who writes applications, records, history and Leases: flipgate's accounts, and whoever is of {groups}, by a login of
# their own (`flipgate rollback`, `approve`, `adopt`, `apply`; who breaks the glass). All others are denied,
# administrators too.
"""
TEMPLATE: Final = "{0}.spec.?jobTemplate.hasValue() ? {0}.spec.jobTemplate.spec.template : {0}.spec.template"
CONTAINERS: Final = "{0}.spec.containers + {0}.spec.?initContainers.orValue([])"
SERVERS_OWN: Final = ("managedFields", "generation", "resourceVersion")
REPOSITORY: Final = "{0}.image.find('^([^/@]*/)*[^:@/]+')"
"""An image without tag and digest; the port of its registry is part of it."""
SHRINKS: Final = (
    "(has(object.spec.replicas) && object.spec.replicas < oldObject.spec.replicas) || "
    "(has(object.spec.suspend) && object.spec.suspend && !(has(oldObject.spec.suspend) && oldObject.spec.suspend))"
)


@dataclass(frozen=True)
class Part:
    """One part of a workload, of which some fields may change."""

    name: str
    """Of the CEL variable with the fields that differ."""
    where: str
    """As messages name it."""
    differ: str
    """Yields these fields."""


def policies(application: Application, own: str, writers: Sequence[str] = ()) -> str:
    """Returns the policies and their bindings as YAML; `own` is flipgate's own namespace. With groups of `writers` the
    one is among them that denies all others; it belongs to all applications there, so without it is left as it is."""
    name, sides = f"flipgate-{application.name}", [place.namespace for place in application.places.values()]
    documents = [
        _policy(f"{name}-fields", WORKLOADS, ["UPDATE"], _fields(), _ours(own)),
        _binding(f"{name}-fields", sides),
    ]
    for kind in sorted({route.kind for route in application.spec.routes}):
        live = f"{name}-live-{kind.lower()}"
        documents.append(_live(live, own, KINDS[kind]))
        for number, route in enumerate(application.spec.routes):
            if route.kind == kind:
                params = {"name": route.name, "namespace": route.namespace, "parameterNotFoundAction": "Allow"}
                documents.append(_binding(live, sides, f"{live}-{number}", paramRef=params))
    records = f"flipgate-records-{own}"
    printed = _HEAD.format(name=application.name) + _text(documents)
    if not writers:
        return printed + _LEFT_OUT.format(name=records, own=own)
    shared = [
        _policy(records, _KEPT, ["CREATE", "UPDATE", "DELETE"], _records(writers), *_others(own, writers)),
        _binding(records, [own]),
    ]
    return printed + _DENYING.format(name=records, own=own, groups=", ".join(map(repr, writers))) + _text(shared)


def accounts(own: str) -> list[str]:
    """Returns the names by which the API server knows flipgate's accounts."""
    return [f"system:serviceaccount:{own}:{name}" for name in (ONE, *APART.values())]


def _differ(both: tuple[str, str], free: str) -> str:
    """CEL: the keys of two maps that are not the same in both; `free` says of a key `k` that it may differ."""
    now, was = both
    held = f"!({free}) && "
    return f"{now}.filter(k, {held}!(k in {was} && {now}[k] == {was}[k])) + {was}.filter(k, {held}!(k in {now}))"


def _parts() -> Iterator[Part]:
    def listed(*keys: str) -> str:
        return f"k in [{', '.join(repr(key) for key in keys)}]"

    def both(path: str, *roots: str) -> tuple[str, str]:
        now, was = roots or ("variables.now", "variables.was")
        return path.format(now), path.format(was)

    ours, objects = f"k.startsWith({OURS!r})", ("object", "oldObject")
    spec, labels = ("replicas", "suspend", "template", "jobTemplate"), ("labels", "annotations")
    yield Part("meta", "metadata.", _differ(both("{}.metadata", *objects), listed(*labels, *SERVERS_OWN)))
    for key in labels:
        values = f"{{}}.?metadata.?{key}.orValue({{{{}}}})"
        yield Part(key, f"metadata.{key}: ", _differ(both(values, *objects), ours))
        yield Part(f"pod_{key}", f"{key} of the pod template: ", _differ(both(values), ours))
    yield Part("spec", "spec.", _differ(both("{}.spec", *objects), listed(*spec)))
    jobs = "{}.spec.?jobTemplate.orValue({{}})"
    yield Part("jobs", "spec.jobTemplate.", _differ(both(jobs, *objects), listed("spec")))
    job_spec = "{}.spec.?jobTemplate.?spec.orValue({{}})"
    yield Part("job_spec", "spec.jobTemplate.spec.", _differ(both(job_spec, *objects), listed("template")))
    pod_meta = _differ(both("{}.?metadata.orValue({{}})"), listed(*labels))
    yield Part("pod_meta", "metadata of the pod template: ", pod_meta)
    containers = listed("containers", "initContainers")
    yield Part("pod_spec", "spec of the pod template: ", _differ(both("{}.spec"), containers))


def _fields() -> dict[str, Any]:
    parts = list(_parts())
    variables = {"now": TEMPLATE.format("object"), "was": TEMPLATE.format("oldObject")}
    variables |= {f"containers_{each}": CONTAINERS.format(f"variables.{each}") for each in ("now", "was")}
    variables |= {part.name: part.differ for part in parts}
    namesake = "variables.containers_was.filter(o, o.name == c.name)"
    changed = _differ(("c", "o"), "k == 'image'")
    said = f"{namesake}.map(o, ({changed}).map(k, c.name + '.' + k).join(', ')).join(', ')"
    variables["in_containers"] = f"variables.containers_now.map(c, {said}).filter(text, text != '')"
    other = f"{namesake}.exists(o, {REPOSITORY.format('o')} != {REPOSITORY.format('c')})"
    variables["repositories"] = f"variables.containers_now.filter(c, {other}).map(c, c.name + ' to ' + c.image)"
    parts += [
        Part("in_containers", "in containers: ", ""),
        Part("repositories", "the repository of ", ""),
    ]
    names = "variables.containers_now.map(c, c.name) == variables.containers_was.map(c, c.name)"
    counts = "size(variables.now.spec.containers) == size(variables.was.spec.containers)"
    validations = [_validation(f"{names} && {counts}", "'which containers there are'")]
    for part in parts:
        text = f"'{part.where}' + variables.{part.name}.join(', ')"
        validations.append(_validation(f"size(variables.{part.name}) == 0", text))
    listed = [{"name": name, "expression": expression} for name, expression in variables.items()]
    return {"variables": listed, "validations": validations}


def _validation(expression: str, field: str) -> dict[str, str]:
    said = f"'flipgate changes tags, replicas, suspend and {OURS}* alone; denied: ' + {field}"
    return {"expression": expression, "messageExpression": said, "reason": "Forbidden"}


def _live(name: str, own: str, kind: RouteKind) -> dict[str, Any]:
    """Where the route is gone, or cannot be read, it denies nothing: the API server looks for a parameter before it
    asks whose request it is, and would deny the controllers' writes and people's, too. flipgate itself puts no side to
    rest then: without its routes there is no dark one."""
    said = f"'{kind.word} ' + params.metadata.namespace + '/' + params.metadata.name + ' leads users to '"
    validation = {
        "expression": f"!({kind.leads})",
        "messageExpression": f"{said} + request.namespace + ': flipgate shrinks nothing there'",
        "reason": "Forbidden",
    }
    params = {"apiVersion": f"{kind.group}/{kind.version}", "kind": kind.word}
    spec = {"paramKind": params, "validations": [validation]}
    return _policy(name, WORKLOADS, ["UPDATE"], {"failurePolicy": "Ignore", **spec}, _ours(own), SHRINKS)


def _records(groups: Sequence[str]) -> dict[str, Any]:
    people = f" + {_quoted(', and people of ' + ', '.join(groups))}"
    said = f"'flipgate alone writes ' + {RECORD_NAME}{people}"
    return {"validations": [{"expression": "false", "messageExpression": said, "reason": "Forbidden"}]}


def _ours(own: str) -> str:
    return f"request.userInfo.username in {accounts(own)}"


def _others(own: str, groups: Sequence[str]) -> tuple[str, str]:
    """Whose writes of records are not expected; a namespace's end takes them away with it."""
    known = [*accounts(own), NAMESPACE_CONTROLLER]
    listed = ", ".join(map(_quoted, groups))
    people = f"request.userInfo.?groups.orValue([]).exists(g, g in [{listed}])"
    names = (
        f"request.resource.resource == {kind!r} && {RECORD_NAME}.startsWith({prefix!r})"
        for kind, prefixes in RECORDS.items()
        for prefix in prefixes
    )
    return f"!(request.userInfo.username in {known}) && !{people}", " || ".join(names)


def _quoted(text: str) -> str:
    """The text as a string of CEL: JSON's is one, where it has no halves of a character, which CEL refuses."""
    return json.dumps(text, ensure_ascii=False)


def _policy(
    name: str, what: Iterable[Mapping[str, Any]], operations: list[str], spec: Mapping[str, Any], *conditions: str
) -> dict[str, Any]:
    """Returns a policy that is about requests for which each condition holds."""
    rules = [{"apiVersions": ["*"], "operations": [*operations], **each} for each in what]
    matched = [{"name": f"condition-{n}", "expression": each} for n, each in enumerate(conditions, 1)]
    about = {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": rules}, "matchConditions": matched}
    meta = {"name": name}
    return {"apiVersion": API, "kind": "ValidatingAdmissionPolicy", "metadata": meta, "spec": {**about, **spec}}


def _binding(policy: str, places: list[str], name: str = "", **more: Any) -> dict[str, Any]:
    places_named = [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": [*places]}]
    selected = {"namespaceSelector": {"matchExpressions": places_named}}
    spec = {"policyName": policy, "validationActions": ["Deny"], "matchResources": selected, **more}
    meta = {"name": name or policy}
    return {"apiVersion": API, "kind": "ValidatingAdmissionPolicyBinding", "metadata": meta, "spec": spec}


def _text(objects: Iterable[Mapping[str, Any]]) -> str:
    return "---\n".join(yaml.safe_dump(dict(each), sort_keys=False, width=120) for each in objects)
