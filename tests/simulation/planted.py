"""Bugs for the search to find: each takes one of the fences out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from flipgate.adapters.cluster import Cluster
from flipgate.adapters.lease import Lease
from flipgate.core.traffic.moves import RoutePatch
from flipgate.core.traffic.traffic import _SEAL, DarkSide, Traffic
from flipgate.core.values.sides import Side
from flipgate.core.workloads.view import Stamped, View
from flipgate.steps.acting.acting import Acting, Authority
from flipgate.steps.acting.moves import Move
from flipgate.steps.looking import look as looking
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.moving import move as moving

Plant = Callable[[ExitStack], None]


def _no_stamp_tests(stack: ExitStack) -> None:
    """Writes on a side test neither its stamp nor its uid, nor the version where there is no stamp."""

    def fenced(self: Stamped, epoch: int, stamp: str, *changes: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [*self.stamping(stamp), *map(dict, changes)]

    stack.enter_context(patch.object(Stamped, "fenced", fenced))


def _no_route_tests(stack: ExitStack) -> None:
    """The patch of a route tests neither its old value nor its version or stamp."""
    real = Cluster.patch

    def unfenced(self: Cluster, path: str, operations: Any, **more: Any) -> dict[str, Any]:
        kept = [each for each in operations if each["op"] != "test"] if "/ingressroutes/" in path else operations
        return real(self, path, kept, **more)

    stack.enter_context(patch.object(Cluster, "patch", unfenced))


def _no_confirmation(stack: ExitStack) -> None:
    """Nobody asks the API server whether the Lease is still theirs: not between taking it and the epoch, nor before a
    route is read again for another try."""
    stack.enter_context(patch.object(Lease, "confirm", lambda self: None))


def _no_lease(stack: ExitStack) -> None:
    """Everybody takes the Lease at once, and nobody asks whether it is still theirs."""
    real = Lease.acquire

    def acquire(self: Lease, *, steal: bool = False, patience_seconds: float | None = None) -> None:
        real(self, steal=True, patience_seconds=patience_seconds)

    stack.enter_context(patch.object(Lease, "acquire", acquire))
    stack.enter_context(patch.object(Lease, "check", lambda self: None))
    _no_confirmation(stack)


def _no_record_version(stack: ExitStack) -> None:
    """A write of the record does not say which version it changes."""
    real = Cluster.replace

    def replace(self: Cluster, path: str, obj: Mapping[str, Any]) -> dict[str, Any]:
        if "/configmaps/record-" in path:
            meta = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
            obj = {**obj, "metadata": meta}
        return real(self, path, obj)

    stack.enter_context(patch.object(Cluster, "replace", replace))


def _any_dark_side(stack: ExitStack) -> None:
    """A release's side is called dark without a look at the routes."""
    real = looking.need_dark

    def need_dark(world: Any, view: View) -> DarkSide:
        record = view.record
        side = record.release.side if record and record.release else None
        if side is None:
            return real(world, view)
        return DarkSide(side, world.application.place_of(side).namespace, _SEAL)

    stack.enter_context(patch.object(looking, "need_dark", need_dark))
    for module in ("settle", "meant"):
        stack.enter_context(patch(f"flipgate.steps.releasing.{module}.need_dark", need_dark))


def _never_stamped_by_a_flip(stack: ExitStack) -> None:
    """A flip rests on the stamps that its side bears, whoever has acted there since they were written."""
    stack.enter_context(
        patch("flipgate.steps.releasing.flip.stamp_unless_taken", lambda acting, state, taken_in: state)
    )


def _read_after_the_entry(stack: ExitStack) -> None:
    """The routes that a move is planned on are read after its entry in the journal was written."""
    real = moving._send_all

    def send_all(acting: Acting, traffic: Traffic, to: Side) -> tuple[RoutePatch, ...]:
        return real(acting, look_at_traffic(acting.world), to)

    def move_back(acting: Authority, to: Side, *, planned: Any = None, **more: Any) -> Move:
        return moving.move_back(acting, to, **more)

    stack.enter_context(patch.object(moving, "_send_all", send_all))
    stack.enter_context(patch("flipgate.steps.going_back.roll_back.move_back", move_back))


def _routes_first(stack: ExitStack) -> None:
    """The routes are read before the sides, whose stamps are younger then than what a write rests on."""

    def look(world: Any) -> View:
        traffic = looking.look_at_traffic(world)
        sides = {side: looking.look_at_side(world, side) for side in Side}
        record = world.store.find()
        protected = record is not None and record.both_protected
        dark = looking.dark_side(traffic, world.application.places, both_protected=protected)
        return View(sides, record, traffic, dark)

    for module in ("bring_up", "settle", "flip", "questions"):
        stack.enter_context(patch(f"flipgate.steps.releasing.{module}.look", look))
    stack.enter_context(patch("flipgate.steps.moving.stamp.look", look))


PLANTED: Mapping[str, Plant] = MappingProxyType(
    {
        "stamp tests on workloads": _no_stamp_tests,
        "tests of route patches": _no_route_tests,
        "the Lease's confirmation": _no_confirmation,
        "the Lease": _no_lease,
        "the record's version": _no_record_version,
        "DarkSide": _any_dark_side,
        "a flip's stamps": _never_stamped_by_a_flip,
        "routes read before the entry": _read_after_the_entry,
        "routes read last in a look": _routes_first,
    }
)


MISSED_BY: Mapping[str, int] = MappingProxyType(
    {
        "stamp tests on workloads": 6,
        "tests of route patches": 74,
        "the Lease's confirmation": 132,
        "the Lease": 132,
        "the record's version": 6,
        "DarkSide": 8,
        "routes read before the entry": 132,
    }
)
"""The first life that breaks a promise without it, when this was written: lived first, before those from 0 on."""

COVERED = frozenset({"routes read last in a look", "a flip's stamps"})
"""Fences that others stand behind: where one alone is gone, no order is known that breaks a promise (decision 0011)."""


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Without this fence for the block."""
    with ExitStack() as stack:
        PLANTED[name](stack)
        yield
