"""What Flux's Kustomization says of what was pushed: whether it has tried it, and what it says to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from posixpath import normpath
from typing import Any, Final

from flipgate.core.values.foreign import printable, without_secrets
from flipgate.core.values.frozen import dataclass
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
    path: str = ""
    """The folder that it applies, from the top of what it takes them from."""
    tried: str = ""
    """The commit that it tried last, as far as it names one."""
    applied: str = ""
    """The commit that it applied last, or that what it applied last was made of (`read_kustomization`)."""
    revision: str = ""
    """What it applied last, as it says so itself: `main@sha1:COMMIT`, or `latest@sha256:DIGEST` of an artifact."""
    ready: str = ""
    """True, False or Unknown; empty where it has said nothing yet."""
    said: str = ""
    """Its own words."""

    @property
    def names_no_commit(self) -> bool:
        """Whether it has applied something of which nobody can say which commit it was made of."""
        return bool(self.revision) and not self.applied

    @property
    def sentence(self) -> str:
        """What it is and says, for people."""
        if not self.found:
            return f"{self.name} is not there"
        if self.suspended:
            return f"{self.name} is suspended ({self.resume})"
        tried = f" of {self.tried[:12]}" if self.tried else ""
        return f"{self.name} says{tried}: {self.said or 'nothing yet'}"

    @property
    def resume(self) -> str:
        """How a person lets it go on."""
        namespace, _, name = self.name.rpartition(" ")[2].partition("/")
        return f"flux -n {namespace} resume kustomization {name}"

    def failed(self, commit: str) -> bool:
        """Whether it has tried this very commit, and could not apply it."""
        return self.ready == "False" and self.tried == commit


@dataclass(frozen=True)
class Source:
    """What Kustomizations take their files from, as it was read."""

    name: str
    """KIND NAMESPACE/NAME."""
    found: bool = False
    suspended: bool = False
    address: str = ""
    ref: str = ""
    """Of a GitRepository: the branch that it follows, or the tag, the range or the commit that it is pinned to."""
    follows: bool = True
    """Whether `ref` is a branch: a commit that is pushed to it arrives."""
    commit: str = ""
    """The commit that it has, as far as it names one."""

    @property
    def resume(self) -> str:
        """How a person lets it look again."""
        kind, _, where = self.name.partition(" ")
        namespace, _, name = where.partition("/")
        word = {"GitRepository": "git", "OCIRepository": "oci", "Bucket": "bucket"}.get(kind, kind.lower())
        return f"flux -n {namespace} resume source {word} {name}"


def read_kustomization(name: str, namespace: str, obj: Mapping[str, Any] | None) -> Kustomized:
    """Reads a Kustomization (kustomize.toolkit.fluxcd.io/v1).

    The revision of an artifact (OCIRepository) names no commit. The one that it was made of is its annotation
    `org.opencontainers.image.revision`, where its pipeline has set that (`flux push artifact --revision`):
    kustomize-controller sets `lastAppliedOriginRevision` to it together with `lastAppliedRevision`, and to nothing
    where there is none (its internal/controller/kustomization_controller.go; fluxcd.io/flux/components/kustomize).
    """
    if obj is None:
        return Kustomized(name)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    source = spec.get("sourceRef") or {}
    ready = condition_of(obj, READY)
    revision = status.get("lastAppliedRevision")
    return Kustomized(
        name,
        found=True,
        suspended=bool(spec.get("suspend")),
        source_kind=str(source.get("kind", "")),
        source=f"{source.get('namespace') or namespace}/{source.get('name', '')}",
        path=normpath(str(spec.get("path") or ".").lstrip("/") or "."),
        tried=commit_of(status.get("lastAttemptedRevision")),
        applied=commit_of(revision) or origin_of(status.get("lastAppliedOriginRevision")),
        revision=printable(str(revision or ""), 200),
        ready=str(ready.get("status", "")),
        said=printable(str(ready.get("message", "")), 400),
    )


def read_source(name: str, obj: Mapping[str, Any] | None) -> Source:
    """Reads a GitRepository, an OCIRepository or a Bucket (source.toolkit.fluxcd.io/v1). Without `ref` a GitRepository
    follows `master`; a commit wins over a name, that over a range, that over a tag, that over a branch
    (fluxcd.io/flux/components/source/gitrepositories, Reference)."""
    if obj is None:
        return Source(name)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    ref = spec.get("ref") or {}
    branch = str(ref.get("branch") or "master")
    pinned = next((f"{key} {ref[key]}" for key in ("commit", "name", "semver", "tag") if ref.get(key)), "")
    if pinned.startswith("name refs/heads/"):
        branch, pinned = pinned.removeprefix("name refs/heads/"), ""
    return Source(
        name,
        found=True,
        suspended=bool(spec.get("suspend")),
        address=printable(without_secrets(str(spec.get("url") or spec.get("bucketName") or "")), 300),
        ref=printable(pinned or f"branch {branch}", 200),
        follows=not pinned,
        commit=commit_of((status.get("artifact") or {}).get("revision")),
    )


def commit_of(revision: Any) -> str:
    """The commit in a revision as Flux writes it, `main@sha1:COMMIT`; empty where it names none."""
    _, found, commit = str(revision or "").rpartition("@sha1:")
    return commit if found else ""


def origin_of(revision: Any) -> str:
    """The commit in what a pipeline calls the source of an artifact: `main@sha1:COMMIT` as the flux program does, or
    `main/COMMIT`, `sha1:COMMIT`, or the commit alone; empty where it names none in full."""
    found = re.search(r"(?:^|[@/:])([0-9a-f]{40})$", str(revision or ""))
    return found[1] if found else ""
