"""A question as people see it in Prefect: in the form, short, and in the run's artifact, whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from flipgate.core.record.approvals import who_approves
from flipgate.core.record.compared import Compared, Half
from flipgate.core.record.form import ANSWER_BEFORE
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Question
from flipgate.core.record.release import NONE_KEPT, FrozenEvidence, frozen
from flipgate.core.values.foreign import fault
from flipgate.core.values.outward import markdown, markdown_code, one_line
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.differences import DIFFERS
from flipgate.steps.acting.world import World
from flipgate.steps.watching.question_graphs import question_pictures
from tasks.artifacts import beside, row

CHANGES_SHOWN = 100
"""Lines of what changes in a form."""
PLAN_SHOWN = 10
"""Of each part of the plan."""
SHOWN_SECONDS = 20.0


def _look_first(question: Question) -> str:
    """How to see the dark side with one's own eyes, as a block to copy from."""
    lines = "\n".join(map(one_line, question.look_first))
    return f"To look at it first:\n\n{markdown_code(lines, 'sh')}\n\n" if lines else ""


def _who_may(application: str, question: Question) -> str:
    """Who may approve, and that this form is not where: nobody proves a name in it."""
    if question.who_may is None:
        return ""
    said = markdown(who_approves(application, question))
    return f"**{said}** This form takes a no: whom it is from nobody has proven.\n\n"


@contextmanager
def showing_question(world: World, question: Question) -> Iterator[None]:
    """The question with its plan, both sides beside each other, what was found and pictures of the gates' numbers as an
    artifact `APP-question`: what the form has no room for. It is made beside the block, in which the form is put up;
    after that the process would end, so it is waited for, no longer than SHOWN_SECONDS."""
    sending = beside(world, "question", question.summary, lambda: whole_text(question, _graphs(world, question)))
    try:
        yield
    finally:
        sending.join(SHOWN_SECONDS)


def _graphs(world: World, question: Question) -> list[str]:
    try:
        release = world.store.read().release
        return question_pictures(world, release, question.kind) if release else []
    except Exception as error:  # any at all: what is beside the pictures is to be shown all the same
        return [f"no pictures: {markdown(fault(error))}"]


def whole_text(question: Question, graphs: Sequence[str] = ()) -> str:
    """The question with all that is kept of it, and with pictures."""
    parts = [("What changes", question.changes), *((part.of.capitalize(), part.lines) for part in question.plan)]
    lists = [f"### {markdown(of)}\n" + "".join(f"\n- {markdown(line)}" for line in lines) for of, lines in parts]
    found = [e for e in question.evidence if not e.gate.startswith(DIFFERS)]
    table = "### What was found\n\n" + _found(found)
    return "\n\n".join([f"## {markdown(question.summary)}", *lists, _sides(question), table, *_pictures(graphs)])


def _pictures(graphs: Sequence[str]) -> list[str]:
    return ["### Numbers of the gates", *graphs] if graphs else []


def _sides(question: Question) -> str:
    """Both sides beside each other; a value that is the same on both stands once."""
    if not question.compared:
        return f"### Both sides\n\n{NONE_KEPT}"
    old, new = ("now", "then") if question.kind is QuestionKind.FLIP else ("the old side", "live")
    head = ["service", f"image {old}", f"image {new}", f"Ready {old}", f"Ready {new}"]
    head += ["cpu of a pod (request / limit)", "memory of a pod", f"restarts {old}", f"restarts {new}"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *map(_both, question.compared)]
    return "### Both sides\n\n" + "\n".join(lines)


def _both(row: Compared) -> str:
    old, new = row.old, row.new
    cells = [row.service, old.image or "none", new.image or "none", _ready(old), _ready(new)]
    cells += [_change(old.cpu, new.cpu), _change(old.memory, new.memory), _restarts(old), _restarts(new)]
    return f"| {' | '.join(map(markdown, cells))} |"


def _ready(half: Half) -> str:
    return f"{half.ready}/{half.wanted}" if half.image else "none"


def _restarts(half: Half) -> str:
    if not half.image:
        return "none"
    return "not known" if half.restarts is None else str(half.restarts)


def _change(old: str, new: str) -> str:
    return old or "none" if old == new else f"{old or 'none'} -> {new or 'none'}"


def question_text(application: str, question: Question, evidence: Iterable[Evidence]) -> str:
    """What the approval form shows above its fields: why an answer before changed nothing, what changes, this look's
    evidence, and what else is stored with the question, such as the digests that a yes is bound to. Differences are
    lines of what changes."""
    given = list(evidence)
    shown = [each for each in given if each.gate != ANSWER_BEFORE]
    before = frozen(each for each in given if each.gate == ANSWER_BEFORE)
    answers = "".join(f"**{markdown(each.gate.capitalize())}**: {markdown(each.detail)}\n\n" for each in before)
    seen = {each.gate for each in shown}
    bound = [e for e in question.evidence if e.gate not in seen and not e.gate.startswith(DIFFERS)]
    table = _found([*frozen(shown), *bound])
    passed = sum(e.verdict is Verdict.PASS for e in shown)
    gates = sum(e.verdict is not Verdict.INFO for e in shown)
    changes = _lines(application, question.changes, CHANGES_SHOWN)
    plan = "".join(
        f"{markdown(part.of.capitalize())}:\n{_lines(application, part.lines, PLAN_SHOWN)}\n\n"
        for part in question.plan
    )
    return (
        f"## {markdown(question.summary)}\n\n{answers}**{passed} of {gates} gates pass.** What changes:\n{changes}\n\n"
        f"{plan}{_look_first(question)}{table}\n\n{_who_may(application, question)}"
        f"No decision before {question.expires_at:%Y-%m-%d %H:%M} UTC means no. A change of images, pod templates or "
        "routes voids it."
    )


def _found(proofs: Sequence[FrozenEvidence]) -> str:
    rows = [row(e.gate, e.verdict, e.detail) for e in proofs]
    return "\n".join(["| gate | | found |", "|---|---|---|", *rows]) if rows else "No checks are declared."


def _lines(application: str, lines: Sequence[str], most: int) -> str:
    more = len(lines) - most
    rest = f"\n- **{more} more**: `flipgate status {markdown(application)} -o json` has all of them" if more > 0 else ""
    return "".join(f"\n- {markdown(line)}" for line in lines[:most]) + rest
