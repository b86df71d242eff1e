"""What a flip costs, each way there is, in one run under load: the bare API patch, flipgate's move beside it pair by
pair, the whole flow from `flipgate approve`, and `flipgate rollback` with Prefect down. At a short throttle of Traefik,
then at Traefik's default while pods come and go.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from benchmarks import flow, rollback
from benchmarks.back import PREFECT_DOWN
from benchmarks.churn import DRAIN_SECONDS, Churn
from benchmarks.figures import (
    FLIPGATE,
    FLOW,
    PATCH,
    ROLLBACK,
    Counted,
    Flip,
    Measured,
    MeasureError,
    Part,
    steps_between,
    summary,
)
from benchmarks.flip_table import table
from benchmarks.route_watch import RouteWatch
from benchmarks.stage import LAB, Stage, run, throttled
from benchmarks.timed import TimedConnection, steps_of
from benchmarks.users import Users
from flipgate.adapters.cluster import Cluster
from flipgate.adapters.store import Store
from flipgate.core.record.intents import MOVE_ROUTES
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look, look_at_traffic
from flipgate.steps.moving.move import move
from flipgate.steps.moving.stamp import stamp
from lab.control.pipelines import Pipelines
from lab.machine.progress import Progress

DEFAULT_THROTTLE_MS = 2000
"""What Traefik waits between two changes unless it is told otherwise."""
BLOCK_PAIRS, BLOCK_ROUNDS = 20, 10
"""Flips under one load: its memory for single answers is bounded."""
QUIET_SECONDS = 0.4
"""Between a flip's first new answer and the next flip, so that the old side's last answers are over."""
HEARD_SECONDS = 30.0


@dataclass(frozen=True)
class Amounts:
    """How many flips: pairs of (a) and (b), rounds of (c) and (d), first at the short throttle, then at the default."""

    flips: int
    rounds: int
    default_flips: int
    default_rounds: int
    requests: int = 0
    """At least so many in all: further pairs are flipped until they were sent."""


SHORT = Amounts(10, 2, 2, 1)
LONG = Amounts(100, 20, 20, 5, 1_000_000)


@dataclass(frozen=True)
class Bench:
    """All that is up while flips are measured."""

    stage: Stage
    running: Pipelines | None
    down: str
    options: argparse.Namespace
    tell: Progress

    @property
    def server(self) -> Pipelines:
        """Prefect, which is up where there are rounds."""
        assert self.running is not None
        return self.running

    @contextmanager
    def users(self, churn: bool) -> Iterator[tuple[Users, Churn | None]]:
        """Users, their WebSockets open, and (`churn`) pods that come and go only after that."""
        with Users(self.stage, self.options.rate, self.options.clients) as users, ExitStack() as also:
            yield users, also.enter_context(Churn(self.stage, self.options.drain_seconds)) if churn else None


@dataclass(frozen=True)
class Block:
    """The flips of one load."""

    measured: list[Measured]
    counted: Counted
    changes: int = 0


def main(argv: Sequence[str] | None = None) -> int:
    """0: every request was answered. 1: some were lost, or a flip failed or could not be measured."""
    return run("flip", _options(argv), rollback.POLICY, measure, table)


def measure(stage: Stage, options: argparse.Namespace, tell: Progress) -> dict[str, Any]:
    """All flips under load, and the figures made of them."""
    many: Amounts = options.amounts
    with ExitStack() as up:
        server = None
        if many.rounds or many.default_rounds:
            server = up.enter_context(flow.prefect(stage, tell))
            flow.warm_up(rollback.environment(stage, server.api_url, server.login))
        bench = Bench(stage, server, up.enter_context(rollback.swallowing()), options, tell)
        default = default_part(bench) if many.default_flips else None
        sent = default.counted.sent.total() if default else 0
        return summary(part(bench, many.flips, many.rounds, least=many.requests - sent), default)


def default_part(bench: Bench) -> Part:
    """What is flipped at Traefik's default throttle: Traefik is started anew for it, and once more after it."""
    many: Amounts = bench.options.amounts
    with throttled(bench.stage, DEFAULT_THROTTLE_MS, bench.tell) as slow:
        return part(replace(bench, stage=slow), many.default_flips, many.default_rounds, churn=True)


def part(bench: Bench, flips: int, rounds: int, *, churn: bool = False, least: int = 0) -> Part:
    """Everything at one throttle, in blocks with a load of their own. `least`: further pairs until so many requests."""
    blocks = [some_rounds(bench, numbers, churn) for numbers in _chunks(rounds, BLOCK_ROUNDS)]
    blocks += [some_pairs(bench, numbers, churn) for numbers in _chunks(flips, BLOCK_PAIRS)]
    while sum(block.counted.sent.total() for block in blocks) < least:
        blocks.append(some_pairs(bench, range(flips, flips := flips + BLOCK_PAIRS), churn))
    counted = sum((block.counted for block in blocks), start=Counted())
    changes = sum(block.changes for block in blocks) if churn else None
    return Part(bench.stage.throttle_ms, [each for block in blocks for each in block.measured], counted, changes)


def order(pairs: Sequence[int]) -> list[tuple[str, int]]:
    """ABBA: each pair is two neighbours, and whichever drifts with time or direction meets both ways alike."""
    return [(way, pair) for pair in pairs for way in ((PATCH, FLIPGATE) if pair % 2 == 0 else (FLIPGATE, PATCH))]


def some_pairs(bench: Bench, pairs: Sequence[int], churn: bool) -> Block:
    """(a) and (b), there and back again."""
    flips: list[Flip] = []
    with bench.users(churn) as (users, pods):
        start = _active(bench.stage)
        for number, (way, pair) in enumerate(order(pairs)):
            bench.tell(f"throttle {bench.stage.throttle_ms} ms, pair {pair}: {way}")
            to = start.other if number % 2 == 0 else start
            flips.append(flip_once(bench.stage, way, pair, to))
            users.wait_for(to, flips[-1].began)
            users.quiet(QUIET_SECONDS)
        block = Block(*users.measured(flips), pods.changes if pods else 0)
    _agree(bench.stage, start)
    return block


def _agree(stage: Stage, side: Side) -> None:
    """Has the record say what the route says: of a bare patch it knows nothing, and a release would be refused."""
    world = stage.world()
    with world.acting() as acting:
        move(acting, side)


def flip_once(stage: Stage, way: str, pair: int, to: Side) -> Flip:
    """One flip with connections of its own. Raises FlipgateError when it is refused."""
    world = stage.world()
    return (_by_patch if way == PATCH else _by_flipgate)(stage, world, pair, to)


def _by_patch(stage: Stage, world: World, pair: int, to: Side) -> Flip:
    cluster, path, operations = stage.writer(world), stage.route_path(world), stage.bare_patch(world, to)
    began = time.time()
    cluster.patch(path, operations)
    return Flip(PATCH, pair, str(to.other), str(to), began, began, time.time())


def _by_flipgate(stage: Stage, world: World, pair: int, to: Side) -> Flip:
    timed = TimedConnection.of(world.cluster)
    cluster = Cluster(timed)
    world = World(cluster, Store(cluster, stage.namespace, world.application.name), world.application, world.actor)
    view = look(world)
    asked = time.monotonic()
    with world.acting() as acting:
        stamp(acting, view.sides[to])
        began, began_monotonic = time.time(), time.monotonic()
        moved = move(acting, to)
        ended = time.time()
    patched = began + (moved.at - began_monotonic)
    steps = steps_of(timed.asked, began, patched)
    return Flip(FLIPGATE, pair, str(to.other), str(to), began, patched, ended, began_monotonic - asked, steps)


def some_rounds(bench: Bench, numbers: Sequence[int], churn: bool) -> Block:
    """(c) there and (d) back. The dark side gets its images before there are users: a pod that is replaced while it is
    dark takes its WebSockets along, and that is no flip's doing."""
    flips: list[Flip] = []
    asked = _ask(bench, numbers[0])
    with bench.users(churn) as (users, pods), RouteWatch(bench.stage.world()) as watch:
        for number in numbers:
            if number != numbers[0]:
                asked = _ask(bench, number)
            users.quiet(QUIET_SECONDS)
            flips.append(_by_flow(bench, users, watch, asked, number))
            users.quiet(QUIET_SECONDS)
            flips.append(_by_rollback(bench, users, watch, asked.to.other, number))
            users.quiet(QUIET_SECONDS)
        return Block(*users.measured(flips), pods.changes if pods else 0)


def _ask(bench: Bench, number: int) -> flow.Asked:
    bench.tell(f"throttle {bench.stage.throttle_ms} ms, round {number}: a release, dark, and a run that asks")
    return flow.ask(bench.stage, bench.server)


def _by_flow(bench: Bench, users: Users, watch: RouteWatch, asked: flow.Asked, number: int) -> Flip:
    bench.tell(f"throttle {bench.stage.throttle_ms} ms, round {number}: {FLOW}")
    env = rollback.environment(bench.stage, bench.server.api_url, bench.server.login)
    done = flow.approve(bench.stage, env)
    patched = _heard(watch, asked.to, done.began, flow.PATIENCE_SECONDS)
    users.wait_for(asked.to, done.began)
    flow.wait_for_run(bench.server, asked, "COMPLETED")
    steps = steps_between(done.began, flow.marks(bench.stage, bench.server, asked, done, patched))
    old, new = str(asked.to.other), str(asked.to)
    return Flip(FLOW, number, old, new, done.began, patched, done.ended, steps=steps)


def _by_rollback(bench: Bench, users: Users, watch: RouteWatch, to: Side, number: int) -> Flip:
    bench.tell(f"throttle {bench.stage.throttle_ms} ms, round {number}: {ROLLBACK}")
    env = rollback.environment(bench.stage, bench.down)
    done = rollback.back_once(bench.stage, PREFECT_DOWN, number, to, env)
    patched = _heard(watch, to, done.began, HEARD_SECONDS)
    users.wait_for(to, done.began)
    steps = steps_between(done.began, _marks_back(bench.stage, patched))
    return Flip(ROLLBACK, number, str(to.other), str(to), done.began, patched, done.ended, steps=steps)


def _marks_back(stage: Stage, patched: float) -> flow.Marks:
    """What the Lease and the journal noted of the last way back."""
    world = stage.world()
    path = f"/apis/coordination.k8s.io/v1/namespaces/{stage.namespace}/leases/flipgate-{world.application.name}"
    taken = datetime.fromisoformat(world.cluster.get(path)["spec"]["acquireTime"])
    moves = [each for each in world.store.read().journal if each.step == MOVE_ROUTES]
    return [
        ("Python, imports, the routes, the Lease", taken.timestamp()),
        ("the epoch, the stamps, the pods' count", moves[-1].at.timestamp() if moves else None),
        ("the entry's write, the route's read and patch", patched),
    ]


def _heard(watch: RouteWatch, to: Side, since: float, patience_seconds: float) -> float:
    """When the API server told of the route's change to `to`. Raises MeasureError when it does not in time."""
    deadline = time.monotonic() + patience_seconds
    while True:
        if found := [at for at, side in watch.heard() if at >= since and side == str(to)]:
            return found[0]
        if time.monotonic() > deadline:
            raise MeasureError(f"the API server told of no patch to {to} within {patience_seconds:g} s")
        time.sleep(0.05)


def _active(stage: Stage) -> Side:
    active = look_at_traffic(stage.world()).active
    if active is None:
        raise MeasureError("the route names no one side")
    return active


def _chunks(count: int, size: int) -> list[range]:
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flip", description=__doc__)
    parser.add_argument("--short", action="store_true", help=f"{SHORT.flips} pairs of flips instead of {LONG.flips}")
    parser.add_argument("--flips", type=int, help="so many pairs of the bare patch and flipgate's move")
    parser.add_argument("--rounds", type=int, help="so many rounds of the whole flow and the way back")
    parser.add_argument("--default-flips", type=int, help="so many pairs at Traefik's default throttle")
    parser.add_argument("--default-rounds", type=int, help="so many rounds at Traefik's default throttle")
    parser.add_argument("--requests", type=int, help="further pairs until so many requests were sent")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--rate", type=float, default=300.0, help="requests per second in all (default: %(default)g)")
    parser.add_argument("--clients", type=int, default=8, help="connections of the load (default: %(default)s)")
    parser.add_argument(
        "--drain-seconds",
        type=float,
        default=DRAIN_SECONDS,
        help="how long pods that come and go serve on when they are told to go (default: %(default)g)",
    )
    parser.add_argument("--lab", default=LAB, help="the lab to use; one that runs stays (default: %(default)s)")
    parser.add_argument(
        "--throttle-ms", type=int, default=50, help="Traefik's providersThrottleDuration (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    usual = vars(SHORT if options.short else LONG)
    given = {name: getattr(options, name) for name in usual if getattr(options, name) is not None}
    options.amounts = Amounts(**{**usual, **given})
    if options.amounts.flips < 1 or options.amounts.default_flips < 0:
        parser.error("--flips is at least 1, --default-flips at least 0")
    if not options.amounts.default_flips and options.amounts.default_rounds:
        parser.error("--default-rounds needs --default-flips of at least 1; 0 of both leaves Traefik as it is")
    return options


if __name__ == "__main__":
    sys.exit(main())
