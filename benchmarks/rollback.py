"""What a person waits for between Enter and users on the old side again, with `kubectl patch` and `flipgate rollback`.

One round is three ways back from a release that is live: the patch by hand as flipgate prints it for pasting,
`flipgate rollback` beside a Prefect server, and the same where Prefect's address swallows all that is sent to it.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks.back import KUBECTL, PREFECT_DOWN, ROLLBACK, WAYS, Back, summary, table
from benchmarks.figures import MeasureError
from benchmarks.forward import go_live
from benchmarks.route_watch import RouteWatch
from benchmarks.stage import LAB, Stage, run
from benchmarks.users import wait_for
from flipgate.core.values.sides import Side
from flipgate.steps.releasing.flip import way_back_by_hand
from lab.control import pipelines
from lab.control.pipelines import Pipelines
from lab.load import Load
from lab.machine import paths
from lab.machine.progress import Progress

SHORT, LONG = 3, 20
COMMAND_SECONDS = 120.0
QUIET_SECONDS = 0.5
"""Before Enter, so that the cluster is through with what the way forward had it do."""
POLICY = {"bakeSeconds": 0, "soakSeconds": 86_400, "readyTimeoutSeconds": 600}
"""Back is measured, not forward: no time is spent on watching the new side. It stays `live` for as long as it takes."""


def main(argv: Sequence[str] | None = None) -> int:
    """0: every request was answered. 1: some were lost, or a way back failed or could not be measured."""
    return run("rollback", _options(argv), POLICY, measure, table)


def measure(stage: Stage, options: argparse.Namespace, tell: Progress) -> dict[str, Any]:
    """All rounds under load, and the figures made of them."""
    load = Load(stage.lab.traefik_tls_url, stage.place.host, clients=options.clients, rate=options.rate)
    with prefect(stage, tell) as up, swallowing() as down:
        environments = {ROLLBACK: environment(stage, up.api_url, up.login), PREFECT_DOWN: environment(stage, down)}
        environments[KUBECTL] = environments[ROLLBACK]
        _warm_up(stage, environments[ROLLBACK])
        with load, RouteWatch(stage.world()) as watch:
            backs: list[Back] = []
            for count, (way, number) in enumerate(order(options.rounds)):
                tell(f"ways back: {count + 1} of {len(WAYS) * options.rounds}, {way}")
                new = _forward(stage, backs[-1].way if backs else "")
                wait_for(load, new, time.time())
                time.sleep(QUIET_SECONDS)
                backs.append(back_once(stage, way, number, new.other, environments[way]))
                wait_for(load, new.other, backs[-1].began)
            report = load.stop()
        return summary(backs, watch.heard(), report, stage.throttle_ms)


def order(rounds: int) -> list[tuple[str, int]]:
    """Each round has its ways as neighbours; every other round goes through them backwards."""
    return [(way, number) for number in range(rounds) for way in (WAYS if number % 2 == 0 else WAYS[::-1])]


def back_once(stage: Stage, way: str, number: int, to: Side, env: Mapping[str, str]) -> Back:
    """One command from Enter to the prompt. Raises MeasureError unless it did what it is for: all, the fast way."""
    command = _by_hand(stage) if way == KUBECTL else _by_flipgate(stage)
    began = time.time()
    answer = subprocess.run(command, env=env, capture_output=True, text=True, timeout=COMMAND_SECONDS)
    ended = time.time()
    if answer.returncode:
        raise MeasureError(f"`{shlex.join(command)}` ended with {answer.returncode}: {answer.stderr[-1000:]}")
    if way != KUBECTL:
        done = json.loads(answer.stdout)
        if (done["way"], done["to"], done["recorded"]) != ("fast", str(to), True):
            raise MeasureError(f"not the fast way back to {to}, recorded: {answer.stdout}")
    return Back(way, number, str(to), began, ended)


@contextmanager
def prefect(stage: Stage, tell: Progress) -> Iterator[Pipelines]:
    """A server that runs; one that is started for this ends with it."""
    found = pipelines.find_server(stage.lab)
    server = found or pipelines.start_server(stage.lab, tell)
    try:
        yield server
    finally:
        if not found:
            server.stop(pipelines.SERVER)


@contextmanager
def swallowing() -> Iterator[str]:
    """PREFECT_API_URL of an address where connections are accepted, by the kernel, and nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as door:
        yield f"http://127.0.0.1:{door.getsockname()[1]}/api"


def _forward(stage: Stage, came_back_by: str) -> Side:
    """Users on the new side and its release `live`: by a release, or, where only the route was patched, by a patch."""
    world = stage.world()
    if came_back_by != KUBECTL:
        return go_live(world)
    live = world.store.read().active
    stage.writer(world).patch(stage.route_path(world), stage.bare_patch(world, live))
    return live


def _by_hand(stage: Stage) -> list[str]:
    """The line that flipgate prints for pasting, with the lab's own kubectl."""
    words = shlex.split(way_back_by_hand(stage.world()))
    return [str(stage.lab.kubectl), *words[1:]]


def _by_flipgate(stage: Stage) -> list[str]:
    words = ["rollback", stage.place.application, "--reason", "a benchmark", "-n", stage.namespace, "-o", "json"]
    return [sys.executable, "-m", "flipgate.cli", *words]


def environment(stage: Stage, api_url: str, login: str = "") -> dict[str, str]:
    """A shell's environment: with the lab's kubeconfig, `api_url` as its Prefect, and bytecode kept between runs."""
    own = {"KUBECONFIG": str(stage.lab.kubeconfig), "PREFECT_API_URL": api_url, "PYTHONPATH": str(paths.CHECKOUT)}
    own |= {"PREFECT_API_AUTH_STRING": login} if login else {}
    ours = ("PREFECT_", "PYTHONDONTWRITEBYTECODE")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(ours)}, **own}


def _warm_up(stage: Stage, env: Mapping[str, str]) -> None:
    """What only the first call of a program pays: its files read from disk, its bytecode compiled."""
    nobody = ["nobody" if word == stage.place.application else word for word in _by_flipgate(stage)]
    for command in (nobody, [str(stage.lab.kubectl), "get", "namespaces"]):
        subprocess.run(command, env=env, capture_output=True, timeout=COMMAND_SECONDS)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rollback", description=__doc__)
    parser.add_argument("--short", action="store_true", help=f"{SHORT} rounds instead of {LONG}")
    parser.add_argument("--rounds", type=int, help="so many rounds")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--rate", type=float, default=150.0, help="requests per second in all (default: %(default)g)")
    parser.add_argument("--clients", type=int, default=6, help="connections of the load (default: %(default)s)")
    parser.add_argument("--lab", default=LAB, help="the lab to use; one that runs stays (default: %(default)s)")
    parser.add_argument(
        "--throttle-ms", type=int, default=50, help="Traefik's providersThrottleDuration (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    options.rounds = options.rounds or (SHORT if options.short else LONG)
    if options.rounds < 1:
        parser.error("--rounds is at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
