"""Has the messages that asked by buttons say what became of their question, by whichever door it was decided."""

from __future__ import annotations

from functools import partial

from flipgate.core.record import in_chat
from flipgate.core.record.asking import told
from flipgate.core.record.record import Record
from flipgate.core.values.errors import PermanentError, TemporaryError
from flipgate.steps.acting.world import World


def say_what_became(world: World, record: Record) -> Record:
    """Changes each message in its place; its buttons go. What fails is said, and tried again by whoever delivers next:
    it never fails a release."""
    if world.chat is None or not record.in_chat or not world.chat.changes_messages:
        return record
    for message, text in in_chat.due(record):
        noted = partial(in_chat.said, message=message, text=text)
        try:
            world.chat.update(message.channel, message.message, *told(message.text, text))
        except PermanentError as error:
            world.say(f"the message that asked stays as it is: {error}")
            noted = partial(in_chat.forgotten, message=message)
        except TemporaryError as error:
            world.say(f"the message that asked has its buttons still: {error} It is tried again.")
            return record
        try:
            record = world.store.update(noted)
        except TemporaryError as error:
            world.say(f"the message that asked says what became of it, but that is not noted: {error}")
            return record
    return record
