"""What flipgate's move costs beside the bare API patch it is made of, in one run, under load, pair by pair."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.figures import FLIPGATE, PATCH, Flip, MeasureError, summary, table
from benchmarks.stage import LAB, Progress, Stage, staged
from flipgate.core.errors import FlipgateError
from flipgate.core.sides import Side
from flipgate.steps.look import look_at_traffic
from flipgate.steps.move import move
from flipgate.steps.stamp import stamp
from flipgate.steps.world import World
from lab.errors import LabError
from lab.load import Load, LoadError
from lab.progress import Printer

SHORT, LONG = 10, 50
SEEN_SECONDS = 15.0
QUIET_SECONDS = 0.4
"""Between a flip's first new answer and the next flip, so that the old side's last answers are over."""


def main(argv: Sequence[str] | None = None) -> int:
    """0: every request was answered. 1: some were lost, or a flip failed or could not be measured."""
    options = _options(argv)
    try:
        with Printer() as tell, staged(options.throttle_ms, tell, name=options.lab) as stage:
            found = measure(stage, options, tell)
    except (FlipgateError, LabError, LoadError, MeasureError) as error:
        print(f"benchmarks.flip: {error}", file=sys.stderr)
        return 1
    print(table(found))
    if options.json:
        print(json.dumps(found))
    return 1 if found["requests_lost"] else 0


def measure(stage: Stage, options: argparse.Namespace, tell: Progress) -> dict[str, Any]:
    """All flips under load, and the figures made of them."""
    load = Load(stage.lab.traefik_url, stage.place.host, clients=options.clients, rate=options.rate)
    with load:
        start = _active(stage)
        _wait_for(load, start, time.time())
        flips: list[Flip] = []
        for number, (way, pair) in enumerate(order(options.flips)):
            tell(f"flips: {number + 1} of {2 * options.flips}, {way}")
            to = start.other if number % 2 == 0 else start
            flip = flip_once(stage, way, pair, to)
            flips.append(flip)
            _wait_for(load, to, flip.began)
            time.sleep(QUIET_SECONDS + 2 * stage.throttle_ms / 1000)
        report = load.stop()
    return summary(flips, report, stage.throttle_ms)


def order(flips: int) -> list[tuple[str, int]]:
    """ABBA: each pair is two neighbours, and whichever drifts with time or direction meets both ways alike."""
    pairs = [(PATCH, FLIPGATE) if pair % 2 == 0 else (FLIPGATE, PATCH) for pair in range(flips)]
    return [(way, pair) for pair, ways in enumerate(pairs) for way in ways]


def flip_once(stage: Stage, way: str, pair: int, to: Side) -> Flip:
    """One flip with connections of its own. Raises FlipgateError when it is refused."""
    world = stage.world()
    return (_by_patch if way == PATCH else _by_flipgate)(stage, world, pair, to)


def _by_patch(stage: Stage, world: World, pair: int, to: Side) -> Flip:
    path = stage.route_path(world)
    value = world.application.namespace_of(to)
    operations = [{"op": "replace", "path": "/spec/routes/0/services/0/namespace", "value": value}]
    began = time.time()
    world.cluster.patch(path, operations)
    return Flip(PATCH, pair, str(to.other), str(to), began, began, time.time())


def _by_flipgate(stage: Stage, world: World, pair: int, to: Side) -> Flip:
    asked = time.monotonic()
    with world.acting() as record:
        stamp(world, to, record.epoch)
        began, began_monotonic = time.time(), time.monotonic()
        moved = move(world, to)
        ended = time.time()
    patched = began + (moved.at - began_monotonic)
    return Flip(FLIPGATE, pair, str(to.other), str(to), began, patched, ended, began_monotonic - asked)


def _active(stage: Stage) -> Side:
    world = stage.world()
    active = look_at_traffic(world).active
    if active is None:
        raise MeasureError("the route names no one side")
    return active


def _wait_for(load: Load, side: Side, since: float) -> None:
    deadline = time.monotonic() + SEEN_SECONDS
    while load.snapshot().first_answer_after(str(side), since) is None:
        if time.monotonic() > deadline:
            raise MeasureError(f"no user saw an answer of {side} within {SEEN_SECONDS:g} s")
        time.sleep(0.05)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flip", description=__doc__)
    parser.add_argument("--short", action="store_true", help=f"{SHORT} flips each way instead of {LONG}")
    parser.add_argument("--flips", type=int, help="so many flips each way")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--rate", type=float, default=300.0, help="requests per second in all (default: %(default)g)")
    parser.add_argument("--clients", type=int, default=8, help="connections of the load (default: %(default)s)")
    parser.add_argument("--lab", default=LAB, help="the lab to use; one that runs stays (default: %(default)s)")
    parser.add_argument(
        "--throttle-ms", type=int, default=50, help="Traefik's providersThrottleDuration (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    options.flips = options.flips or (SHORT if options.short else LONG)
    if options.flips < 1:
        parser.error("--flips is at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
