"""A user's regular expression on a container's log: it costs about as much as a plain word, whatever it is."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from flipgate.core.gates.kinds.kind import Measure, Reader
from flipgate.core.gates.kinds.logs import LOOK_SECONDS, count_lines
from flipgate.core.gates.sample import GateSample
from flipgate.core.spec.application import Application, load_application, load_new_application
from flipgate.core.values.errors import BadInput
from flipgate.core.values.patterns import LARGEST_PROGRAM, compile_pattern
from tests.core.builders import SHOP

START = datetime(2026, 11, 21, tzinfo=UTC)
WHEN = (START + timedelta(seconds=1)).isoformat()
MOST_BYTES = 1_048_576


def log(text: str) -> list[tuple[str, str]]:
    return [(WHEN, text)] * (MOST_BYTES // len(text))


def json_lines() -> list[tuple[str, str]]:
    """1 MiB of lines of 3 KiB, as applications write them."""
    fields = {f"header-{number}": f"what came with it, number {number}" for number in range(60)}
    return log(json.dumps({"level": "info", "message": "the basket was looked at", "headers": fields}))


def words() -> list[tuple[str, str]]:
    return log("a basket was looked at by somebody who then went on to pay for all that was in it " * 40)


def seconds(pattern: str, lines: Sequence[tuple[str, str]]) -> float:
    """The processor's time, the least of five: what else the machine does is not the pattern's."""
    compiled, best = compile_pattern(pattern), float("inf")
    for _ in range(5):
        began = time.thread_time()
        assert count_lines(lines, compiled, START) == (0, datetime.fromisoformat(WHEN))
        best = min(best, time.thread_time() - began)
    return best


@pytest.mark.timeout(30)
@pytest.mark.parametrize("pattern", ["(?i).*(error|exception|failed).*", r"^(\w+\s?)*ERROR"])
@pytest.mark.parametrize("lines", [json_lines(), words()], ids=["json", "words"])
def test_no_pattern_costs_more_than_a_few_plain_words_do(pattern: str, lines: list[tuple[str, str]]) -> None:
    ratio = seconds(pattern, lines) / seconds("ERROR", lines)
    assert ratio < 15, f"{ratio:.0f} times as long as a plain word"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?<!no )error", "invalid perl operator: (?<! (RE2 has neither look-around nor backreferences"),
        (r"(\w+) \1", r"invalid escape sequence: \1 (RE2 has neither look-around nor backreferences"),
        ("(", "is no regular expression that RE2 takes: missing ): ("),
        (r"(\w{1,100}\s?){1,10}x{1,999}.{1,999}", f"instructions, {LARGEST_PROGRAM} are the most"),
    ],
)
def test_a_pattern_that_is_not_taken_is_refused_with_what_is_wrong(pattern: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_new_application(gated(pattern), "shop.yaml")
    assert "spec.gates[0].logs.pattern: is " in caught.value.fact
    assert message in caught.value.fact


def test_a_pattern_of_before_is_still_read_and_its_gate_unknown() -> None:
    kept = load_application(gated("(?<!no )error"), "ConfigMap")
    sample = measured(kept, Containers(words()))(3.0)
    assert sample.value is None
    assert "the pattern is no regular expression that RE2 takes" in sample.why
    assert measured(load_application(gated("("), "ConfigMap"), Containers(words()))(3.0).value is None


def test_a_pattern_that_takes_too_long_is_unknown_and_nothing_is_counted_twice() -> None:
    containers = Containers(words())
    measure = measured(load_application(gated("looked"), "shop.yaml"), containers)
    containers.seconds_a_look = LOOK_SECONDS / 100
    assert measure(0) == GateSample(0, None, "the pattern takes longer than 1 s for a look's lines")
    containers.seconds_a_look = 0.0
    assert measure(1) == GateSample(1, len(words()))
    assert measure(2) == GateSample(2, len(words()))


def gated(pattern: str) -> str:
    return f"{SHOP}  gates:\n    - {{name: noise, logs: {{pattern: {json.dumps(pattern)}, max: 0}}}}\n"


class Containers:
    """What a gate reads: the log of one container. Each question what time it is takes a while."""

    since = START

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        self.lines, self.seconds_a_look, self.seconds = lines, 0.0, 0.0

    def now(self) -> datetime:
        self.seconds += self.seconds_a_look
        return START + timedelta(seconds=self.seconds)

    def logs(self, since: Mapping[tuple[str, str], datetime]) -> dict[tuple[str, str], Any]:
        return {("web-1", "web"): (self.lines, False)}


def measured(application: Application, containers: Containers) -> Measure:
    (gate,) = application.spec.gates
    return gate.kind.measure(gate, cast(Reader, containers))
