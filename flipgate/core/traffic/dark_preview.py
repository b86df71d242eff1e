"""Dark previews: routes of flipgate's own, under a host of their own, by which people look at the dark side for as long
as a release is dark. They say what the live routes will say, behind middlewares that let only some people in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.preview import OURS
from flipgate.core.traffic.traffic import RouteName
from flipgate.core.values import stamps
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side

DARK_PREVIEW: Final = "DarkPreview"
"""The step's name in the journal."""
DARK: Final = "dark-preview"
"""In the names of its objects."""
LETS_SOME_IN: Final = frozenset({"ipAllowList", "ipWhiteList", "basicAuth", "digestAuth", "forwardAuth", "plugin"})
"""Kinds of Traefik's middlewares that turn people away; of a plugin nobody knows, so whoever declared it is believed
(https://doc.traefik.io/traefik/reference/routing-configuration/http/middlewares/overview)."""


def name_of(stored: str) -> RouteName:
    """Reads a name as the record has it: `KIND NAMESPACE/NAME`."""
    kind, _, where = stored.partition(" ")
    namespace, _, name = where.partition("/")
    return RouteName(kind, namespace, name)


def asked_by_users(obj: Mapping[str, Any], kind: str, host: str) -> bool:
    """Whether a live route of this kind takes those who ask for `host`, by that very name: a preview by it would show
    users the dark side."""
    asked = (each for way in KINDS[kind].asked(obj.get("spec") or {}) for each in way.hosts)
    return host.lower() in {each.lower() for each in asked}


def leading_nowhere(wanted: Mapping[str, Any], stamp: str) -> dict[str, Any]:
    """Returns the object as it is made first, leading nobody anywhere, with flipgate's stamp."""
    meta = wanted["metadata"]
    labels = {**meta["labels"], stamps.STAMP: stamp}
    return {**wanted, "metadata": {**meta, "labels": labels}, "spec": dict(KINDS[wanted["kind"]].nowhere)}


def leading(found: Mapping[str, Any], wanted: Mapping[str, Any], epoch: int, stamp: str) -> list[dict[str, Any]]:
    """Returns the patch that leads the object, as it was `found`, to where it is wanted, for an actor of this epoch. It
    is refused once anybody of ours has written it since, or taken it away. Raises LostLease where a later epoch has."""
    meta = found["metadata"]
    theirs = meta["labels"].get(stamps.STAMP)
    stamps.need_ours(theirs, epoch, f"{wanted['kind']} {meta['namespace']}/{meta['name']}", "the dark preview")
    return [
        {"op": "test", "path": "/metadata/uid", "value": meta["uid"]},
        {"op": "test", "path": stamps.LABEL_POINTER, "value": theirs},
        {"op": "add", "path": stamps.LABEL_POINTER, "value": stamp},
        {"op": "replace", "path": "/spec", "value": wanted["spec"]},
    ]


def is_ours(obj: Mapping[str, Any]) -> bool:
    """Whether an object of such a name is flipgate's own."""
    return OURS.items() <= (obj["metadata"].get("labels") or {}).items()


def as_wanted(found: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Whether the object is there, flipgate's own, and says what it is to say."""
    return found is not None and is_ours(found) and found.get("spec") == wanted["spec"]


@dataclass(frozen=True)
class DarkPreviewTold:
    """What there is of a dark preview, for people."""

    address: str
    side: Side | None
    """The side that it is to lead to; None while no release is dark."""
    fact: str
    right: bool
    """Whether it is as it is to be."""


def tell(
    address: str, side: Side | None, lacking: Collection[RouteName], left: Collection[RouteName], failed: str = ""
) -> DarkPreviewTold | None:
    """Returns what is to be said of a preview that lacks these objects, and of which those are left over; None where
    there is none, and none is to be there. `failed` is why the last try to have it right did not."""
    when = f"reconcile tries again within the hour: {failed}" if failed else "reconcile sees to it within minutes"
    if lacking:
        named, many = ", ".join(map(str, lacking)), "a route of it is" if len(lacking) == 1 else "routes of it are"
        fact = f"may not lead to {side}: {many} not as it is to be ({named}); {when}"
        return DarkPreviewTold(address, side, fact, False)
    if left:
        fact = f"is left over: {', '.join(map(str, left))}; {when}"
        return DarkPreviewTold(address, side, fact, False)
    return DarkPreviewTold(address, side, f"leads to {side}", True) if side and address else None


def lets_some_in(spec: Mapping[str, Any]) -> bool:
    """Whether a middleware with this spec turns people away."""
    return not LETS_SOME_IN.isdisjoint(spec)
