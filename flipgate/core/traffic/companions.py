"""What routes name of a side beside their targets: no move takes it along, so users would depend on a side that they
have left, and lose what they depend on when it goes to rest (Traefik drops a rule whose middleware it cannot make)."""

from __future__ import annotations

from flipgate.core.traffic.kinds.kind import OF_PROVIDER
from flipgate.core.traffic.traffic import SERVICE, RouteName
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.place import Places, side_at
from flipgate.core.values.sides import Side


@dataclass(frozen=True)
class LeftBehind:
    """Something of a side that a route names."""

    name: RouteName
    side: Side
    route: RouteName
    by: tuple[RouteName, ...] = ()
    """The middlewares by which it does, the rule's own first."""

    @property
    def fact(self) -> str:
        """What is wrong with it."""
        by = f" (by {' and '.join(map(str, self.by))})" if self.by else ""
        return (
            f"is named by {self.route}{by}, and no move takes it along: users would need {self.side} after they left it"
        )

    @property
    def mend(self) -> str:
        """What a person does about it."""
        if self.name.kind == SERVICE and self.by:
            return f"let {self.by[-1]} name one outside of both sides"
        return (
            f"copy it to namespace {self.route.namespace}, or another of neither side, and let the route name that one"
        )


def side_of(name: RouteName, places: Places) -> RouteName | None:
    """Returns what stands in a side's namespace by this name; None where nothing of a side is named.

    Traefik's `NAMESPACE-NAME@kubernetescrd` is read as the side's whose namespace it begins with.
    """
    if side_at(places, name.namespace) and OF_PROVIDER not in name.name:
        return name
    if not name.name.endswith(OF_PROVIDER):
        return None
    for place in places.values():
        begins = f"{place.namespace}-"
        if name.name.startswith(begins):
            return RouteName(name.kind, place.namespace, name.name.removeprefix(begins).removesuffix(OF_PROVIDER))
    return None
