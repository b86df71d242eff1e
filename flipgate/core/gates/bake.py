"""Judges the time right after a flip: is the new side Ready, and does it answer users without errors?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum

from flipgate.core.gates.misasked import Misasked, misasked, turned_away
from flipgate.core.values.answer import Answer, status_message
from flipgate.core.values.foreign import printable
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict


class ProbeResult(StrEnum):
    """What one probe says of a side. SILENT: nothing; MISROUTED: another backend answered."""

    GOOD = "good"
    FAILED = "failed"
    SILENT = "silent"
    MISROUTED = "misrouted"


@dataclass(frozen=True)
class Reply:
    """One answer through a Traefik replica."""

    status: int
    shown: str
    """What its identity header says; empty without one."""
    api_server: bool = False
    """An error that the API server gave in its own name: users saw nothing of it."""
    misasked: Misasked | None = None
    """Why it is no answer that users get."""
    wanted: int | None = None
    """The status that is declared; None: any below 500."""

    def __str__(self) -> str:
        whom = "the API server itself" if self.api_server else self.shown or "an unnamed side"
        declared = f", not {self.wanted} as declared" if self._another_status else ""
        return f"HTTP {self.status} from {whom}{declared}" + (f" ({self.misasked})" if self.misasked else "")

    @property
    def _another_status(self) -> bool:
        return bool(self.shown) and self.wanted is not None and self.status != self.wanted

    def judged(self, side: Side) -> ProbeResult:
        """Judges the answer for this side. A 5xx or a 404 that names no side is Traefik's own (no pod behind the route,
        or no route), and users get it: FAILED, as is another status than the declared one."""
        if self.api_server:
            return ProbeResult.SILENT
        if self.shown and self.shown != side:
            return ProbeResult.MISROUTED
        if self.status >= 500 or (self.status == 404 and not self.shown) or self._another_status:
            return ProbeResult.FAILED
        return ProbeResult.GOOD if self.shown else ProbeResult.SILENT


def read_reply(answer: Answer, header: str, wanted: int | None = None) -> Reply:
    """Reads an answer that came by the API server's proxy (header names in small letters)."""
    return as_reply(answer, answer.headers.get(header.lower(), ""), wanted)


def as_reply(answer: Answer, shown: str, wanted: int | None = None) -> Reply:
    """Makes a Reply of an answer from the side that is `shown` ("" where none is), come by the API server's proxy."""
    if shown:
        return Reply(answer.status, printable(shown), wanted=wanted)
    instead = misasked(answer) or turned_away(answer)
    return Reply(answer.status, "", status_message(answer) is not None, instead, wanted)


@dataclass(frozen=True)
class Sample:
    """One look during the bake: the side's Ready pods, and flipgate's own probes through Traefik, counted by result."""

    seconds: float
    """Since the bake began."""
    short: tuple[str, ...] | None
    """Services with too few Ready pods, as `name ready/wanted`; None: the side could not be read."""
    asked: int
    """All probes of this look; `failed`, `silent` and `misrouted` are those of them with that result."""
    failed: int
    silent: int
    misrouted: int = 0
    answered_by: tuple[str, ...] = ()
    """Who answered the misrouted probes."""
    unread: str = ""
    """Why the side could not be read; empty where unknown."""
    no_answer: str = ""
    """Why the first of the silent probes had no answer; empty where unknown."""
    heard: Mapping[str, bool] = field(default_factory=dict)
    """Each replica that was asked, and whether it answered any probe."""
    replicas: tuple[str, ...] = ()
    """All that users are sent to; empty where they could not be listed."""


LEAST_FAILED = 3
"""A ratio over few answers says little: fewer failed answers than this never fail a bake by themselves."""

OTHERS_NAMED = 5
"""A header may hold anything, and something else in each answer."""

SHORT_IN_A_ROW = 2
"""Looks in a row that must find pods missing: one may fall into a pod's replacement."""

SILENT_IN_A_ROW = 2
"""Looks in a row in which a replica answers nothing, or nobody does, until what users get is not known."""

SELDOM = 4
"""A replica that answers in fewer than one look of so many is not one whose users are served."""


def judge_bake(samples: Sequence[Sample], *, max_error_ratio: float) -> tuple[Evidence, ...]:
    """Returns the verdicts so far. No answers at all is unknown, never pass."""
    return (_readiness(samples), _errors(samples, max_error_ratio), _side(samples))


def _readiness(samples: Sequence[Sample]) -> Evidence:
    seen = [sample for sample in samples if sample.short is not None]
    tail = seen[-SHORT_IN_A_ROW:]
    blind = len(samples) >= SHORT_IN_A_ROW and all(sample.short is None for sample in samples[-SHORT_IN_A_ROW:])
    why = _last(sample.unread for sample in samples)
    if not seen:
        verdict, answer = Verdict.UNKNOWN, f"the side could not be read in {len(samples)} looks{why}"
    elif len(tail) == SHORT_IN_A_ROW and all(sample.short for sample in tail):
        verdict, answer = Verdict.FAIL, f"not Ready: {', '.join(tail[-1].short or ())}"
    elif blind:
        verdict, answer = Verdict.UNKNOWN, f"the side could not be read in the last {SHORT_IN_A_ROW} looks{why}"
    else:
        verdict, answer = Verdict.PASS, f"Ready in {sum(not s.short for s in seen)} of {len(seen)} looks"
    return Evidence("ready", verdict, "Ready pods of the new side", "Kubernetes", answer, "all wanted pods")


def _errors(samples: Sequence[Sample], limit: float) -> Evidence:
    asked = sum(sample.asked for sample in samples)
    failed = sum(sample.failed for sample in samples)
    silent = sum(sample.silent for sample in samples)
    answered = asked - silent - sum(sample.misrouted for sample in samples)
    why = _last(sample.no_answer for sample in samples)
    numbers = f"{failed} of {answered} answers were errors"
    if silent:
        numbers += f", {silent} probes had no answer{why}"
    for reason, replicas in (unseen := _unseen(samples)).items():
        numbers += f"; what users get through {_named(replicas)} is not known: {reason}"
    if deaf := _deaf(samples):
        numbers += f"; no answer at all in the last {SILENT_IN_A_ROW} looks"
    if answered == 0:
        verdict, numbers = Verdict.UNKNOWN, f"none of {asked} probes was answered by the new side{why}"
    elif failed >= LEAST_FAILED and failed / answered > limit:
        verdict = Verdict.FAIL
    elif unseen or deaf or silent > answered or (failed * 2 > answered and failed / answered > limit):
        verdict = Verdict.UNKNOWN
    else:
        verdict = Verdict.PASS
    seen = "5xx, and 404 of no side, seen by flipgate's own probes"
    return Evidence("errors", verdict, seen, "Traefik", numbers, f"at most {limit:.1%}")


def _side(samples: Sequence[Sample]) -> Evidence:
    """Drift is never a fail: a person may have moved the routes, and nothing may move them again by itself."""
    asked, misrouted = sum(sample.asked for sample in samples), sum(sample.misrouted for sample in samples)
    names = sorted({name for sample in samples for name in sample.answered_by})
    if misrouted:
        verdict = Verdict.UNKNOWN
        answer = f"drift: {misrouted} of {asked} probes were answered from {_named(names)}, not from the new side"
    elif asked == sum(sample.silent for sample in samples):
        verdict, answer = Verdict.UNKNOWN, f"none of {asked} probes was answered"
    else:
        verdict, answer = Verdict.PASS, "no other side answered"
    return Evidence("side", verdict, "who answers flipgate's own probes", "Traefik", answer, "the new side alone")


def _deaf(samples: Sequence[Sample]) -> bool:
    """Whether nobody answered in the last looks, as where no replica could be listed: what was heard before says
    nothing about now."""
    tail = samples[-SILENT_IN_A_ROW:]
    return len(tail) == SILENT_IN_A_ROW and all(sample.silent == sample.asked for sample in tail)


def _unseen(samples: Sequence[Sample]) -> dict[str, list[str]]:
    """The replicas that users are sent to, and of which too little was heard, by why: each answers for its own users,
    however many others there are."""
    listed = next((sample.replicas for sample in reversed(samples) if sample.replicas), ())
    unseen: dict[str, list[str]] = {}
    for replica in sorted(listed):
        if reason := _too_little(samples, replica):
            unseen.setdefault(reason, []).append(replica)
    return unseen


def _too_little(samples: Sequence[Sample], replica: str) -> str:
    """Why what was heard of a replica says nothing; empty where it says enough, or where it has only just come."""
    heard = [sample.heard[replica] for sample in samples if replica in sample.heard]
    if not heard:
        there = sum(replica in sample.replicas for sample in samples)
        return "never asked" if 2 * there > max(len(samples), SILENT_IN_A_ROW) else ""
    if not any(heard[-SILENT_IN_A_ROW:]):
        return "no answer when last asked"
    return f"answered in {sum(heard)} of {len(heard)} looks" if SELDOM * sum(heard) < len(heard) else ""


def _named(names: Sequence[str]) -> str:
    others = [f"{len(names) - OTHERS_NAMED} more"] if len(names) > OTHERS_NAMED else []
    return " and ".join([*names[:OTHERS_NAMED], *others])


def _last(reasons: Iterable[str]) -> str:
    """Returns the newest reason that is not empty, in the form that follows a sentence."""
    known = [reason for reason in reasons if reason]
    return f" (the last: {known[-1]})" if known else ""
