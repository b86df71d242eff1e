"""What grows with the number of services: requests and seconds of each verb, on an API server alone.

Pods and Traefik are played, or left out: what a verb asks of the API server is what is counted, and how long that takes
beside one bare patch of the route. What waits for pods, or asks Traefik, is measured by `benchmarks.flip`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.crowd import ROUTES, Crowd, deployment, serve_routes
from benchmarks.fleet import Turn, reconciled
from benchmarks.timed import Asked, TimedConnection
from flipgate.adapters.cluster import Cluster
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import Record, advance, need_release
from flipgate.core.record.size import LIMIT_BYTES
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look
from flipgate.steps.looking.targets import need_targets
from flipgate.steps.moving.move import move, need_counts
from flipgate.steps.moving.stamp import stamp_unless_taken
from flipgate.steps.releasing.bring_up import bring_up, open_release, wait_ready
from flipgate.steps.releasing.note_dark import note_dark
from flipgate.steps.watching.status import collect
from lab.control import labs
from lab.control.records import Lab
from lab.machine.errors import LabError
from lab.machine.progress import Printer, Progress

LAB = "flipgate-bench"
SHORT, LONG = (9, 50), (9, 50, 200)
BARE_PATCHES = 5
"""The median of so many is the anchor."""
PATCH = "PATCH ingressroutes"
APPLIED = "kubectl apply, rollout"
"""The anchor of a deploy: what a person would type for as many Deployments."""
TO_LIVE = ((Phase.BAKING, Reason.TRAFFIC_PROVEN), (Phase.LIVE, Reason.BAKE_PASSED))


@dataclass(frozen=True)
class Cost:
    """What one verb took: requests and seconds, up to the patch of the route where it has one."""

    requests: int
    seconds: float


def main(argv: Sequence[str] | None = None) -> int:
    """0: all was measured. 1: the lab, or a verb, failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--short", action="store_true", help=f"{SHORT} services, in the place of {LONG}")
    parser.add_argument("--applications", type=int, metavar="N", help="of two services each, to be reconciled")
    parser.add_argument("--lab", default=LAB, metavar="NAME", help="one that runs already stays")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    options = parser.parse_args(argv)
    numbers = SHORT if options.short else LONG
    try:
        with Printer() as tell, served(options.lab, tell) as (lab, cluster):
            found = {}
            for count in numbers:
                tell(f"{count} services: setting up")
                crowd = Crowd(lab, cluster, f"crowd-{count}-{os.getpid()}", count)
                crowd.set_up()
                tell(f"{count} services: measuring")
                found[count] = measure(crowd)
            turn = reconciled(lab, cluster, options.applications or (20 if options.short else 100), tell)
    except (FlipgateError, LabError) as error:
        print(f"benchmarks.scale: {error}", file=sys.stderr)
        return 1
    print(table(found))
    print(reconciled_row(turn))
    if options.json:
        print(json.dumps(summary(found) | told_of(turn)))
    return 0


@contextmanager
def served(name: str, tell: Progress) -> Iterator[tuple[Lab, Cluster]]:
    """An API server that serves IngressRoutes; taken down at the end, unless it ran before."""
    ran = labs.status(name).state == "running"
    lab = labs.up(name, tier="api", progress=tell)
    try:
        cluster = Cluster.connect(lab.kubeconfig)
        serve_routes(cluster)
        yield lab, cluster
    finally:
        if not ran:
            labs.down(name)


def measure(crowd: Crowd) -> dict[str, Cost | float]:
    """One release of all services, forward and back, and what is asked beside it."""
    world, timed = crowd.world()
    look(world)
    found: dict[str, Cost | float] = {"bare patch": bare_patch(crowd)}
    with crowd.playing():
        found[APPLIED] = applied(crowd)
        found["deploy"] = cost(timed, lambda: deploy(world, crowd))
        crowd.play()
        found["flip, to the patch"] = cost(timed, lambda: flip(world), until=PATCH)
        crowd.play()
        world.store.update(lambda record: told_live(record, world))
        found["status"] = cost(timed, lambda: collect(world))
        found["rollback, to the patch"] = cost(timed, lambda: roll_back(world, "measured", by="benchmark"), until=PATCH)
    found["record, KiB"] = round(record_bytes(crowd) / 1024, 1)
    return found


def cost(timed: TimedConnection, act: Callable[[], object], until: str = "") -> Cost:
    """What it took; up to the end of the first request `until`, where one is named."""
    timed.asked.clear()
    began = time.time()
    act()
    ended = time.time()
    asked: list[Asked] = sorted(timed.asked, key=lambda each: each.ended)
    if until:
        last = next(number for number, each in enumerate(asked) if each.what == until)
        asked, ended = asked[: last + 1], asked[last].ended
    return Cost(len(asked), ended - began)


def bare_patch(crowd: Crowd) -> Cost:
    """The cheapest thing that could move users."""
    path, seconds = f"{ROUTES.format(crowd.name)}/live", []
    for _ in range(BARE_PATCHES):
        began = time.time()
        crowd.cluster.patch(path, [{"op": "add", "path": "/metadata/annotations", "value": {"bench": str(began)}}])
        seconds.append(time.time() - began)
    return Cost(1, sorted(seconds)[BARE_PATCHES // 2])


def applied(crowd: Crowd) -> Cost:
    """The same Deployments in a namespace of their own, by `kubectl apply` and `kubectl rollout status`."""
    namespace = crowd.add_plain()
    kind = {"apiVersion": "apps/v1", "kind": "Deployment"}
    items = [{**kind, **deployment(name, 1, tag=2)} for name in crowd.services]
    kubectl = [str(crowd.lab.kubectl), f"--kubeconfig={crowd.lab.kubeconfig}", "--namespace", namespace]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"apiVersion": "v1", "kind": "List", "items": items}, file)
        file.flush()
        began = time.time()
        for words in (["apply", "--server-side", "--force-conflicts"], ["rollout", "status", "--timeout=120s"]):
            subprocess.run([*kubectl, *words, "-f", file.name], check=True, capture_output=True)
    return Cost(len(items), time.time() - began)


def deploy(world: World, crowd: Crowd) -> None:
    """From the build to a dark side that is up."""
    release = open_release(world, crowd.images(2), "benchmark")
    with world.acting() as acting:
        bring_up(acting, release)
        wait_ready(acting, release, timeout_seconds=120)
        note_dark(acting, release, [])


def flip(world: World) -> None:
    """The Lease, the looks and the stamps of a flip, and its patches; without what it asks of Traefik."""
    with world.acting() as acting:
        before = look(world)
        side = stamp_unless_taken(acting, before.sides[Side.GREEN], need_release(world.store.read()).taken_in)
        view = replace(before, sides={**before.sides, Side.GREEN: side})
        need_counts(world, view, Side.GREEN)
        need_targets(world, view.traffic, Side.GREEN)
        move(acting, Side.GREEN, also=lambda record, _: _flipping(record, world))


def _flipping(record: Record, world: World) -> Record:
    return advance(record, Phase.FLIPPING, Reason.APPROVED, world.now(), actor=world.actor)


def told_live(record: Record, world: World) -> Record:
    """The record as a bake leaves it."""
    for phase, reason in TO_LIVE:
        record = advance(record, phase, reason, world.now(), actor=world.actor)
    return record


def record_bytes(crowd: Crowd) -> int:
    """What the record takes of its ConfigMap."""
    kept = crowd.cluster.get(f"/api/v1/namespaces/{crowd.name}/configmaps/record-{crowd.name}")
    return sum(len(value.encode()) for value in kept["data"].values())


def table(found: dict[int, dict[str, Cost | float]]) -> str:
    """One row a verb: requests and seconds at each number of services, and how both grow."""
    counts = list(found)
    heads = [f"{f'{count} services':>22}" for count in counts]
    lines = [f"{'requests, seconds':<24}{''.join(heads)}  grows, {counts[0]} to {counts[-1]}"]
    for name in found[counts[0]]:
        rows = [found[count][name] for count in counts]
        said = [f"{each.requests}, {each.seconds:.3f} s" if isinstance(each, Cost) else f"{each}" for each in rows]
        first, last = rows[0], rows[-1]
        grows = ""
        if isinstance(first, Cost) and isinstance(last, Cost):
            more = (last.requests - first.requests) / (counts[-1] - counts[0])
            grows = f"{more:.2f} requests a service, {last.seconds / first.seconds:.1f} times the seconds"
        lines.append(f"{name:<24}{''.join(f'{each:>22}' for each in said)}  {grows}")
    return "\n".join([*lines, f"a record may take {LIMIT_BYTES // 1024} KiB"])


def reconciled_row(turn: Turn) -> str:
    """One turn of reconcile in which nothing was to be done."""
    thousand = turn.seconds / turn.applications * 1000
    return (
        f"reconcile of {turn.applications} quiet applications: {turn.seconds:.1f} s, {turn.requests:.1f} requests "
        f"each; a thousand at that pace: {thousand:.0f} s"
    )


def told_of(turn: Turn) -> dict[str, Any]:
    """The same for `--json`."""
    return {
        "reconcile_applications": turn.applications,
        "reconcile_seconds": round(turn.seconds, 2),
        "reconcile_requests_per_application": round(turn.requests, 2),
    }


def summary(found: dict[int, dict[str, Cost | float]]) -> dict[str, Any]:
    """What the last line of `--json` says."""
    told: dict[str, Any] = {"services": list(found)}
    for count, rows in found.items():
        for name, each in rows.items():
            word = "kubectl_apply" if name == APPLIED else name.split(",")[0].replace(" ", "_")
            if isinstance(each, Cost):
                told |= {f"{word}_requests_{count}": each.requests, f"{word}_seconds_{count}": round(each.seconds, 3)}
            else:
                told[f"{word}_kib_{count}"] = each
    for count, rows in found.items():
        brought, plainly = rows["deploy"], rows[APPLIED]
        if isinstance(brought, Cost) and isinstance(plainly, Cost):
            told[f"deploy_ratio_{count}"] = round(brought.seconds / plainly.seconds, 2)
    first, *_, last = found
    told[f"flip_seconds_ratio_{last}_to_{first}"] = round(
        told[f"flip_seconds_{last}"] / told[f"flip_seconds_{first}"], 2
    )
    return told


if __name__ == "__main__":
    sys.exit(main())
