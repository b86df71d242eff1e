"""A gate that a program of the operator's answers: a line of a checklist that only a script can ask (a backup's age, a
scanner's report, the change ticket)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import Field

from flipgate.core.gates.command_check import NotStarted, judge_command
from flipgate.core.gates.kinds.kind import GateKind, Keys, Measure, Reader, left_out
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.sample import GateSample, Limit, cut_reason
from flipgate.core.gates.words import answered, unfit, without_failures
from flipgate.core.spec.program import FOLDER_VARIABLE, Command
from flipgate.core.values.verdicts import Verdict

USUAL_SECONDS: Final = 30
MOST_SECONDS: Final = 300
"""It is asked once more right before users move, with the Lease held: whoever approved waits for it."""


class CommandGateKeys(Keys):
    """The keys of a gate that is a program."""

    command: Command | None = Field(
        default=None,
        exclude_if=left_out,
        description="A program with its arguments: exit code 0 passes, and the last lines that it writes are shown. It "
        f"lies in the folder that the worker's operator names ({FOLDER_VARIABLE}), and runs there.",
    )
    timeout_seconds: int | None = Field(
        default=None,
        ge=1,
        le=MOST_SECONDS,
        exclude_if=left_out,
        description=f"How long it may run, in seconds; then it is ended, and fails. {USUAL_SECONDS} when left out.",
    )


class CommandGate(GateKind[CommandGateKeys]):
    word = "command"
    keys = CommandGateKeys
    whom = "a program of the worker's"
    in_words = True

    def problems(self, gate: CommandGateKeys) -> Iterator[str]:
        yield from without_failures(gate)

    def unfit(self, gate: CommandGateKeys, point: GatePoint) -> str:
        return unfit(point)

    def program(self, gate: CommandGateKeys) -> Sequence[str]:
        return gate.command or ()

    def asked(self, gate: CommandGateKeys) -> str:
        return " ".join(gate.command or ())

    def of(self, gate: CommandGateKeys) -> str:
        return "release"

    def limit(self, gate: CommandGateKeys) -> Limit:
        return Limit(0)

    def threshold(self, gate: CommandGateKeys, sample: GateSample) -> str:
        return f"exit code 0 within {_seconds(gate)} s"

    def measure(self, gate: CommandGateKeys, reader: Reader) -> Measure:
        def measure(at: float) -> GateSample:
            found = reader.run(gate.command or (), _seconds(gate))
            if isinstance(found, NotStarted):
                return GateSample(at, None, cut_reason(f"not started: {found.fact}"), worded=True)
            verdict, fact = judge_command(found, _seconds(gate))
            return answered(at, fact, verdict is Verdict.PASS)

        return measure


def _seconds(gate: CommandGateKeys) -> int:
    return gate.timeout_seconds or USUAL_SECONDS
