"""The way back: one step behind `flipgate rollback`, the `roll_back` flow and a failed bake.

Users first: it takes the Lease at once, sends the routes back before it writes anything that could fail, and tells
what it could not write or say afterwards. It needs the API server and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from flipgate.core import record as records
from flipgate.core.errors import BadInput, FlipgateError, Forbidden, LostLease, NotFound, PermanentError, Refused
from flipgate.core.record import MOVE_ROUTES, EntryState, Record
from flipgate.core.release import AFTER_TRAFFIC, BEFORE_TRAFFIC, Phase, Reason
from flipgate.core.sides import Side
from flipgate.core.traffic import Traffic
from flipgate.core.view import SideState, short_of
from flipgate.steps.bring_up import finish
from flipgate.steps.hand_over import hand_over_workers
from flipgate.steps.look import look, look_at_side, look_at_traffic
from flipgate.steps.move import Move, move_back, stamp
from flipgate.steps.prove import Proven, prove, traefik_replicas
from flipgate.steps.rest import rest
from flipgate.steps.tell import write
from flipgate.steps.world import World, crash_point

SLOW_TIMEOUT_SECONDS = 600.0
TAKE_OVER_TRIES = 3


@dataclass(frozen=True)
class RolledBack:
    """What rolling back did. `way` is fast, slow, abort or nothing; `notes` say what could not be written or told."""

    way: str
    to: Side | None
    seconds: float
    recorded: bool = True
    first_old_answer_ms: float | None = None
    notes: tuple[str, ...] = field(default=())


def roll_back(
    world: World, reason: str, *, by: str, to: Side | None = None, cause: Reason = Reason.ROLLBACK_REQUESTED
) -> RolledBack:
    """Sends all users back to the side they came from, or ends a release that users have not seen.

    Raises BadInput without a reason, Refused when there is no way back to go (`--to` decides then). NotFound
    before `adopt`. Never refuses for drift, for an open journal entry, or for a record that cannot be read.
    """
    began = time.monotonic()
    if not reason.strip():
        raise BadInput("needs a reason", obj="rollback", untouched="everything")
    record, unread = _read(world, to)
    if record is None:
        done = _unrecorded(world, to, unread)
    elif record.release and record.release.phase in BEFORE_TRAFFIC and to is None:
        done = _abort(world, reason, by)
    else:
        target = to or _way_back(world, record)
        done = _over_others(world, target, f"{by}: {reason.strip()}", cause)
    return replace(done, seconds=round(time.monotonic() - began, 3))


def _over_others(world: World, target: Side, message: str, cause: Reason) -> RolledBack:
    """Takes over from whoever acts, again if need be; goes on unrecorded where Lease or record may not be written."""
    for _ in range(TAKE_OVER_TRIES - 1):
        try:
            return _recorded(world, target, message, cause)
        except LostLease as lost:
            world.say(f"taking over once more: {lost.fact}")
        except Forbidden as forbidden:
            return _unrecorded(world, target, str(forbidden))
    return _recorded(world, target, message, cause)


def _recorded(world: World, target: Side, message: str, cause: Reason) -> RolledBack:
    with _taking_over(world) as epoch:
        stamp(world, target, epoch)  # before the pods are counted: a stale scale-down is refused from here on
        slow = _bring_way_back_up(world, target, world.store.read())
        entry = _open(world, target, cause, message)
        moved = move_back(world, target)
        crash_point(MOVE_ROUTES, "done")
        proven, notes = _prove(world, target, moved)
        _close(world, entry, proven, message)
        notes += _try("write the history", lambda: finish(world))
        notes += moved.left
        notes += _try("keep others off the side that was left", lambda: stamp(world, target.other, epoch))
        notes += _try("hand the workers back", lambda: hand_over_workers(world, target))
    return RolledBack("slow" if slow else "fast", target, 0.0, True, _first_answer(proven), notes)


def _open(world: World, target: Side, cause: Reason, message: str) -> int:
    """One write: whatever was open is closed, the phase is `rolling_back`, the way back is noted as begun."""
    now, opened = world.now(), [0]

    def change(record: Record) -> Record:
        stale = record.open_entry
        if stale:
            record = records.end(record, stale.id, EntryState.UNDONE, now, f"taken over by {world.actor}")
        release = record.release
        if release and release.phase in AFTER_TRAFFIC - {Phase.ROLLING_BACK} and release.side is not target:
            record = records.advance(record, Phase.ROLLING_BACK, cause, now, actor=world.actor, message=message)
        intent = {"to": str(target), "from": str(target.other)}
        record, entry = records.begin(record, MOVE_ROUTES, world.actor, now, intent)
        opened[:] = [entry.id]
        return record.model_copy(update={"question": None, "approval": None})

    world.store.update(change)
    crash_point(MOVE_ROUTES, "begun")
    return opened[0]


def _close(world: World, entry: int, proven: Proven | None, message: str) -> None:
    now = world.now()
    figures = (
        f"first answer after {proven.first_new_answer_ms} ms" if proven and proven.ok else "not proven through Traefik"
    )

    def change(record: Record) -> Record:
        record = records.end(record, entry, EntryState.DONE, now, figures)
        if record.phase is not Phase.ROLLING_BACK:
            return record
        text = f"{message} ({figures})"
        return records.advance(record, Phase.ROLLED_BACK, Reason.TRAFFIC_RESTORED, now, actor=world.actor, message=text)

    write(world, change)


def _abort(world: World, reason: str, by: str) -> RolledBack:
    """Users saw nothing: the run that works on the release loses its Lease, and the dark side goes to rest."""
    with world.acting(steal=True):
        view = look(world)
        entry = view.record.open_entry if view.record else None
        now = world.now()

        def change(record: Record) -> Record:
            if entry:
                record = records.end(record, entry.id, EntryState.UNDONE, now, f"aborted by {by}")
            return records.advance(
                record, Phase.ABORTED, Reason.DEPLOY_ABORTED, now, actor=world.actor, message=f"{by}: {reason}"
            )

        write(world, change)
        notes = _try("write the history", lambda: finish(world))
        view = look(world)
        dark = view.dark
        notes += _try("put the dark side to rest", lambda: rest(world, view, dark)) if dark else ()
    return RolledBack("abort", None, 0.0, notes=notes)


def _unrecorded(world: World, to: Side | None, why: str) -> RolledBack:
    """Without a record: the routes and the sides alone decide. Ready at the file's counts, or refused unless `--to`."""
    traffic = look_at_traffic(world)
    target = to or (traffic.active.other if traffic.active else None)
    if target is None:
        raise _undecided(world, traffic)
    state = look_at_side(world, target)
    wanted = {s.name: 1 for s in world.application.serving() if s.replicas}
    missing = short_of(state, wanted)
    if missing and to is None:
        raise _not_up(world, state, missing)
    # No epoch can be counted up without the record. A stale scale-down tests only that the stamp is the one it saw.
    unstamped = _try(f"stamp {target}", lambda: stamp(world, target, f"unrecorded {world.now().isoformat()}"))
    moved = move_back(world, target)
    proven, notes = _prove(world, target, moved)
    notes = (f"unrecorded: {why}", *unstamped, *notes, *moved.left, *_workers_left(world, target))
    return RolledBack("fast", target, 0.0, False, _first_answer(proven), notes)


def _workers_left(world: World, target: Side) -> tuple[str, ...]:
    """Handing over is journaled, and there is no journal now: a person has to do it."""
    names = [service.name for service in world.application.workers()]
    there = f"namespace {world.application.namespace_of(target)}"
    return (f"workers were not handed over to {target} ({there}): {', '.join(names)}",) if names else ()


def _way_back(world: World, record: Record) -> Side:
    """The side users came from. Raises Refused when the open release is none that has moved users."""
    release = record.release
    if release and release.phase in AFTER_TRAFFIC:
        return release.side.other
    state = f"release {release.name} is `{release.phase}`" if release else "no release is open"
    raise Refused(
        f"there is nothing to go back from: {state}, traffic on {look_at_traffic(world).active or 'no one side'}",
        obj=f"application {world.application.name}",
        reason="NoWayBack",
        untouched="all routes",
        next_command=f"flipgate rollback {world.application.name} --to SIDE --reason ... (scales that side up first)",
    )


def _bring_way_back_up(world: World, target: Side, record: Record) -> bool:
    """The slow way, when the old side is not Ready at the counts that matter. Returns whether it was needed."""
    state = look_at_side(world, target)
    wanted = _counts_that_matter(world, target, record)
    if not short_of(state, wanted):
        return False
    world.say(f"{target} is not up: scaling it to {sum(wanted.values())} pods first (the slow way)")
    for name, count in wanted.items():
        workload = state.workloads[name]
        path = f"/apis/apps/v1/namespaces/{workload.namespace}/deployments/{name}"
        if workload.replicas < count:
            world.cluster.patch(path, [{"op": "add", "path": "/spec/replicas", "value": count}])
    deadline = time.monotonic() + SLOW_TIMEOUT_SECONDS
    while missing := short_of(look_at_side(world, target), wanted):
        world.check_lease()
        if time.monotonic() > deadline:
            raise _not_up(world, look_at_side(world, target), missing)
        world.sleep(0.2)
    return True


def _counts_that_matter(world: World, target: Side, record: Record) -> dict[str, int]:
    """What the side carried when it was last live, at least the file's numbers."""
    occupant = record.sides.get(target)
    known = occupant.replicas if occupant else {}
    return {s.name: max(s.replicas, known.get(s.name, 0)) for s in world.application.serving()}


@contextmanager
def _taking_over(world: World) -> Iterator[int]:
    """The Lease and a new epoch, at once: whoever acted before fails at its next write."""
    with world.acting(steal=True) as record:
        yield record.epoch


def _read(world: World, to: Side | None) -> tuple[Record | None, str]:
    """The record, or why there is none to be used. Raises NotFound where nothing is managed yet and no side is named:
    nobody has said then what runs where, so nobody knows where back is."""
    try:
        return world.store.read(), ""
    except NotFound as error:
        if to is None:
            raise
        return None, str(error)
    except (PermanentError, Refused) as error:
        return None, str(error)


def _prove(world: World, target: Side, moved: Move) -> tuple[Proven | None, tuple[str, ...]]:
    """The proof is for people: without it the routes have been sent back all the same."""
    try:
        proven = prove(world, target, traefik_replicas(world), since=moved.at)
    except FlipgateError as error:
        return None, (f"not proven: {error}",)
    return proven, () if proven.ok else (f"not every Traefik replica shows {target}: {', '.join(proven.deaf)}",)


def _first_answer(proven: Proven | None) -> float | None:
    return proven.first_new_answer_ms if proven else None


def _try(what: str, action: Callable[[], None]) -> tuple[str, ...]:
    """Does what users do not wait for; a failure becomes a note."""
    try:
        action()
    except FlipgateError as error:
        return (f"could not {what}: {error}",)
    return ()


def _undecided(world: World, traffic: Traffic) -> Refused:
    return Refused(
        f"the routes name no one side: {traffic}",
        obj=f"application {world.application.name}",
        reason="RoutesSplit",
        untouched="all routes",
        next_command=f"flipgate rollback {world.application.name} --to SIDE --reason ...",
    )


def _not_up(world: World, state: SideState, missing: dict[str, tuple[int, int]]) -> Refused:
    counts = ", ".join(f"{name} {ready} of {count}" for name, (ready, count) in missing.items())
    return Refused(
        f"is not Ready: {counts}",
        obj=f"side {state.side} ({state.namespace})",
        reason="WayBackNotReady",
        untouched="all routes",
        next_command=f"kubectl -n {state.namespace} get pods; flipgate rollback {world.application.name} --to SIDE",
    )
