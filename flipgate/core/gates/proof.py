"""Judges whether traffic moved, from the answers through each Traefik replica, and keeps the figures."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flipgate.core.gates.bake import ProbeResult, Reply
from flipgate.core.record.release import Shown
from flipgate.core.values.sides import Side


@dataclass(frozen=True)
class Aim:
    """What a replica has to show: `answers` from `side` in a row. Times are monotonic seconds."""

    side: Side
    answers: int
    counts_from: float
    """Answers that were asked for earlier than this do not count: Traefik's throttle may hold the change back."""
    since: float | None = None
    """When the first patch was sent; None where that is not known."""

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
    good = reply is not None and reply.judged(aim.side) is ProbeResult.GOOD
    if reply is not None and reply.shown == aim.side.other:
        seen = replace(seen, last_old=aim.ms(at))
    if not good:
        return replace(seen, good=0, late=0, last_answer=no_answer if reply is None else str(reply))
    late = seen.late + (asked >= aim.counts_from)
    first = seen.first if seen.first is not None else aim.ms(at)
    said = seen.last_answer or str(reply)
    return replace(seen, good=seen.good + 1, late=late, first=first, proven=late >= aim.answers, last_answer=said)


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
