"""What Flux's Kustomization says of what was pushed: whether it has tried it, and what it says to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flipgate.core.values.foreign import printable
from flipgate.core.workloads.view import READY, condition_of

GROUP: Final = "kustomize.toolkit.fluxcd.io"
PLURAL: Final = "kustomizations"
SOURCES: Final = "source.toolkit.fluxcd.io"
POLLED: Final[Mapping[str, str]] = {
    "GitRepository": "gitrepositories",
    "OCIRepository": "ocirepositories",
    "Bucket": "buckets",
}
"""Kinds of source that look at what they are fed from when asked; the others are told by who feeds them."""
REQUESTED: Final = "reconcile.fluxcd.io/requestedAt"
"""Annotation by which a controller of Flux's is asked to look now (fluxcd/pkg/apis/meta)."""


@dataclass(frozen=True)
class Kustomized:
    """A Kustomization as it was read."""

    name: str
    found: bool = False
    suspended: bool = False
    source_kind: str = ""
    source: str = ""
    """NAMESPACE/NAME of what it takes its files from."""
    tried: str = ""
    """The commit that it tried last, as far as it names one."""
    applied: str = ""
    """The commit that it applied last."""
    ready: str = ""
    """True, False or Unknown; empty where it has said nothing yet."""
    said: str = ""
    """Its own words."""

    @property
    def sentence(self) -> str:
        """What it is and says, for people."""
        if not self.found:
            return f"{self.name} is not there"
        if self.suspended:
            namespace, _, name = self.name.rpartition(" ")[2].partition("/")
            return f"{self.name} is suspended (flux -n {namespace} resume kustomization {name})"
        tried = f" of {self.tried[:12]}" if self.tried else ""
        return f"{self.name} says{tried}: {self.said or 'nothing yet'}"

    def failed(self, commit: str) -> bool:
        """Whether it has tried this very commit, and could not apply it."""
        return self.ready == "False" and self.tried == commit


def read_kustomization(name: str, namespace: str, obj: Mapping[str, Any] | None) -> Kustomized:
    """Reads a Kustomization (kustomize.toolkit.fluxcd.io/v1)."""
    if obj is None:
        return Kustomized(name)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    source = spec.get("sourceRef") or {}
    ready = condition_of(obj, READY)
    return Kustomized(
        name,
        found=True,
        suspended=bool(spec.get("suspend")),
        source_kind=str(source.get("kind", "")),
        source=f"{source.get('namespace') or namespace}/{source.get('name', '')}",
        tried=commit_of(status.get("lastAttemptedRevision")),
        applied=commit_of(status.get("lastAppliedRevision")),
        ready=str(ready.get("status", "")),
        said=printable(str(ready.get("message", "")), 400),
    )


def commit_of(revision: Any) -> str:
    """The commit in a revision as Flux writes it, `main@sha1:COMMIT`; empty where it names none."""
    _, found, commit = str(revision or "").rpartition("@sha1:")
    return commit if found else ""
