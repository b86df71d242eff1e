"""Writes announcements as Kubernetes Events on the objects they are about. No step depends on an Event."""

from __future__ import annotations

import threading

from flipgate.adapters.events import find_uid
from flipgate.core.record.announcement import Announcement
from flipgate.core.record.events import InvolvedObject, involved_objects, worth_an_event
from flipgate.core.record.record import Record
from flipgate.core.values.errors import FlipgateError, NotFound, TemporaryError
from flipgate.core.workloads.kinds import API_VERSIONS
from flipgate.steps.acting.world import World


def write_events(world: World, record: Record) -> frozenset[str]:
    """Writes the Events of the messages in the outbox that have none yet, a few at a time; never raises.

    Returns the ids of the messages that need no further try. A temporary fault leaves its message for the next call, as
    long as it is recent; a permanent one (no right to write Events) is logged only. An object that does not exist gets
    no Event.
    """
    now = world.now()
    waiting = frozenset(message.id for message in record.outbox if not message.noted)
    news = [message for message in record.outbox if worth_an_event(message, now)]
    todo: dict[InvolvedObject, list[Announcement]] = {}
    for message in news:
        for involved in involved_objects(world.application, message):
            todo.setdefault(involved, []).append(message)
    faults = _write(world, todo)
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        world.say(f"no Event on {faults[0][0]}{more}: {faults[0][1]}")
    passing = any(isinstance(error, TemporaryError) for _, error in faults)
    return waiting - {message.id for message in news} if passing else waiting


def _write(world: World, todo: dict[InvolvedObject, list[Announcement]]) -> list[tuple[InvolvedObject, FlipgateError]]:
    """Returns what went wrong, object by object. After a temporary fault the others are not tried."""
    if not todo:
        return []
    away = threading.Event()

    def write(involved: InvolvedObject) -> FlipgateError | None:
        try:
            if not away.is_set():
                _write_on(world, involved, todo[involved])
        except NotFound:
            return None
        except FlipgateError as error:
            if isinstance(error, TemporaryError):
                away.set()
            return error
        return None

    return [(involved, error) for involved, error in zip(todo, world.each(write, todo), strict=True) if error]


def _write_on(world: World, involved: InvolvedObject, messages: list[Announcement]) -> None:
    api_version = API_VERSIONS.get(involved.kind) or world.route_api(involved.kind)
    if involved not in world.uids:
        world.uids[involved] = find_uid(world.cluster, involved, api_version)
    world.write_events(involved, api_version, messages)
