"""Roll back: everybody to the side they came from, or the end of a release nobody has seen."""

from __future__ import annotations

from typing import Literal

from prefect import flow
from prefect.logging import get_run_logger

from flipgate.core.record.pipelines import ROLL_BACK
from flipgate.core.values.sides import Side
from flipgate.core.values.text import as_reason, self_declared
from flipgate.steps.moving.git_routes import put_routes_right
from flipgate.steps.watching.unwatched import look_whether_watched
from flows.opening import open_world, own_words, start_what_waited
from tasks import steps as task


@flow(name=ROLL_BACK, flow_run_name="roll back {application}")
def roll_back(
    application: str,
    reason: str,
    name: str = "",
    to: Literal["blue", "green"] | None = None,
    now: bool = False,
    cluster: str = "default",
) -> str:
    """Sends all users back at once; a release that users have not seen is aborted.

    Args:
        application: The application's name.
        reason: Why; it is kept in the history.
        name: Who asks (self-declared: Prefect does not know).
        to: The side to send users to; needed only when the routes or the record cannot tell.
        now: Do not wait for an old side that is not up: go with what is Ready there.
        cluster: The flipgate-cluster block to use; `default` needs no block.
    """
    world = open_world(application, cluster)
    typed = own_words(reason=reason, name=name)
    by = self_declared(typed["name"]) if name else "Prefect"
    done = task.roll_back(world, as_reason(typed["reason"]), by, Side(to) if to else None, now)
    for note in done.notes:
        world.say(note)
    put_routes_right(world)
    start_what_waited(world, cluster)
    look_whether_watched(world, get_run_logger().warning)  # users are back: it holds nobody up any more
    return f"{done.way} way: traffic on {done.to}" if done.to else "aborted: users saw nothing"
