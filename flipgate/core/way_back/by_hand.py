"""The way back without flipgate: the kubectl lines as they are now, and whether what stands on the routes is that."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from flipgate.core.traffic.moves import by_hand, plan_move, way_back_line
from flipgate.core.traffic.traffic import WAY_BACK, RouteState, Traffic
from flipgate.core.values.place import Places

_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
"""Since when Flux leaves a route as it is: of a line that was written then, another than now."""
SOME_TIME: Final = "1970-01-01T00:00:00Z"


def lines_back(traffic: Traffic, places: Places, hold: str = "") -> tuple[str, ...]:
    """Returns the kubectl commands that send users to the other side, from where they are now; none where they are not
    on one side. `hold` as of `plan_move`. Raises Refused where a route cannot be moved."""
    if traffic.active is None:
        return ()
    return tuple(by_hand(patch) for patch in plan_move(traffic, places, traffic.active.other, hold=hold))


def foreign_lines(traffic: Traffic, places: Places) -> tuple[str, ...]:
    """Returns a sentence for each route whose annotation is another line than flipgate would write there now: people
    are told to type what stands there, and whoever may write the route may have written it."""
    return tuple(
        f"annotation {WAY_BACK} on {state.route} is not flipgate's line for it: do not type it"
        for state in traffic.leading
        if state.way_back and state.whole and not _is_ours(state, places)
    )


def _is_ours(state: RouteState, places: Places) -> bool:
    """Whether it is a line of flipgate's: with what has Flux leave the route, or without, whether it leaves it now or
    not, for that is taken off later than the line is written."""
    assert state.whole is not None
    stamp = state.stamp or ""
    held = [replace(state, held=time) for time in ("", SOME_TIME)]
    expected = (way_back_line(each, places, state.whole, stamp, each.held) for each in held)
    return _timeless(state.way_back) in map(_timeless, expected)


def _timeless(line: str) -> str:
    return _TIME.sub("TIME", line)
