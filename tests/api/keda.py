"""KEDA in a tier that has none: its ScaledObject really served, under another group's name, and its operator played."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flipgate.adapters.cluster import Cluster
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from tests.api.shop import Shop, meanwhile
from tests.api.steps import until_served
from tests.api.wire import Answer, Handler, Script, Through, serving

Before = Callable[[Handler], Answer | None]
GROUP = "keda.flipgate.dev"
"""In the place of keda.sh, which the other tests' API server must not serve."""
AT = "autoscaling.keda.sh/paused-replicas"
PAUSED = "autoscaling.keda.sh/paused"
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"scaledobjects.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "ScaledObject", "plural": "scaledobjects", "singular": "scaledobject"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        ],
    },
}


@dataclass
class Keda:
    """A ScaledObject of each side's `mailer`, and an operator that scales by it whenever somebody waits."""

    shop: Shop
    cluster: Cluster
    busy: bool = True
    """Whether a trigger is active."""
    asked: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What the API server says in the place of its next answers to reads."""

    def world(self, actor: str = "pipeline") -> World:
        """An actor on this cluster, whose pods get Ready, and whose KEDA acts, whenever it waits."""
        return meanwhile(self.shop.world(actor, self.cluster), self.act)

    def path(self, side: Side) -> str:
        return f"/apis/{GROUP}/v1alpha1/namespaces/{self.shop.namespace(side)}/scaledobjects/mailer-scaler"

    def said(self, side: Side) -> dict[str, str]:
        """The annotations of a side's."""
        found: dict[str, str] = self.shop.cluster.get(self.path(side))["metadata"].get("annotations") or {}
        return found

    def say(self, side: Side, **annotations: str | None) -> None:
        """What a person annotates: `paused_replicas="3"`."""
        named = {f"autoscaling.keda.sh/{name.replace('_', '-')}": value for name, value in annotations.items()}
        self.shop.cluster.merge(self.path(side), {"metadata": {"annotations": named}})

    def act(self) -> None:
        """What KEDA does on both sides, and the pods that come of it."""
        for side in Side:
            said, count = self.said(side), self.shop.counts(side)["mailer"]
            wanted = count
            if AT in said:
                wanted = int(said[AT])
            elif said.get(PAUSED) != "true":
                wanted = max(1, count) if self.busy else 0
            if wanted != count:
                self.shop.scale(side, "mailer", wanted)
        self.shop.play_all_ready()


@contextmanager
def with_keda(shop: Shop, folder: Path, *, denied: str = "", before: Before = lambda request: None) -> Iterator[Keda]:
    """The shop on a cluster that serves KEDA; requests of this method, if one is `denied`, are forbidden. `before` sees
    each request, and may answer in its stead."""
    _serve(shop.cluster)
    asked, faults = list[str](), list[str]()
    script = _script(shop, denied, asked, faults)
    with serving(lambda request: before(request) or script(request), folder) as cluster:
        keda = Keda(shop, cluster, asked=asked, faults=faults)
        for side in Side:
            spec = {"scaleTargetRef": {"name": "mailer"}, "minReplicaCount": 0, "triggers": []}
            body = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "mailer-scaler"}}
            shop.cluster.create(keda.path(side).rpartition("/")[0], {**body, "spec": spec})
        yield keda


def _script(shop: Shop, denied: str, asked: list[str], faults: list[str]) -> Script:
    through = Through(shop.kubeconfig)

    def script(request: Handler) -> Answer | None:
        if request.path == "/apis":
            groups = [each for each in shop.cluster.get("/apis")["groups"] if each["name"] != GROUP]
            keda = {"name": "keda.sh", "preferredVersion": {"groupVersion": "keda.sh/v1alpha1"}}
            return 200, json.dumps({"groups": [*groups, keda]}).encode()
        if request.path.startswith("/apis/keda.sh/"):
            asked.append(f"{request.command} {request.path}")
            if request.command == denied:
                return 403, json.dumps({"kind": "Status", "message": "scaledobjects is forbidden"}).encode()
            if faults and request.command == "GET":
                return 503, json.dumps({"kind": "Status", "message": faults.pop()}).encode()
            request.path = request.path.replace("/apis/keda.sh/", f"/apis/{GROUP}/")
        return through(request)

    return script


def _serve(cluster: Cluster) -> None:
    cluster.apply(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/scaledobjects.{GROUP}", CRD)
    until_served(cluster, f"/apis/{GROUP}/v1alpha1/scaledobjects")
