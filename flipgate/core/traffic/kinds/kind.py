"""What a kind of route is to flipgate: one class a kind, in one file, registered in kinds/__init__.py."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar, Final

from flipgate.core.traffic.traffic import Edit, Entry, ForeignEntry, RouteName, Target
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.place import Place

INGRESS_CLASS: Final = "kubernetes.io/ingress.class"
"""Annotation by which one of several Traefiks takes a route for its own."""

MIDDLEWARE: Final = "Middleware"
"""Of Traefik's: the kind of what a rule's requests and answers go through."""
OF_PROVIDER: Final = "@kubernetescrd"
"""Ends a name of Traefik's own making: NAMESPACE-NAME, whatever namespace stands beside it."""

NAMED: Final = "{0}.?namespace.orValue(params.metadata.namespace) == request.namespace"
"""CEL: whether a reference of a policy's parameter is into the namespace of the request."""


@dataclass(frozen=True)
class Reference:
    """One reference of a route to something that may answer users."""

    pointer: str
    """Where its namespace stands in the object."""
    namespace: str
    """What is written there; empty: the route's own."""
    target: Target
    mirror: bool = False
    """It gets copies of users' requests, and answers none."""
    provider: str = ""
    """Whose it is where that is not Kubernetes: it is in no namespace then."""
    rule: str = ""
    """The match of the IngressRoute's rule, where the rule has no other entry."""


@dataclass(frozen=True)
class Asking:
    """How users ask for what one rule of a route leads to."""

    rule: int
    """Its place among the rules."""
    hosts: tuple[str, ...]
    """As they are written: `*.example.com` too; none where it takes any host."""
    path: str = "/"
    """One that the rule takes, by all that it says of paths."""
    tls: bool = False
    """Whether the route is asked by TLS, as far as the route itself says."""
    doors: tuple[str, ...] = ()
    """The entry points, or the listeners of a Gateway, that it is known at; none where it is known at all of them."""


class RouteKind(ABC):
    """One kind of route. Everything that differs between kinds is here; no other code compares a kind's word."""

    word: ClassVar[str]
    """As it stands in an object's `kind` and in the application's file."""
    group: ClassVar[str]
    """Its API group."""
    plural: ClassVar[str]
    """What it is served under, and rights are given for."""
    about: ClassVar[str]
    """What it is, for who writes the application's file."""
    owner: ClassVar[str]
    """Whose API it is, in messages."""
    provider: ClassVar[str] = "kubernetescrd"
    """By which of its providers Traefik reads it."""
    dead_group: ClassVar[str] = ""
    """An API group that it was served under once, and that nobody reads any more."""
    moved_to: ClassVar[str] = ""
    """What to do about a route in that group."""
    counted: ClassVar[bool] = False
    """Whether Traefik counts its users per target, so that the counter's name says the side."""
    needs_grant: ClassVar[bool] = False
    """Whether a reference into another namespace needs a ReferenceGrant there."""
    door: ClassVar[bool] = True
    """Whether users come in by it; else they come only where something leads to it."""
    near: ClassVar[bool] = False
    """Whether it can name middlewares of its own namespace alone."""
    previews: ClassVar[tuple[str, ...]]
    """The kinds of the objects that a preview of it consists of; its own kind is the first."""
    unseen: ClassVar[str]
    """What to look at where Traefik does not serve its preview."""
    version: ClassVar[str]
    """The one of its API that admission policies read it by."""
    leads: ClassVar[str]
    """CEL, of an admission policy whose parameter it is: whether it names the namespace of the request. All that is
    written counts, whatever its weight, but mirrors."""
    nowhere: ClassVar[Mapping[str, Any]]
    """A spec that the API server takes, and by which nobody is led anywhere."""

    @abstractmethod
    def references(self, spec: Mapping[str, Any]) -> Iterator[list[Reference]]:
        """All references of an object with this spec, those that share users together."""

    def asked(self, spec: Mapping[str, Any]) -> Iterator[Asking]:
        """How users ask for what its rules lead to; nothing where no user comes in by it."""
        return iter(())

    def companions(self, spec: Mapping[str, Any], namespace: str) -> Iterator[RouteName]:
        """What an object with this spec, in this namespace, names beside its targets. No move changes any of it."""
        return iter(())

    def edit(self, entry: Entry | ForeignEntry, place: Place) -> Edit:
        """The change that sends this entry to a side."""
        return Edit(entry.pointer, entry.namespace if entry.explicit else None, place.namespace)

    def by_https(self, spec: dict[str, Any]) -> None:  # noqa: B027
        """Has an object with this spec answer by https, where that stands in it."""

    def guard(self, spec: dict[str, Any], middlewares: Collection[RouteName]) -> None:  # noqa: B027
        """Has requests go through these middlewares first, before all that an object with this spec has, where users
        come in by it."""

    @abstractmethod
    def preview(
        self, spec: dict[str, Any], entries: Collection[Entry], name: str, asked: Asked
    ) -> dict[str, dict[str, Any]]:
        """The specs of a preview's objects, all called `name`, by kind. `spec` is a copy of the route's own, with its
        entries at the new side already; rules without any of them are left out."""


@dataclass(frozen=True)
class Asked:
    """The hosts of a preview: `host` is the one that users ask for, `preview` the one that nobody does."""

    host: str
    preview: str


def companion(kind: str, written: Mapping[str, Any], namespace: str) -> RouteName:
    """One object that is named by name and namespace; without a namespace it stands in this one."""
    return RouteName(kind, str(written.get("namespace") or namespace), str(written.get("name", "")))


def rules_with(entries: Collection[Entry], rules: Collection[Any]) -> list[Any]:
    """The rules (the list right below the spec) that have any of these entries."""
    leading = {entry.pointer.split("/")[3] for entry in entries}
    return [rule for r, rule in enumerate(rules) if str(r) in leading]
