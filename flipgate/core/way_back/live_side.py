"""Judges whether the live side is as it should be, at any time but while users are moved. On plain values.

What it has to have is what the file asks for, unless an autoscaler may have shrunk it; more than that is people's to
give and to take. Where flipgate itself put it to rest, it is what it carried before. Looking is `steps/watching`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from flipgate.core.record.conditions import LIVE_SIDE_READY, changes
from flipgate.core.record.intents import REST_SIDE, RESTORE_LIVE_SIDE, Rest
from flipgate.core.record.record import Condition, ConditionStatus, JournalEntry, Record, announce
from flipgate.core.spec.application import Application
from flipgate.core.spec.service import Service
from flipgate.core.values.base import but
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.managed_fields import APPLY, OURS, set_by
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.other_images import image_writer, other_images
from flipgate.core.way_back.way_back import Autoscaler
from flipgate.core.workloads.containers import setting
from flipgate.core.workloads.counts import counts_that_matter, enough, scaled_up
from flipgate.core.workloads.view import SideState, Workload

RESTORED = Why.LIVE_SIDE_RESTORED


class LiveSideReason(StrEnum):
    """Why the live side is ready or not, the most important first. Treated as API."""

    NO_READY_POD = Why.NO_READY_POD
    WORKLOAD_MISSING = Why.WORKLOAD_MISSING
    TOO_FEW_PODS = Why.TOO_FEW_PODS
    IMAGES_CHANGED = Why.IMAGES_CHANGED
    UNREADABLE = Why.UNREADABLE
    LIVE_SIDE_SERVES = Why.LIVE_SIDE_SERVES


@dataclass(frozen=True)
class LiveSide:
    """What one look found of the side that the routes name."""

    side: Side
    state: SideState | Unread
    autoscalers: tuple[Autoscaler, ...] | Unread = ()
    """Read only where something is short at all."""


@dataclass(frozen=True)
class Short:
    """A serving service with too few pods."""

    workload: Workload
    floor: int
    """It has to ask for this many at least."""
    of: int
    """Its Ready pods are counted against this."""
    carried: int
    """It had this many while it was last known to be as it should."""
    whole: int
    """This many make it so again."""
    rest: JournalEntry | None = None
    """The journal's entry of the rest that flipgate put it to."""

    @property
    def asks_for_too_few(self) -> bool:
        """Whether it would still be short with all the pods it asks for."""
        return self.workload.replicas < self.floor

    def __str__(self) -> str:
        workload = self.workload
        counts = f"{workload.name} {workload.ready} of {self.of} Ready, asks for {workload.replicas}"
        by = set_by(workload.scaled_by, f"set to {workload.replicas}") if self.asks_for_too_few else ""
        rest = f": entry {self.rest.id} ({self.rest.step} of {self.rest.actor})" if self.rest else ""
        return f"{counts}, carried {self.carried}{by}{rest}"


@dataclass(frozen=True)
class Remedy:
    """What a person does about a live side that is not ready."""

    how: str
    """In words."""
    line: str
    """What to type."""
    scales: bool = False
    """With it, the side asks for as many pods as it has to."""


@dataclass(frozen=True)
class Amiss:
    """One workload of the live side that is not as the record has it: the image that it should have (empty: it has it),
    and the count (None: it asks for enough)."""

    service: Service
    workload: Workload
    image: str = ""
    count: int | None = None

    @property
    def changes(self) -> list[dict[str, Any]]:
        """The operations that put it right: it only ever gets more pods than it was seen to ask for."""
        image = setting(self.workload, self.service, self.image) if self.image else []
        if self.count is None:
            return image
        seen = {"op": "test", "path": "/spec/replicas", "value": self.workload.replicas}
        return [*image, seen, self.workload.asking(self.count)]

    def __str__(self) -> str:
        has = self.workload.image_of(self.service.container)
        image = [f"image {has} to {self.image}"] if self.image else []
        pods = [f"pods {self.workload.replicas} to {self.count}"] if self.count is not None else []
        return f"{self.workload.name} {' and '.join([*image, *pods])}"


@dataclass(frozen=True)
class _Fact:
    reason: LiveSideReason
    text: str


def judge_live_side(record: Record, application: Application, live: LiveSide | None, now: datetime) -> Condition | None:
    """LiveSideReady as it is now: its reason is the most important fact, its message names all of them.

    None where the routes name no one side, nothing ever ran there, or users are being moved. What could not be read is
    Unknown, and never hides a fact.
    """
    if live is None or record.both_protected or not record.ran_on(live.side):
        return None
    order = list(LiveSideReason)
    facts = sorted(_facts(record, application, live), key=lambda fact: order.index(fact.reason))
    if not facts:
        message = _serves(record, application, live)
        return _condition(ConditionStatus.TRUE, LiveSideReason.LIVE_SIDE_SERVES, message, live.side, now)
    reason = facts[0].reason
    unread = reason is LiveSideReason.UNREADABLE
    place = application.place_of(live.side).namespace
    command = f"kubectl auth can-i --list -n {place}" if unread else remedy(record, application, live).line
    message = f"{'; '.join(dict.fromkeys(fact.text for fact in facts))}. Next: {command}"
    status = ConditionStatus.UNKNOWN if unread else ConditionStatus.FALSE
    changed = changes(_changes(record, application, live), _empty(record, application, live))
    return but(_condition(status, reason, message, live.side, now), changed=changed)


def lacks(reason: str, pods: Iterable[tuple[int, int]]) -> str:
    """Returns what a live side is that is short for this reason, by its serving services' pods: Ready, and asked for.
    Where each that is asked for is Ready it only asks for too few."""
    asks_for_too_few = reason == LiveSideReason.TOO_FEW_PODS and all(ready >= asked for ready, asked in pods)
    return "has fewer pods than declared" if asks_for_too_few else "is not ready"


def shortages(record: Record, application: Application, live: LiveSide) -> tuple[Short, ...]:
    """Returns the serving services of the live side that have, or ask for, too few pods, as far as autoscalers are
    known: where they could not be read, each may have been shrunk by one."""
    if not isinstance(live.state, SideState):
        return ()
    if isinstance(live.autoscalers, Unread):
        least: Mapping[str, int] = {service.name: 1 for service in application.serving()}
    else:
        least = _least(live.autoscalers)
    return _shortages(record, application, live.side, live.state, least)


def rested(record: Record, application: Application, state: SideState) -> tuple[Short, ...]:
    """Returns the serving services of the side that are short because flipgate itself put them to rest: a stale
    scale-down emptied the side after a rollback chose it, or a person sent users there by hand."""
    return tuple(short for short in _shortages(record, application, state.side, state, {}) if short.rest)


def remedy(record: Record, application: Application, live: LiveSide) -> Remedy:
    """Returns what a person does about it: counts first, then images; where no command does it, where to look."""
    assert isinstance(live.state, SideState)
    few = [short for short in shortages(record, application, live) if short.asks_for_too_few]
    if few:
        ours = "flipgate itself put it to rest, and reconcile scales it up again: this does so now"
        return Remedy(ours if any(short.rest for short in few) else "scale it up", _scale(few), True)
    changed = other_images(record, application, live.state)
    if changed:
        return Remedy("set the release's images again", _set_images(changed))
    return Remedy("look why", f"kubectl -n {live.state.namespace} get {live.state.resources},pods")


def amiss(record: Record, application: Application, live: LiveSide) -> tuple[Amiss, ...]:
    """Returns what of the live side others have changed, and a person may have set again: images, and counts that are
    too small. More pods are people's to give and to take."""
    if not isinstance(live.state, SideState):
        return ()
    short = shortages(record, application, live)
    counts = {str(each.workload): each.whole for each in short if each.asks_for_too_few}
    images = {service.name: was for service, _, was in other_images(record, application, live.state)}
    found = (
        Amiss(service, workload, images.get(service.name, ""), counts.get(str(workload)))
        for service in application.spec.services
        if (workload := live.state.workloads[service.name]).found
    )
    return tuple(each for each in found if each.image or each.count is not None)


def sources(record: Record, application: Application, live: LiveSide) -> tuple[str, ...]:
    """Returns the managers that keep what they changed here in a source of their own, and will write it again."""
    if not isinstance(live.state, SideState):
        return ()
    few = [s.workload.scaled_by for s in shortages(record, application, live) if s.asks_for_too_few and not s.rest]
    writers = [*few, *(image_writer(*each[:2]) for each in other_images(record, application, live.state))]
    return tuple(sorted({each.manager for each in writers if each and each.operation == APPLY}))


def restored(record: Record, entry: int, side: Side, grown: str, rest: JournalEntry, now: datetime) -> Record:
    """Returns the record with one message more: flipgate has scaled up again what it had put to rest itself."""
    why = f"entry {rest.id} ({rest.step} of {rest.actor}) had put it to rest"
    return _told(record, entry, side, f"is scaled up again: {grown}; {why} though users are on it", now)


def put_right(record: Record, entry: int, side: Side, said: str, now: datetime) -> Record:
    """Returns the record with one message more: on a person's word, flipgate has set again what others had changed."""
    return _told(record, entry, side, f"is put right: {said}", now)


def _told(record: Record, entry: int, side: Side, said: str, now: datetime) -> Record:
    return announce(
        record,
        f"{RESTORE_LIVE_SIDE}/{entry}",
        release="",
        side=side,
        text=f"{record.application}: the live side {side} {said}",
        reason=RESTORED,
        at=now,
    )


def _condition(status: ConditionStatus, reason: LiveSideReason, message: str, side: Side, now: datetime) -> Condition:
    return Condition(type=LIVE_SIDE_READY, status=status, reason=str(reason), message=message, since=now, side=side)


def _changes(record: Record, application: Application, live: LiveSide) -> Iterator[str]:
    """What others have changed; not how many pods are Ready, which comes and goes."""
    if isinstance(live.state, Unread):
        return
    yield from (fact.text for fact in _missing(record, live.state))
    for each in amiss(record, application, live):
        image = each.workload.image_of(each.service.container) if each.image else ""
        yield f"{each.workload.name} {image} {'' if each.count is None else each.workload.replicas}"


def _empty(record: Record, application: Application, live: LiveSide) -> list[str]:
    """Who serves nobody now."""
    return [f"{s.workload.name} is empty" for s in shortages(record, application, live) if not s.workload.ready]


def _facts(record: Record, application: Application, live: LiveSide) -> Iterator[_Fact]:
    if isinstance(live.state, Unread):
        yield _Fact(LiveSideReason.UNREADABLE, live.state.why)
        return
    yield from _missing(record, live.state)
    sure = shortages(record, application, live)
    for short in sure:
        none = short.workload.ready == 0
        yield _Fact(LiveSideReason.NO_READY_POD if none else LiveSideReason.TOO_FEW_PODS, str(short))
    if isinstance(live.autoscalers, Unread):
        names = {short.workload.name for short in sure}
        for short in _shortages(record, application, live.side, live.state, {}):
            if short.workload.name not in names:
                unsure = f"whether an autoscaler shrank it is not known: {live.autoscalers.why}"
                yield _Fact(LiveSideReason.UNREADABLE, f"{short}; {unsure}")
    for service, workload, was in other_images(record, application, live.state):
        by = set_by(image_writer(service, workload), "set")
        text = f"{workload.name} runs {workload.image_of(service.container)}, the release has {was}{by}"
        yield _Fact(LiveSideReason.IMAGES_CHANGED, text)


def _missing(record: Record, state: SideState) -> Iterator[_Fact]:
    """Returns what does not exist. What a release adds is not missed on the side that was live before it."""
    for name in state.missing:
        if _ran(record, state.side, name):
            yield _Fact(LiveSideReason.WORKLOAD_MISSING, f"{state.workloads[name]} is missing")


def _shortages(
    record: Record, application: Application, side: Side, state: SideState, least: Mapping[str, int]
) -> tuple[Short, ...]:
    carried, rest = counts_that_matter(application, record, side), _last_rest(record, side)
    found = []
    for service in sorted(application.serving(), key=lambda each: each.name):
        workload = state.workloads[service.name]
        if service.replicas and workload.found and _ran(record, side, service.name):
            ours = rest if rest and _rested_by(rest, workload) else None
            short = _short(
                _as_accepted(record, side, service),
                workload,
                carried.get(service.name, 0),
                least.get(service.name),
                ours,
            )
            found += [short] if short else []
    return tuple(found)


def _short(
    service: Service, workload: Workload, carried: int, least: int | None, rest: JournalEntry | None
) -> Short | None:
    """Ready pods are counted against what it asks for, at most against what it carried: growing is no shortage. Of an
    autoscaled one nobody but its autoscaler knows how many it needs, beyond the least."""
    whole = scaled_up(service, carried)
    if rest:
        floor = most = whole
    elif least is None:
        floor, most = service.replicas, whole
    else:
        floor = most = min(service.replicas, least)
    of = max(1, floor, min(workload.replicas, most))
    if workload.replicas >= floor and workload.ready >= enough({service.name: of})[service.name]:
        return None
    return Short(workload, floor, of, carried, whole, rest)


def _as_accepted(record: Record, side: Side, service: Service) -> Service:
    """The service with as few pods as a person took as right for what runs there."""
    occupant = record.sides.get(side)
    accepted = occupant.accepted.get(service.name) if occupant else None
    return but(service, replicas=accepted) if accepted and accepted < service.replicas else service


def _last_rest(record: Record, side: Side) -> JournalEntry | None:
    """Returns the last rest of the side, however it ended: a stale run may have done it after another actor closed its
    entry."""
    entries = [(e, Rest.find(e.intent)) for e in record.journal if e.step == REST_SIDE]
    return next((entry for entry, meant in reversed(entries) if meant and meant.side is side), None)


def _rested_by(rest: JournalEntry, workload: Workload) -> bool:
    """Whether it asks for what this rest left it, and nobody else has written that since."""
    meant = Rest.find(rest.intent)
    left = meant.replicas.get(workload.name) if meant else None
    return left == workload.replicas and (workload.scaled_by is None or workload.scaled_by.manager == OURS)


def _least(autoscalers: Iterable[Autoscaler]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in autoscalers:
        found[each.deployment] = min(each.least, found.get(each.deployment, each.least))
    return found


def _ran(record: Record, side: Side, service: str) -> bool:
    occupant = record.sides.get(side)
    return occupant is None or service in occupant.images


def _scale(few: Iterable[Short]) -> str:
    by_count: dict[int, list[Workload]] = defaultdict(list)
    for short in few:
        by_count[short.whole].append(short.workload)
    return " && ".join(
        f"kubectl -n {workloads[0].namespace} scale "
        f"{' '.join(workload.named for workload in workloads)} --replicas={count}"
        for count, workloads in sorted(by_count.items(), reverse=True)
    )


def _set_images(changed: Iterable[tuple[Service, Workload, str]]) -> str:
    return " && ".join(workload.set_image(service.container, was) for service, workload, was in changed)


def _serves(record: Record, application: Application, live: LiveSide) -> str:
    """Of a live side that is as it should be; nothing of it changes while pods come and go."""
    carried = counts_that_matter(application, record, live.side)
    counts = ", ".join(f"{name} {count}" for name, count in sorted(carried.items()) if _ran(record, live.side, name))
    return f"{live.side} has Ready pods of each serving service (carried: {counts}), with the images of its release"
