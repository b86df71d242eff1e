"""Flux's objects: reads a Kustomization and its source, and asks both to look now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from flipgate.adapters.cluster import Cluster, Reader
from flipgate.core.git.flux import (
    GROUP,
    PLURAL,
    POLLED,
    REQUESTED,
    SOURCES,
    Kustomized,
    Source,
    read_kustomization,
    read_source,
)
from flipgate.core.spec.git import KustomizationName
from flipgate.core.values.appliers import BY_FLUX, KUSTOMIZATION, Applier
from flipgate.core.values.errors import FlipgateError, Forbidden, NotFound

APPLYING: Final = {KUSTOMIZATION: PLURAL, "HelmRelease": "helmreleases"}
"""The plural of each kind of Flux's that applies objects."""


def find_kustomization(cluster: Reader, name: KustomizationName) -> Kustomized:
    """A Kustomization as it is now; one that is not there, or of a Flux that is not, is said to be."""
    path = _kustomization_path(cluster, name)
    obj = cluster.find(path) if path else None
    return read_kustomization(str(name), name.namespace, obj)


def find_applying(cluster: Reader, by: Applier) -> Mapping[str, Any] | None:
    """The object of Flux's that the labels of what it applies name; None where it, or Flux, is not there any more."""
    group = next(group for kind, group, _ in BY_FLUX if kind == by.kind)
    api = cluster.groups().get(group)
    return cluster.find(f"/apis/{api}/namespaces/{by.namespace}/{APPLYING[by.kind]}/{by.name}") if api else None


def find_source(cluster: Reader, fed: Kustomized) -> Source | None:
    """What a Kustomization takes its files from; None of a kind that looks nowhere by itself. Raises Forbidden: it is a
    right that releases do not need."""
    path = _path_of_source(cluster, fed)
    return read_source(f"{fed.source_kind} {fed.source}", cluster.find(path)) if path else None


def ask(cluster: Cluster, name: KustomizationName, now: datetime) -> tuple[FlipgateError, ...]:
    """Asks a Kustomization and its source to look now, each by itself: whichever cannot be asked looks all the same,
    only later. Returns what went wrong. What is not there is passed over, and so is what may not be asked: `check` says
    which right is missing."""
    asked = {"metadata": {"annotations": {REQUESTED: now.isoformat()}}}
    failed = []
    for path_of in (_source_path, _kustomization_path):
        try:
            if path := path_of(cluster, name):
                cluster.merge(path, asked, timeout=5.0)
        except (NotFound, Forbidden):
            continue
        except FlipgateError as error:
            failed.append(error)
    return tuple(failed)


def _source_path(cluster: Reader, name: KustomizationName) -> str:
    return _path_of_source(cluster, find_kustomization(cluster, name))


def _path_of_source(cluster: Reader, fed: Kustomized) -> str:
    """Where what feeds a Kustomization is; empty for what does not look by itself."""
    api, plural = cluster.groups().get(SOURCES), POLLED.get(fed.source_kind)
    namespace, _, name = fed.source.partition("/")
    return f"/apis/{api}/namespaces/{namespace}/{plural}/{name}" if api and plural else ""


def _kustomization_path(cluster: Reader, name: KustomizationName) -> str:
    api = cluster.groups().get(GROUP)
    return f"/apis/{api}/namespaces/{name.namespace}/{PLURAL}/{name.name}" if api else ""
