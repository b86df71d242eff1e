"""Runs the application's own HTTP checks on the dark side: before a person is asked, and again before the move."""

from __future__ import annotations

from flipgate.core.gates.checks import Check, judge_check
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import Refused
from flipgate.core.values.foreign import sentence
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict, combine
from flipgate.steps.acting.world import World

TRIES = 3


def check(world: World, side: Side) -> list[Evidence]:
    """Runs every check of the application against one side, a few at once.

    An answer that fails is asked for again, up to TRIES times.
    """
    evidence = world.each(lambda rule: _ask(world, side, rule), world.application.spec.checks)
    for each in evidence:
        world.say(f"check {each.gate}: {each.verdict} ({each.answer})")
    return evidence


def need_pass(world: World, side: Side, evidence: list[Evidence]) -> None:
    """Raises Refused (ChecksFailed) unless every check passed. An application without checks has nothing to pass."""
    bad = [each for each in evidence if each.verdict is not Verdict.PASS]
    if bad or (evidence and combine(evidence) is not Verdict.PASS):
        raise Refused(
            "; ".join(f"{each.gate}: {each.verdict}: {each.answer} (wanted {each.threshold})" for each in bad),
            obj=f"checks of {world.application.name} on {side}",
            reason=Why.CHECKS_FAILED,
            untouched="all routes",
            next_command=f"kubectl -n {world.application.place_of(side).namespace} get pods",
            evidence=tuple(evidence),
        )


def _ask(world: World, side: Side, rule: Check) -> Evidence:
    place = world.application.place_of(side)
    service = place.service_of(world.application.service(rule.service))
    result = None
    for attempt in range(TRIES):
        answer: Answer | str
        try:
            answer = world.cluster.through_service(
                place.namespace,
                service,
                rule.port,
                rule.path,
                scheme=rule.scheme,
                timeout=rule.within_seconds + 1,
            )
        except Exception as error:  # any at all: it is one check that is unknown, and no step that ends
            answer = sentence(error)
        result = judge_check(rule, answer)
        if result.verdict is Verdict.PASS:
            break
        if attempt + 1 < TRIES:
            world.sleep(0.5)
    assert result is not None
    target = f"{'https://' if rule.scheme == 'https' else ''}{service}:{rule.port}{rule.path}"
    wanted = f"status {rule.status} within {rule.within_seconds:g} s"
    return Evidence(rule.name, result.verdict, target, str(place), "; ".join(result.facts), wanted)
