"""Judges, through the soak, whether users could go back to the old side as they left it. On plain values.

Looking is `steps/watching`; going is `steps/going_back`, which bears a few missing pods (`counts.enough`).
Nothing is tolerated here: one pod short is worth a word long before it matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from flipgate.core.record.conditions import WAY_BACK_READY, changes
from flipgate.core.record.occupant import Contract, Occupant
from flipgate.core.record.phases import WITH_WAY_BACK, Left
from flipgate.core.record.record import Condition, ConditionStatus, Record
from flipgate.core.spec.application import Application
from flipgate.core.values.base import but
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.managed_fields import set_by
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.other_images import image_writer
from flipgate.core.workloads.counts import at_work, counts_that_matter, short_of
from flipgate.core.workloads.render import configuration_hash
from flipgate.core.workloads.room import Quota, short_quotas
from flipgate.core.workloads.view import SideState


def may_be_shrinking(record: Record, side: Side) -> bool:
    """Whether an actor of ours may have a write on its way that takes pods from a side. False only for the side that
    users left in the open release's move, until its rest begins: each such write comes after `settling` was written
    down, which is refused to whoever lost the Lease by then.
    """
    left = record.release is not None and side is record.release.side.other
    return not (left and record.phase.row.left is Left.KEPT)


class WayBackReason(StrEnum):
    """Why the way back is open or not, the most important first. Treated as API."""

    CONTRACT_MIGRATION_DONE = Why.CONTRACT_MIGRATION_DONE
    WORKLOAD_MISSING = Why.WORKLOAD_MISSING
    NOT_READY = Why.NOT_READY
    IMAGES_CHANGED = Why.IMAGES_CHANGED
    CONFIGURATION_CHANGED = Why.CONFIGURATION_CHANGED
    QUOTA_TOO_SMALL = Why.QUOTA_TOO_SMALL
    AUTOSCALER_MAY_SHRINK = Why.AUTOSCALER_MAY_SHRINK
    UNREADABLE = Why.UNREADABLE
    WAY_BACK_OPEN = Why.WAY_BACK_OPEN


NOT_LOOKED_AT: Final = Unread("it was not looked at")


@dataclass(frozen=True)
class Autoscaler:
    """One HorizontalPodAutoscaler that may scale a workload down to `least` pods."""

    name: str
    deployment: str
    least: int


@dataclass(frozen=True)
class OldSide:
    """What one look found of the old side, piece by piece."""

    side: SideState | Unread = NOT_LOOKED_AT
    configuration: Mapping[str, Any] | Unread = NOT_LOOKED_AT
    """The data of the ConfigMaps that its pods read."""
    quotas: tuple[Quota, ...] | Unread = NOT_LOOKED_AT
    autoscalers: tuple[Autoscaler, ...] | Unread = NOT_LOOKED_AT
    needs: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    """What one pod of a service takes of a quota, by resource (`requests.cpu`), as far as its template says."""


@dataclass(frozen=True)
class _Fact:
    """One thing that is not as it was, or could not be read, and what to type about it."""

    reason: WayBackReason
    text: str
    command: str
    changed: str = ""
    """What others have changed, without what comes and goes by itself; empty where nothing says that they have."""


def way_back_of(record: Record) -> Side | None:
    """Returns the side users would go back to, through the soak; None in other phases, and where nothing ever ran on
    it."""
    release = record.release
    if release is None or release.phase not in WITH_WAY_BACK:
        return None
    occupant = record.sides.get(release.side.other)
    return release.side.other if occupant and occupant.images else None


def judge_way_back(record: Record, application: Application, old: OldSide, now: datetime) -> Condition | None:
    """Judges the condition WayBackReady: its reason is the most important fact, its message names all of them.

    None where there is nothing to go back to. What could not be read is Unknown, and never hides a fact.
    """
    side = way_back_of(record)
    if side is None:
        return None
    occupant, place = record.sides[side], application.place_of(side).namespace
    wanted = counts_that_matter(application, record, side)
    order = list(WayBackReason)
    working = at_work(application.workers(), record, side)
    facts = sorted(
        _facts(application, occupant, old, wanted, working, place), key=lambda fact: order.index(fact.reason)
    )
    if not facts:
        ready = ", ".join(f"{name} {count}" for name, count in sorted(wanted.items()))
        message = f"{side} has its pods Ready ({ready}), with the images and the configuration it was live with"
        return _condition(ConditionStatus.TRUE, WayBackReason.WAY_BACK_OPEN, message, now)
    first = facts[0]
    unread = first.reason is WayBackReason.UNREADABLE
    text = "; ".join(dict.fromkeys(fact.text for fact in facts))
    status = ConditionStatus.UNKNOWN if unread else ConditionStatus.FALSE
    found = _condition(status, first.reason, f"{text}. Next: {first.command}", now)
    return but(found, changed=changes(fact.changed for fact in facts if fact.changed))


def _condition(status: ConditionStatus, reason: WayBackReason, message: str, now: datetime) -> Condition:
    return Condition(type=WAY_BACK_READY, status=status, reason=str(reason), message=message, since=now)


def _facts(
    application: Application,
    occupant: Occupant,
    old: OldSide,
    wanted: Mapping[str, int],
    working: Mapping[str, int],
    place: str,
) -> Iterator[_Fact]:
    yield from _contract(application, occupant)
    if isinstance(old.side, SideState):
        yield from _workloads(occupant, old.side, wanted)
        yield from _images(application, occupant, old.side)
        yield from _quotas(old.quotas, old.needs, old.side, {**working, **wanted})
    else:
        yield _unread(old.side.why, place)
    yield from _configuration(occupant, old, place)
    yield from _autoscalers(old, wanted, place)
    if isinstance(old.quotas, Unread):
        yield _unread(old.quotas.why, place)


def contract_fact(done: Contract) -> str:
    """Returns a contract migration as a sentence without its end."""
    when = f"{done.at:%Y-%m-%d %H:%M} UTC by {done.by}"
    return f"a contract migration was done {when} ({done.reason}): the code there can no longer read the data"


def _contract(application: Application, occupant: Occupant) -> Iterator[_Fact]:
    done = occupant.contracted
    if done:
        forward = f"go forward with a fix: flipgate status {application.name}"
        yield _Fact(WayBackReason.CONTRACT_MIGRATION_DONE, contract_fact(done), forward)


def _workloads(occupant: Occupant, state: SideState, wanted: Mapping[str, int]) -> Iterator[_Fact]:
    for name in (name for name in state.missing if name in occupant.images):
        text = f"{state.workloads[name]} is missing"
        command = f"kubectl -n {state.namespace} get {state.resources}"
        yield _Fact(WayBackReason.WORKLOAD_MISSING, text, command, changed=text)
    for name, (ready, count) in short_of(state, wanted).items():
        workload = state.workloads[name]
        if workload.found:
            asked = f" (it asks for {workload.replicas})" if workload.replicas < count else ""
            by = set_by(workload.scaled_by, "set") if asked else ""
            text, plural = f"{workload} has {ready} of {count} pods Ready{asked}{by}", f"{workload.kind.lower()}s"
            command = f"kubectl -n {state.namespace} get {plural},pods"
            if asked:
                command = f"kubectl -n {state.namespace} scale {workload.named} --replicas={count}"
            yield _Fact(WayBackReason.NOT_READY, text, command, changed=f"{workload}{asked}" if asked else "")


def _images(application: Application, occupant: Occupant, state: SideState) -> Iterator[_Fact]:
    look = f"kubectl -n {state.namespace} get {state.resources} -o wide"
    for service in application.spec.services:
        workload = state.workloads[service.name]
        found, was = workload.image_of(service.container), occupant.images.get(service.name)
        if workload.up and was is None:
            yield _Fact(WayBackReason.UNREADABLE, f"{workload}: nobody noted which image it was live with", look)
        elif workload.found and was is not None and found != was:
            text = f"{workload} has image {found}, was live with {was}"
            command = workload.set_image(service.container, was) if found else look
            by = set_by(image_writer(service, workload), "set")
            yield _Fact(WayBackReason.IMAGES_CHANGED, f"{text}{by}", command, changed=text)


def _configuration(occupant: Occupant, old: OldSide, place: str) -> Iterator[_Fact]:
    look = f"kubectl -n {place} get configmaps"
    if isinstance(old.configuration, Unread):
        yield _unread(old.configuration.why, place)
        return
    found, was = configuration_hash(old.configuration), occupant.configuration
    names = [name if data is not None else f"{name} (missing)" for name, data in sorted(old.configuration.items())]
    read = f"the ConfigMaps that {place} reads ({', '.join(names) or 'none'})"
    if not was:
        yield _Fact(WayBackReason.UNREADABLE, f"{read}: nobody noted what was in them while it was live", look)
    elif found != was:
        text = f"{read} are not as they were while it was live: hash {found}, was {was}"
        yield _Fact(WayBackReason.CONFIGURATION_CHANGED, text, look, changed=text)


def _autoscalers(old: OldSide, wanted: Mapping[str, int], place: str) -> Iterator[_Fact]:
    if isinstance(old.autoscalers, Unread):
        yield _unread(old.autoscalers.why, place)
        return
    for each in sorted(old.autoscalers, key=lambda scaler: scaler.name):
        count = wanted.get(each.deployment, 0)
        if each.least < count:
            to = f"{each.deployment} to {each.least} pods, {count} are wanted"
            text = f"HorizontalPodAutoscaler {place}/{each.name} may shrink {to}"
            patch = f'{{"spec":{{"minReplicas":{count}}}}}'
            command = f"kubectl -n {place} patch hpa {each.name} --type=merge -p='{patch}'"
            yield _Fact(WayBackReason.AUTOSCALER_MAY_SHRINK, text, command)


def _quotas(
    quotas: tuple[Quota, ...] | Unread,
    needs: Mapping[str, Mapping[str, Decimal]],
    state: SideState,
    whole: Mapping[str, int],
) -> Iterator[_Fact]:
    """What a quota has to admit before the side is whole again: above all its workers, which stopped when traffic
    moved."""
    if isinstance(quotas, Unread):
        return
    more = {name: count - state.workloads[name].pods for name, count in whole.items() if state.workloads[name].found}
    missing = {name: count for name, count in sorted(more.items()) if count > 0}
    for each in short_quotas(quotas, missing, needs, state.namespace):
        reason = WayBackReason.QUOTA_TOO_SMALL if each.known else WayBackReason.UNREADABLE
        yield _Fact(reason, each.text, each.command)


def _unread(why: str, place: str) -> _Fact:
    return _Fact(WayBackReason.UNREADABLE, why, f"kubectl auth can-i --list -n {place}")
