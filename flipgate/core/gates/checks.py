"""An application's checks: what they ask and expect, and judging the answers of those by HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final, Protocol

from pydantic import Field, model_validator

from flipgate.core.gates.json_rules import JsonRule, JsonRules, misses
from flipgate.core.gates.samples import LONGEST_SECONDS, MOST_SAMPLES, in_numbers, late_allowed
from flipgate.core.gates.task import AskingTask, Kind
from flipgate.core.spec.fields import HeaderName, JsonPaths
from flipgate.core.values.answer import Answer, api_servers_own, wrong_scheme
from flipgate.core.values.foreign import LONGEST_SHOWN, NotJson, parse_json, printable, shown
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.jsonpath import PathMissing, look_up, same
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Verdict

MOST_SUITES: Final = 15
"""Checks of one application that run by themselves: the record keeps what each said (core/record/release.py)."""


class Check(AskingTask):
    """A question about the dark side, asked before a person is: an HTTP request to one service through the API server
    (path), or what asks as it likes: a program (command), or a Job there (job, or workload and run)."""

    noun: ClassVar[str] = "check"
    kind_keys: ClassVar[Mapping[Kind, frozenset[str]]] = MappingProxyType(
        {
            **AskingTask.kind_keys,
            "http": AskingTask.kind_keys["http"]
            | {"json_equals", "json_is", "headers", "within_seconds", "samples", "percentile"},
        }
    )

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
    def _asks_somebody(self) -> Check:
        if self.service is None and not self.makes_job:
            raise ValueError(f'check "{self.name}" needs service: whom it asks')
        return self

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
        if self.runs_by_itself:
            return super().wanted
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


NAMED_SHOWN: Final = 40
"""Of what a header says."""


def wrong_side(answer: Answer | str, header: str | None, side: str) -> str:
    """Says that an answer of this side names the other one in the header that tells users' side; empty where it does
    not. What names neither may be of a service that no route leads to."""
    named = answer.headers.get(header.lower(), "") if header and isinstance(answer, Answer) else ""
    if named not in (*Side,) or named == side:
        return ""
    return f"header {header} says {printable(named, NAMED_SHOWN)}, and this is {side}: no move to it could be proven"


class Expected(Protocol):
    """What an answer has to be, whoever declares it and whoever is asked."""

    @property
    def status(self) -> int: ...
    @property
    def json_equals(self) -> Mapping[str, Any]: ...
    @property
    def json_is(self) -> Mapping[str, JsonRule]: ...


def content_misses(expected: Expected, answer: Answer) -> list[str]:
    """What the status and the body of an answer miss, one sentence each, in no word of its own: for whoever is asked
    by an address that the file chooses. More people read this than may ask there."""
    missed = _status(expected, answer)
    if not expected.json_equals and not expected.json_is:
        return missed
    if answer.unread:
        return [*missed, f"body was not read: {answer.unread}"]
    try:
        document = parse_json(answer.body)
    except NotJson:
        return [*missed, "body is not JSON"]
    equal = [path for path, wanted in sorted(expected.json_equals.items()) if _path(path, wanted, document)]
    other = [path for path, rule in sorted(expected.json_is.items()) if misses({path: rule}, document)]
    return [*missed, *(f"JSON path {path} is not as it has to be" for path in dict.fromkeys([*equal, *other]))]


def _status(check: Check | Expected, answer: Answer) -> list[str]:
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
