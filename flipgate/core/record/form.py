"""What people type into Prefect: read as it is kept there, and refused where it is no text of theirs.

Prefect's server puts the value of a variable in the place of what refers to one (`{"__prefect_kind":
"workspace_variable", ...}`), in a form as in the parameters of a run, before anybody reads it. What it has kept then
looks like any other text, so the only mark of it is the value itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Decision
from flipgate.core.record.soak import USUAL_HOURS
from flipgate.core.record.ticks import name_of
from flipgate.core.values.errors import BadInput
from flipgate.core.values.foreign import NotJson, kind_of, parse_json
from flipgate.core.values.frozen import dataclass

RUNG: Final = "rung"
"""The key that marks a form as a doorbell, and as nobody's answer."""
ANSWERS: Final = (Decision.APPROVE, Decision.REJECT)
CHOICES: Final[Mapping[QuestionKind, tuple[Decision, ...]]] = MappingProxyType(
    {QuestionKind.FLIP: ANSWERS, QuestionKind.SCALE_DOWN: (*ANSWERS, Decision.EXTEND, Decision.ROLLBACK)}
)
"""What each form offers: the command line's words."""
ANSWER_BEFORE: Final = "an answer before"
"""What the evidence is called that says why an answer to this question changed nothing."""
HOURS: Final = "hours"
"""The field of how much longer the old side is kept, in whole hours."""
FIELDS: Final = ("decision", "reason", "name")
IS_HELD: Final = "is the value of one of Prefect's variables"
NOT_KEPT: Final = f"(not kept: what was given {IS_HELD})"
"""In the place of such a text where nobody may be held up for it: on the way back."""


@dataclass(frozen=True)
class Filled:
    """A form that a person has filled in; nothing is judged yet but that it is one."""

    decision: Decision
    reason: str
    name: str
    hours: int = 0
    """Where the old side is to be kept longer."""
    ticks: tuple[str, ...] = ()
    """The names of those that are ticked."""


def read_form(text: str, held: Collection[str], kind: QuestionKind = QuestionKind.FLIP) -> Filled | None:
    """Reads a form as Prefect keeps it, in JSON's text; None for a doorbell.

    `held` is what Prefect's variables hold. Raises BadInput for what is no form: a field that is missing or no text,
    another decision than the form of this `kind` offers, hours that are no whole number, a reason or a name that a
    variable holds. It shows no value.
    """
    try:
        form = parse_json(text)
    except NotJson:
        raise _refused("is no JSON") from None
    if not isinstance(form, dict):
        raise _refused(f"is {kind_of(form)}")
    if RUNG in form:
        return None
    for field in FIELDS:
        if not isinstance(form.get(field), str):
            raise _refused(f"has a {field} that is no text" if field in form else f"has no {field}")
    decision, reason, name = (form[field] for field in FIELDS)
    if decision not in CHOICES[kind]:
        raise _refused(f"has a decision that is none of {', '.join(CHOICES[kind])}")
    hours = form.get(HOURS, USUAL_HOURS) if decision == Decision.EXTEND else 0
    if type(hours) is not int:
        raise _refused(f"has {HOURS} that are no whole number")
    if found := held_in({"reason": reason, "name": name}, held):
        raise _refused(f"has a {found[0]} that {IS_HELD}: nobody's own words. Answer again")
    return Filled(Decision(decision), reason, name, hours, _ticked(form))


def _ticked(form: Mapping[str, object]) -> tuple[str, ...]:
    fields = {name_of(field): value for field, value in form.items() if name_of(field)}
    for name, value in fields.items():
        if type(value) is not bool:
            raise _refused(f"has a tick {name} that is neither true nor false")
    return tuple(sorted(name for name, value in fields.items() if value))


def held_in(given: Mapping[str, str], held: Collection[str]) -> list[str]:
    """Returns what of it, by name, is a text that one of Prefect's variables holds."""
    values = {_words(each) for each in held}
    return [name for name, text in given.items() if _words(text) in values]


def texts_of(value: object) -> list[str]:
    """Returns what a reference to a variable with this value may become: its text, and the text that it is JSON for."""
    if not isinstance(value, str):
        return []
    try:
        inside = parse_json(value)
    except NotJson:
        return [value]
    return [value, inside] if isinstance(inside, str) else [value]


def _words(text: str) -> str:
    """The text without what differs in space alone: Prefect's templates drop a line's end, and so do we."""
    return " ".join(text.split())


def _refused(fact: str) -> BadInput:
    return BadInput(fact, obj="the form's answer", untouched="the question: it waits as before")
