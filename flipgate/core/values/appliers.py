"""Who keeps an object of the cluster as a source of theirs has it, and so writes back what others write: Flux, Argo CD.

Flux sets its labels on all that it applies (fluxcd.io/flux/components/kustomize: Kustomization, helm-controller 0.9),
Argo CD its tracking annotation, or the instance label (argo-cd.readthedocs.io: Resource Tracking). Whoever copies an
object copies these, too: then its managers, or the name in the annotation, say that nobody applies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flipgate.core.values.frozen import dataclass

FLUX: Final = "Flux"
ARGO_CD: Final = "Argo CD"
KUSTOMIZATION: Final = "Kustomization"
BY_FLUX: Final = (
    (KUSTOMIZATION, "kustomize.toolkit.fluxcd.io", "kustomize-controller"),
    ("HelmRelease", "helm.toolkit.fluxcd.io", "helm-controller"),
)
"""Kinds of Flux's that apply objects: what their labels begin with, and the controller that writes."""
LEFT_ALONE: Final = frozenset(
    {
        ("kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
        ("kustomize.toolkit.fluxcd.io/ssa", "ignore"),
        ("kustomize.toolkit.fluxcd.io/ssa", "ifnotpresent"),
    }
)
"""Annotations by which kustomize-controller leaves an object of the cluster as it is; it reads values in any case."""
TRACKED: Final = "argocd.argoproj.io/tracking-id"
"""`APPLICATION:GROUP/KIND:NAMESPACE/NAME`."""
INSTANCE: Final = "app.kubernetes.io/instance"
"""Charts set it as well: it says something only where Argo CD is among the managers."""


@dataclass(frozen=True)
class Applier:
    """What applies an object: its tool, and which of its objects."""

    tool: str
    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.tool} ({self.kind} {where})"


def applier_of(meta: Mapping[str, Any]) -> Applier | None:
    """Returns who applies the object that has this metadata; None where nobody is known to."""
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    managers = {str(each.get("manager")) for each in meta.get("managedFields") or []}
    for kind, group, controller in BY_FLUX:
        name = labels.get(f"{group}/name")
        if name and (controller in managers or not managers) and not _left_alone(kind, annotations):
            return Applier(FLUX, kind, name, labels.get(f"{group}/namespace", ""))
    application, _, of = str(annotations.get(TRACKED, "")).partition(":")
    if application and of.endswith(f":{meta.get('namespace')}/{meta.get('name')}"):
        return Applier(ARGO_CD, "Application", application)
    if labels.get(INSTANCE) and any(each.startswith("argocd") for each in managers):
        return Applier(ARGO_CD, "Application", labels[INSTANCE])
    return None


def _left_alone(kind: str, annotations: Mapping[str, str]) -> bool:
    said = {(key, str(value).lower()) for key, value in annotations.items()}
    return kind == KUSTOMIZATION and bool(said & LEFT_ALONE)
