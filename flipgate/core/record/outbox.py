"""What becomes of the messages in the outbox once they are delivered."""

from __future__ import annotations

from collections.abc import Collection

from flipgate.core.record.announcement import InChat
from flipgate.core.record.in_chat import kept
from flipgate.core.record.record import Record
from flipgate.core.values.base import but


def delivered(
    record: Record, announcement_id: str, *, release: str = "", thread: str = "", asks: InChat | None = None
) -> Record:
    """Returns the record without this message in the outbox, and with the chat thread that it opened. `asks` is the
    message in the chat, where it has buttons."""
    outbox = tuple(a for a in record.outbox if a.id != announcement_id)
    threads = record.threads
    if thread and release and release not in threads:
        threads = dict(list({**threads, release: thread}.items())[-20:])
    told = but(record, outbox=outbox, threads=threads, left_out=0)
    return kept(told, asks) if asks else told


def events_written(record: Record, ids: Collection[str]) -> Record:
    """Returns the record with these messages marked: their Kubernetes Events are written, or never will be."""
    return but(record, outbox=tuple(but(a, noted=True) if a.id in ids else a for a in record.outbox))
