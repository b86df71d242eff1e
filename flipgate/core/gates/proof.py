"""Judges whether traffic moved, from the answers through each Traefik replica, and keeps the figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from flipgate.core.gates.bake import ProbeResult, Reply
from flipgate.core.record.release import Shown
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side

ERRORS_ENOUGH: Final = 5
"""In a row, through every replica and past the throttle: no change that is held back looks like that."""


@dataclass(frozen=True)
class Aim:
    """What a replica has to show: `answers` from `side` in a row. Times are monotonic seconds."""

    side: Side
    answers: int
    counts_from: float
    """Answers that were asked for earlier than this do not count: Traefik's throttle may hold the change back."""
    since: float | None = None
    """When the first patch was sent; None where that is not known."""
    errors: int | None = None
    """So many errors in a row through every replica are waited for, and no more; None: whatever comes is waited out."""

    def ms(self, at: float) -> float | None:
        """How long after the patch, in milliseconds."""
        return None if self.since is None else round((at - self.since) * 1000, 1)


@dataclass(frozen=True)
class Seen:
    """What one Traefik replica showed. Times are milliseconds since the patch."""

    replica: str
    proven: bool = False
    first: float | None = None
    """The first good answer from the new side."""
    last_answer: str = ""
    last_old: float | None = None
    """The last answer from the old side."""
    good: int = 0
    """Good answers in a row."""
    late: int = 0
    """Those of `good` that were asked for late enough to count."""
    ever_good: bool = False
    """Whether any answer was good."""
    errors: int = 0
    """Errors in a row, asked for late enough to count."""
    gone: bool = False
    """No longer Ready: users are not sent to it, and it is not asked any more."""


@dataclass(frozen=True)
class Proven:
    """What all replicas showed."""

    replicas: tuple[Seen, ...]
    seconds: float
    """How long they were asked."""

    @property
    def ok(self) -> bool:
        return any(each.proven for each in self.replicas) and not self.unproven

    @property
    def unproven(self) -> tuple[str, ...]:
        """Replicas that users are sent to and that did not show the side in time, with what they said instead."""
        return tuple(
            f"{r.replica} ({r.last_answer or 'no answer yet'})" for r in self.replicas if not r.proven and not r.gone
        )

    @property
    def first_new_answer_ms(self) -> float | None:
        """From the patch to the first answer of the new side, through whichever replica."""
        return min((each.first for each in self.replicas if each.first is not None), default=None)

    @property
    def last_old_answer_ms(self) -> float | None:
        """From the patch to the last answer of the old side, through whichever replica; None where none was heard."""
        return max((each.last_old for each in self.replicas if each.last_old is not None), default=None)

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The figures of each replica, to be kept."""
        return tuple(
            Shown(replica=each.replica, first_new_answer_ms=each.first, last_old_answer_ms=each.last_old)
            for each in self.replicas
        )


def with_answer(seen: Seen, aim: Aim, reply: Reply | None, *, asked: float, at: float, no_answer: str = "") -> Seen:
    """What was seen, with one answer more; `no_answer` says why there was none (`reply` None).

    What breaks a row of good answers is kept as the last answer: a replica that shows both sides is not said to show
    the new one."""
    result = reply.judged(aim.side) if reply is not None else ProbeResult.SILENT
    late_enough = asked >= aim.counts_from
    if reply is not None and reply.shown == aim.side.other:
        seen = replace(seen, last_old=aim.ms(at))
    if result is not ProbeResult.GOOD:
        errors = seen.errors + 1 if late_enough and result is ProbeResult.FAILED else 0
        said = no_answer if reply is None else str(reply)
        return replace(seen, good=0, late=0, errors=errors, last_answer=said)
    late = seen.late + late_enough
    first = seen.first if seen.first is not None else aim.ms(at)
    said = seen.last_answer or str(reply)
    good = replace(seen, good=seen.good + 1, late=late, first=first, last_answer=said)
    return replace(good, ever_good=True, errors=0, proven=late >= aim.answers)


def errors_alone(replicas: Iterable[Seen], aim: Aim) -> bool:
    """Whether nothing better is to be waited for: past the throttle every replica that users reach gave errors alone,
    and none was ever good. Errors through one of several are that replica's, which may be starting."""
    reached = [each for each in replicas if not each.gone]
    enough = aim.errors
    return enough is not None and bool(reached) and all(e.errors >= enough and not e.ever_good for e in reached)


def proof_sentence(proven: Proven, side: Side, answers: int, throttle_seconds: float) -> str:
    """The proof as one sentence, for announcements."""
    asked = [each for each in proven.replicas if not each.gone]
    many = f"each of {len(asked)} Traefik replicas" if len(asked) > 1 else "the one Traefik replica"
    row = f"{answers} in a row through {many}, past the throttle of {throttle_seconds:g} s"
    if proven.first_new_answer_ms is None:
        return f"{side} answers, {row}; since when is not known: whoever moved the routes did not come to look"
    old = proven.last_old_answer_ms
    last = f"last from {side.other} after {old:g} ms" if old is not None else f"none from {side.other} was heard"
    return f"first answer from the new side after {proven.first_new_answer_ms:g} ms, {last}; {row}"
