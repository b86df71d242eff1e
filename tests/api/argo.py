"""Argo CD in a tier that has none: what it holds to be different, and what it would write, as its sources say, by a
real server-side apply.

Read at argoproj/argo-cd, 3.x: `util/argo/normalizers/diff_normalizer.go` (each of `jqPathExpressions` is deleted from
both sides, and one that fails is passed over), `gitops-engine/pkg/diff` (the server-side diff: what a dry run of the
apply predicts, held against what is there), `controller/sync.go: normalizeTargetResources` (RespectIgnoreDifferences:
what was deleted is put back as it is in the cluster, and then applied; a list is taken whole).
`managedFieldsManagers` is not played: docs/gitops.md has none (docs/decisions/0018-through-git.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import jq

from flipgate.adapters.cluster import APPLY_PATCH
from flipgate.adapters.connection import Connection

MANAGER = "argocd-controller"
OF_THE_SERVER = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")
Object = dict[str, Any]


class ArgoCD:
    """An Application with this spec, and the objects that its repository says, each by its path."""

    def __init__(self, api: Connection, spec: Mapping[str, Any]) -> None:
        self.api, self.spec = api, spec
        self.desired: dict[str, Object] = {}

    def adopts(self, path: str, **spec: Any) -> None:
        """Has an object that is there in its repository as it is, with this in its spec, and applies it."""
        live = self.live(path)
        meta = {key: live["metadata"][key] for key in ("name", "namespace")}
        said = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": meta}
        self.desired[path] = {**said, "spec": {**live["spec"], **spec}}
        self._apply(path, self.desired[path])

    def out_of_sync(self) -> list[str]:
        """The paths of all that it holds to be other than its repository says."""
        return [path for path, said in self.desired.items() if self._differs(path, said)]

    def syncs(self) -> None:
        """Applies everything, whether it differs or not, as a sync of one new commit does."""
        for path, said in self.desired.items():
            live = _without(self.live(path), "status")
            kept = _merge_patch(self._normalized(live), live)
            self._apply(path, _merged(self._normalized(said), {"spec": kept.get("spec", {})}))

    def _differs(self, path: str, said: Object) -> bool:
        return self._compared(self.live(path)) != self._compared(self._apply(path, said, dryRun="All"))

    def live(self, path: str) -> Object:
        """The object as it is in the cluster."""
        return self.api.json("GET", path)

    def _compared(self, obj: Object) -> Object:
        seen = self._normalized(_without(obj, "status"))
        return {**seen, "metadata": {k: v for k, v in seen["metadata"].items() if k not in OF_THE_SERVER}}

    def _normalized(self, obj: Object) -> Object:
        group, kind = obj["apiVersion"].rpartition("/")[0], obj["kind"]
        for each in self.spec["ignoreDifferences"]:
            if (each["group"], each["kind"]) == (group, kind):
                for path in each.get("jqPathExpressions", ()):
                    obj = jq.compile(f"del({path})").input_value(obj).first()
        return obj

    def _apply(self, path: str, obj: Object, **query: str) -> Object:
        asked = {"fieldManager": MANAGER, "force": "true", **query}
        return self.api.json("PATCH", path, body=obj, query=asked, content_type=APPLY_PATCH)


def _without(obj: Object, *keys: str) -> Object:
    return {key: deepcopy(value) for key, value in obj.items() if key not in keys}


def _merge_patch(before: Object, after: Object) -> Object:
    """What makes the one of the other (RFC 7386); nothing here takes a key away."""
    found: Object = {}
    for key, value in after.items():
        if isinstance(value, dict) and isinstance(before.get(key), dict):
            if inner := _merge_patch(before[key], value):
                found[key] = inner
        elif before.get(key) != value:
            found[key] = value
    return found


def _merged(obj: Object, patch: Object) -> Object:
    both = {key: _merged(obj[key], patch[key]) for key in obj.keys() & patch.keys() if isinstance(patch[key], dict)}
    return {**obj, **patch, **both}
