"""Traefik's IngressRoute: rules, each with services."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from flipgate.core.traffic.kinds.kind import Asked, Reference, RouteKind, rules_with
from flipgate.core.traffic.traffic import SERVICE, Entry, Target

ORDERS_CERTIFICATES: Final = ("certResolver", "domains")


class TraefikKind(RouteKind):
    """What the kinds of Traefik's own API group have in common."""

    group = "traefik.io"
    owner = "Traefik"
    dead_group = "traefik.containo.us"
    moved_to = "move the IngressRoutes and TraefikServices to traefik.io/v1alpha1 (Traefik's migration guide, v2 to v3)"
    unseen = "May it refer across namespaces (--providers.kubernetescrd.allowcrossnamespace)?"


class IngressRoute(TraefikKind):
    word = "IngressRoute"
    plural = "ingressroutes"
    about = "Traefik's IngressRoute"
    previews = ("IngressRoute",)

    def references(self, spec: Mapping[str, Any]) -> Iterator[list[Reference]]:
        for r, rule in enumerate(spec.get("routes") or []):
            found = services(f"/spec/routes/{r}", rule)
            yield [replace(each, rule=rule.get("match", "")) for each in found] if len(found) == 1 else found

    def by_https(self, spec: dict[str, Any]) -> None:
        spec.setdefault("tls", {})  # a rule without is known by plain HTTP alone, and asked for by https

    def preview(
        self, spec: dict[str, Any], entries: Collection[Entry], name: str, asked: Asked
    ) -> dict[str, dict[str, Any]]:
        """Rules keep their entry points, middlewares and all else; each asks for the preview's host beside what it
        asked for, whatever that was, so no user comes by it."""
        rules = rules_with(entries, spec["routes"])
        for rule in rules:
            match = rule.get("match", "").replace(f"`{asked.host}`", f"`{asked.preview}`")
            rule["match"] = f"Host(`{asked.preview}`)" + (f" && ({match})" if match else "")
        made = {**spec, "routes": rules}
        if tls := spec.get("tls"):
            made["tls"] = {key: value for key, value in tls.items() if key not in ORDERS_CERTIFICATES}
        return {self.word: made}


def services(pointer: str, holder: Mapping[str, Any] | None) -> list[Reference]:
    """What is listed under `services` there."""
    written = (holder or {}).get("services") or []
    return [reference(f"{pointer}/services/{s}/namespace", service) for s, service in enumerate(written)]


def reference(pointer: str, written: Mapping[str, Any], *, mirror: bool = False) -> Reference:
    """One of Traefik's references: `name@kubernetescrd` is `name`, of its Kubernetes provider; all others stand in no
    namespace."""
    name, _, provider = str(written.get("name", "")).partition("@")
    answers = not mirror and written.get("weight") != 0
    target = Target(str(written.get("kind") or SERVICE), name, written.get("port"), answers)
    provider = "" if provider == "kubernetescrd" else provider
    return Reference(pointer, str(written.get("namespace") or ""), target, mirror, provider)
