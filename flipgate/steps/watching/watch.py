"""Watches the new side right after the flip, and ends early when it is bad."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

from flipgate.core.gates.bake import ProbeResult, Reply, Sample, judge_bake
from flipgate.core.gates.sample import cut_reason
from flipgate.core.gates.traefik_counters import Probes
from flipgate.core.record.freeze import BreakGlass
from flipgate.core.record.held import passed
from flipgate.core.record.release import Release
from flipgate.core.values.errors import Refused
from flipgate.core.values.foreign import fault
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict, combine, not_passed, progress_line
from flipgate.core.workloads.counts import not_serving
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side
from flipgate.steps.looking.prove import probe
from flipgate.steps.watching.conditions import note_conditions
from flipgate.steps.watching.gates import ANSWER_SECONDS, ShowGraphs, measuring

PROBES_A_LOOK = 10
PROBES_SECONDS = 5.0
"""For all probes of a look together: what has not been answered by then is silent."""
Moved = Callable[[float, str], None]
"""Told how far a wait is, in percent, and what is known by then."""
LINE_SECONDS = 1.0
"""Each look is a line of progress, but no more of them than one a second."""


def watch(
    world: World,
    release: Release,
    check_lease: Callable[[], None],
    *,
    moved: Moved = lambda _percent, _line: None,
    show_graphs: ShowGraphs = lambda _: None,
    glass: BreakGlass | None = None,
) -> tuple[Evidence, ...]:
    """Looks every `bakeIntervalSeconds` for `bakeSeconds`; ends at once when the verdict is fail. What the world
    answers, or does not, is never raised: that is unknown; only `check_lease` may raise. At its end it judges the way
    back, too. It is late by one look at most (PROBES_SECONDS, where only the probes hang), and by ANSWER_SECONDS.

    flipgate's own probes are judged before anybody waits for the declared gates. `moved` gets each line of
    progress with how far it is, `show_graphs` what makes the graphs of the gates, when the bake is over. By `glass`
    the declared gates decide nothing; flipgate's own probes and the pods do, always.
    """
    policy = world.application.spec.policy
    began = world.monotonic()
    reported = -LINE_SECONDS
    samples: list[Sample] = []
    with measuring(world, release, show_graphs) as gates:
        gates.begin()
        while True:
            elapsed = world.monotonic() - began
            gates.measure()
            samples.append(_look(world, release, elapsed, gates.probes))
            gates.measure_counters()
            check_lease()
            own = judge_bake(samples, max_error_ratio=policy.max_error_ratio)
            if combine(own) is Verdict.FAIL:
                gates.collect()
                return (*own, *gates.judged(), gates.informed())  # users go back now, and nothing is asked on their way
            over = elapsed >= policy.bake_seconds
            pause = min(policy.bake_interval_seconds, max(0.0, policy.bake_seconds - elapsed))
            waited = world.monotonic()
            gates.collect(ANSWER_SECONDS if over else pause)
            evidence = (*own, *passed(gates.judged(), glass), gates.informed())
            if combine(evidence) is Verdict.FAIL:
                return evidence
            if over:
                _report(world, moved, 100, f"{policy.bake_seconds} s, {progress_line(_declared(world, evidence))}")
                note_conditions(world)
                return evidence
            if elapsed >= reported + LINE_SECONDS:
                reported = elapsed
                line = f"{elapsed:.0f} of {policy.bake_seconds} s, {progress_line(_declared(world, evidence))}"
                _report(world, moved, 100 * elapsed / policy.bake_seconds, line)
            world.sleep(max(0.0, pause - (world.monotonic() - waited)))


def quick_watch(world: World, release: Release) -> Callable[[], None]:
    """Returns a function that probes the new side while something else is waited for: users are on it already. To be
    called often; it looks once in `bakeIntervalSeconds`, and raises Refused (BakeFailed)."""
    policy = world.application.spec.policy
    began = world.monotonic()
    samples: list[Sample] = []
    probes = Probes()

    def look_again() -> None:
        elapsed = world.monotonic() - began
        if samples and elapsed < samples[-1].seconds + policy.bake_interval_seconds:
            return
        samples.append(_look(world, release, elapsed, probes))
        own = judge_bake(samples, max_error_ratio=policy.max_error_ratio)
        if combine(own) is Verdict.FAIL:
            raise bad_bake(world, Verdict.FAIL, own)

    return look_again


def bad_bake(world: World, verdict: Verdict, evidence: tuple[Evidence, ...]) -> Refused:
    """Returns the refusal of a bake that did not pass. After an unknown verdict traffic stays for a person to decide;
    after a failed one users go back, so it does not say that traffic stays."""
    fact = f"{verdict}: " + "; ".join(f"{e.gate}: {e.answer}" for e in not_passed(evidence))
    name = world.application.name
    if verdict is Verdict.UNKNOWN:
        return Refused(
            fact,
            obj="bake",
            reason=Why.BAKE_UNKNOWN,
            untouched="all routes: traffic stays where it is until a person decides",
            next_command=f"flipgate flip {name} (watch again) or flipgate rollback {name} --reason ...",
            evidence=evidence,
        )
    return Refused(
        fact,
        obj="bake",
        reason=Why.BAKE_FAILED,
        untouched="the old side, which is the way back",
        next_command=f"flipgate status {name}",
        evidence=evidence,
    )


def _declared(world: World, evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Leaves out what was not declared: that it is unknown is said once, in the evidence."""
    declared = world.application.spec.metrics.in_flight is not None
    return tuple(each for each in evidence if declared or each.verdict is not Verdict.INFO)


def _report(world: World, moved: Moved, percent: float, line: str) -> None:
    """Reports a line of progress. A listener that fails (a closed pipe) does not end the bake."""
    with suppress(Exception):
        if percent < 100:
            world.say(f"watching: {line}")
        moved(percent, line)


def _look(world: World, release: Release, elapsed: float, probes: Probes) -> Sample:
    """Looks once. Never raises: any exception that keeps it from seeing becomes part of the sample."""
    short, unread = _short(world, release)
    replicas, asked = _probe(world, release.side, probes)
    replies = [reply for _, reply in asked]
    results = Counter(_judged(reply, release.side) for reply in replies)
    no_answers = [str(reply) for reply in replies if _judged(reply, release.side) is ProbeResult.SILENT]
    answered_by = {r.shown for r in replies if isinstance(r, Reply) and r.judged(release.side) is ProbeResult.MISROUTED}
    return Sample(
        elapsed,
        short,
        len(replies),
        results[ProbeResult.FAILED],
        results[ProbeResult.SILENT],
        results[ProbeResult.MISROUTED],
        tuple(sorted(answered_by)),
        unread,
        cut_reason(no_answers[0]) if no_answers else "",
        _heard(asked, release.side),
        replicas,
    )


def _heard(asked: Sequence[tuple[str, Reply | str]], side: Side) -> dict[str, bool]:
    """Whether each replica that was asked answered any probe."""
    spoke = {name for name, reply in asked if _judged(reply, side) is not ProbeResult.SILENT}
    return {name: name in spoke for name, _ in asked if name}


def _short(world: World, release: Release) -> tuple[tuple[str, ...] | None, str]:
    """Returns the services with too few Ready pods; None, and why, where the side could not be read."""
    try:
        # Pods beyond the release's own counts are an autoscaler's: under new traffic some are always still starting.
        side = look_at_side(world, release.side)
        return not_serving(side, world.application.serving(), enough=release.wanted), ""
    except Exception as error:
        return None, cut_reason(fault(error))


def _judged(reply: Reply | str, side: Side) -> ProbeResult:
    return ProbeResult.SILENT if isinstance(reply, str) else reply.judged(side)


def _probe(world: World, side: Side, probes: Probes) -> tuple[tuple[str, ...], list[tuple[str, Reply | str]]]:
    """The replicas, and the answers to this look's probes with the replica of each, a few at once, or why there is
    none: one that hangs must not use up the others' time. Noted as flipgate's own. No name where none could be listed.
    """
    ends, many = world.monotonic() + PROBES_SECONDS, _probes_a_look(world)
    try:
        replicas = world.proxy.replicas(timeout=PROBES_SECONDS)
    except Exception as error:
        return (), [("", fault(error))] * many
    asked = [replicas[(probes.sent + index) % len(replicas)] for index in range(many)]
    probes.sent += len(asked)
    try:
        replies = world.each(lambda replica: _probe_one(world, replica, ends), asked)
    except Exception as error:  # no more threads, say
        replies = [fault(error)] * len(asked)
    for replica, reply in zip(asked, replies, strict=True):
        probes.answered(replica, None if isinstance(reply, str) else reply, side)
    return tuple(replicas), list(zip(asked, replies, strict=True))


def _probes_a_look(world: World) -> int:
    """Fewer than PROBES_A_LOOK where a pace is declared at which those would not be over before the next look."""
    rate, pause = world.application.spec.traffic.probes_per_second, world.application.spec.policy.bake_interval_seconds
    return min(PROBES_A_LOOK, max(1, int(rate * min(pause, PROBES_SECONDS)))) if rate else PROBES_A_LOOK


def _probe_one(world: World, replica: str, ends: float) -> Reply | str:
    """One probe; the reason where there is no answer."""
    left = ends - world.monotonic()
    if left <= 0:
        return f"not asked: others took all of the {PROBES_SECONDS:g} s"
    try:
        return probe(world, replica, timeout=left)
    except Exception as error:
        return fault(error)
