"""Flux in a tier that has none: its kinds really served, and its objects as its controllers would leave them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flipgate.adapters.cluster import Cluster
from lab.control.records import Lab
from tests.api.steps import until_served

KUSTOMIZE, SOURCE = "kustomize.toolkit.fluxcd.io", "source.toolkit.fluxcd.io"
SERVED: Final = {
    "Kustomization": (KUSTOMIZE, "kustomizations"),
    "GitRepository": (SOURCE, "gitrepositories"),
    "OCIRepository": (SOURCE, "ocirepositories"),
    "Bucket": (SOURCE, "buckets"),
}


@dataclass(frozen=True)
class Flux:
    """An API server that serves Flux's kinds, and nobody who acts on them but the test."""

    cluster: Cluster
    namespace: str

    def add(self, kind: str, name: str, spec: dict[str, Any], status: dict[str, Any] | None = None) -> str:
        """Makes one object, or gives it this spec and status; returns its path."""
        group, plural = SERVED[kind]
        path = f"/apis/{group}/v1/namespaces/{self.namespace}/{plural}/{name}"
        body = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": name}}
        self.cluster.apply(path, {**body, "spec": spec, "status": status or {}})
        return path

    def kustomization(self, name: str, path: str, *, kind: str = "GitRepository", **more: Any) -> str:
        """A Kustomization of this path, fed by a source of this kind called `team`."""
        status = more.pop("status", None)
        return self.add(
            "Kustomization", name, {"path": path, "sourceRef": {"kind": kind, "name": "team"}} | more, status
        )


def serve_flux(lab: Lab) -> Cluster:
    """The API server by a connection of its own, which knows that Flux's kinds are served."""
    cluster = Cluster.connect(lab.kubeconfig)
    for kind, (group, plural) in SERVED.items():
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        names = {"kind": kind, "plural": plural, "singular": kind.lower()}
        version = {"name": "v1", "served": True, "storage": True, "schema": schema}
        crd = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
        }
        cluster.apply(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{group}", crd)
    for group, plural in SERVED.values():
        until_served(cluster, f"/apis/{group}/v1/{plural}")
    return cluster
