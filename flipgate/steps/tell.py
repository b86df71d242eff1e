"""Telling people: the outbox, delivered at least once, never in the way of a release."""

from __future__ import annotations

from collections.abc import Callable

from flipgate.core import record as records
from flipgate.core.errors import FlipgateError
from flipgate.core.record import Announcement, Record
from flipgate.steps.world import World


def write(world: World, change: Callable[[Record], Record]) -> Record:
    """Changes the record, then tries to tell what that put into the outbox."""
    before: set[str] = set()

    def noted(record: Record) -> Record:
        before.update(message.id for message in record.outbox)
        return change(record)

    record = world.store.update(noted)
    for message in record.outbox:
        if message.id not in before:
            world.say(message.text)
    return tell(world, record)


def tell(world: World, record: Record) -> Record:
    """Delivers what the outbox holds, oldest first. Without a chat the log is the channel; a failure waits."""
    for message in record.outbox:
        try:
            thread = _post(world, record, message)
            record = world.store.update(
                lambda r, m=message, t=thread: records.delivered(r, m.id, release=m.release, thread=t)  # type: ignore[misc]
            )
        except FlipgateError as error:
            world.say(f"not told yet ({error}); it stays in the outbox")
            return record
    return record


def _post(world: World, record: Record, message: Announcement) -> str:
    if world.chat is None:
        return ""
    return world.chat.post(message.text, as_blocks(message), thread=record.threads.get(message.release, ""))


def as_blocks(message: Announcement) -> list[dict[str, object]]:
    """The message as Slack blocks; the plain text goes beside them for notifications and screen readers."""
    context = f"release `{message.release}`  ·  side `{message.side}`  ·  {message.at:%Y-%m-%d %H:%M:%S} UTC"
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": message.text}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": context}]},
    ]
