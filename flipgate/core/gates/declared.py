"""Judging the declared gates of a bake from what was measured at each look, and reading what measures answer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from flipgate.core.spec.gates import Gate, GateKind
from flipgate.core.values.verdicts import Evidence, Verdict

Point = tuple[float, float | None]
"""A time (seconds since 1970) and what was measured then."""

STALE_SECONDS = 10.0
"""A number that is older than this says nothing about now."""
OLD_WINDOW_SECONDS = 3600
NO_OLD_SIDE = "a first release has no old side"
LONGEST_LINE = 4096
_LONGEST_REASON = 160


@dataclass(frozen=True)
class GateSample:
    """What one look found for one gate. `value` None: no number, and `why`. `at` is seconds on the caller's clock.

    `at_least` marks a count that was cut short, `lacking` a number over less than all there is, and `why`. `old` is the
    old side's number, None with `old_why`; `beside` is shown and not counted. `of`: how the number belongs to the side,
    where the gate itself does not say it.
    """

    at: float
    value: float | None
    why: str = ""
    at_least: bool = False
    old: float | None = None
    old_why: str = ""
    beside: str = ""
    of: str = ""
    lacking: bool = False


def judge(gate: Gate, samples: Sequence[GateSample], now: float, namespace: str) -> Evidence:
    """The verdict so far, of the side in this namespace.

    Fail: the last `failures` looks that had a number found it bad. Unknown: none had one, or none lately, or the last
    one was bad and it takes more to fail. Looks without a number neither pass nor fail; they are counted apart.
    """
    verdicts = [_judge_one(gate, sample) for sample in samples]
    known = [
        (sample, verdict) for sample, verdict in zip(samples, verdicts, strict=True) if verdict is not Verdict.UNKNOWN
    ]
    tail = [verdict for _, verdict in known[-gate.failures :]]
    if len(tail) == gate.failures and set(tail) == {Verdict.FAIL}:
        verdict = Verdict.FAIL
    elif not known or now - known[-1][0].at >= STALE_SECONDS or tail[-1] is Verdict.FAIL:
        verdict = Verdict.UNKNOWN
    else:
        verdict = Verdict.PASS
    shown = known[-1][0] if known else samples[-1] if samples else GateSample(now, None, "not asked yet")
    belongs = _belongs(gate, namespace, shown.of)
    answer = f"{_number(shown)} {belongs}; {_counted(samples, verdicts)}"
    return Evidence(gate.name, verdict, _asked(gate), f"{_whom(gate)}, {belongs}", answer, _threshold(gate, shown))


def _judge_one(gate: Gate, sample: GateSample) -> Verdict:
    if sample.value is None or not math.isfinite(sample.value):
        return Verdict.UNKNOWN
    low, high = _limits(gate)
    if _beyond(sample.value, low, high):
        return Verdict.FAIL
    if sample.at_least or sample.lacking:
        return Verdict.UNKNOWN
    return _judge_relative(gate, sample, sample.value)


def _judge_relative(gate: Gate, sample: GateSample, value: float) -> Verdict:
    if not gate.relative_to or not gate.factor or sample.old_why == NO_OLD_SIDE:
        return Verdict.PASS
    if sample.old is None:
        return Verdict.UNKNOWN
    limit = sample.old * gate.factor
    if gate.max is not None and sample.old > 0:
        return Verdict.FAIL if value > limit else Verdict.PASS
    return Verdict.FAIL if gate.min is not None and value < limit else Verdict.PASS


def _limits(gate: Gate) -> tuple[float | None, float | None]:
    match gate.kind:
        case GateKind.PROMQL:
            return gate.min, gate.max
        case GateKind.LOGS:
            return None, gate.logs.max if gate.logs else None
        case GateKind.RESTARTS:
            return None, gate.restarts
        case GateKind.TRAEFIK:
            return None, gate.traefik.max_error_ratio if gate.traefik else None
        case GateKind.ALERTS:
            return None, 0


def _beyond(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


# What people read


def _number(sample: GateSample) -> str:
    if sample.value is None:
        return f"no number ({sample.why})"
    text = f"{'at least ' if sample.at_least else ''}{sample.value:.4g}"
    return f"{text} ({sample.beside})" if sample.beside else text


def _belongs(gate: Gate, namespace: str, of: str) -> str:
    """How the number belongs to the side: never left to be guessed."""
    of = of or gate.of or ""
    if gate.kind in (GateKind.LOGS, GateKind.RESTARTS):
        return f"in {namespace}'s pods since the flip"
    if of == "target":
        return f"of {namespace} by Traefik's target"
    by_label = gate.alerts and any("{namespace}" in value for value in gate.alerts.values())
    if of == "namespace" or by_label:
        return f"of {namespace} by namespace"
    if gate.kind is GateKind.TRAEFIK and not of:
        return "not known of whom yet"
    return "of either side by time since the flip"


def _counted(samples: Sequence[GateSample], verdicts: Sequence[Verdict]) -> str:
    failed, unknown = verdicts.count(Verdict.FAIL), verdicts.count(Verdict.UNKNOWN)
    text = f"{failed} of {len(verdicts)} looks bad"
    if unknown:
        why = next((s for s, v in zip(reversed(samples), reversed(verdicts), strict=True) if v is Verdict.UNKNOWN))
        reason = why.why or ("not all was read" if why.at_least else f"old side: {why.old_why}")
        text += f", {unknown} unknown" + ("" if len(verdicts) == unknown and why.value is None else f" ({reason})")
    return text


def _asked(gate: Gate) -> str:
    if gate.promql is not None:
        return " ".join(gate.promql.split())
    if gate.alerts is not None:
        return "alerts that fire: " + ", ".join(f"{label}={value}" for label, value in sorted(gate.alerts.items()))
    if gate.traefik is not None:
        return "share of users' requests that ended with 5xx"
    return f"log lines like {gate.logs.pattern}" if gate.logs else "container restarts"


def _whom(gate: Gate) -> str:
    asked = {
        GateKind.PROMQL: "Prometheus",
        GateKind.ALERTS: "Alertmanager",
        GateKind.TRAEFIK: "Traefik's own counters",
    }
    return asked.get(gate.kind, "Kubernetes")


def _threshold(gate: Gate, sample: GateSample) -> str:
    low, high = _limits(gate)
    word, limit = ("at most", high) if high is not None else ("at least", low)
    text = f"{word} {limit:.6g}"
    if not gate.relative_to:
        return text
    if sample.old is None:
        return f"{text}, and {word} {gate.factor:g} x the old side's ({sample.old_why or 'not known'})"
    no_measure = ": no measure" if high is not None and sample.old <= 0 else ""
    return f"{text}, and {word} {gate.factor:g} x the old side's {sample.old:.4g}{no_measure}"


# What measures answer


def window_of(gate: Gate, since_flip_seconds: float) -> int:
    """The window to ask for, in whole seconds: it never reaches behind the flip, where the side had no users."""
    return max(1, min(gate.window, int(since_flip_seconds)))


def read_number(result: Any) -> tuple[float | None, str]:
    """The one number of a Prometheus answer's `result` (a vector of one series, or a scalar); else None and why."""
    if isinstance(result, list) and len(result) == 2 and isinstance(result[1], str):
        return _finite(result[1])  # a scalar: its time and its value
    if not isinstance(result, list):
        return None, "not a Prometheus answer"
    if not result:
        return None, "no data"
    if len(result) > 1:
        return None, f"{len(result)} series where one number is wanted"
    try:
        return _finite(result[0]["value"][1])
    except (KeyError, IndexError, TypeError):
        return None, "not one number"


def read_range(result: Any, step: float) -> tuple[tuple[Point, ...] | None, str]:
    """The one line of a Prometheus answer's `result` (a matrix of one series); else None and why.

    A value that is no number (0/0, say) is a gap, and so is a time for which there is none.
    """
    if not isinstance(result, list):
        return None, "not a Prometheus answer"
    if len(result) != 1:
        return None, f"{len(result)} series where one line is wanted" if result else "no data"
    points: list[Point] = []
    try:
        for at, text in result[0]["values"]:
            if points and float(at) - points[-1][0] > 1.5 * step:
                points.append((points[-1][0] + step, None))
            points.append((float(at), _finite(text)[0]))
    except (KeyError, TypeError, ValueError):
        return None, "not one line"
    return (tuple(points), "") if any(value is not None for _, value in points) else (None, "no number in it")


def _finite(text: Any) -> tuple[float | None, str]:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None, "not a number"
    if math.isnan(number):
        return None, "NaN: no traffic?"
    return (number, "") if math.isfinite(number) else (None, f"{text} is no number")


def read_alerts(found: Any, since: datetime) -> tuple[list[str], list[str]]:
    """The names of the alerts that began to fire since then, and of those that fired before. Raises ValueError."""
    new: list[str] = []
    older: list[str] = []
    try:
        for alert in found:
            began = datetime.fromisoformat(alert["startsAt"])
            (new if began >= since else older).append(str(alert["labels"].get("alertname", "unnamed")))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not an Alertmanager answer") from error
    return sorted(new), sorted(older)


class Container(NamedTuple):
    """One container as its pod's status shows it. `ended` is when its last run but this one ended."""

    pod: str
    name: str
    restarts: int
    created: datetime
    ended: datetime | None

    @property
    def key(self) -> tuple[str, str]:
        return self.pod, self.name


def read_containers(pod: Mapping[str, Any]) -> list[Container]:
    """The containers of a pod from its status; none while it has none."""
    metadata = pod["metadata"]
    created = datetime.fromisoformat(metadata["creationTimestamp"])
    found = []
    for status in pod.get("status", {}).get("containerStatuses") or []:
        ended = ((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
        when = datetime.fromisoformat(ended) if ended else None
        found.append(Container(metadata["uid"], status["name"], int(status.get("restartCount", 0)), created, when))
    return found


def restarts_since(
    first: Mapping[tuple[str, str], Container], last: Mapping[tuple[str, str], Container], flip: datetime
) -> int:
    """Restarts since the flip, by how each container was first seen and how it was seen last (a pod that is gone, too).

    The first look comes a little after the flip: a pod made since counts whole, and a run that ended since counts one.
    """
    second = flip.replace(microsecond=0)  # as finely as Kubernetes tells times
    total = 0
    for key, seen in first.items():
        before = seen.restarts
        if seen.created >= second:
            before = 0
        elif seen.ended and seen.ended >= second and before:
            before -= 1
        total += max(0, last[key].restarts - before)
    return total


def count_lines(lines: Sequence[tuple[str, str]], pattern: str, after: datetime) -> tuple[int, datetime]:
    """How many of a log's lines (time, text) were written after that and match, and when the last one was written.

    Of a line only its first LONGEST_LINE characters are looked at. A line without a time is none of the container's.
    """
    wanted, count, last = re.compile(pattern), 0, after
    for when, text in lines:
        try:
            written = datetime.fromisoformat(when)
        except ValueError:
            continue
        if written > after:
            count += bool(wanted.search(text[:LONGEST_LINE]))
            last = max(last, written)
    return count, last


def cut_reason(text: str) -> str:
    """A reason as it is shown: on one line, and short."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 1]}…"
