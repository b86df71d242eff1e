"""Asks the application's own HTTP checks of the dark side: before a person is asked, and again before the move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from flipgate.core.gates.checks import (
    Check,
    CheckResult,
    Sample,
    judge_check,
    judge_content,
    judge_samples,
    undecided,
    wrong_side,
)
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.foreign import sentence
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict, not_passed
from flipgate.core.workloads.standstill import Standstill
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side
from flipgate.steps.looking.standstill import taken

TRIES = 3
PAUSE_SECONDS = 0.5


def check(world: World, side: Side) -> list[Evidence]:
    """Asks every HTTP check of the application of one side, a few at once. Those that run by themselves are not among
    them (steps/releasing/suite.py).

    An answer that fails is asked for again, up to TRIES times.
    """
    asked = [rule for rule in world.application.spec.checks if not rule.runs_by_itself]
    evidence = world.each(lambda rule: _ask(world, side, rule), asked)
    for each in evidence:
        say(world, each)
    return evidence


def say(world: World, found: Evidence) -> None:
    """Says what one check found."""
    world.say(f"check {found.gate}: {found.verdict} ({found.answer})")


def need_pass(
    world: World, side: Side, evidence: list[Evidence], wanted: Mapping[str, int] = MappingProxyType({})
) -> None:
    """Raises Refused (ChecksFailed) where a check failed or is unknown. What is only shown decides nothing, and an
    application without checks has nothing to pass. Who took pods of those that were `wanted` away is said first: what
    answers for a side without pods names no cause."""
    if bad := not_passed(evidence):
        gone = _taken(world, side, wanted)
        found = [f"{each.gate}: {each.verdict}: {each.answer} (wanted {each.threshold})" for each in bad]
        pods = f"kubectl -n {world.application.place_of(side).namespace} get pods"
        raise Refused(
            "; ".join([*(each.fact for each in gone), *found]),
            obj=f"checks of {world.application.name} on {side}",
            reason=Why.CHECKS_FAILED,
            untouched="all routes",
            next_command=" && ".join(each.command for each in gone) or pods,
            evidence=tuple(evidence),
        )


def _taken(world: World, side: Side, wanted: Mapping[str, int]) -> tuple[Standstill, ...]:
    """What cannot be read hides no check that failed."""
    try:
        return taken(world, look_at_side(world, side), wanted) if wanted else ()
    except FlipgateError:
        return ()


def _ask(world: World, side: Side, rule: Check) -> Evidence:
    place, header = world.application.place_of(side), world.application.spec.traffic.header
    service, path, began = place.service_of(world.application.service(rule.asked)), rule.path or "", world.monotonic()
    misnamed = ""

    def answer() -> Answer | str:
        nonlocal misnamed
        seconds = rule.within_seconds + 1
        try:
            found = world.cluster.through_service(
                place.namespace, service, rule.port, path, scheme=rule.scheme, timeout=seconds
            )
            misnamed = misnamed or wrong_side(found, header, str(side))
            return found
        except Exception as error:  # any at all: it is one check that is unknown, and no step that ends
            return sentence(error)

    if rule.samples == 1:
        result = judge_check(rule, _tried(world, answer, lambda found: judge_check(rule, found).verdict))
    else:
        result = _sampled(world, rule, answer)
    target = f"{'https://' if rule.scheme == 'https' else ''}{service}:{rule.port}{path}"
    seconds = round(world.monotonic() - began, 3)
    facts = "; ".join([*filter(None, [misnamed]), *result.facts])
    verdict = Verdict.FAIL if misnamed else result.verdict
    return Evidence(rule.name, verdict, target, str(place), facts, rule.wanted, seconds=seconds)


def _tried(
    world: World, ask: Callable[[], Answer | str], judge: Callable[[Answer | str], Verdict], tries: int = TRIES
) -> Answer | str:
    """The first answer that passes, or the last of so many."""
    for attempt in range(tries):
        if attempt:
            world.sleep(PAUSE_SECONDS)
        found = ask()
        if judge(found) is Verdict.PASS:
            break
    return found


def _sampled(world: World, rule: Check, ask: Callable[[], Answer | str]) -> CheckResult:
    """Asks for one sample after the other, until it is known what the check says."""
    samples: list[Sample] = []
    while undecided(rule, samples):
        began = world.monotonic()
        found = ask()
        seconds = found.seconds if isinstance(found, Answer) else world.monotonic() - began
        if judge_content(rule, found).verdict is not Verdict.PASS:
            world.sleep(PAUSE_SECONDS)
            found = _tried(world, ask, lambda answer: judge_content(rule, answer).verdict, TRIES - 1)
        samples.append(Sample(found, seconds))
    return judge_samples(rule, samples)
