"""Flux's objects: reads a Kustomization, and asks it and its source to look now."""

from __future__ import annotations

from datetime import datetime

from flipgate.adapters.cluster import Cluster, Reader
from flipgate.core.git.flux import GROUP, PLURAL, POLLED, REQUESTED, SOURCES, Kustomized, read_kustomization
from flipgate.core.spec.git import KustomizationName
from flipgate.core.values.errors import NotFound


def find_kustomization(cluster: Reader, name: KustomizationName) -> Kustomized:
    """A Kustomization as it is now; one that is not there, or of a Flux that is not, is said to be."""
    api = cluster.groups().get(GROUP)
    obj = cluster.find(_path(api, name)) if api else None
    return read_kustomization(str(name), name.namespace, obj)


def ask(cluster: Cluster, name: KustomizationName, now: datetime) -> None:
    """Asks a Kustomization and its source to look now. Nothing depends on it: both look by themselves, too. What is not
    there is passed over; raises Forbidden and what else the API server says."""
    api, sources = cluster.groups().get(GROUP), cluster.groups().get(SOURCES)
    if api is None:
        return
    asked = {"metadata": {"annotations": {REQUESTED: now.isoformat()}}}
    found = find_kustomization(cluster, name)
    if sources and (plural := POLLED.get(found.source_kind)):
        namespace, _, source = found.source.partition("/")
        _merge(cluster, f"/apis/{sources}/namespaces/{namespace}/{plural}/{source}", asked)
    _merge(cluster, _path(api, name), asked)


def _merge(cluster: Cluster, path: str, asked: dict[str, dict[str, dict[str, str]]]) -> None:
    try:
        cluster.merge(path, asked, timeout=5.0)
    except NotFound:
        return


def _path(api: str, name: KustomizationName) -> str:
    return f"/apis/{api}/namespaces/{name.namespace}/{PLURAL}/{name.name}"
