"""The Gateway API's HTTPRoute, as Traefik serves it: rules, each with backendRefs, and filters that may mirror."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final

from flipgate.core.traffic.kinds.kind import (
    MIDDLEWARE,
    NAMED,
    Asked,
    Asking,
    Reference,
    RouteKind,
    companion,
    rules_with,
)
from flipgate.core.traffic.traffic import COUNTER, SERVICE, Entry, RouteName, Target

SERVED: Final = (("", "Service"), ("core", "Service"), ("traefik.io", "TraefikService"))
"""Group and kind of all that Traefik lets a backendRef name."""
GATEWAY_COUNTER: Final = "{namespace}-{name}-http-{port}@kubernetesgateway"


class HTTPRoute(RouteKind):
    word = "HTTPRoute"
    group = "gateway.networking.k8s.io"
    version = "v1"
    leads = f"params.spec.?rules.orValue([]).exists(r, r.?backendRefs.orValue([]).exists(b, {NAMED.format('b')}))"
    plural = "httproutes"
    about = "an HTTPRoute"
    owner = "the Gateway API"
    provider = "kubernetesgateway"
    counted = True
    needs_grant = True
    near = True
    previews = ("HTTPRoute",)
    nowhere: ClassVar[Mapping[str, Any]] = MappingProxyType({})  # of no Gateway, and so of no use
    unseen = (
        "Is its Gateway provider on (--providers.kubernetesgateway), and does the Gateway's listener take this host?"
    )

    def references(self, spec: Mapping[str, Any]) -> Iterator[list[Reference]]:
        for r, rule in enumerate(spec.get("rules") or []):
            found = list(_mirrors(f"/spec/rules/{r}", rule))
            for b, backend in enumerate(rule.get("backendRefs") or []):
                pointer = f"/spec/rules/{r}/backendRefs/{b}"
                found += [_reference(pointer, backend), *_mirrors(pointer, backend)]
            yield found

    def asked(self, spec: Mapping[str, Any]) -> Iterator[Asking]:
        """Whether by TLS is said by the listeners of its Gateways."""
        hosts = tuple(str(each) for each in spec.get("hostnames") or [])
        doors = tuple(str(each["sectionName"]) for each in spec.get("parentRefs") or [] if each.get("sectionName"))
        for r, rule in enumerate(spec.get("rules") or []):
            paths = [(each.get("path") or {}) for each in rule.get("matches") or []]
            plain = [
                str(each["value"]) for each in paths if each.get("type") != "RegularExpression" and "value" in each
            ]
            yield Asking(r, hosts, [*plain, "/"][0], doors=doors)

    def companions(self, spec: Mapping[str, Any], namespace: str) -> Iterator[RouteName]:
        """Filters name extensions of the route's own namespace alone."""
        for parent in spec.get("parentRefs") or []:
            yield companion(str(parent.get("kind") or "Gateway"), parent, namespace)
        for rule in spec.get("rules") or []:
            for holder in (rule, *(rule.get("backendRefs") or [])):
                for written in holder.get("filters") or []:
                    if named := written.get("extensionRef"):
                        yield companion(str(named.get("kind", "")), {"name": named.get("name", "")}, namespace)

    def guard(self, spec: dict[str, Any], middlewares: Collection[RouteName]) -> None:
        """By filters, which name middlewares of the route's own namespace alone."""
        names = [{"group": "traefik.io", "kind": MIDDLEWARE, "name": each.name} for each in middlewares]
        first = [{"type": "ExtensionRef", "extensionRef": each} for each in names]
        for rule in spec["rules"]:
            if chain := [*first, *(rule.get("filters") or [])]:
                rule["filters"] = chain

    def preview(
        self, spec: dict[str, Any], entries: Collection[Entry], name: str, asked: Asked
    ) -> dict[str, dict[str, Any]]:
        """Under the same Gateways. Rules keep their matches and filters: the host stands beside them, for all rules."""
        return {self.word: {**spec, "hostnames": [asked.preview], "rules": rules_with(entries, spec["rules"])}}


def _mirrors(pointer: str, holder: Mapping[str, Any]) -> Iterator[Reference]:
    for f, written in enumerate(holder.get("filters") or []):
        if mirror := written.get("requestMirror"):
            where = f"{pointer}/filters/{f}/requestMirror/backendRef"
            yield _reference(where, mirror.get("backendRef") or {}, mirror=True)


def _reference(pointer: str, written: Mapping[str, Any], *, mirror: bool = False) -> Reference:
    """What Traefik does not serve at all, and services of its other providers (`api@internal`), are of no namespace."""
    group, kind = str(written.get("group") or ""), str(written.get("kind") or SERVICE)
    name, _, provider = str(written.get("name", "")).partition("@")
    if (group, kind) not in SERVED:
        provider = provider or group or "unknown"
    answers = not mirror and written.get("weight") != 0
    counter = GATEWAY_COUNTER if kind == SERVICE else COUNTER
    target = Target(kind, name, written.get("port"), answers, counter=counter)
    return Reference(f"{pointer}/namespace", str(written.get("namespace") or ""), target, mirror, provider)
