"""How every flow begins, and how one ends whose release a person, or a newer build, has taken another way, or whose
move is held back."""

from __future__ import annotations

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from blocks.cluster import Known, connect
from flipgate.adapters import runs
from flipgate.adapters.runs import OVERTAKEN, url_of
from flipgate.core.record.became import became
from flipgate.core.record.form import IS_HELD, NOT_KEPT, held_in
from flipgate.core.record.freeze import ENDS_WELL
from flipgate.core.record.going_on import ENDED
from flipgate.core.record.held import HELD
from flipgate.core.record.phases import Phase
from flipgate.core.record.queue import may_start
from flipgate.core.values.errors import BadInput, FlipgateError, Refused
from flipgate.core.values.outward import one_line
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import NAME_BYTES, fitted
from flipgate.steps.acting.world import World, default_actor
from flipgate.steps.releasing.queue import leave_what_waits
from flipgate.steps.watching.unwatched import look_whether_watched
from tasks import steps as task

TAKEN_OVER = frozenset({Why.LOST_LEASE, Why.SUPERSEDED, Why.WRONG_PHASE, Why.NO_DARK_SIDE, Why.SIDE_CHANGED})
"""Refusals by which a run may find out that a person went another way while it slept. A failed bake is none of them."""

RUN_BYTES = NAME_BYTES // 2
"""Of a run's name in an actor's: part of it is typed by people, and what comes behind it tells actors apart."""


def open_world(application: str, cluster: str, known: Known | None = None) -> World:
    """The application's World; the Lease and the journal will name this flow run as the actor."""
    actor = f"{fitted(str(flow_run.name), RUN_BYTES)} ({default_actor()})"
    world = connect(application, cluster, actor=actor, known=known)
    log = get_run_logger().info
    world.say = lambda text: log(one_line(text))
    world.run_page = url_of(str(flow_run.id))
    return world


def begin(application: str, cluster: str) -> World:
    """Opens the application's World, and announces where reconcile does not run any more."""
    world = open_world(application, cluster)
    look_whether_watched(world, get_run_logger().warning)
    return world


def need_own_words(**given: str) -> None:
    """Raises BadInput where a parameter of this run, by its name, is a text that one of Prefect's variables holds, and
    shows none: it would stand in the history. Prefect has put it there before the flow began. Raises Unreachable."""
    typed = {name: text for name, text in given.items() if text}
    if typed and (found := held_in(typed, runs.variables())):
        raise BadInput(
            f"{IS_HELD}: it would stand in the history, and is not shown here",
            obj=f"parameter {found[0]}",
            next_command="start the run again with a text of your own",
        )


def own_words(**given: str) -> dict[str, str]:
    """The same for the way back, which nobody is refused: what a variable holds is replaced, and where Prefect does not
    say at once what its variables hold, it goes on as it is."""
    typed = {name: text for name, text in given.items() if text}
    try:
        found = held_in(typed, runs.variables(in_a_hurry=True)) if typed else []
    except FlipgateError:
        found = []
    return given | dict.fromkeys(found, NOT_KEPT)


def start_what_waited(world: World, cluster: str) -> None:
    """Starts the builds that waited for a release to end. Never raises: what has just ended stays so, and reconcile
    comes again."""
    try:
        record = world.store.read()
        if may_start(record, world.now(), world.application.spec.policy.join_builds_seconds):
            run = task.start_queued(world, record, cluster)
            if run.state in ENDED:  # as many were started as ever are
                leave_what_waits(world, run)
    except FlipgateError as error:
        world.say(f"whether builds wait, or their run, is left to reconcile: {error}")


def this_run() -> str:
    """The page of the run that is at work; its id where no UI is known."""
    return url_of(str(flow_run.id)) or str(flow_run.id)


def overtaken(world: World, release: str, refused: Refused) -> State[str]:
    """The state of a run whose release a person, or a newer build, has taken another way meanwhile, or whose move may
    not begin yet, or whose gates do not pass: an end, not a failure; it says who, when and why. Raises `refused`
    otherwise."""
    if refused.reason in ENDS_WELL:
        return Completed(name=HELD, message=refused.fact, data=refused.fact)
    record = world.store.read()
    found = record.named(release)
    newer = found is not None and found.phase is Phase.SUPERSEDED
    if refused.reason not in TAKEN_OVER or found is None or not (newer or found.phase.row.by_rollback):
        raise refused
    message = f"release {release} {became(record, release)}"
    world.say(message)
    return Completed(name=Why.SUPERSEDED if newer else OVERTAKEN, message=message, data=message)
