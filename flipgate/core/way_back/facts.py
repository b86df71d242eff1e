"""Everything that one look at an application found, for people: where users are, and whether they could go back.

Looking is `steps/watching/status.py`; what comes next, `next_step.py`.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Final

from flipgate.core.record import queue
from flipgate.core.record.approvals import NotGranted, accept, answered
from flipgate.core.record.conditions import ROUTES_IN_GIT, condition_of, held
from flipgate.core.record.freeze import Freeze
from flipgate.core.record.held import Held, held_back, move_held, yes_that_waits
from flipgate.core.record.held import condition as held_condition
from flipgate.core.record.record import Condition, ConditionStatus, Question, Record
from flipgate.core.spec.application import Application
from flipgate.core.traffic.dark_preview import DarkPreviewTold
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.dark_side import judge_dark_side
from flipgate.core.way_back.explain import Drift, explain, judge_drift
from flipgate.core.way_back.git_access import known_access
from flipgate.core.way_back.going_back import Back, NoWay, judge_rollback
from flipgate.core.way_back.live_side import LiveSide, judge_live_side
from flipgate.core.way_back.routes_in_git import not_looked_at_yet
from flipgate.core.way_back.soak_gates import known_soak
from flipgate.core.way_back.unwatched import Reconciled, judge_unwatched
from flipgate.core.way_back.way_back import OldSide, judge_way_back
from flipgate.core.workloads.costs import Costs
from flipgate.core.workloads.counts import counts_that_matter, enough, short_of
from flipgate.core.workloads.hand_over import Working, working
from flipgate.core.workloads.view import SideState

SAYS_WHERE: Final = frozenset({Why.WAY_BACK_NOT_READY, Why.CONTRACT_MIGRATION_DONE})
"""Reasons of a rollback that is refused for what is found on the side it would go to."""


@dataclass(frozen=True)
class Observed:
    """What one replica of the proxy showed."""

    replica: str | None
    """None when there is no replica to be asked."""
    side: Side | None
    """None when no side was to be seen."""
    text: str
    """What came instead of a side's name, or with it."""


def agreed(observed: tuple[Observed, ...]) -> Side | None:
    """Returns the one side that every replica shows; None where one shows none, or the other."""
    sides = {each.side for each in observed}
    return sides.pop() if len(sides) == 1 else None


@dataclass(frozen=True)
class OpenWay:
    """Whether users could be sent back now, where to, and how fast."""

    way: str
    """fast, slow (pods come first), abort (users saw nothing yet), none, or unknown (something was not read)."""
    side: Side | None = None
    services: tuple[tuple[str, int, int], ...] = ()
    """Those that matter: name, Ready pods, wanted pods."""


@dataclass
class Facts:
    """What one look found, for people."""

    application: Application
    now: datetime
    traffic: Traffic | None = None
    sides: dict[Side, SideState] = field(default_factory=dict)
    record: Record | None = None
    """None when there is none, and when it cannot be read: `managed` tells which."""
    managed: bool | None = None
    """False where there is none, before `adopt`; None where that is not known."""
    old: OldSide = field(default_factory=OldSide)
    live: LiveSide | None = None
    observed: tuple[Observed, ...] = ()
    everywhere: Freeze | Unread | None = None
    """The freeze of all applications."""
    reconciled: Reconciled | Unread | None = None
    problems: dict[str, str] = field(default_factory=dict)
    costs: Costs | None = None
    """What an old side costs that is kept beyond its soak."""
    dark_preview: DarkPreviewTold | None = None
    """None where none is declared, and none is to be there or left."""
    movable: frozenset[Side] = frozenset(Side)
    """The sides that a route can be sent to, where a person names one."""
    hold: str = ""
    """What marks a route that Flux is told to leave as it is; empty where Flux keeps no routes."""
    namespace: str = "flipgate"
    """Where the record is."""

    @property
    def rollback(self) -> Back | NoWay | None:
        """What `flipgate rollback` would do now; None where too little could be read to say."""
        if self.managed is False:
            return NoWay(Why.NOT_FOUND, "nothing is managed yet")
        if self.record is None and (self.traffic is None or len(self.sides) < len(Side)):
            return None
        return judge_rollback(self.record, self.application, self.traffic, self.sides, self.movable)

    @property
    def active(self) -> Side | None:
        return self.traffic.active if self.traffic else None

    @property
    def phase(self) -> str:
        """The phase, or `unmanaged` before `adopt`, or `unknown` when the record cannot be read."""
        if self.record:
            return str(self.record.phase)
        return "unmanaged" if self.managed is False else "unknown"

    @property
    def drift(self) -> str | None:
        """How the routes differ from the record, where no step of flipgate's explains it."""
        if not (self.record and self.traffic):
            return None
        found = explain(self.record, self.traffic)
        return str(found) if isinstance(found, Drift) else None

    @property
    def conditions(self) -> list[Condition]:
        """Judged now; `since` is the record's as long as the status is. None of them before `adopt`."""
        if self.managed is False:
            return []
        unread = "; ".join(fact for what, fact in self.problems.items() if what in ("record", "routes"))
        found = [judge_drift(self.record, self.traffic, self.now, unread)]
        unwatched = judge_unwatched(self.reconciled, self.record, self.now)  # knows itself since when
        if self.record is None:
            return [*found, unwatched]
        ready = judge_way_back(self.record, self.application, self.old, self.now)
        live = judge_live_side(self.record, self.application, self.live, self.now)
        left = [each for each in self.record.conditions if each.type == queue.LEFT]  # only a run knows it
        dark = self.sides.get(self.active.other) if self.active else None
        works_too = judge_dark_side(self.record, self.application, dark, self.now) if dark else None
        git = self.application.spec.git
        access = known_access(self.record, git, self.now) if git else None
        judged = (ready, *found, live, works_too, self._routes_in_git(self.record), access, known_soak(self.record))
        stop = [held_condition(self.held, self.now)] if self.held else []
        return [*(held(self.record.conditions, each) for each in judged if each), *left, *stop, unwatched]

    @property
    def held(self) -> Held | None:
        """What holds moves back now, where that is known of the application; a person's word may pass it."""
        windows = self.application.spec.policy.windows
        return held_back(self.record, self.everywhere, windows, self.now) if self.record else None

    @property
    def waits(self) -> Held | None:
        """What holds the move back that a yes stands for."""
        kind = yes_that_waits(self.record, self.now) if self.record else None
        windows = self.application.spec.policy.windows
        return move_held(self.record, kind, self.everywhere, windows, self.now) if self.record and kind else None

    def _routes_in_git(self, record: Record) -> Condition | None:
        """What is known of it, where the file keeps the routes in Git; a move since has made it out of date."""
        git, active = self.application.spec.git, self.active
        if git is None or not git.routes or active is None:
            return None
        known = condition_of(record.conditions, ROUTES_IN_GIT)
        flux = [str(state.route) for state in self.traffic.routes if state.held] if self.traffic else []
        if known and known.side is active and (not flux or known.status is ConditionStatus.FALSE):
            return known
        if known is None and not flux:
            return None  # nobody has looked yet, and no move of ours waits for Git
        said = not_looked_at_yet(record, git, active, flux)
        status, why = ConditionStatus.FALSE, Why.GIT_BEHIND
        return Condition(type=ROUTES_IN_GIT, status=status, reason=why, message=said, since=self.now, side=active)


def open_way(facts: Facts) -> OpenWay:
    """Returns the way back, judged as rolling back itself judges it.

    How the side is beside its pods is said by WayBackReady, which is never True unless `way` is fast.
    """
    judged = facts.rollback
    side = _old_side(facts, judged)
    if isinstance(judged, Back) and judged.to is None:
        return OpenWay("abort")
    if isinstance(judged, NoWay) and judged.reason not in SAYS_WHERE:
        return OpenWay("none")
    state = facts.sides.get(side) if side else None
    if judged is None or side is None or state is None:
        return OpenWay("unknown", side)
    wanted = counts_that_matter(facts.application, facts.record, side)
    services = tuple((name, state.ready.get(name, 0), count) for name, count in wanted.items())
    way = "slow" if short_of(state, enough(wanted)) else "fast"
    return OpenWay(way if isinstance(judged, Back) else "none", side, services)


def _old_side(facts: Facts, judged: Back | NoWay | None) -> Side | None:
    """The side that the way back is about."""
    if isinstance(judged, Back) and judged.to:
        return judged.to
    release = facts.record.release if facts.record else None
    return release.side.other if release else (facts.active.other if facts.active else None)


def question_state(record: Record, question: Question, now: datetime) -> str:
    """`open`, `approved`, `rejected`, `rollback`, `expired` or `void`; whether the basis still holds is the run's to
    judge."""
    judged = accept(answered(record), question, question.basis, now)
    if not isinstance(judged, NotGranted):
        return "approved"
    states = {Why.NO_DECISION: "open", Why.REJECTED: "rejected", Why.ROLLBACK_REQUESTED: "rollback"}
    return {**states, Why.APPROVAL_EXPIRED: "expired"}.get(judged.reason, "void")


def works(facts: Facts, side: Side) -> tuple[Working, ...]:
    """Returns what works on a dark side as well while nothing is handed over: its work may be done twice."""
    record, state = facts.record, facts.sides.get(side)
    if record is None or state is None or facts.active is not side.other:
        return ()
    if record.open_entry or record.phase.row.half_way:
        return ()
    return working(facts.application.handed_over(), state)
