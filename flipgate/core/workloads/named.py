"""The objects that pod templates name: Secrets, ConfigMaps and ServiceAccounts, without which no pod starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

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

    @property
    def ref(self) -> Ref:
        return self.kind, self.name


def named_by(workloads: Iterable[Workload]) -> tuple[Named, ...]:
    """Returns what these workloads' pods need, each once, sorted. What a template calls optional is not needed."""
    keys: dict[Ref, set[str]] = {}
    by: dict[Ref, dict[str, None]] = {}
    for workload in workloads:
        for kind, name, wanted in references(workload.template):
            keys.setdefault((kind, name), set()).update(wanted)
            by.setdefault((kind, name), {})[f"{workload.kind} {workload.name}"] = None
    return tuple(Named(kind, name, frozenset(keys[kind, name]), tuple(by[kind, name])) for kind, name in sorted(keys))


def accounts_of(workloads: Iterable[Workload]) -> tuple[str, ...]:
    """Returns the ServiceAccounts that these workloads' pods run as, sorted: images are pulled with theirs, too."""
    return tuple(sorted({_account(each.template.get("spec") or {}) for each in workloads if each.found}))


def references(template: Mapping[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yields kind, name and keys of each object that a pod of this template cannot start without."""
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
        yield from _whole(SECRET, each)
    if (account := _account(spec)) != DEFAULT_ACCOUNT:
        yield SERVICE_ACCOUNT, account, ()


def _account(spec: Mapping[str, Any]) -> str:
    return spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT_ACCOUNT


def _whole(
    kind: str, source: Mapping[str, Any] | None, name: str = "name"
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """What one reference names; nothing where it is optional, or names nothing."""
    if not source or source.get("optional") or not source.get(name):
        return
    single = [source["key"]] if "key" in source else []
    yield kind, source[name], (*single, *(item["key"] for item in source.get("items") or ()))
