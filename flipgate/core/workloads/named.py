"""The objects that pod templates name: Secrets, ConfigMaps and ServiceAccounts, without which no pod starts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from flipgate.core.values.frozen import dataclass
from flipgate.core.workloads.view import Workload

CONFIG_MAP: Final = "ConfigMap"
SECRET: Final = "Secret"
SERVICE_ACCOUNT: Final = "ServiceAccount"
DEFAULT_ACCOUNT: Final = "default"
"""Kubernetes makes it in each namespace."""

Ref = tuple[str, str]
"""Kind and name."""


@dataclass(frozen=True)
class Named:
    """One object that pods need, with the keys that they need of it."""

    kind: str
    name: str
    keys: frozenset[str] = frozenset()
    by: tuple[str, ...] = ()
    """The workloads whose templates name it, as `Deployment web`."""
    needed: bool = True
    """False where every template that names it calls it optional."""
    pulls: bool = False
    """Whether images are pulled with it, and nothing else: a pod starts without, where its images are to be had."""

    @property
    def ref(self) -> Ref:
        return self.kind, self.name


def named_by(workloads: Iterable[Workload], idle: Collection[str] = ()) -> tuple[Named, ...]:
    """Returns what these workloads' pods name, each once, sorted. Those that are `idle` get no pods, and need nothing
    of it."""
    found: dict[Ref, Named] = {}
    for workload in workloads:
        for named in references(workload.template):
            each = replace(named, keys=frozenset(), needed=False) if workload.name in idle else named
            before = found.get(each.ref, replace(each, needed=False, pulls=True))
            by = tuple(dict.fromkeys([*before.by, f"{workload.kind} {workload.name}"]))
            needed = before.needed or each.needed
            pulls = before.pulls and each.pulls
            found[each.ref] = Named(each.kind, each.name, before.keys | each.keys, by, needed, pulls)
    return tuple(found[ref] for ref in sorted(found))


def accounts_of(workloads: Iterable[Workload]) -> tuple[str, ...]:
    """Returns the ServiceAccounts that these workloads' pods run as, sorted: images are pulled with theirs, too."""
    return tuple(sorted({_account(each.template.get("spec") or {}) for each in workloads if each.found}))


def references(template: Mapping[str, Any]) -> Iterator[Named]:
    """Yields each object that a pod of this template names, with the keys that it cannot start without."""
    spec = template.get("spec") or {}
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        for each in container.get("envFrom") or ():
            yield from _whole(CONFIG_MAP, each.get("configMapRef"))
            yield from _whole(SECRET, each.get("secretRef"))
        for each in container.get("env") or ():
            source = each.get("valueFrom") or {}
            yield from _whole(CONFIG_MAP, source.get("configMapKeyRef"))
            yield from _whole(SECRET, source.get("secretKeyRef"))
    for volume in spec.get("volumes") or ():
        yield from _whole(SECRET, volume.get("secret"), name="secretName")
        yield from _whole(CONFIG_MAP, volume.get("configMap"))
        for source in (volume.get("projected") or {}).get("sources") or ():
            yield from _whole(SECRET, source.get("secret"))
            yield from _whole(CONFIG_MAP, source.get("configMap"))
        yield from _whole(SECRET, (volume.get("csi") or {}).get("nodePublishSecretRef"))
    for each in spec.get("imagePullSecrets") or ():
        yield from (replace(one, pulls=True) for one in _whole(SECRET, each))
    if (account := _account(spec)) != DEFAULT_ACCOUNT:
        yield Named(SERVICE_ACCOUNT, account)


def _account(spec: Mapping[str, Any]) -> str:
    return spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT_ACCOUNT


def _whole(kind: str, source: Mapping[str, Any] | None, name: str = "name") -> Iterator[Named]:
    """What one reference names, if anything."""
    if not source or not source.get(name):
        return
    keys = [*([source["key"]] if "key" in source else []), *(item["key"] for item in source.get("items") or ())]
    needed = not source.get("optional")
    yield Named(kind, source[name], frozenset(keys if needed else ()), needed=needed)
