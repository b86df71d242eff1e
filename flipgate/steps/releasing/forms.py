"""What people answered in Prefect's form, written into the record where it still counts."""

from __future__ import annotations

from flipgate.core.record.form import ANSWER_BEFORE, Filled
from flipgate.core.record.record import Decision, Question
from flipgate.core.values.errors import BadInput, Refused
from flipgate.core.values.text import as_reason
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.values.who import Speaker
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.questions import decide
from flipgate.steps.releasing.soak import extend

FORM = "Prefect UI"
"""Through what a form's answer came."""


def take_form(world: World, question: Question, given: Filled) -> list[Evidence]:
    """Writes down what a person answered to this question in Prefect's form, where that still counts. Returns why it
    changes nothing, for whoever is asked again; nothing where it counts.

    A recorded decision stays unless it is an unspent yes and this a no. An answer that comes too late changes nothing:
    `standing` judges what is in the record.
    """
    decision, by, reason = given.decision, Speaker(given.name), as_reason(given.reason)
    recorded = world.store.read().approval
    if recorded is not None and recorded.decision is decision:
        return []  # the run has heard this form before
    try:
        if decision is Decision.EXTEND:
            extend(world, given.hours, reason, by=by, via=FORM, only=question)
        else:
            decide(world, decision, by=by, via=FORM, reason=reason, ticks=given.ticks, only=question)
    except (BadInput, Refused) as error:
        return [_not_taken(world, given, error.named_fact)]
    return []


def take_earlier(world: World, anew: Question, given: Filled) -> list[Evidence]:
    """The same of an answer on the page of a run whose question another run has put up anew since: nobody has told who
    answered. A yes to what was shown then is none to what is asked now; all else keeps users where they are safe."""
    if given.decision is not Decision.APPROVE:
        return take_form(world, anew, given)
    where = f": {anew.url}" if anew.url else ""
    return [_not_taken(world, given, f"it was put up anew since{where}")]


def answer_before(said: str) -> Evidence:
    """What is shown, with the next form, of an answer that changes nothing."""
    return Evidence(ANSWER_BEFORE, Verdict.INFO, "the form", "Prefect", said, "")


def _not_taken(world: World, given: Filled, why: str) -> Evidence:
    said = f"the form's answer ({given.decision} by {Speaker(given.name).name}) changes nothing: {why}"
    world.say(said)
    return answer_before(said)
