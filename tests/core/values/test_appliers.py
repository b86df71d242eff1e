"""Who applies an object, by what it says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.values.appliers import applier_of

FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
HELM = {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "apps"}
APPS = "Flux (Kustomization flux-system/apps)"
TRACKED = "argocd.argoproj.io/tracking-id"


def by(*managers: str) -> list[dict[str, str]]:
    return [{"manager": each} for each in managers]


@pytest.mark.parametrize(
    ("meta", "applier"),
    [
        ({"labels": FLUX, "managedFields": by("kubectl", "kustomize-controller")}, APPS),
        ({"labels": FLUX}, APPS),
        ({"labels": FLUX, "managedFields": by("kubectl")}, None),  # copied from the other side, with its labels
        ({"labels": FLUX, "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}, None),
        ({"labels": FLUX, "annotations": {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}}, None),
        ({"labels": FLUX, "annotations": {"kustomize.toolkit.fluxcd.io/ssa": "Merge"}}, APPS),
        ({"labels": HELM}, "Flux (HelmRelease apps/shop)"),
        ({"annotations": {TRACKED: "shop:apps/Deployment:blue/web"}}, "Argo CD (Application shop)"),
        ({"annotations": {TRACKED: "shop:apps/Deployment:green/web"}}, None),
        ({"labels": {"app.kubernetes.io/instance": "shop"}, "managedFields": by("helm")}, None),
        (
            {"labels": {"app.kubernetes.io/instance": "shop"}, "managedFields": by("argocd-controller")},
            "Argo CD (Application shop)",
        ),
        ({}, None),
    ],
)
def test_who_applies_an_object(meta: dict[str, Any], applier: str | None) -> None:
    found = applier_of({"namespace": "blue", "name": "web", **meta})
    assert (str(found) if found else None) == applier
