"""Waits for a person. Not a flow: the part that `flip_traffic` and `scale_down` share."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, ClassVar, Literal
from uuid import uuid4

from prefect.client.schemas.objects import State
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import ConfigDict, Field, create_model

from flipgate.adapters import runs
from flipgate.core.record.approvals import Granted, NotGranted
from flipgate.core.record.form import CHOICES, HOURS, RUNG, Filled, read_form
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Question
from flipgate.core.record.soak import MOST_HOURS, USUAL_HOURS
from flipgate.core.record.ticks import Tick
from flipgate.core.values.errors import BadInput, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import NAME_SHOWN, REASON_SHOWN
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.world import World
from flipgate.steps.looking.held import held_evidence
from flipgate.steps.releasing import questions
from flipgate.steps.releasing.forms import answer_before, take_earlier, take_form
from tasks import steps as task
from tasks.question import question_text, showing_question

ANSWERS_NO = MappingProxyType({Why.REJECTED: "Rejected", Why.APPROVAL_EXPIRED: "Expired"})
"""Answers that end a run well, and what its state is called then."""

GRACE_SECONDS = 86_400
"""Prefect's own limit lies a day behind ours: when it strikes, the run fails without any code of ours running."""


REST_CHOICES = (
    "approve puts the old side to rest; reject leaves it up, and nobody is asked again; extend keeps it so many hours "
    "longer, and asks again then; rollback sends all users back to it now."
)


class Answer(RunInput):
    """The form that a person fills in. It has no defaults: an empty resume must not decide anything.

    The server takes what its schema allows: what people see, and the mark of a doorbell, which no page shows.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra={"patternProperties": {f"^{RUNG}$": {}}})

    decision: Literal["approve", "reject"] = Field(description="approve or reject")
    reason: str = Field(
        min_length=1, max_length=REASON_SHOWN, description="Why; the next reader of the history will ask."
    )
    name: str = Field(
        min_length=1,
        max_length=NAME_SHOWN,
        description="Who you are (as you say: Prefect does not know).",
        json_schema_extra={"not": {"pattern": r"[\x00-\x1f\x7f]"}},
    )


def form_of(question: Question) -> type[Answer]:
    """The form for this question: it has a tick for each line of the file's list, and at the end of a soak it offers to
    keep the old side longer, and to send users back, too. None has to be filled in, or no doorbell could be rung."""
    fields: dict[str, Any] = {tick.field: (bool, _tick(tick)) for tick in question.ticks}
    if question.kind is QuestionKind.SCALE_DOWN:
        fields |= _choices()
    return create_model("Answer", __base__=Answer, **fields) if fields else Answer


def _tick(tick: Tick) -> Any:
    wanted = "A yes is not taken without it." if tick.required else "It may be left out."
    return Field(default=False, title=tick.text, description=f"{tick.name}. {wanted}")


def _choices() -> dict[str, Any]:
    wanted = Field(description=REST_CHOICES)
    hours = Field(default=USUAL_HOURS, ge=1, le=MOST_HOURS, description="How many hours longer, with extend.")
    choices = tuple(map(str, CHOICES[QuestionKind.SCALE_DOWN]))
    return {"decision": (Literal[choices], wanted), HOURS: (int, hours)}


def ask_person(world: World, kind: QuestionKind, look: Callable[[], list[Evidence]]) -> Granted | NotGranted:
    """Returns a standing decision, or the answer to the question posed now, with the evidence that `look` finds.

    Nobody looks for a decision that stands: what it allows is judged again under the Lease, and users wait for that.

    The run ends while it waits and begins again from the top when somebody answers, so everything above this call
    only looks. The form's answer is written to the record before it counts, and first of all: a no in the form comes
    before a yes that stands in the record already. A page whose question another run has put up anew since is still
    there for people: what they answer on it is heard, but for a yes, which is bound to what was shown.
    """
    run = str(flow_run.id)
    refused: list[Evidence] = []
    if asked := questions.open_question(world, kind):
        mine = asked.flow_run == run
        answers, refused = forms(world, run, kind, f"{asked.id}-" if mine else f"{kind}-{asked.release}-")
        for answer in answers:
            refused += take_form(world, asked, answer) if mine else take_earlier(world, asked, answer)
    decided = questions.standing(world, kind)
    if isinstance(decided, Granted) or not questions.asks_again(decided, kind):
        return decided
    evidence = [
        *look(),
        *held_evidence(world),
        *questions.last_attempt_at(world, kind),
        *questions.since_the_yes(decided),
        *refused,
    ]
    question = task.pose(world, kind, evidence, run)
    if question.flow_run != run:
        return questions.standing(world, kind)  # answered meanwhile, as another run had asked it
    world.say(f"waiting for a decision: {question.summary} {question.url}")
    form = form_of(question).with_initial_data(description=question_text(world.application.name, question, evidence))
    seconds = world.application.spec.policy.approval_expires_seconds + GRACE_SECONDS
    # A key that Prefect has seen suspends nothing, even when the run was cancelled before anybody answered.
    with showing_question(world, question):
        suspend_flow_run(wait_for_input=form, timeout=seconds, key=f"{question.id}-{uuid4().hex[:8]}")
    return questions.standing(world, kind)  # never reached: the run that is resumed begins again from the top


def forms(world: World, run: str, kind: QuestionKind, question: str) -> tuple[list[Filled], list[Evidence]]:
    """Returns what people answered in Prefect to the questions of this run whose ids begin so, without suspending the
    run; and what was answered that is no answer, for whoever is asked again.

    It is read as the server keeps it, not as Prefect would have it: somebody may have written there without any form.
    A doorbell is nobody's answer: whoever rang has written to the record before.
    """
    given: list[Filled] = []
    refused: list[Evidence] = []
    answers = runs.answers_of(run, f"suspended-{question}")
    held = runs.variables() if answers else frozenset[str]()
    for answer in answers:
        try:
            form = read_form(answer, held, kind)
        except BadInput as wrong:
            world.say(str(wrong))
            refused.append(answer_before(f"it {wrong.fact}"))
        else:
            given += [form] if form else []
    return given, refused


@about_application(untouched="all routes and both sides")
def state_if_refused(world: World, decided: Granted | NotGranted) -> State[str] | None:
    """Returns None for a yes. For a no, or when nobody decided in time: closes the question, and returns the state that
    the run ends with.

    A no is an answer, not a failure. Raises Refused for a decision that cannot count: foreign, or spent before.
    """
    if isinstance(decided, Granted):
        world.say(f"approved by {decided.by}: {decided.reason}")
        return None
    questions.close_refused(world, decided)
    world.say(decided.fact)
    if decided.reason in ANSWERS_NO:
        return Completed(name=ANSWERS_NO[decided.reason], message=decided.fact, data=decided.fact)
    raise Refused(decided.fact, obj=f"approval for {world.application.name}", reason=decided.reason)
