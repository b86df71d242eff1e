"""Runs all that the file asks of a dark side: the HTTP checks, then the checks that run by themselves, one by one.

Those are run once for a release, when it is brought up: they take minutes, may write, and would be run while users wait
for an approved move. Before the question and before the move HTTP checks are asked anew; of the others people are shown
what they said, and how long ago.
"""

from __future__ import annotations

from flipgate.core.gates.hooks import shown_before_flip
from flipgate.core.gates.preflight import before_bring_up
from flipgate.core.gates.suite import not_run, remembered
from flipgate.core.record.phases import Phase
from flipgate.core.record.release import Release
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.outbox import need_open
from flipgate.steps.acting.world import World
from flipgate.steps.looking import check
from flipgate.steps.looking.look import look, need_dark
from flipgate.steps.moving.run_task import run_task, while_open


def check_release(acting: Acting, release: Release) -> list[Evidence]:
    """Returns what all checks say of a release that is up. Raises Refused (ChecksFailed) unless every one passes; those
    that run by themselves are not run where an HTTP check does not pass. Where the release is dark already they are not
    run again."""
    world = acting.world
    evidence = check.check(world, release.side)
    checks = world.application.spec.checks
    if any(each.verdict is not Verdict.PASS for each in evidence):
        check.need_pass(world, release.side, [*evidence, *not_run(checks)], release.wanted)
    open_release = need_open(world.store.read(), release.name)
    dark = open_release.phase is Phase.DARK
    run = remembered(checks, open_release, world.now()) if dark else _suite(acting, release)
    evidence = [*run, *evidence]  # in this order: of many the record keeps the first, and HTTP checks are asked anew
    check.need_pass(world, release.side, evidence, release.wanted)
    return evidence


def still_passed(world: World, shown: Release) -> list[Evidence]:
    """Returns what the HTTP checks say now, and what the others, the preflight and the hooks said. Raises Refused
    (ChecksFailed) as above."""
    release = need_open(world.store.read(), shown.name)
    evidence = [
        *before_bring_up(release, world.now()),
        *shown_before_flip(world.application.spec.hooks, release, world.now()),
        *check.check(world, release.side),
        *remembered(world.application.spec.checks, release, world.now()),
    ]
    check.need_pass(world, release.side, evidence, release.wanted)
    return evidence


def _suite(acting: Acting, release: Release) -> list[Evidence]:
    """One after the other: they may be about the same data."""
    world = acting.world
    rules = [rule for rule in world.application.spec.checks if rule.runs_by_itself]
    if not rules:
        return []
    dark = need_dark(world, look(world))
    found, may_go_on = [], while_open(acting, release)
    for rule in rules:
        world.say(f"check {rule.name}: running {rule.what}, for at most {rule.timeout_seconds} s")
        found.append(run_task(acting, dark.side, release, rule, may_go_on))
        check.say(world, found[-1])
    return found
