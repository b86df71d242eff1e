"""Messages in the chat that ask by buttons, until they say what became of their question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from flipgate.core.record.announcement import InChat
from flipgate.core.record.approvals import answered
from flipgate.core.record.became import became
from flipgate.core.record.record import Decision, Record
from flipgate.core.record.release import Decided
from flipgate.core.values.base import but
from flipgate.core.values.text import MARK
from flipgate.core.values.who import shown

MOST_KEPT: Final = 5
"""Messages, the newest: older ones have been told what became of them, or have failed to be again and again."""
SAID: Final[Mapping[str, str]] = MappingProxyType(
    {
        Decision.APPROVE: "Approved by",
        Decision.REJECT: "Rejected by",
        Decision.EXTEND: "The old side is kept longer, by",
        Decision.ROLLBACK: "All users are wanted back, by",
    }
)
"""What begins the line of a decision. One that is not here is shown by its own word: a message fails nothing."""


def kept(record: Record, message: InChat) -> Record:
    """Returns the record with this message as one that asks by buttons."""
    return but(record, in_chat=(*record.in_chat, message)[-MOST_KEPT:])


def said(record: Record, message: InChat, text: str) -> Record:
    """Returns the record with this as what the message says by now."""
    now = (but(each, said=text) if _same(each, message) else each for each in record.in_chat)
    return but(record, in_chat=tuple(now))


def forgotten(record: Record, message: InChat) -> Record:
    """Returns the record without a message that can't be changed any more."""
    return but(record, in_chat=tuple(each for each in record.in_chat if not _same(each, message)))


def due(record: Record) -> Iterator[tuple[InChat, str]]:
    """Yields the messages that do not say yet what became of their question, and what that is."""
    for message in record.in_chat:
        text = decided(record, message.question) or ("" if message.said else over(record, message.question))
        if text and not _says(message, text):
            yield message, text


def decided(record: Record, question: str) -> str:
    """Who decided what on a question, when, by which door and why; empty where nobody has, or nobody remembers it."""
    found = (each for release in record.releases for each in reversed(release.decisions) if each.question == question)
    last = next(found, None)
    return _told(last) if last else ""


def over(record: Record, question: str) -> str:
    """Why nobody waits for an answer to a question that nobody has decided; empty while it is open."""
    now = record.question
    if now and now.id == question:
        return ""
    if now and answered(record) is None:
        return f"Another question is open by now: {now.summary}"
    newest = record.newest
    return f"Nobody is asked any more: release {newest.name} {became(record, newest.name)}" if newest else "It is over"


def _told(what: Decided) -> str:
    at = f"{what.at:%Y-%m-%d %H:%M:%S} UTC"
    if what.decision == Decision.EXPIRED:
        return f"Expired at {at}, which means no: {what.reason}"
    said = SAID.get(what.decision, f"Answered ({what.decision}) by")
    return f"{said} {shown(what.by, what.identity)} via {what.via} at {at}: {what.reason}"


def _says(message: InChat, text: str) -> bool:
    """Whether a message says this: of a long text only the beginning is kept, and less where room is short."""
    return bool(message.said) and text.startswith(message.said.removesuffix(MARK))


def _same(one: InChat, other: InChat) -> bool:
    return (one.channel, one.message) == (other.channel, other.message)
