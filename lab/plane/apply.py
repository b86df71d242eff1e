"""Puts the lab's own manifests on its API server, by server-side apply and without asking what kinds it knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Any

import httpx
import yaml

from lab.machine.errors import LabError

MANAGER = "flipgate-lab"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where it can be had: the CRDs are long

_PLACES = {
    "ClusterRole": "apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "CustomResourceDefinition": "apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "Deployment": "apis/apps/v1/namespaces/{namespace}/deployments",
    "ExternalArtifact": "apis/source.toolkit.fluxcd.io/v1/namespaces/{namespace}/externalartifacts",
    "ExternalSecret": "apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets",
    "Gateway": "apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/gateways",
    "GatewayClass": "apis/gateway.networking.k8s.io/v1/gatewayclasses",
    "IngressClass": "apis/networking.k8s.io/v1/ingressclasses",
    "Kustomization": "apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{namespace}/kustomizations",
    "Namespace": "api/v1/namespaces",
    "Secret": "api/v1/namespaces/{namespace}/secrets",
    "Service": "api/v1/namespaces/{namespace}/services",
    "StorageClass": "apis/storage.k8s.io/v1/storageclasses",
    "ServiceAccount": "api/v1/namespaces/{namespace}/serviceaccounts",
}


def files(client: httpx.Client, paths: Iterable[Path], values: Mapping[str, str] | None = None) -> None:
    """Apply every object of these files, in order; `values` replaces their `${NAME}`.

    Raises:
        LabError: The API server refused one.
    """
    for path in paths:
        text = path.read_text() if values is None else Template(path.read_text()).substitute(values)
        for item in yaml.load_all(text, Loader=_LOADER):
            if item:
                one(client, item)


def one(client: httpx.Client, item: Mapping[str, Any], subresource: str = "") -> None:
    """Apply one object, or its status.

    Raises:
        LabError: The API server refused it.
    """
    metadata = item["metadata"]
    place = _PLACES[item["kind"]].format(namespace=metadata.get("namespace", ""))
    answer = client.patch(
        f"/{place}/{metadata['name']}{subresource}",
        params={"fieldManager": MANAGER, "force": "true"},
        json=item,
        headers={"Content-Type": "application/apply-patch+yaml"},
    )
    if answer.is_error:
        raise LabError(f"The lab's API server refused {item['kind']} {metadata['name']}: {answer.text.strip()[:500]}")
