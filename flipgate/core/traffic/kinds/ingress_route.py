"""Traefik's IngressRoute: rules, each with services."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar, Final

from flipgate.core.traffic.kinds.kind import (
    MIDDLEWARE,
    NAMED,
    OF_PROVIDER,
    Asked,
    Asking,
    Reference,
    RouteKind,
    companion,
    rules_with,
)
from flipgate.core.traffic.traffic import SERVICE, Entry, RouteName, Target

ORDERS_CERTIFICATES: Final = ("certResolver", "domains")
QUOTES: Final = ("`", '"')
"""By which a rule's values stand in it."""
_MATCHER: Final = re.compile(r"""(?<![!\w])(Host|PathPrefix|Path)\(([^)]{0,2000})\)""")
"""What stands in the brackets has an end: one that is never closed would be looked through anew at each name."""
_QUOTED: Final = re.compile(r"""[`"]([^`"]+)[`"]""")


class TraefikKind(RouteKind):
    """What the kinds of Traefik's own API group have in common."""

    group = "traefik.io"
    version = "v1alpha1"
    owner = "Traefik"
    dead_group = "traefik.containo.us"
    moved_to = "move the IngressRoutes and TraefikServices to traefik.io/v1alpha1 (Traefik's migration guide, v2 to v3)"
    unseen = "May it refer across namespaces (--providers.kubernetescrd.allowcrossnamespace)?"


class IngressRoute(TraefikKind):
    word = "IngressRoute"
    plural = "ingressroutes"
    about = "Traefik's IngressRoute"
    leads = f"params.spec.?routes.orValue([]).exists(r, r.?services.orValue([]).exists(s, {NAMED.format('s')}))"
    previews = ("IngressRoute",)
    nowhere: ClassVar[Mapping[str, Any]] = MappingProxyType({"routes": ()})

    def references(self, spec: Mapping[str, Any]) -> Iterator[list[Reference]]:
        for r, rule in enumerate(spec.get("routes") or []):
            found = services(f"/spec/routes/{r}", rule)
            yield [replace(each, rule=rule.get("match", "")) for each in found] if len(found) == 1 else found

    def asked(self, spec: Mapping[str, Any]) -> Iterator[Asking]:
        doors = tuple(str(each) for each in spec.get("entryPoints") or [])
        for r, rule in enumerate(spec.get("routes") or []):
            found: dict[str, list[str]] = {}
            for matcher, values in _MATCHER.findall(rule.get("match", "")):
                found.setdefault(matcher, []).extend(_QUOTED.findall(values))
            paths = [*found.get("PathPrefix", ()), *found.get("Path", ()), "/"]
            yield Asking(r, tuple(found.get("Host", ())), paths[0], spec.get("tls") is not None, doors)

    def companions(self, spec: Mapping[str, Any], namespace: str) -> Iterator[RouteName]:
        for rule in spec.get("routes") or []:
            for each in rule.get("middlewares") or []:
                yield companion(MIDDLEWARE, each, namespace)
            yield from transports(rule.get("services"), namespace)
        for key, kind in (("options", "TLSOption"), ("store", "TLSStore")):
            if named := (spec.get("tls") or {}).get(key):
                yield companion(kind, named, namespace)
        for parent in spec.get("parentRefs") or []:
            yield companion(self.word, parent, namespace)

    def by_https(self, spec: dict[str, Any]) -> None:
        spec.setdefault("tls", {})  # a rule without is known by plain HTTP alone, and asked for by https

    def guard(self, spec: dict[str, Any], middlewares: Collection[RouteName]) -> None:
        first = [{"name": each.name, "namespace": each.namespace} for each in middlewares]
        for rule in spec["routes"]:
            if chain := [*first, *(rule.get("middlewares") or [])]:
                rule["middlewares"] = chain

    def preview(
        self, spec: dict[str, Any], entries: Collection[Entry], name: str, asked: Asked
    ) -> dict[str, dict[str, Any]]:
        """Rules keep their entry points, middlewares and all else; each asks for the preview's host beside what it
        asked for, whatever that was, so no user comes by it."""
        rules = rules_with(entries, spec["routes"])
        for rule in rules:
            match = rule.get("match", "")
            for quote in QUOTES:
                match = match.replace(f"{quote}{asked.host}{quote}", f"{quote}{asked.preview}{quote}")
            rule["match"] = f"Host(`{asked.preview}`)" + (f" && ({match})" if match else "")
        made = {**spec, "routes": rules}
        if tls := spec.get("tls"):
            made["tls"] = {key: value for key, value in tls.items() if key not in ORDERS_CERTIFICATES}
        return {self.word: made}


def services(pointer: str, holder: Mapping[str, Any] | None) -> list[Reference]:
    """What is listed under `services` there."""
    written = (holder or {}).get("services") or []
    return [reference(f"{pointer}/services/{s}/namespace", service) for s, service in enumerate(written)]


def transports(services: Iterable[Mapping[str, Any]] | None, namespace: str) -> Iterator[RouteName]:
    """The transports that these services name in any namespace. By a bare name one stands beside its Service, and is
    another after a move."""
    for service in services or []:
        if (name := str(service.get("serversTransport") or "")).endswith(OF_PROVIDER):
            yield companion("ServersTransport", {"name": name}, namespace)


def reference(pointer: str, written: Mapping[str, Any], *, mirror: bool = False) -> Reference:
    """One of Traefik's references: `name@kubernetescrd` is `name`, of its Kubernetes provider; all others stand in no
    namespace.

    Each is needed: Traefik 3 makes no service of a list with one member that has no endpoint, a mirror or one of weight
    0 no less (pkg/provider/kubernetes/crd/kubernetes_http.go: buildServicesLB, buildMirroring, loadServers).
    """
    name, _, provider = str(written.get("name", "")).partition("@")
    answers = not mirror and written.get("weight") != 0
    target = Target(str(written.get("kind") or SERVICE), name, written.get("port"), answers, needed=True)
    provider = "" if provider == "kubernetescrd" else provider
    return Reference(pointer, str(written.get("namespace") or ""), target, mirror, provider)
