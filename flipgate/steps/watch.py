"""Watching the new side right after the flip, and saying early when it is bad."""

from __future__ import annotations

import time

from flipgate.core.bake import Sample, judge_bake
from flipgate.core.errors import FlipgateError, TemporaryError
from flipgate.core.gates import Evidence, Verdict, combine
from flipgate.core.release import Release
from flipgate.core.view import short_of
from flipgate.steps.look import look_at_side
from flipgate.steps.prove import ask, traefik_replicas
from flipgate.steps.world import World

PROBES_A_LOOK = 10


def watch(world: World, release: Release) -> tuple[Evidence, ...]:
    """Looks every `bakeIntervalSeconds` for `bakeSeconds`; ends at once when the verdict is fail. Never raises for a
    world that does not answer: that is unknown, and said so."""
    policy = world.application.spec.policy
    began = time.monotonic()
    samples: list[Sample] = []
    evidence: tuple[Evidence, ...] = ()
    while True:
        elapsed = time.monotonic() - began
        samples.append(_look(world, release, elapsed))
        world.check_lease()
        evidence = judge_bake(samples, max_error_ratio=policy.max_error_ratio)
        if combine(evidence) is Verdict.FAIL or elapsed >= policy.bake_seconds:
            return evidence
        if len(samples) % max(1, round(30 / policy.bake_interval_seconds)) == 1:
            world.say(f"watching: {elapsed:.0f} of {policy.bake_seconds} s, " + "; ".join(e.answer for e in evidence))
        world.sleep(min(policy.bake_interval_seconds, max(0.0, policy.bake_seconds - elapsed)))


def _look(world: World, release: Release, elapsed: float) -> Sample:
    short: tuple[str, ...] | None
    try:
        missing = short_of(look_at_side(world, release.side), release.wanted)
        short = tuple(f"{name} {ready}/{count}" for name, (ready, count) in missing.items())
    except FlipgateError:
        short = None
    asked = failed = silent = 0
    try:
        replicas = traefik_replicas(world)
    except FlipgateError:
        return Sample(elapsed, short, PROBES_A_LOOK, 0, PROBES_A_LOOK)
    for index in range(PROBES_A_LOOK):
        asked += 1
        try:
            status, _ = ask(world, replicas[index % len(replicas)])
            failed += status >= 500
        except TemporaryError:
            silent += 1
    return Sample(elapsed, short, asked, failed, silent)
