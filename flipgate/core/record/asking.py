"""A question as Slack shows it: its choices as buttons, the small form for the reason, and what became of it.

https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from flipgate.core.record.click import ACTION, FORM, REASON, Click
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Decision, Question
from flipgate.core.record.soak import USUAL_HOURS
from flipgate.core.record.ticks import options
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.outward import slack
from flipgate.core.values.text import REASON_SHOWN, cut

Block = dict[str, Any]

LONGEST_SECTION: Final = 2_900
"""In characters, below what Slack takes (3,000)."""
CHANGES_SHOWN: Final = 5
CHANGE_SHOWN: Final = 200


@dataclass(frozen=True)
class Choice:
    """One button."""

    decision: Decision
    label: str
    style: str
    asks: str
    """What the form asks for."""


CHOICES: Final = (
    Choice(Decision.APPROVE, "Approve", "primary", "Why it may go on"),
    Choice(Decision.REJECT, "Reject", "danger", "Why not"),
)


def choice_of(decision: Decision) -> Choice:
    return next(each for each in CHOICES if each.decision is decision)


EXTEND: Final = f'`flipgate extend {{}} --hours {USUAL_HOURS} --reason "..."`'
BACK: Final = '`flipgate rollback {} --reason "..."`'
ALSO: Final[Mapping[QuestionKind, str]] = MappingProxyType(
    {QuestionKind.SCALE_DOWN: f"to keep the old side longer: {EXTEND}; to send all users back: {BACK}"}
)
"""What else may be chosen, by command alone."""


def command(application: str, decision: Decision, question: Question | None = None) -> str:
    """The same by the command line, for a place where Slack's code is shown; with what the question has ticked."""
    ticks = options(question.ticks) if question and decision is Decision.APPROVE else ""
    return f'`flipgate {decision} {application}{ticks} --reason "..."`'


def by_button(question: Question) -> list[Choice]:
    """The choices that have a button: no yes to what has to be ticked first, which no button can."""
    return [each for each in CHOICES if each.decision is not Decision.APPROVE or not options(question.ticks)]


def asking(application: str, question: Question) -> list[Block]:
    """The blocks that stand below a message which asks: what would change in short, the buttons, the commands."""
    value = f"{application} {question.id}"
    buttons: list[Block] = [
        {
            "type": "button",
            "action_id": f"{ACTION}{each.decision}",
            "style": each.style,
            "text": _plain(each.label),
            "value": value,
        }
        for each in by_button(question)
    ]
    commands = " or ".join(command(application, each.decision, question) for each in CHOICES)
    if also := ALSO.get(question.kind):
        commands = f"{commands}; {also.replace('{}', application)}"
    identity = f"question `{slack(question.id, CHANGE_SHOWN)}`"
    return [
        section(_changes(application, question)),
        {"type": "actions", "elements": buttons},
        {"type": "context", "elements": [mrkdwn(f"{identity}  ·  by command: {commands}")]},
    ]


def form(click: Click, question: Question) -> Block:
    """The modal that asks for the reason. What it is about comes back with it (`click.remembered`)."""
    choice = choice_of(click.decision)
    text = {"type": "plain_text_input", "action_id": REASON, "multiline": True, "max_length": REASON_SHOWN}
    return {
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": json.dumps(click.remembered()),
        "title": _plain(choice.label),
        "submit": _plain(choice.label),
        "close": _plain("Cancel"),
        "blocks": [
            section(slack(question.summary, LONGEST_SECTION)),
            {"type": "input", "block_id": REASON, "label": _plain(choice.asks), "element": text},
        ],
    }


def told(text: str, outcome: str) -> tuple[str, list[Block]]:
    """A message that asked once, with what became of it: its plain text and its blocks, without buttons."""
    shown, became = slack(text, LONGEST_SECTION), slack(outcome, LONGEST_SECTION)
    return f"{shown} {became}".strip(), [section(each) for each in (shown, became) if each]


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def mrkdwn(text: str) -> Mapping[str, object]:
    """`verbatim`: no plain name in it becomes a mention or a link by itself
    (https://docs.slack.dev/reference/block-kit/composition-objects/text-object)."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def _changes(application: str, question: Question) -> str:
    lines = [f"• {cut(line, CHANGE_SHOWN)}" for line in question.changes[:CHANGES_SHOWN]]
    if more := len(question.changes) - len(lines):
        lines.append(f"and {more} more: flipgate status {application}")
    plan = [f"{part.of.capitalize()}: {cut(part.short, CHANGE_SHOWN)}" for part in question.plan]
    return slack("\n".join(["What would change:", *(lines or ["nothing that is known"]), *plan]), LONGEST_SECTION)
