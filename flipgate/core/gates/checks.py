"""An application's HTTP checks: what they ask, what they expect, and judging the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import Field

from flipgate.core.gates.json_rules import JsonRules, misses
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
