"""Traefik's TraefikService: what rules may name in a Service's place; weighted, mirroring, or the like."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from flipgate.core.traffic.kinds.ingress_route import IngressRoute, TraefikKind, reference, services, transports
from flipgate.core.traffic.kinds.kind import NAMED, Asked, Reference
from flipgate.core.traffic.traffic import Entry, RouteName


class TraefikService(TraefikKind):
    word = "TraefikService"
    plural = "traefikservices"
    about = "a TraefikService that such routes lead to"
    leads = (
        f"[params.spec.?weighted, params.spec.?highestRandomWeight].exists(w, w.?services.orValue([]).exists(s, "
        f"{NAMED.format('s')})) || params.spec.?mirroring.hasValue() && ({NAMED.format('params.spec.mirroring')})"
    )
    counted = True
    door = False
    previews = ("TraefikService", IngressRoute.word)
    nowhere: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def references(self, spec: Mapping[str, Any]) -> Iterator[list[Reference]]:
        """All that is written counts, also what Traefik passes over (it takes the first of `weighted`, `mirroring`,
        `highestRandomWeight`): it is one edit from live."""
        found = [
            each for way in ("weighted", "highestRandomWeight") for each in services(f"/spec/{way}", spec.get(way))
        ]
        if mirroring := spec.get("mirroring"):
            found.append(reference("/spec/mirroring/namespace", mirroring))
            for m, mirror in enumerate(mirroring.get("mirrors") or []):
                found.append(reference(f"/spec/mirroring/mirrors/{m}/namespace", mirror, mirror=True))
        yield found

    def companions(self, spec: Mapping[str, Any], namespace: str) -> Iterator[RouteName]:
        mirroring = spec.get("mirroring") or {}
        for holder in (spec.get("weighted"), spec.get("highestRandomWeight")):
            yield from transports((holder or {}).get("services"), namespace)
        yield from transports([mirroring, *(mirroring.get("mirrors") or [])], namespace)

    def preview(
        self, spec: dict[str, Any], entries: Collection[Entry], name: str, asked: Asked
    ) -> dict[str, dict[str, Any]]:
        rule = {
            "kind": "Rule",
            "match": f"Host(`{asked.preview}`)",
            "services": [{"kind": self.word, "name": name}],
        }
        return {self.word: spec, IngressRoute.word: {"routes": [rule]}}
