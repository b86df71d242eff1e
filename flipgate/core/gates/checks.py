"""An application's HTTP checks: what they ask, what they expect, and judging the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import Field, model_validator

from flipgate.core.gates.json_rules import JsonRules, misses
from flipgate.core.gates.samples import LONGEST_SECONDS, MOST_SAMPLES, in_numbers, late_allowed
from flipgate.core.spec.fields import (
    AppName,
    FileModel,
    HeaderName,
    HttpPath,
    JsonPaths,
    ObjectName,
    PortName,
    PortNumber,
    Scheme,
)
from flipgate.core.values.answer import Answer, api_servers_own, wrong_scheme
from flipgate.core.values.foreign import LONGEST_SHOWN, NotJson, parse_json, shown
from flipgate.core.values.jsonpath import PathMissing, look_up, same
from flipgate.core.values.verdicts import Verdict


class Check(FileModel):
    """An HTTP question to one service of the dark side, asked through the API server before a person is."""

    name: AppName = Field(description="The check's name, as shown in messages.")
    service: ObjectName = Field(
        description="The serving service to ask, by its name above; it is asked through its Kubernetes Service."
    )
    port: PortNumber | PortName = Field(default=80, description="The Service's port, as number or name.")
    scheme: Scheme = Field(
        default="http",
        description="How that port is asked. https: for pods that speak HTTPS, whatever certificate they have.",
    )
    path: HttpPath = Field(description="The path to ask for.")
    status: int = Field(default=200, ge=100, le=599, description="The expected HTTP status.")
    json_equals: JsonPaths = Field(
        default_factory=dict,
        alias="json",
        description='Expected values in the JSON body by path, as in {"status": "ok", "$.items[0].id": 7}.',
    )
    json_is: JsonRules = Field(
        default_factory=dict,
        description='What values in the JSON body have to be, by path, as in {"$.links.self": {notEmpty: true}, '
        "\"$.checks[?name=='db'].status\": {oneOf: [Healthy, Degraded]}}.",
    )
    headers: tuple[HeaderName, ...] = Field(default=(), description="Response headers that must be present.")
    within_seconds: float = Field(default=2, gt=0, description="The longest time the answer may take, in seconds.")
    samples: int = Field(
        default=1, ge=1, le=MOST_SAMPLES, description="How many answers are asked for, one after the other."
    )
    percentile: int = Field(
        default=100,
        ge=1,
        le=100,
        description="How many per cent of the samples have to come withinSeconds; all when left out.",
    )

    @model_validator(mode="after")
    def _samples_end(self) -> Check:
        if self.samples == 1 and self.percentile != 100:
            raise ValueError(f'check "{self.name}" has percentile, which needs samples')
        if self.samples > 1 and (longest := self.samples * self.within_seconds) > LONGEST_SECONDS:
            raise ValueError(
                f'check "{self.name}" may take {longest:g} s: samples times withinSeconds is at most '
                f"{LONGEST_SECONDS:g} s"
            )
        return self

    @property
    def wanted(self) -> str:
        """What has to be so, for people."""
        limit = f"within {self.within_seconds:g} s"
        if self.samples == 1:
            return f"status {self.status} {limit}"
        share = "all" if self.percentile == 100 else f"{self.percentile}%"
        return f"status {self.status}, {share} of {self.samples} answers {limit}"


@dataclass(frozen=True)
class CheckResult:
    """A check's verdict, and the facts behind it: every miss when it failed, the measured numbers when it passed."""

    verdict: Verdict
    facts: tuple[str, ...]


def judge_check(check: Check, answer: Answer | str) -> CheckResult:
    """Holds an answer against what the check expects; a string in its place says why there is none: unknown."""
    if isinstance(answer, str):
        return CheckResult(Verdict.UNKNOWN, (f"no answer: {answer}",))
    answer = Answer(*answer)
    if instead := api_servers_own(answer):
        return CheckResult(Verdict.UNKNOWN, (f"no answer: {instead}", *wrong_scheme(answer)))
    missed = [miss for predicate in PREDICATES for miss in predicate(check, answer)]
    if missed:
        return CheckResult(Verdict.FAIL, (*missed, *wrong_scheme(answer)))
    return CheckResult(Verdict.PASS, (f"status {answer.status} in {answer.seconds:.3f} s",))


@dataclass(frozen=True)
class Sample:
    """One of several answers. `seconds` is how long its first request took, also where that was not answered: asking
    again makes nothing faster."""

    answer: Answer | str
    seconds: float


def undecided(check: Check, samples: Sequence[Sample]) -> bool:
    """Whether more samples are needed to judge the check: none once it can only fail, or is known to be unknown."""
    if len(samples) >= check.samples:
        return False
    if _late(check, samples) > late_allowed(check.samples, check.percentile):
        return False
    return not samples or judge_content(check, samples[-1].answer).verdict is Verdict.PASS


def judge_samples(check: Check, samples: Sequence[Sample]) -> CheckResult:
    """Holds several answers against what the check expects: each by its content, all of them together by their times.
    What the first bad one misses is told."""
    times, late = in_numbers([each.seconds for each in samples]), _late(check, samples)
    for number, each in enumerate(samples, 1):
        result = judge_content(check, each.answer)
        if result.verdict is not Verdict.PASS:
            first, *others = result.facts
            return CheckResult(result.verdict, (f"answer {number} of {check.samples}: {first}", *others, times))
    if late > (allowed := late_allowed(check.samples, check.percentile)):
        share = f"{allowed} of {check.samples} may" if allowed else "none may"
        return CheckResult(Verdict.FAIL, (f"{late} took longer than {check.within_seconds:g} s, where {share}", times))
    return CheckResult(Verdict.PASS, (f"status {check.status}", times))


def judge_content(check: Check, answer: Answer | str) -> CheckResult:
    """The same as `judge_check`, however long it took."""
    return judge_check(check, answer._replace(seconds=0.0) if isinstance(answer, Answer) else answer)


def _late(check: Check, samples: Sequence[Sample]) -> int:
    return sum(each.seconds > check.within_seconds for each in samples)


def _status(check: Check, answer: Answer) -> list[str]:
    if answer.status == check.status:
        return []
    return [f"status {answer.status}, expected {check.status}"]


def _time(check: Check, answer: Answer) -> list[str]:
    if answer.seconds <= check.within_seconds:
        return []
    return [f"took {answer.seconds:.3f} s, limit {check.within_seconds:g} s"]


def _headers(check: Check, answer: Answer) -> list[str]:
    present = {name.lower() for name in answer.headers}
    return [f"header {name} is missing" for name in check.headers if name.lower() not in present]


def _json(check: Check, answer: Answer) -> list[str]:
    if not check.json_equals and not check.json_is:
        return []
    if answer.unread:
        return [f"body was not read: {answer.unread}"]
    try:
        document = parse_json(answer.body)
    except NotJson:
        start = shown(answer.body[:LONGEST_SHOWN].decode("utf-8", "replace"))
        return [f"body is not JSON: {len(answer.body)} bytes beginning {start}"]
    equal = [miss for path, wanted in sorted(check.json_equals.items()) for miss in _path(path, wanted, document)]
    return [*equal, *misses(check.json_is, document)]


def _path(path: str, wanted: Any, document: Any) -> list[str]:
    try:
        found = look_up(path, document)
    except PathMissing as missing:
        return [f'JSON path {path}: "{missing.at}" is missing, expected {shown(wanted)}']
    return [] if same(found, wanted) else [f"JSON path {path} is {shown(found)}, expected {shown(wanted)}"]


PREDICATES: Final[tuple[Callable[[Check, Answer], list[str]], ...]] = (_status, _time, _headers, _json)
"""Each holds an answer against keys of its own, and says what it misses."""
