"""What only a person knows, and says with a yes: one tick each, as the file lists them (`policy.ticks`).

The question keeps the list, the decision what was ticked. A yes that lacks a required one counts for nothing, however
it came into the record.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import Field

from flipgate.core.record.phases import QuestionKind
from flipgate.core.spec import policy
from flipgate.core.values.base import Model
from flipgate.core.values.nearest import hint
from flipgate.core.values.stored import Name

BEFORE: Final = "tick_"
"""What the name of a tick's field in the form begins with; a name has no `_`, a field no `-`."""


class Tick(Model):
    """One line of a list, as a question has it."""

    name: Name
    text: Name
    required: bool = Field(default=True, exclude_if=lambda required: required)

    @property
    def field(self) -> str:
        """Its name in the form."""
        return f"{BEFORE}{self.name.replace('-', '_')}"

    def __str__(self) -> str:
        return f"{self.name} ({self.text})"


def ticks_of(declared: Iterable[policy.Tick], kind: QuestionKind) -> tuple[Tick, ...]:
    """Returns what is to be ticked with a yes to this kind of question."""
    return tuple(Tick(name=each.name, text=each.text, required=each.required) for each in declared if each.at == kind)


def name_of(field: str) -> str:
    """Returns the tick of a field of the form; empty for another field."""
    return field.removeprefix(BEFORE).replace("_", "-") if field.startswith(BEFORE) else ""


def missing(asked: Iterable[Tick], said: Iterable[str]) -> str:
    """Returns the required ticks that were not said, with their texts; empty where all were."""
    ticked = {*said}
    return "; ".join(str(each) for each in asked if each.required and each.name not in ticked)


def not_asked(asked: Iterable[Tick], said: Iterable[str]) -> str:
    """Returns what was said and is no tick of this question, with the nearest that is; empty where all of it is."""
    names = [each.name for each in asked]
    wrong = [name for name in said if name not in names]
    return "; ".join(f"{name}: {hint(name, names)}" if names else f"{name}: it has no ticks" for name in wrong)


def options(asked: Iterable[Tick]) -> str:
    """Returns what a command has to say for the required ones, with a space before it."""
    return "".join(f" --tick {each.name}" for each in asked if each.required)
