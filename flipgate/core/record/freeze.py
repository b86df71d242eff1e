"""A person's stop, and a person's word that passes stops: as they are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, Field

from flipgate.core.record.phases import Phase, QuestionKind, asked_in
from flipgate.core.values.base import Model
from flipgate.core.values.reasons import Why
from flipgate.core.values.stored import Name, Text
from flipgate.core.values.who import Identity, shown

HOLDS: Final = frozenset({Why.FROZEN, Why.FREEZE_UNKNOWN, Why.WINDOW_CLOSED})
"""Reasons for which a move does not begin, and its yes stays."""


ENDS_WELL: Final = HOLDS | {Why.GATES_NOT_PASSED}
"""Reasons for which a run that moves on ends without a fault: what waits is looked at again, and gone on with, by
reconcile. Where gates have not passed there is no yes to keep: a person is asked once they pass."""


class Freeze(Model):
    """Users stay where they are, and the way back stays open, until somebody thaws it."""

    by: Name
    reason: Text
    at: AwareDatetime
    identity: Identity | None = Field(default=None, exclude_if=lambda identity: identity is None)

    @property
    def said_by(self) -> str:
        """Who has frozen it, as that is shown."""
        return shown(self.by, self.identity)


class BreakGlass(Model):
    """A person's word for one move of one release: freezes that are older, closed windows, and the file's gates are
    passed. It is no yes."""

    kind: QuestionKind
    release: Name
    by: Name
    reason: Text
    at: AwareDatetime
    expires_at: AwareDatetime
    identity: Identity | None = Field(default=None, exclude_if=lambda identity: identity is None)

    @property
    def said_by(self) -> str:
        """Who has said it, as that is shown."""
        return shown(self.by, self.identity)

    def lasts(self, phase: Phase) -> bool:
        """Whether it still counts once its release gets into this phase: while the move that it was for is made and
        watched. One that is undone, or has ended, needs another."""
        return phase.row.pipeline == asked_in(self.kind).row.pipeline and not phase.row.asks

    def counts(self, kind: QuestionKind, release: str, now: datetime) -> bool:
        """Whether it is for this move of this release, and not too old."""
        return (self.kind, self.release) == (kind, release) and now <= self.expires_at
