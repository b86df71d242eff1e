"""What Slack sends of a click on a button, and of the form behind it: read from a payload of which nothing is trusted.

Of what it is about only the names count, which are looked up in the record; who clicked is Slack's word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from flipgate.core.record.record import Decision
from flipgate.core.values.foreign import NotJson, parse_json
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.text import NAME_BYTES, as_reason

ACTION: Final = "flipgate."
"""What the ids of our buttons begin with; the decision follows."""
FORM: Final = "flipgate.decide"
REASON: Final = "reason"
LONGEST_ID: Final = 2 * NAME_BYTES
LONGEST_REASON: Final = 4_000
"""In characters of what is read at all: Slack's form takes half of it."""
BY_PERSON: Final = frozenset({Decision.APPROVE, Decision.REJECT})


@dataclass(frozen=True)
class About:
    """What a click is about: of which application, which question, what to it, and on which message."""

    application: str
    question: str
    decision: Decision
    channel: str
    channel_name: str
    message: str
    """Its number in the channel (Slack's `ts`)."""
    thread: str


@dataclass(frozen=True)
class Click:
    """Somebody's click, or the form that they sent off after it."""

    about: About
    member: str
    name: str
    team: str
    once: str
    """The same of a click that Slack sends again."""
    trigger: str = ""
    """Opens a form, within three seconds. Empty with a form."""
    reason: str | None = None
    """What the form says. None of a click on a button."""

    @property
    def decision(self) -> Decision:
        return self.about.decision

    def remembered(self) -> dict[str, str]:
        """What the form carries."""
        return {key: str(value) for key, value in asdict(self.about).items()}

    def stands_in(self, channel: str) -> bool:
        """Whether the message stands in this channel, as an application's file names it: by id or by name."""
        name = channel.removeprefix("#")
        return bool(name) and name in (self.about.channel, self.about.channel_name)


def read_click(payload: object) -> Click | None:
    """Reads the payload of an interaction. None for what is no button and no form of ours."""
    if not isinstance(payload, Mapping):
        return None
    kind = payload.get("type")
    about = _of_button(payload) if kind == "block_actions" else _of_form(payload) if kind == "view_submission" else None
    if about is None:
        return None
    member, name = _text(payload, "user", "id"), _text(payload, "user", "name") or _text(payload, "user", "username")
    team = _text(payload, "user", "team_id") or _text(payload, "team", "id")
    if kind == "view_submission":
        said = _text(payload, "view", "state", "values", REASON, REASON, "value", longest=LONGEST_REASON)
        return Click(about, member, name, team, f"form {_text(payload, 'view', 'id')}", reason=as_reason(said))
    trigger = _text(payload, "trigger_id")
    return Click(about, member, name, team, f"button {trigger}", trigger)


def _of_button(payload: Mapping[Any, Any]) -> About | None:
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    if not isinstance(action, Mapping) or not _text(action, "action_id").startswith(ACTION):
        return None
    application, _, question = _text(action, "value").partition(" ")
    return _about(
        {
            "application": application,
            "question": question,
            "decision": _text(action, "action_id").removeprefix(ACTION),
            "channel": _text(payload, "channel", "id"),
            "channel_name": _text(payload, "channel", "name"),
            "message": _text(payload, "message", "ts"),
            "thread": _text(payload, "message", "thread_ts"),
        }
    )


def _of_form(payload: Mapping[Any, Any]) -> About | None:
    if _text(payload, "view", "callback_id") != FORM:
        return None
    try:
        found = parse_json(_text(payload, "view", "private_metadata", longest=3_000))
    except NotJson:
        return None
    return _about(found) if isinstance(found, dict) else None


def _about(found: Mapping[str, object]) -> About | None:
    texts = {key: _text(found, key) for key in About.__dataclass_fields__}
    decision = texts.pop("decision")
    if decision not in BY_PERSON or not (texts["application"] and texts["question"] and texts["channel"]):
        return None
    return About(decision=Decision(decision), **texts)


def _text(found: object, *path: str, longest: int = LONGEST_ID) -> str:
    """The text at the end of this path; empty where there is none, or a longer one than anything of ours."""
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) and len(found) <= longest else ""
