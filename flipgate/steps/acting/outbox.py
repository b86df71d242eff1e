"""Delivers announcements from the record's outbox, each at least once. A failed delivery never fails a release."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from flipgate.adapters.chat import LONGEST_BLOCK_TEXT, LONGEST_TEXT, NOWHERE, Posted
from flipgate.core.record import outbox
from flipgate.core.record import record as records
from flipgate.core.record.announcement import Announcement, InChat
from flipgate.core.record.approvals import answered
from flipgate.core.record.asking import asking, mrkdwn, section
from flipgate.core.record.became import became
from flipgate.core.record.entries import entries_of
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import Question, Record
from flipgate.core.record.release import Release
from flipgate.core.values import outward
from flipgate.core.values.errors import FlipgateError, PermanentError, Refused, TemporaryError
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import NAME_SHOWN
from flipgate.core.way_back.unwatched import is_about_it, warning
from flipgate.steps.acting.events import write_events
from flipgate.steps.acting.in_chat import say_what_became
from flipgate.steps.acting.reconciled import judge
from flipgate.steps.acting.world import World


def write(world: World, change: Callable[[Record], Record]) -> Record:
    """Changes the record, then tries to deliver what the change put into the outbox."""
    before: set[str] = set()

    def changed(record: Record) -> Record:
        before.update(message.id for message in record.outbox)
        return change(record)

    record = world.store.update(changed)
    for message in record.outbox:
        if message.id not in before:
            world.say(message.text)
    return deliver(world, record)


def advance(
    world: World,
    release: str,
    phase: Phase,
    reason: Reason,
    message: str = "",
    *,
    also: Callable[[Record], Record] | None = None,
) -> Record:
    """Moves the release of this name on to `phase`, in one write of the record. Raises Refused (Superseded) when
    another release is open by now."""
    now = world.now()

    def change(record: Record) -> Record:
        need_open(record, release)
        changed = also(record) if also else record
        return records.advance(changed, phase, reason, now, actor=world.actor, message=message)

    return write(world, change)


def need_open(record: Record, release: str) -> Release:
    """Returns the open release if it has this name. Raises Refused (Superseded) otherwise."""
    if record.release is None or record.release.name != release:
        now_open = record.release.name if record.release else "none"
        raise Refused(
            f"{became(record, release)}; it is no longer the open release (that is: {now_open})",
            obj=f"release {release}",
            reason=Why.SUPERSEDED,
            untouched="everything from here on",
        )
    return record.release


def deliver(world: World, record: Record) -> Record:
    """Delivers what the outbox holds: as Events on the cluster's own objects, and to the chat, oldest first.

    Events go out whether there is a chat or not. An application without a Slack channel has the run's log for a
    channel. One that has a channel keeps its messages until somebody with a chat comes by: the command line has none.
    While nobody watches (Unwatched), what is delivered says so.
    """
    done = write_events(world, record)
    if record.outbox and (world.chat is not None or not world.application.spec.announce.slack_channel):
        warned = warning(record.application, judge(world, record))
        if warned and world.chat is None and not all(map(is_about_it, record.outbox)):
            world.say(warned)
        record = _deliver_each(world, record, done, warned)
    record = say_what_became(world, record)
    if not any(message.id in done and not message.noted for message in record.outbox):
        return record
    try:
        return world.store.update(partial(outbox.events_written, ids=done))
    except (PermanentError, TemporaryError) as error:
        world.say(f"Events were written, but that is not noted: {error} They will be looked for again.")
        return record


def _deliver_each(world: World, record: Record, done: frozenset[str], warned: str) -> Record:
    """Posts the messages in order. One that fails waits for the next call, and so do those behind it; one that will
    never be accepted is dropped, so that it does not hold up the others. Without a chat, a message waits for its
    Events.
    """
    for message in record.outbox:
        if world.chat is None and message.id not in done and not message.noted:
            continue
        posted, asked = NOWHERE, _asked(world, record, message)
        try:
            posted = _post(world, record, message, "" if is_about_it(message) else warned, asked)
        except PermanentError as error:
            world.say(f"never told: {error} The journal keeps what it said: {message.text}")
        except FlipgateError as error:
            world.say(f"not told yet: {error} The message stays in the outbox.")
            return record
        asks = None
        if asked and posted.message:
            asks = InChat(question=asked.id, channel=posted.channel, message=posted.message, text=message.text)
        told = partial(
            outbox.delivered, announcement_id=message.id, release=message.release, thread=posted.thread, asks=asks
        )
        try:
            record = world.store.update(told)
        except TemporaryError as error:
            world.say(f"told, but not noted: {error} The message stays in the outbox, and may be told again.")
            return record
    return record


def _asked(world: World, record: Record, message: Announcement) -> Question | None:
    """The question that a message asks by buttons: where somebody hears them, and while nobody has answered."""
    asked = record.question
    if world.chat is None or not world.chat.asks_by_buttons or asked is None or asked.id != message.question:
        return None
    return asked if answered(record) is None else None


def _post(world: World, record: Record, message: Announcement, warned: str, asked: Question | None) -> Posted:
    if world.chat is None:
        return NOWHERE
    left = f"{record.left_out} older messages were left out: flipgate history {record.application}"
    beside = " ".join(part for part in (left if record.left_out else "", warned) if part)
    said = outward.slack(" ".join(part for part in (message.text, beside) if part), LONGEST_TEXT)
    text = f"{said} {message.url}" if outward.is_web_address(message.url) else said
    blocks = as_blocks(message, beside) + (asking(record.application, asked) if asked else [])
    return world.chat.post(text, blocks, thread=record.threads.get(message.release, ""))


def as_blocks(message: Announcement, warned: str = "") -> list[dict[str, Any]]:
    """The message as Slack blocks; the plain text goes beside them for notifications and screen readers."""
    release = f"release `{outward.slack(message.release, NAME_SHOWN)}`  ·  " if message.release else ""
    context = f"{release}side `{message.side}`  ·  {message.at:%Y-%m-%d %H:%M:%S} UTC"
    link = outward.slack_link(message.url, "Look and decide")
    room = max(1, LONGEST_BLOCK_TEXT - len(link) - 1)
    texts = [f"{outward.slack(message.text, room)} {link}".strip()]
    texts += [outward.slack(warned, LONGEST_BLOCK_TEXT)] if warned else []
    return [*map(section, texts), {"type": "context", "elements": [mrkdwn(context)]}]


def write_history(world: World) -> None:
    """Writes the last finished release to the history, with its journal. May be repeated."""
    record = world.store.read()
    for release in reversed(record.releases):
        if release.phase.row.ended:
            world.store.write_history(release, entries_of(record.journal, release.name))


def complete_history(world: World, record: Record, names: Collection[str]) -> None:
    """Writes what has ended and is not among these names of the history: it is written after the last phase, so a fault
    may leave the newest release in the record alone, which forgets it with the next one that ends."""
    if any(each.phase.row.ended and each.name not in names for each in record.releases):
        write_history(world)
