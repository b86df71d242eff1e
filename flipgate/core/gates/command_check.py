"""A task that is a program: its keys, what it is told of the dark side, and what its end says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from pydantic import Field

from flipgate.core.spec.fields import FileModel
from flipgate.core.spec.program import FOLDER_VARIABLE, Command
from flipgate.core.values.foreign import printable
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.verdicts import Verdict

HANDED_ON: Final = ("PATH", "LANG")
"""Of the worker's environment; HOME and TMPDIR are a folder of the check's own. Nothing else: no kubeconfig, no token,
no proxy."""
HALF_BYTES: Final = 8_192
"""Of what a program writes: so much of its beginning, and as much of its end."""
LAST_LINES: Final = 3
LINE_SHOWN: Final = 200


class CommandKeys(FileModel):
    """The keys of a task that is a program."""

    command: Command | None = Field(
        default=None,
        description="A program with its arguments: exit code 0 passes. It lies in the folder "
        f"that the worker's operator names ({FOLDER_VARIABLE}), and runs there.",
    )


@dataclass(frozen=True)
class Output:
    """What a program wrote: its beginning and its end, and how many bytes between them are left out."""

    head: str
    tail: str = ""
    left_out: int = 0

    @property
    def text(self) -> str:
        """All that is kept of it."""
        return f"{self.head}\n... {self.left_out} bytes left out ...\n{self.tail}" if self.left_out else self.head

    @property
    def last_lines(self) -> str:
        """Its last lines that say something, for a sentence."""
        lines = [line.strip() for line in (self.tail or self.head).splitlines() if line.strip()]
        return " / ".join(printable(line, LINE_SHOWN) for line in lines[-LAST_LINES:])


@dataclass(frozen=True)
class Ended:
    """How a program ended. `code` is negative for a signal, as Python has it; `limit` says that its time was over, and
    that all of its process group was killed."""

    code: int
    seconds: float
    output: Output
    limit: bool = False

    def saying(self, change: Callable[[str], str]) -> Ended:
        """The same, with what it wrote changed."""
        output = replace(self.output, head=change(self.output.head), tail=change(self.output.tail))
        return replace(self, output=output)


@dataclass(frozen=True)
class NotStarted:
    """Why a program could not be started: nothing was asked."""

    fact: str


def judge_command(found: Ended | NotStarted, timeout_seconds: float) -> tuple[Verdict, str]:
    """One verdict and its facts. What could not be started has asked nothing: unknown. What had not ended at its limit
    was asked, and has not passed in the time that its file gives it: fail."""
    if isinstance(found, NotStarted):
        return Verdict.UNKNOWN, f"not started: {found.fact}"
    if found.limit:
        how, verdict = f"killed after {timeout_seconds:g} s, its limit", Verdict.FAIL
    elif found.code < 0:
        how, verdict = f"ended by signal {-found.code} after {found.seconds:.1f} s", Verdict.FAIL
    else:
        how = f"exit code {found.code} after {found.seconds:.1f} s"
        verdict = Verdict.FAIL if found.code else Verdict.PASS
    said = found.output.last_lines
    return verdict, f"{how}; it wrote last: {said}" if said else how


def told(
    worker: Mapping[str, str], folder: str, urls: Mapping[str, str], asked: str, about: Mapping[str, str]
) -> dict[str, str]:
    """Returns a program's environment: little of the worker's, a folder of its own, and the dark side: the address of
    each serving service by its name, that of the service `asked` as FLIPGATE_BASE_URL, and what it is `about`."""
    kept = {name: worker[name] for name in HANDED_ON if name in worker}
    named = {f"FLIPGATE_URL_{in_capitals(service)}": url for service, url in urls.items()}
    base = {"FLIPGATE_BASE_URL": urls[asked]} if asked in urls else {}
    facts = {f"FLIPGATE_{key}": value for key, value in about.items()}
    return {**kept, "HOME": folder, "TMPDIR": folder, **named, **base, **facts}


def in_capitals(service: str) -> str:
    """A service's name as part of a variable's: `odds-feed` is ODDS_FEED."""
    return re.sub(r"[^A-Z0-9]", "_", service.upper())
