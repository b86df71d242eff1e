"""The phases of a release: one row each, and all that depends on where a release stands.

docs/phases.md is drawn from this table (`python -m flipgate.core.record.phases_page > docs/phases.md`). A set of phases
that is needed elsewhere is a column here, or follows from one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum
from types import MappingProxyType

from flipgate.core.record.pipelines import DEPLOY_DARK, FLIP_TRAFFIC, ROLL_BACK, SCALE_DOWN
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why


class Phase(StrEnum):
    """Where a release stands. The words are shown to people and stored in the record."""

    DEPLOYING = "deploying"
    DARK = "dark"
    FLIPPING = "flipping"
    BAKING = "baking"
    LIVE = "live"
    SETTLING = "settling"
    SETTLED = "settled"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    ABORTED = "aborted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"

    @property
    def row(self) -> Row:
        return ROWS[self]


class Reason(StrEnum):
    """Why a phase changed. Treated as API: announcements, Events and scripts key on these words."""

    BUILD_ANNOUNCED = Why.BUILD_ANNOUNCED
    CHECKS_PASSED = Why.CHECKS_PASSED
    CHECKS_FAILED = Why.CHECKS_FAILED
    HOOK_FAILED = Why.HOOK_FAILED
    NOT_READY_IN_TIME = Why.NOT_READY_IN_TIME
    DEPLOYMENT_PAUSED = Why.DEPLOYMENT_PAUSED
    PODS_HELD_BACK = Why.PODS_HELD_BACK
    PODS_REFUSED = Why.PODS_REFUSED
    PREFLIGHT_FAILED = Why.PREFLIGHT_FAILED
    CLAIM_NOT_BOUND = Why.CLAIM_NOT_BOUND
    SCALED_BY_ANOTHER = Why.SCALED_BY_ANOTHER
    OVERLAY_NOT_SET = Why.OVERLAY_NOT_SET
    PUSH_REFUSED = Why.PUSH_REFUSED
    NOT_APPLIED = Why.NOT_APPLIED
    DATABASE_DIRTY = Why.DATABASE_DIRTY
    MIGRATION_FAILED = Why.MIGRATION_FAILED
    CLONE_FAILED = Why.CLONE_FAILED
    DEPLOY_ABORTED = Why.DEPLOY_ABORTED
    NEWER_BUILD = Why.NEWER_BUILD
    APPROVED = Why.APPROVED
    REJECTED = Why.REJECTED
    APPROVAL_EXPIRED = Why.APPROVAL_EXPIRED
    TRAFFIC_PROVEN = Why.TRAFFIC_PROVEN
    TRAFFIC_NOT_PROVEN = Why.TRAFFIC_NOT_PROVEN
    MOVE_UNDONE = Why.MOVE_UNDONE
    BAKE_PASSED = Why.BAKE_PASSED
    BAKE_FAILED = Why.BAKE_FAILED
    ROLLBACK_REQUESTED = Why.ROLLBACK_REQUESTED
    TRAFFIC_RESTORED = Why.TRAFFIC_RESTORED
    SETTLE_APPROVED = Why.SETTLE_APPROVED
    OLD_SIDE_AT_REST = Why.OLD_SIDE_AT_REST


class QuestionKind(StrEnum):
    """What a person is asked. Also the command line's verb that has it asked."""

    FLIP = "flip"
    SCALE_DOWN = "scale-down"


class Users(StrEnum):
    """What users have seen of the release."""

    NOTHING = "nothing yet"
    MOVING = "they are being moved"
    ON_IT = "they are on it"
    OVER = "it has ended"


class Left(StrEnum):
    """The other side: the one that users left for the release, or will leave."""

    LIVE = "live"
    KEPT = "as users left it"
    RESTING = "going to rest"
    RETURNING = "users return to it"
    AT_REST = "at rest"


class Build(StrEnum):
    """What becomes of a new build."""

    OPENS = "opens a release"
    SUPERSEDES = "supersedes it"
    WAITS = "waits until it has ended"


class Rollback(StrEnum):
    """What `flipgate rollback` does."""

    ABORTS = "aborts it"
    MOVES = "moves users back"
    JOINS = "joins the one under way"
    REFUSED = "refused"


@dataclass(frozen=True)
class Row:
    """What holds for a release in one phase.

    `pipeline` takes it on from here. `question` is asked here (`asks`), or its answer covers finishing what it allowed.
    `half_way`: routes or workers may be between the sides. `by_rollback`: going back leads here, and a person may have
    asked for it; `says_who`: then the change's message begins with them. `kept`: the side that ended here stays up for
    a look. `stays_open`: though it has ended, it stays the open release until its side rests. `word` is what became of
    it, in a sentence.
    """

    users: Users
    left: Left
    build: Build
    rollback: Rollback
    pipeline: str = ""
    question: QuestionKind | None = None
    asks: bool = False
    half_way: bool = False
    by_rollback: bool = False
    says_who: bool = False
    kept: bool = False
    stays_open: bool = False
    word: str = ""
    leads_to: Mapping[Phase, frozenset[Reason]] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether the release is written to the history, and a new build may open one."""
        return self.users is Users.OVER

    @property
    def both_protected(self) -> bool:
        """Whether neither side is dark."""
        return self.users is Users.MOVING


def _ended(
    word: str, *, left: Left = Left.LIVE, kept: bool = True, by_rollback: bool = False, says_who: bool = False
) -> Row:
    """Aborts rest their side at once, but may be killed before that; a newer build takes the side over, but may be
    refused: these are `kept`, too."""
    return Row(
        Users.OVER,
        left,
        Build.OPENS,
        Rollback.REFUSED,
        kept=kept,
        by_rollback=by_rollback,
        says_who=says_who,
        word=word,
    )


ROWS: Mapping[Phase, Row] = MappingProxyType(
    {
        Phase.DEPLOYING: Row(
            Users.NOTHING,
            Left.LIVE,
            Build.SUPERSEDES,
            Rollback.ABORTS,
            pipeline=DEPLOY_DARK,
            leads_to={
                Phase.DARK: frozenset({Reason.CHECKS_PASSED}),
                Phase.FAILED: frozenset(
                    {
                        Reason.CHECKS_FAILED,
                        Reason.HOOK_FAILED,
                        Reason.NOT_READY_IN_TIME,
                        Reason.DEPLOYMENT_PAUSED,
                        Reason.PODS_HELD_BACK,
                        Reason.PODS_REFUSED,
                        Reason.PREFLIGHT_FAILED,
                        Reason.CLAIM_NOT_BOUND,
                        Reason.SCALED_BY_ANOTHER,
                        Reason.OVERLAY_NOT_SET,
                        Reason.PUSH_REFUSED,
                        Reason.NOT_APPLIED,
                        Reason.DATABASE_DIRTY,
                        Reason.MIGRATION_FAILED,
                        Reason.CLONE_FAILED,
                    }
                ),
                Phase.ABORTED: frozenset({Reason.DEPLOY_ABORTED}),
                Phase.SUPERSEDED: frozenset({Reason.NEWER_BUILD}),
            },
        ),
        Phase.DARK: Row(
            Users.NOTHING,
            Left.LIVE,
            Build.SUPERSEDES,
            Rollback.ABORTS,
            pipeline=FLIP_TRAFFIC,
            question=QuestionKind.FLIP,
            asks=True,
            leads_to={
                Phase.FLIPPING: frozenset({Reason.APPROVED}),
                Phase.REJECTED: frozenset({Reason.REJECTED}),
                Phase.EXPIRED: frozenset({Reason.APPROVAL_EXPIRED}),
                Phase.ABORTED: frozenset({Reason.DEPLOY_ABORTED}),
                Phase.SUPERSEDED: frozenset({Reason.NEWER_BUILD}),
            },
        ),
        Phase.FLIPPING: Row(
            Users.MOVING,
            Left.KEPT,
            Build.WAITS,
            Rollback.MOVES,
            pipeline=FLIP_TRAFFIC,
            question=QuestionKind.FLIP,
            half_way=True,
            leads_to={
                # Only after a move that changed no route: users saw nothing, and a person is asked again.
                Phase.DARK: frozenset({Reason.MOVE_UNDONE}),
                Phase.BAKING: frozenset({Reason.TRAFFIC_PROVEN}),
                Phase.ROLLING_BACK: frozenset(
                    {Reason.TRAFFIC_NOT_PROVEN, Reason.ROLLBACK_REQUESTED, Reason.BAKE_FAILED}
                ),
            },
        ),
        Phase.BAKING: Row(
            Users.ON_IT,
            Left.KEPT,
            Build.WAITS,
            Rollback.MOVES,
            pipeline=FLIP_TRAFFIC,
            half_way=True,
            leads_to={
                Phase.LIVE: frozenset({Reason.BAKE_PASSED}),
                # Not proven: a bake that is begun again after a crash proves first.
                Phase.ROLLING_BACK: frozenset(
                    {Reason.BAKE_FAILED, Reason.TRAFFIC_NOT_PROVEN, Reason.ROLLBACK_REQUESTED}
                ),
            },
        ),
        Phase.LIVE: Row(
            Users.ON_IT,
            Left.KEPT,
            Build.WAITS,
            Rollback.MOVES,
            pipeline=SCALE_DOWN,
            question=QuestionKind.SCALE_DOWN,
            asks=True,
            leads_to={
                Phase.SETTLING: frozenset({Reason.SETTLE_APPROVED}),
                Phase.ROLLING_BACK: frozenset({Reason.ROLLBACK_REQUESTED}),
            },
        ),
        Phase.SETTLING: Row(
            Users.ON_IT,
            Left.RESTING,
            Build.WAITS,
            Rollback.MOVES,
            pipeline=SCALE_DOWN,
            question=QuestionKind.SCALE_DOWN,
            leads_to={
                Phase.SETTLED: frozenset({Reason.OLD_SIDE_AT_REST}),
                Phase.ROLLING_BACK: frozenset({Reason.ROLLBACK_REQUESTED}),
            },
        ),
        Phase.SETTLED: _ended("was settled", left=Left.AT_REST, kept=False),
        Phase.ROLLING_BACK: Row(
            Users.MOVING,
            Left.RETURNING,
            Build.WAITS,
            Rollback.JOINS,
            pipeline=ROLL_BACK,
            half_way=True,
            by_rollback=True,
            says_who=True,
            word="is being rolled back",
            leads_to={Phase.ROLLED_BACK: frozenset({Reason.TRAFFIC_RESTORED})},
        ),
        Phase.ROLLED_BACK: Row(
            Users.OVER,
            Left.LIVE,
            Build.OPENS,
            Rollback.REFUSED,
            by_rollback=True,
            kept=True,
            stays_open=True,
            word="was rolled back",
        ),
        Phase.FAILED: _ended("failed"),
        Phase.ABORTED: _ended("was aborted", by_rollback=True, says_who=True),
        Phase.REJECTED: _ended("was rejected"),
        Phase.EXPIRED: _ended("expired"),
        Phase.SUPERSEDED: _ended("was superseded"),
    }
)
"""The one place that knows the order of things."""


def where(holds: Callable[[Row], bool]) -> frozenset[Phase]:
    """Returns the phases whose row this holds for."""
    return frozenset(phase for phase, row in ROWS.items() if holds(row))


BEFORE_TRAFFIC = where(lambda row: row.users is Users.NOTHING)
"""Phases in which users have seen nothing of the release: rolling back means aborting."""

MOVING = where(lambda row: row.both_protected)
"""Phases in which neither side is dark: both are protected."""

AFTER_TRAFFIC = where(lambda row: row.users in (Users.MOVING, Users.ON_IT))
"""Phases in which rolling back moves traffic."""

WITH_WAY_BACK = where(lambda row: row.users is Users.ON_IT)
"""Phases in which the other side is what users would go back to."""

TERMINAL = where(lambda row: row.ended)
"""Phases after which a release is written to the history and a new build may open one."""

TRANSITIONS: Mapping[Phase, Mapping[Phase, frozenset[Reason]]] = MappingProxyType(
    {phase: row.leads_to for phase, row in ROWS.items() if row.leads_to}
)

ASKED_IN: Mapping[QuestionKind, frozenset[Phase]] = MappingProxyType(
    {kind: frozenset(phase for phase, row in ROWS.items() if row.question is kind) for kind in QuestionKind}
)
"""The phases in which a question is asked, and in which its answer covers finishing what it allowed."""


def works_in(pipeline: str) -> frozenset[Phase]:
    """Returns the phases in which a run of this pipeline has something to do."""
    return frozenset(phase for phase, row in ROWS.items() if row.pipeline == pipeline)


def asked_in(kind: QuestionKind) -> Phase:
    """Returns the phase in which this question is asked."""
    return next(phase for phase, row in ROWS.items() if row.asks and row.question is kind)
