"""Reads Traefik's own counters of users' requests: which are a side's, how they grew, what a look makes of that.

A rule that names one Service is counted under the rule's own name, whichever side it leads to. What goes through a
TraefikService, or a rule with several services, is counted per target, whose name has the namespace in it.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import NamedTuple

from flipgate.core.gates.bake import Reply
from flipgate.core.gates.sample import GateSample, cut_reason
from flipgate.core.traffic.traffic import SERVICE, RouteName, Target, Traffic
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.place import Places
from flipgate.core.values.sides import Side

REQUESTS = "traefik_service_requests_total"
STARTED = "process_start_time_seconds"
BEGUN = "counted from here on"
LEAST_FAILED = 3
"""A ratio over few answers says little: fewer failed ones than this are no number when their share is too large."""

Series = tuple[tuple[str, str], ...]
"""The labels of one counter, sorted."""


def target_counter(namespace: str, target: Target) -> str:
    """Returns what Traefik calls a Service's port where it counts per target."""
    return _named(target.counter.format(namespace=namespace, name=target.name, port=target.port))


def rule_counter(route: RouteName, match: str) -> str:
    """Returns what Traefik calls a rule's only Service: a name made of the route and its rule."""
    return _named(f"{route.namespace}-{route.name}-{hashlib.sha256(match.encode()).hexdigest()[:20]}@kubernetescrd")


def _named(text: str) -> str:
    name, _, provider = text.partition("@")
    return "-".join(re.findall(r"[^\W_]+", name)) + f"@{provider}"


class Reading(NamedTuple):
    """The counters of some services in one Traefik replica."""

    counts: Mapping[Series, float]
    started: float = 0.0
    """When the replica was started, in seconds since 1970; 0: not known."""
    blank: bool = False
    """It has counted no service's requests at all."""


class Count(NamedTuple):
    """Requests answered, counted."""

    requests: float = 0.0
    """All of them."""
    errors: float = 0.0
    """Those with 5xx."""
    unsure: float = 0.0
    """flipgate's own requests, which may be among them or not."""

    def plus(self, other: Count) -> Count:
        return Count(self.requests + other.requests, self.errors + other.errors, self.unsure + other.unsure)

    def minus(self, other: Count) -> Count:
        """Never less than nothing: a counter that began anew may have forgotten what `other` still counts."""
        requests, errors = max(0.0, self.requests - other.requests), max(0.0, self.errors - other.errors)
        return Count(requests, errors, max(0.0, self.unsure - other.unsure))


@dataclass
class Probes:
    """flipgate's own requests by the replica that they went through: one thread sends them, others read how many."""

    sent: int = 0
    done: int = 0
    heard: dict[str, Count] = field(default_factory=lambda: defaultdict(Count))

    @property
    def quiet(self) -> bool:
        """Whether none is under way."""
        return self.sent == self.done

    def answered(self, replica: str, reply: Reply | None, side: Side) -> None:
        """One that is not answered, or does not name the side, may have been counted as the side's or not."""
        sure = reply is not None and reply.shown == side
        count = Count(1, float(reply.status >= 500)) if reply and sure else Count(unsure=1)
        self.heard[replica] = self.heard[replica].plus(count)
        self.done += 1


def increase(before: Reading, after: Reading) -> Count:
    """What was counted between two readings of one replica.

    A counter that is smaller than before began anew (the replica was started again, or has let it go meanwhile): then
    all that it counts is new. So is one that was not there before.
    """
    anew = before.started != after.started
    requests = errors = 0.0
    for series, value in after.counts.items():
        old = 0.0 if anew else before.counts.get(series, 0.0)
        grown = value - old if value >= old else value
        requests += grown
        errors += grown if dict(series).get("code", "").startswith("5") else 0.0
    return Count(requests, errors)


def error_ratio(
    at: float, counts: Sequence[Count], *, limit: float, of: str, unread: Mapping[str, str], replicas: int
) -> GateSample:
    """The share of users' requests that ended with 5xx. `unread` are replicas that could not be read, and why.

    No number: nobody asked anything but flipgate itself, no replica could be read, or too few failed to call it a
    ratio. A number that lacks a replica can fail and never passes.
    """
    total = Count()
    for count in counts:
        total = total.plus(count)
    lacking = ""
    if unread:
        name, why = next(iter(sorted(unread.items())))
        lacking = cut_reason(f"{len(unread)} of {replicas} Traefik replicas not read: {name}: {why}")
    if len(unread) == replicas:
        return GateSample(at, None, lacking, of=of)
    if not counts:
        return GateSample(at, None, BEGUN, of=of)
    if total.requests <= total.unsure:
        return GateSample(at, None, lacking or "no traffic", of=of)
    ratio, said = total.errors / total.requests, f"{total.errors:.0f} of {total.requests:.0f} users' requests failed"
    if unread:
        said += f" at {replicas - len(unread)} of {replicas} replicas"
    if ratio > limit and total.errors < LEAST_FAILED:
        return GateSample(at, None, f"{said}: too few to judge", of=of)
    return GateSample(at, ratio, lacking, beside=said, of=of, lacking=bool(lacking))


@dataclass(frozen=True)
class Counters:
    """The names that a side's users are counted under. `of` says how these belong to the side: target or time."""

    names: frozenset[str]
    of: str


def counters_of(rules: Sequence[str], targets: Sequence[str]) -> Counters:
    """Where any of them is a rule's, which names no side, that is said of the whole sum."""
    return Counters(frozenset((*rules, *targets)), "time" if rules else "target")


def counted_targets(traffic: Traffic, places: Places) -> dict[str, Side]:
    """Returns the side of each counter, for everything that answers users on either side: a move replaces the namespace
    alone.

    Mirrors are left out: they are counted too, and nobody hears from them. So are TraefikServices of a side, which
    Traefik does not count.
    """
    entries = (entry for state in traffic.leading for entry in state.entries)
    targets = {entry.target for entry in entries if entry.target.answers and entry.target.kind == SERVICE}
    return {target_counter(places[side].namespace, target): side for target in targets for side in Side}


def sides_moved(before: Reading, after: Reading, targets: Mapping[str, Side]) -> frozenset[Side]:
    """The sides that answered anybody between two readings. A counter that is smaller now began anew: Traefik lets go
    what it no longer serves."""
    moved = {dict(series)["service"] for series, value in after.counts.items() if value != before.counts.get(series)}
    return frozenset(targets[name] for name in moved & targets.keys())
