"""A gate on logs: how many lines of the new side's pods look like an error's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from flipgate.core.gates.kinds.kind import GateKind, Keys, Measure, Reader, Rule
from flipgate.core.gates.sample import GateSample, Limit, cut_reason
from flipgate.core.values.patterns import DeclaredPattern, Pattern, compile_pattern

LONGEST_LINE: Final = 4096
LOOK_SECONDS: Final = 1.0
"""For the pattern, on all containers' lines of one look."""


class TooSlow(Exception):  # noqa: N818 - an answer, not a fault
    """The lines of a look take the pattern longer than it has."""


class LogLimit(Rule):
    """Which lines of the new side's pods count, and how many may be written."""

    pattern: Annotated[DeclaredPattern, Field(min_length=1)] = Field(
        description="A regular expression (RE2's: no look-around, no backreferences), searched for in each line that a "
        "container wrote since the flip."
    )
    max: int = Field(ge=0, description="The largest number of such lines since the flip, in all pods together.")


class LogsKeys(Keys):
    """The keys of a gate on logs."""

    logs: LogLimit | None = Field(default=None, description="Lines in the new side's pod logs since the flip.")


class Logs(GateKind[LogsKeys]):
    word = "logs"
    keys = LogsKeys
    whom = "Kubernetes"
    rights = (("", "pods/log", "get"),)

    def asked(self, gate: LogsKeys) -> str:
        return f"log lines like {_declared(gate).pattern}"

    def of(self, gate: LogsKeys) -> str:
        return "pods"

    def limit(self, gate: LogsKeys) -> Limit:
        return Limit(_declared(gate).max)

    def measure(self, gate: LogsKeys, reader: Reader) -> Measure:
        try:
            return _Count(compile_pattern(_declared(gate).pattern), reader)
        except ValueError as error:
            why = cut_reason(f"the pattern {error}")
            return lambda at: GateSample(at, None, why)


def _declared(gate: LogsKeys) -> LogLimit:
    assert gate.logs is not None, gate.name
    return gate.logs


@dataclass
class _Count:
    """How many matching lines the side's pods wrote since the flip. Each look reads on from the last one."""

    pattern: Pattern
    reader: Reader
    read_until: dict[tuple[str, str], datetime] = field(default_factory=dict)
    count: int = 0
    cut: bool = False

    def __call__(self, at: float) -> GateSample:
        logs = self.reader.logs(self.read_until)
        if not logs:
            return GateSample(at, None, "no pods")
        ends = self.reader.now() + timedelta(seconds=LOOK_SECONDS)
        for container, log in logs.items():
            if not isinstance(log, str):
                lines, cut = log
                since = self.read_until.get(container, self.reader.since)
                try:
                    count, until = count_lines(lines, self.pattern, since, over=lambda: self.reader.now() > ends)
                except TooSlow:
                    return GateSample(at, None, f"the pattern takes longer than {LOOK_SECONDS:g} s for a look's lines")
                self.read_until[container] = until
                self.count += count
                self.cut = self.cut or cut
        unread = next((log for log in logs.values() if isinstance(log, str)), None)
        return GateSample(at, self.count, at_least=self.cut) if unread is None else GateSample(at, None, unread)


def count_lines(
    lines: Sequence[tuple[str, str]], pattern: Pattern, after: datetime, *, over: Callable[[], bool] = lambda: False
) -> tuple[int, datetime]:
    """How many of a log's lines (time, text) were written after that and match, and when the last one was written.

    Of a line only its first LONGEST_LINE characters are looked at. A line without a time is none of the container's.
    Raises TooSlow when the time is `over`.
    """
    count, last = 0, after
    for when, text in lines:
        try:
            written = datetime.fromisoformat(when)
        except ValueError:
            continue
        if written > after:
            if over():
                raise TooSlow
            count += pattern.found_in(text[:LONGEST_LINE])
            last = max(last, written)
    return count, last
